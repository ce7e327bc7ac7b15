//! A look at a warehouse file before it is changed.

use std::path::Path;

use lakehouse_bind::EngineFailure;
use lakehouse_contract::StorageVersion;
use lakehouse_engine::{AttachError, Session};
use lakehouse_stage::{Exit, StageError};

use crate::loads::Loads;

/// What was found.
pub enum Inspected {
    /// What the file has.
    Loads(Loads),
    /// Another process has it open for writing: only a copy can be read.
    Locked,
}

/// Reads what a file has, and whether it can be changed.
///
/// # Errors
/// No database file, or one in a newer storage version than the declared one: 2.
pub fn inspect(
    session: &Session,
    path: &Path,
    version: StorageVersion,
) -> Result<Inspected, StageError> {
    match session.attach_to_read(path) {
        Ok(()) => {}
        Err(AttachError::Locked) => return Ok(Inspected::Locked),
        Err(error) => return Err(attach_failure(error)),
    }
    let loads = Loads::read(session).and_then(|loads| {
        let present = session
            .attached_version()
            .stage("read the storage version")?;
        check_version(present.as_deref(), version)?;
        Ok(loads)
    });
    session.detach().stage("close the warehouse")?;
    loads.map(Inspected::Loads)
}

/// A file can be brought to a newer storage version, never to an older one.
fn check_version(present: Option<&str>, declared: StorageVersion) -> Result<(), StageError> {
    let Some(present) = present else {
        return Ok(());
    };
    let known = StorageVersion::ALL
        .iter()
        .find(|(text, _)| *text == present)
        .map(|(_, version)| *version);
    if known.is_some_and(|present| present <= declared) {
        return Ok(());
    }
    Err(StageError::usage(format!(
        "the file is in DuckDB's storage version {present}, and {declared} is declared; a file cannot go back"
    ))
    .hint(format!(
        "write `storage_version: {present}` in pipeline.yaml, or move the file away and make it anew with `lake load … --stale`"
    )))
}

/// Why a file could not be attached.
#[must_use]
pub fn attach_failure(error: AttachError) -> StageError {
    match error {
        AttachError::Locked => StageError::transient("another process has the file open for writing"),
        AttachError::NotReadable(cause) => {
            StageError::new(Exit::Usage, "the file cannot be read as a DuckDB database")
                .cause(cause)
                .hint("if it is a warehouse, move it away and make it anew with `lake load … --stale`; if it is not, correct `path` in pipeline.yaml")
        }
        AttachError::Engine(error) => {
            let failed: Result<(), _> = Err(error);
            match failed.stage("open the warehouse file") {
                Err(error) => error,
                Ok(()) => StageError::bug("a failure without an error"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use lakehouse_contract::StorageVersion;

    use super::check_version;

    #[test]
    fn a_file_goes_forward_and_never_back() {
        assert!(check_version(None, StorageVersion::V1_2).is_ok());
        assert!(check_version(Some("v1.2.0"), StorageVersion::V1_4).is_ok());
        assert!(check_version(Some("v1.4.0"), StorageVersion::V1_4).is_ok());
        assert!(check_version(Some("v1.5.0"), StorageVersion::V1_4).is_err());
        assert!(check_version(Some("v9.0.0"), StorageVersion::V2_0).is_err());
    }
}
