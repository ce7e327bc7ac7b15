//! A database file beside the session's own database: a warehouse that is read or changed.

use std::path::Path;

use lakehouse_contract::{StorageVersion, quote};

use crate::error::{EngineError, SqlErrorKind};
use crate::session::{Session, path_text};
use crate::value::Value;

/// The name under which SQL finds the attached file: `warehouse.main.<table>`.
pub const ATTACHED: &str = "warehouse";

/// Why a file cannot be attached.
#[derive(Debug)]
pub enum AttachError {
    /// Another process has it open for writing.
    Locked,
    /// It is no database file, one of a newer engine, an encrypted or a damaged one; the engine's
    /// words.
    NotReadable(String),
    /// Anything else.
    Engine(EngineError),
}

impl Session {
    /// Attaches an existing file for reading.
    ///
    /// # Errors
    ///
    /// Says whether the file is locked, or no database at all.
    pub fn attach_to_read(&self, path: &Path) -> Result<(), AttachError> {
        self.attach(path, "READ_ONLY")
    }

    /// Attaches a file for writing, and makes it where there is none. An existing file of an older
    /// storage version is brought to this one; one of a newer version is refused.
    ///
    /// # Errors
    ///
    /// As [`attach_to_read`](Self::attach_to_read).
    pub fn attach_to_write(&self, path: &Path, version: StorageVersion) -> Result<(), AttachError> {
        // Rows go into the file in the order in which they come: the same rows, the same file as
        // far as the engine lets them.
        self.execute("SET preserve_insertion_order = true")
            .map_err(AttachError::Engine)?;
        let version = quote::literal(version.as_str());
        self.attach(path, &format!("STORAGE_VERSION {version}"))
    }

    fn attach(&self, path: &Path, options: &str) -> Result<(), AttachError> {
        let path = quote::literal(path_text(path).map_err(AttachError::Engine)?);
        match self.execute(&format!(
            "ATTACH {path} AS {ATTACHED} (TYPE duckdb, {options})"
        )) {
            Ok(_) => Ok(()),
            Err(EngineError::Sql { kind, message }) => Err(refusal(kind, message)),
            Err(error) => Err(AttachError::Engine(error)),
        }
    }

    /// The storage version of the attached file, such as `v1.4.0`, where the engine says it.
    ///
    /// # Errors
    ///
    /// What the engine reports.
    pub fn attached_version(&self) -> Result<Option<String>, EngineError> {
        let rows = self.query(&format!(
            "SELECT tags['storage_version'] FROM duckdb_databases() WHERE database_name = {}",
            quote::literal(ATTACHED)
        ))?;
        let text = rows
            .first()
            .and_then(|row| row.first())
            .map(Value::to_string);
        Ok(text.and_then(|text| {
            let version = text.trim_end_matches('+');
            version.starts_with('v').then(|| version.to_owned())
        }))
    }

    /// Writes all that was changed into the attached file itself, and closes it: nothing is left
    /// beside it.
    ///
    /// # Errors
    ///
    /// What the engine reports.
    pub fn checkpoint_and_detach(&self) -> Result<(), EngineError> {
        self.execute(&format!("CHECKPOINT {ATTACHED}"))?;
        self.detach()
    }

    /// Closes the attached file.
    ///
    /// # Errors
    ///
    /// What the engine reports.
    pub fn detach(&self) -> Result<(), EngineError> {
        self.execute(&format!("DETACH {ATTACHED}"))?;
        Ok(())
    }
}

fn refusal(kind: SqlErrorKind, message: String) -> AttachError {
    if message.contains("Could not set lock") || message.contains("onflicting lock") {
        return AttachError::Locked;
    }
    let is_other_file = [
        "not a valid DuckDB",
        "newer version",
        "storage version",
        "encrypt",
        "checksum",
        "orrupt",
        "Failed to load metadata",
    ];
    match is_other_file.iter().any(|words| message.contains(words)) {
        true => AttachError::NotReadable(message),
        false => AttachError::Engine(EngineError::Sql { kind, message }),
    }
}
