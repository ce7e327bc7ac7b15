//! Storage failures in the words of S3.

use std::error::Error;

use hyper::StatusCode;
use s3s::{S3Error, S3ErrorCode, s3_error};

use crate::storage::StorageError;

/// The S3 error that a storage failure is.
pub(super) fn s3_error_of(error: StorageError) -> S3Error {
    if error.is_disk_full() {
        return disk_full();
    }
    let code = match &error {
        StorageError::NoSuchBucket(_) => S3ErrorCode::NoSuchBucket,
        StorageError::InvalidBucketName(_) => S3ErrorCode::InvalidBucketName,
        StorageError::BucketExists(_) => S3ErrorCode::BucketAlreadyOwnedByYou,
        StorageError::NoSuchKey(_) => S3ErrorCode::NoSuchKey,
        StorageError::NoSuchUpload(_) => S3ErrorCode::NoSuchUpload,
        StorageError::PreconditionFailed => S3ErrorCode::PreconditionFailed,
        StorageError::KeyTooLong(_) => S3ErrorCode::KeyTooLongError,
        StorageError::KeyClash { .. } | StorageError::InvalidRequest(_) => {
            S3ErrorCode::InvalidRequest
        }
        StorageError::InvalidPart(_) => S3ErrorCode::InvalidPart,
        StorageError::InvalidPartOrder => S3ErrorCode::InvalidPartOrder,
        StorageError::PartTooSmall { .. } => S3ErrorCode::EntityTooSmall,
        StorageError::TooManyBytes { .. } => S3ErrorCode::IncompleteBody,
        StorageError::BadDigest { .. } => S3ErrorCode::BadDigest,
        StorageError::NotOurs(_)
        | StorageError::Io { .. }
        | StorageError::FolderLocked
        | StorageError::FolderForeign => {
            let cause = error.source().map(ToString::to_string);
            tracing::error!(%error, cause, "storage failed");
            S3ErrorCode::InternalError
        }
    };
    let message = match (&error, error.source()) {
        (_, Some(cause)) => format!("{error}: {cause}"),
        _ => error.to_string(),
    };
    S3Error::with_message(code, message)
}

impl From<StorageError> for S3Error {
    fn from(error: StorageError) -> Self {
        s3_error_of(error)
    }
}

fn disk_full() -> S3Error {
    tracing::error!("the disk of the data folder is full");
    let code = S3ErrorCode::Custom("InsufficientStorage".into());
    let mut error = S3Error::with_message(code, "the disk of the data folder is full");
    error.set_status_code(StatusCode::INSUFFICIENT_STORAGE);
    error
}

/// The answer to a feature that this server does not have: never silently ignored.
pub(super) fn not_implemented(what: &str) -> S3Error {
    s3_error!(
        NotImplemented,
        "this development server does not implement {}",
        what
    )
}

/// Refuses what is given and not implemented.
pub(super) fn refuse_all(given: &[(&str, bool)]) -> Result<(), S3Error> {
    match given.iter().find(|(_, present)| *present) {
        Some((what, _)) => Err(not_implemented(what)),
        None => Ok(()),
    }
}
