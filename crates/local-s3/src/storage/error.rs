//! What can go wrong in the folder, in terms of S3.

use std::io;
use std::path::{Path, PathBuf};

/// A failure of the storage layer; the service gives each its S3 code.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Another process holds the lock of the data folder.
    #[error("another server is using it")]
    FolderLocked,
    /// The folder holds something and was not made by this server.
    #[error("it is not empty and was not made by lake-local-s3")]
    FolderForeign,
    /// The bucket does not exist.
    #[error("the bucket `{0}` does not exist")]
    NoSuchBucket(String),
    /// The name breaks the rules for bucket names.
    #[error("`{0}` is not a valid bucket name")]
    InvalidBucketName(String),
    /// The bucket exists already.
    #[error("the bucket `{0}` exists already")]
    BucketExists(String),
    /// The object does not exist.
    #[error("the key `{0}` does not exist")]
    NoSuchKey(String),
    /// The multipart upload does not exist: completed, aborted, or never begun.
    #[error("the multipart upload `{0}` does not exist")]
    NoSuchUpload(String),
    /// `If-Match` or `If-None-Match` does not hold.
    #[error("at least one of the pre-conditions you specified did not hold")]
    PreconditionFailed,
    /// The key cannot be a file name.
    #[error("the key is too long: {0}")]
    KeyTooLong(&'static str),
    /// A key is a folder of another key.
    #[error(
        "the key `{key}` cannot be stored: {obstacle}, and this development server keeps keys as \
         files and folders"
    )]
    KeyClash {
        /// The key that was to be written.
        key: String,
        /// What is in its way.
        obstacle: &'static str,
    },
    /// A part that completes an upload was not uploaded, or has another ETag.
    #[error("part {0} was not uploaded, or its ETag differs")]
    InvalidPart(u16),
    /// The parts that complete an upload are not in ascending order.
    #[error("the list of parts is not in ascending order")]
    InvalidPartOrder,
    /// A part other than the last is below the minimum of 5 MiB.
    #[error("part {number} has {size_bytes} bytes; all but the last need at least 5 MiB")]
    PartTooSmall {
        /// The part's number.
        number: u16,
        /// The part's size.
        size_bytes: u64,
    },
    /// More bytes came than were announced.
    #[error("the body is longer than the {announced_bytes} bytes that were announced")]
    TooManyBytes {
        /// What the request announced.
        announced_bytes: u64,
    },
    /// What arrived is not what was sent.
    #[error("the {what} you specified did not match what we received")]
    BadDigest {
        /// Which digest.
        what: String,
    },
    /// The request contradicts itself or the upload.
    #[error("{0}")]
    InvalidRequest(String),
    /// There is a file where an object would be.
    #[error("`{}` was not written by this server and is in the way", .0.display())]
    NotOurs(PathBuf),
    /// The operating system refused.
    #[error("`{}`", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The refusal.
        source: io::Error,
    },
}

impl StorageError {
    /// True when the disk, or the quota on it, is full.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Io { source, .. }
            if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }
}

/// Gives an I/O error the path that it is about.
pub(crate) trait At<T> {
    fn at(self, path: &Path) -> Result<T, StorageError>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, path: &Path) -> Result<T, StorageError> {
        self.map_err(|source| StorageError::Io {
            path: path.to_owned(),
            source,
        })
    }
}
