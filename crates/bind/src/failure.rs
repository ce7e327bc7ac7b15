//! Engine errors as the stage's errors: one place decides the exit code.

use lakehouse_engine::{EngineError, Failure};
use lakehouse_stage::{Exit, StageError};

/// Turns an engine's result into a stage's, saying what was being done.
pub trait EngineFailure<T> {
    /// `action` completes the sentence "could not …".
    ///
    /// # Errors
    /// The engine's error, with its exit code.
    fn stage(self, action: &str) -> Result<T, StageError>;
}

impl<T> EngineFailure<T> for Result<T, EngineError> {
    fn stage(self, action: &str) -> Result<T, StageError> {
        self.map_err(|error| {
            let exit = match error.exit() {
                Failure::Configuration => Exit::Usage,
                Failure::Transient => Exit::Transient,
                Failure::Bug => Exit::Bug,
            };
            let wrapped =
                StageError::new(exit, format!("could not {action}")).cause(error.to_string());
            match error.hint() {
                Some(hint) => wrapped.hint(hint),
                // The engine says what is wrong with the SQL, but not what to do about it.
                None if exit == Exit::Usage => wrapped.hint(
                    "correct the SQL there; `lake validate` checks a pipeline without touching any data",
                ),
                None => wrapped,
            }
        })
    }
}
