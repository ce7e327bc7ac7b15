//! What a session may no longer do once SQL from contracts and marts runs in it.

use lakehouse_contract::quote;

use crate::error::EngineError;
use crate::session::{Session, path_text};

impl Session {
    /// Takes from the session all that SQL from a contract or a mart must not have: files outside
    /// the workspace, other databases, extensions, settings. There is no way back.
    ///
    /// Without it, `read_text('/proc/self/environ')` in a mart would print the store's secret.
    ///
    /// # Errors
    ///
    /// Only when the engine fails; a second call fails too.
    pub fn lock(&self) -> Result<(), EngineError> {
        let workspace = quote::literal(path_text(self.workspace())?);
        self.execute(&format!(
            "SET allowed_directories = [{workspace}];
             SET enable_external_access = false;
             SET lock_configuration = true;"
        ))?;
        Ok(())
    }
}
