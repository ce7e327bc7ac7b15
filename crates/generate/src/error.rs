//! What can go wrong while generating, how it reads, and the exit code it ends in.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;

/// A failure to write sample sources.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The folder for a day's files cannot be made.
    #[error("cannot create the folder `{path}`", path = path.display())]
    CreateFolder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file cannot be written or moved to its place.
    #[error("cannot write the file `{path}`", path = path.display())]
    WriteFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl GenerateError {
    /// 75 when the disk is full (it may have room later), 2 when the place is wrong.
    pub fn exit_code(&self) -> u8 {
        if self.disk_is_full() { 75 } else { 2 }
    }

    /// The message as a person reads it: error, cause, hint.
    pub fn render(&self) -> String {
        let mut text = format!("error: {self}\n");
        if let Some(cause) = self.source() {
            text.push_str(&format!("  Caused by: {cause}\n"));
        }
        let hint = if self.disk_is_full() {
            "free some space, or ask for fewer `--rows`"
        } else {
            "give a folder you may write to as `--output`"
        };
        text.push_str(&format!("\nhint: {hint}\n"));
        text
    }

    fn disk_is_full(&self) -> bool {
        let (Self::CreateFolder { source, .. } | Self::WriteFile { source, .. }) = self;
        matches!(
            source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_transient_and_a_wrong_place_is_not() {
        let failed = |kind| GenerateError::WriteFile {
            path: "/x/y".into(),
            source: io::Error::from(kind),
        };
        assert_eq!(failed(io::ErrorKind::StorageFull).exit_code(), 75);
        assert_eq!(failed(io::ErrorKind::PermissionDenied).exit_code(), 2);
        assert_eq!(
            failed(io::ErrorKind::PermissionDenied).render(),
            "error: cannot write the file `/x/y`\n  Caused by: permission denied\n\nhint: give a folder you may write to as `--output`\n"
        );
    }
}
