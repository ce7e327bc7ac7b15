//! The one error type that a stage ends with, and how it reads on standard error.

use std::error::Error;
use std::fmt;

use crate::Exit;
use crate::run_report::ReportedError;

/// Why a stage failed: what, because of what, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageError {
    /// The code that the process ends with.
    pub exit: Exit,
    /// What failed, with literals in backticks and without a final period.
    pub message: String,
    /// What caused it, outermost first.
    pub causes: Vec<String>,
    /// What a person does next.
    pub hint: Option<String>,
}

impl StageError {
    /// An error without causes.
    #[must_use]
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            causes: Vec::new(),
            hint: None,
        }
    }

    /// Wrong usage, configuration, contract, credentials or bucket.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Data that is refused.
    #[must_use]
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Exit::Refused, message)
    }

    /// A failure that a later attempt may not meet.
    #[must_use]
    pub fn transient(message: impl Into<String>) -> Self {
        Self::new(Exit::Transient, message)
    }

    /// An internal invariant was violated.
    #[must_use]
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(Exit::Bug, message)
    }

    /// An error of a library, with the chain of its sources as causes.
    #[must_use]
    pub fn from_error(exit: Exit, error: &(dyn Error + 'static)) -> Self {
        Self {
            exit,
            message: error.to_string(),
            causes: sources(error),
            hint: None,
        }
    }

    /// A failed operation on the local machine: a full disk is transient (75), a missing
    /// file or permission is configuration (2), anything else is transient.
    #[must_use]
    pub fn from_io(message: impl Into<String>, error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        let (exit, hint) = match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => (
                Exit::Transient,
                Some("free disk space, or point `LAKE_WORKSPACE_DIR` at a larger disk"),
            ),
            ErrorKind::NotFound
            | ErrorKind::PermissionDenied
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::InvalidFilename => (Exit::Usage, None),
            _ => (Exit::Transient, None),
        };
        let mut stage_error = Self::new(exit, message);
        stage_error.causes.push(error.to_string());
        stage_error.hint = hint.map(str::to_owned);
        stage_error
    }

    /// The same error with what a person does next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same error with one more cause, innermost.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// The same error as the cause of a wider one.
    #[must_use]
    pub fn context(mut self, message: impl Into<String>) -> Self {
        let inner = std::mem::replace(&mut self.message, message.into());
        self.causes.insert(0, inner);
        self
    }

    /// What the run report holds under `error`.
    #[must_use]
    pub fn reported(&self) -> ReportedError {
        ReportedError {
            message: self.message.clone(),
            causes: self.causes.clone(),
            hint: self.hint.clone(),
        }
    }

    /// The text for standard error.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = format!("error: {}\n", self.message);
        for cause in &self.causes {
            text.push_str("  Caused by: ");
            text.push_str(&cause.replace('\n', "\n    "));
            text.push('\n');
        }
        if let Some(hint) = &self.hint {
            text.push_str("hint: ");
            text.push_str(hint);
            text.push('\n');
        }
        text
    }
}

impl fmt::Display for StageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl Error for StageError {}

/// A task that did not return has panicked (the hook has logged where), or was cancelled
/// by nobody: both are bugs.
impl From<tokio::task::JoinError> for StageError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::bug("a task of the stage ended without a result").cause(error.to_string())
    }
}

/// The chain below an error, without repeating what a wrapper already says in its own text.
fn sources(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut causes = Vec::new();
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let text = source.to_string();
        if !said.contains(&text) {
            causes.push(text.clone());
            said = text;
        }
        next = source.source();
    }
    causes
}

#[cfg(test)]
mod tests {
    use super::StageError;
    use crate::Exit;

    #[test]
    fn renders_error_causes_and_hint() {
        let error = StageError::refused("contract `orders` refused 12 of 4,000 rows")
            .cause("rule `amount_positive` failed on column `amount`")
            .hint("inspect the refused rows at `s3://quarantine/orders/`");
        assert_eq!(
            error.render(),
            "error: contract `orders` refused 12 of 4,000 rows\n\
             \x20 Caused by: rule `amount_positive` failed on column `amount`\n\
             hint: inspect the refused rows at `s3://quarantine/orders/`\n"
        );
    }

    #[test]
    fn context_keeps_the_first_message_as_a_cause() {
        let error = StageError::transient("no route to host").context("cannot read `s3://a/b`");
        assert_eq!(error.message, "cannot read `s3://a/b`");
        assert_eq!(error.causes, ["no route to host"]);
        assert_eq!(error.exit, Exit::Transient);
    }

    #[test]
    fn a_full_disk_is_transient_and_a_missing_folder_is_configuration() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        assert_eq!(
            StageError::from_io("cannot write", &full).exit,
            Exit::Transient
        );
        let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
        assert_eq!(
            StageError::from_io("cannot read", &missing).exit,
            Exit::Usage
        );
    }

    #[test]
    fn sources_are_not_said_twice() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer: {0}")]
        struct Outer(#[source] std::num::ParseIntError);
        let inner = "x".parse::<i32>().unwrap_err();
        let error = StageError::from_error(Exit::Usage, &Outer(inner));
        assert!(error.causes.is_empty(), "{error:?}");
    }
}
