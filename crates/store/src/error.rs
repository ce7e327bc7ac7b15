//! What can go wrong with the store, by what a caller can do about it.

use std::error::Error;
use std::path::{Path, PathBuf};

use crate::TlsProblem;
use crate::classify::Refusal;

/// The cause of an error of the store.
pub(crate) type Source = Box<dyn Error + Send + Sync + 'static>;

/// A failed operation on the store, or on the local file that it reads or writes.
///
/// Every variant says where (an address, a bucket, the endpoint or a path). Callers decide by
/// variant or by [`StoreError::exit`], never by text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The object, or the multipart upload, is not there.
    #[error("`{address}` does not exist")]
    NotFound {
        /// What was asked for.
        address: String,
    },
    /// Another writer was faster, or the object is not the one that was expected.
    #[error("`{address}` is not in the state that the write asked for")]
    PreconditionFailed {
        /// What was to be written, or copied.
        address: String,
    },
    /// The credentials are wrong, expired, or not allowed to do this.
    #[error("the store refuses the credentials for `{address}`")]
    Credentials {
        /// What was asked for.
        address: String,
        /// What the store said.
        source: Source,
    },
    /// The bucket is not there.
    #[error("bucket `{bucket}` does not exist")]
    BucketMissing {
        /// Its name.
        bucket: String,
    },
    /// No connection, one that broke, or a server that failed; all attempts are spent.
    #[error("cannot reach the store for `{address}`")]
    Unreachable {
        /// What was asked for.
        address: String,
        /// What happened last.
        source: Source,
    },
    /// The store is overloaded or still starting; all attempts are spent.
    #[error("the store is too busy for `{address}`")]
    Throttled {
        /// What was asked for.
        address: String,
        /// What the store said last.
        source: Source,
    },
    /// The store was too slow; all attempts are spent.
    #[error("the store did not answer in time for `{address}`")]
    Timeout {
        /// What was asked for.
        address: String,
        /// Which limit was met.
        source: Source,
    },
    /// The endpoint does not speak what its scheme says, or its certificate is not accepted.
    #[error("cannot speak to the store for `{address}`: {problem}")]
    Tls {
        /// What was asked for.
        address: String,
        /// Why not.
        problem: TlsProblem,
        /// What happened.
        source: Source,
    },
    /// The bucket is in another region than the one that requests are signed for.
    #[error(
        "`{address}` is in {}, and `{configured}` is configured",
        actual.as_ref().map_or("another region".to_owned(), |region| format!("region `{region}`"))
    )]
    Region {
        /// What was asked for.
        address: String,
        /// The region in the settings.
        configured: String,
        /// The region that the store names, where it does.
        actual: Option<String>,
        /// What the store said.
        source: Source,
    },
    /// What answers at the endpoint is not an S3 store, or not at this port.
    #[error("what answers for `{address}` is not an S3 store")]
    NotS3 {
        /// What was asked for.
        address: String,
        /// What was said.
        source: Source,
    },
    /// The bytes that arrived are not those that were expected.
    #[error(
        "the content of `{address}` is not what it should be: SHA-256 `{actual}` instead of `{expected}`"
    )]
    Checksum {
        /// The object, or the local file.
        address: String,
        /// The SHA-256 that was expected.
        expected: String,
        /// The SHA-256 that was found, or what the store said.
        actual: String,
    },
    /// An object whose content no longer has the SHA-256 that it was written with, however often
    /// it is read.
    #[error(
        "`{address}` is damaged in the store: its content has SHA-256 `{actual}`, and `{expected}` was written"
    )]
    Damaged {
        /// The object.
        address: String,
        /// The SHA-256 in its metadata.
        expected: String,
        /// The SHA-256 of what the store has.
        actual: String,
    },
    /// The object was replaced while it was being read.
    #[error("`{address}` was replaced while it was being read")]
    Replaced {
        /// The object.
        address: String,
    },
    /// A local file cannot be read or written.
    #[error("cannot read or write `{}`", path.display())]
    Local {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No space is left, here or in the store.
    #[error("no space is left for `{place}`")]
    DiskFull {
        /// The local file, or the object.
        place: String,
        /// What was said.
        source: Source,
    },
    /// The settings cannot work.
    #[error("the store's settings cannot work: {message}")]
    Settings {
        /// What is wrong with them.
        message: String,
    },
    /// An object of the lakehouse's own that cannot be understood.
    #[error("`{address}` cannot be understood: {reason}")]
    Malformed {
        /// The object.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Anything else that the store or the SDK says; one that should not happen.
    #[error("{operation} of `{address}` failed")]
    Other {
        /// What was asked for.
        address: String,
        /// The S3 operation.
        operation: &'static str,
        /// The HTTP status, when there was an answer.
        status: Option<u16>,
        /// What was said.
        source: Source,
    },
}

/// What a failure means to whoever started the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Somebody must change settings, credentials or buckets first.
    Configuration,
    /// Trying again later may work.
    Transient,
    /// The lakehouse asked for something that makes no sense.
    Bug,
}

impl StoreError {
    /// A failed operation on a local file; a full disk is told apart.
    #[must_use]
    pub fn local(path: &Path, source: std::io::Error) -> Self {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        if matches!(source.kind(), StorageFull | QuotaExceeded) {
            Self::DiskFull {
                place: path.display().to_string(),
                source: Box::new(source),
            }
        } else {
            Self::Local {
                path: path.to_owned(),
                source,
            }
        }
    }

    /// What the failure means for the process that meets it and cannot go on.
    #[must_use]
    pub fn exit(&self) -> Failure {
        match self {
            Self::Credentials { .. }
            | Self::BucketMissing { .. }
            | Self::Settings { .. }
            | Self::Tls { .. }
            | Self::Region { .. }
            | Self::NotS3 { .. }
            | Self::Damaged { .. }
            | Self::Malformed { .. } => Failure::Configuration,
            // What was listed a moment ago and is gone, or changed under us, is another run's
            // doing: the next attempt sees the new state.
            Self::NotFound { .. }
            | Self::PreconditionFailed { .. }
            | Self::Replaced { .. }
            | Self::Unreachable { .. }
            | Self::Throttled { .. }
            | Self::Timeout { .. }
            | Self::Checksum { .. }
            | Self::DiskFull { .. } => Failure::Transient,
            Self::Local { source, .. } => match source.kind() {
                std::io::ErrorKind::NotFound
                | std::io::ErrorKind::PermissionDenied
                | std::io::ErrorKind::NotADirectory
                | std::io::ErrorKind::IsADirectory
                | std::io::ErrorKind::ReadOnlyFilesystem => Failure::Configuration,
                _ => Failure::Transient,
            },
            Self::Other { .. } => Failure::Bug,
        }
    }

    /// What to do next, when there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Credentials { source, .. } if is_expired(&**source) => Some(
                "the temporary credentials have expired: get new ones, `AWS_SESSION_TOKEN` included",
            ),
            Self::Credentials { .. } => Some(
                "check `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_REGION`, and what the key may do",
            ),
            Self::BucketMissing { .. } => {
                Some("create the bucket, or set `LAKE_CREATE_BUCKETS=true` to have it created")
            }
            Self::Settings { .. } => Some(
                "correct the setting that it names; `--help` lists the environment variables of the store",
            ),
            Self::Tls { problem, .. } => Some(problem.hint()),
            Self::Region { .. } => Some(
                "set `AWS_REGION` to the region of the bucket; under Airflow it is `region_name` in the extra of the connection `minio_default`",
            ),
            Self::NotS3 { .. } => Some(
                "set `AWS_ENDPOINT_URL` to the address and port at which the store speaks S3, not to its console",
            ),
            Self::Damaged { .. } => Some(
                "restore it from a copy, or delete it and run the stage that writes it again: bronze while the source still has the file, others from bronze",
            ),
            Self::Unreachable { .. } | Self::Timeout { .. } => Some(
                "check that the store is running and can be reached from here; its address is `AWS_ENDPOINT_URL`, or Amazon's for `AWS_REGION` where that is not set",
            ),
            Self::Throttled { .. } => Some("wait until the store is less busy, then run it again"),
            Self::Checksum { .. } => Some(
                "run it again; when it fails in the same way, the object or file is damaged or was changed meanwhile",
            ),
            Self::Replaced { .. } | Self::PreconditionFailed { .. } => {
                Some("another run works on the same object; run it again when that one has ended")
            }
            Self::DiskFull { .. } => Some("free some space, then run it again"),
            _ => None,
        }
    }
}

/// Whether what the store said is that temporary credentials are too old.
fn is_expired(said: &(dyn Error + 'static)) -> bool {
    said.downcast_ref::<Refusal>()
        .and_then(|refusal| refusal.code.as_deref())
        .is_some_and(|code| matches!(code, "ExpiredToken" | "TokenRefreshRequired"))
}

#[cfg(test)]
mod tests {
    use super::{Failure, StoreError};
    use crate::TlsProblem;
    use std::io::{Error, ErrorKind};
    use std::path::Path;

    #[test]
    fn local_failures_are_told_apart() {
        let local = |kind| StoreError::local(Path::new("/work/x"), Error::from(kind));
        assert!(matches!(
            local(ErrorKind::StorageFull),
            StoreError::DiskFull { .. }
        ));
        assert_eq!(local(ErrorKind::StorageFull).exit(), Failure::Transient);
        assert_eq!(local(ErrorKind::NotFound).exit(), Failure::Configuration);
        assert_eq!(local(ErrorKind::UnexpectedEof).exit(), Failure::Transient);
        assert_eq!(
            local(ErrorKind::NotFound).to_string(),
            "cannot read or write `/work/x`"
        );
    }

    #[test]
    fn the_class_follows_from_the_variant() {
        let address = || "s3://lake/a".to_owned();
        let source = || Box::new(Error::other("x"));
        let unreachable = StoreError::Unreachable {
            address: address(),
            source: source(),
        };
        assert_eq!(unreachable.exit(), Failure::Transient);
        assert!(
            unreachable
                .hint()
                .is_some_and(|hint| hint.contains("AWS_ENDPOINT_URL"))
        );
        let timeout = StoreError::Timeout {
            address: address(),
            source: source(),
        };
        assert_eq!(timeout.exit(), Failure::Transient);
        let untrusted = StoreError::Tls {
            address: address(),
            problem: TlsProblem::UnknownIssuer,
            source: source(),
        };
        assert_eq!(untrusted.exit(), Failure::Configuration);
        assert!(
            untrusted
                .hint()
                .is_some_and(|hint| hint.contains("AWS_CA_BUNDLE"))
        );
        let credentials = StoreError::Credentials {
            address: address(),
            source: source(),
        };
        assert_eq!(credentials.exit(), Failure::Configuration);
        assert_eq!(
            StoreError::BucketMissing { bucket: "b".into() }.exit(),
            Failure::Configuration
        );
        let other = StoreError::Other {
            address: address(),
            operation: "PutObject",
            status: None,
            source: source(),
        };
        assert_eq!(other.exit(), Failure::Bug);
    }
}
