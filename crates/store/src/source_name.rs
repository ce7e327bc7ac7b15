//! The names of source files as keys of bronze objects.

use crate::key::MANIFEST_NAME;
use crate::{Layout, LayoutError};

impl Layout {
    /// Checks that a source file's relative path can be a key below a bronze partition.
    ///
    /// # Errors
    /// [`LayoutError::SourceName`] for the manifest's own name, for segments that a store would
    /// not keep, and for names that are too long.
    pub fn check_source_name(name: &str) -> Result<(), LayoutError> {
        let reason = if name == MANIFEST_NAME {
            "that is the manifest's name"
        } else if name
            .split('/')
            .any(|segment| matches!(segment, "" | "." | ".."))
        {
            "it has an empty, `.` or `..` segment"
        } else if name.split('/').any(|segment| segment.len() > 230) {
            "a segment has more than 230 bytes"
        } else if name.len() > 700 {
            "it has more than 700 bytes"
        } else if name.contains(|character: char| character.is_control() || character == '\\') {
            "it contains a control character or `\\`"
        } else {
            return Ok(());
        };
        Err(LayoutError::SourceName {
            name: name.to_owned(),
            reason,
        })
    }
}

/// The name of a source file that was delivered again with other bytes:
/// `<stem>.<12 hex digits of its SHA-256><ext>`.
///
/// ```
/// let name = lakehouse_store::redelivered_name("a/x.json", "0123456789abcdef");
/// assert_eq!(name, "a/x.0123456789ab.json");
/// ```
#[must_use]
pub fn redelivered_name(source_name: &str, sha256: &str) -> String {
    let short = sha256.get(..12).unwrap_or(sha256);
    let (folder, file) = source_name
        .rfind('/')
        .map_or(("", source_name), |at| source_name.split_at(at + 1));
    match file.rfind('.') {
        Some(at) if at > 0 => format!("{folder}{}.{short}{}", &file[..at], &file[at..]),
        _ => format!("{folder}{file}.{short}"),
    }
}
