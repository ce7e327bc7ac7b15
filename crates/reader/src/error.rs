//! What can go wrong, apart from the data.

use std::io;
use std::path::PathBuf;

/// A plan that cannot be read by.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A column's source format cannot be used.
    #[error("column `{column}`: {reason}")]
    Format {
        /// The column.
        column: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A column's path is empty or has an empty part.
    #[error("column `{column}`: source path `{path}` has an empty part")]
    Path {
        /// The column.
        column: String,
        /// The path, dotted.
        path: String,
    },
    /// The plan has more columns than a reader holds.
    #[error("{0} columns are more than the 10000 that a reader holds")]
    TooManyColumns(usize),
}

/// A failure of the machine, not of the data: what the data does is in [`crate::FileOutcome`].
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A local file could not be opened or read.
    #[error("cannot read local file `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Another worker of the same reader failed or panicked, so this one stops.
    #[error("another worker of this reader failed")]
    OtherWorker,
    /// A record that was to be read again is not there.
    #[error("local file `{}` has no record {position} at byte {offset}", path.display())]
    NoRecord {
        /// The file.
        path: PathBuf,
        /// Line or element that was asked for.
        position: u64,
        /// The offset that was asked for.
        offset: u64,
    },
}

/// Why a file as a whole contributes no rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unreadable {
    /// Where in the decoded file reading failed. First, so that the earliest failure compares
    /// as the smallest.
    pub byte_offset: u64,
    /// Line (JSON Lines, CSV) or element (array, concatenated) that reading failed in, counted
    /// from 1; 0 where there is none yet.
    pub position: u64,
    /// What is wrong, without any of the file's content.
    pub reason: String,
}

/// Why a source file could not be decoded.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The file itself is broken: cut, not of the declared compression, not of the declared
    /// encoding.
    #[error("{}, at byte {} of the decoded file", .0.reason, .0.byte_offset)]
    Unreadable(Unreadable),
    /// The declared encoding is not known.
    #[error(
        "encoding `{0}` is not known; use a label of the WHATWG Encoding Standard, such as `utf-8` or `latin1`"
    )]
    UnknownEncoding(String),
    /// The input could not be read.
    #[error("cannot read the source file")]
    Input(#[source] io::Error),
    /// The output could not be written.
    #[error("cannot write the decoded file")]
    Output(#[source] io::Error),
}
