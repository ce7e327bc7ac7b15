//! The one place that looks at what the SDK and the store say, and makes a [`StoreError`] of it.

use std::error::Error;
use std::fmt;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::error::Source;
use crate::{ObjectAddress, StoreError};

/// What an operation was about.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// The S3 operation.
    pub operation: &'static str,
    /// The bucket that it was about.
    pub bucket: String,
    /// How messages name it.
    pub address: String,
}

impl Subject {
    /// An operation on an object.
    pub fn object(operation: &'static str, address: &ObjectAddress) -> Self {
        Self {
            operation,
            bucket: address.bucket.clone(),
            address: address.to_string(),
        }
    }

    /// An operation on a bucket, or on a prefix in it.
    pub fn bucket(operation: &'static str, bucket: &str, address: impl fmt::Display) -> Self {
        Self {
            operation,
            bucket: bucket.to_owned(),
            address: address.to_string(),
        }
    }

    /// Makes the error that callers see.
    pub fn classify<E>(&self, error: SdkError<E, HttpResponse>) -> StoreError
    where
        E: Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let address = self.address.clone();
        match error {
            SdkError::ServiceError(service) => {
                let status = service.raw().status().as_u16();
                // A HEAD has no body to carry the code; MinIO puts it into a header.
                let header = service
                    .raw()
                    .headers()
                    .get("x-minio-error-code")
                    .map(str::to_owned);
                let answer = Answer {
                    status,
                    code: service.err().code().map(str::to_owned).or(header),
                    message: service.err().message().map(str::to_owned),
                };
                self.refusal(answer)
            }
            SdkError::TimeoutError(_) => StoreError::Timeout {
                address,
                source: chain(&error),
            },
            SdkError::DispatchFailure(ref failure) if failure.is_timeout() => StoreError::Timeout {
                address,
                source: chain(&error),
            },
            SdkError::DispatchFailure(ref failure) if !failure.is_user() => {
                StoreError::Unreachable {
                    address,
                    source: chain(&error),
                }
            }
            // An answer that could not be read to its end, or is not S3's.
            SdkError::ResponseError(_) => StoreError::Unreachable {
                address,
                source: chain(&error),
            },
            other => StoreError::Other {
                address,
                operation: self.operation,
                status: None,
                source: chain(&other),
            },
        }
    }

    fn refusal(&self, answer: Answer) -> StoreError {
        let address = self.address.clone();
        let status = answer.status;
        match Meaning::of(&answer) {
            Meaning::NotFound => StoreError::NotFound { address },
            Meaning::BucketMissing => StoreError::BucketMissing {
                bucket: self.bucket.clone(),
            },
            Meaning::PreconditionFailed => StoreError::PreconditionFailed { address },
            Meaning::Credentials => StoreError::Credentials {
                address,
                source: Box::new(answer),
            },
            Meaning::Throttled => StoreError::Throttled {
                address,
                source: Box::new(answer),
            },
            Meaning::Unreachable => StoreError::Unreachable {
                address,
                source: Box::new(answer),
            },
            Meaning::Timeout => StoreError::Timeout {
                address,
                source: Box::new(answer),
            },
            Meaning::Full => StoreError::DiskFull {
                place: address,
                source: Box::new(answer),
            },
            Meaning::Checksum => StoreError::Checksum {
                address,
                expected: "the one sent".to_owned(),
                actual: answer.to_string(),
            },
            Meaning::Region => StoreError::Settings {
                message: format!(
                    "`{address}` is in another region than the one configured: {answer}"
                ),
            },
            Meaning::Other => StoreError::Other {
                address,
                operation: self.operation,
                status: Some(status),
                source: Box::new(answer),
            },
        }
    }

    /// The error for a body that broke off or stood still after its headers had arrived.
    pub fn broken_body(&self, error: impl Error + Send + Sync + 'static) -> StoreError {
        let address = self.address.clone();
        let stalled = sources(&error).any(|source| {
            source
                .downcast_ref::<std::io::Error>()
                .is_some_and(|io| io.kind() == std::io::ErrorKind::TimedOut)
                || source.to_string().contains("minimum throughput")
        });
        if stalled {
            StoreError::Timeout {
                address,
                source: chain(&error),
            }
        } else {
            StoreError::Unreachable {
                address,
                source: chain(&error),
            }
        }
    }

    /// The error for an answer that lacks what it must have.
    pub fn incomplete(&self, what: &str) -> StoreError {
        StoreError::Other {
            address: self.address.clone(),
            operation: self.operation,
            status: None,
            source: format!("the answer has no {what}").into(),
        }
    }
}

/// What the store answered instead of doing what it was asked.
#[derive(Debug)]
struct Answer {
    status: u16,
    code: Option<String>,
    message: Option<String>,
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "HTTP {}", self.status)?;
        if let Some(code) = &self.code {
            write!(formatter, " `{code}`")?;
        }
        match self
            .message
            .as_deref()
            .map(|message| message.trim_end_matches('.'))
        {
            Some(message) if !message.is_empty() => write!(formatter, ": {message}"),
            _ => Ok(()),
        }
    }
}

impl Error for Answer {}

/// What an answer means, by its code first and its status then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    NotFound,
    BucketMissing,
    PreconditionFailed,
    Credentials,
    Throttled,
    Unreachable,
    Timeout,
    Full,
    Checksum,
    Region,
    Other,
}

impl Meaning {
    fn of(answer: &Answer) -> Self {
        match answer.code.as_deref().unwrap_or_default() {
            "NoSuchBucket" => Self::BucketMissing,
            "NoSuchKey" | "NoSuchUpload" | "NoSuchVersion" => Self::NotFound,
            // Two conditional writes met: this one has lost, or nobody has won yet.
            "PreconditionFailed" | "ConditionalRequestConflict" => Self::PreconditionFailed,
            "AccessDenied"
            | "AllAccessDisabled"
            | "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "ExpiredToken"
            | "InvalidToken"
            | "TokenRefreshRequired"
            | "RequestTimeTooSkewed"
            | "AccountProblem"
            | "InvalidSecurity"
            | "NotSignedUp"
            | "UnauthorizedAccess" => Self::Credentials,
            "SlowDown"
            | "SlowDownRead"
            | "SlowDownWrite"
            | "ServiceUnavailable"
            | "Throttling"
            | "ThrottlingException"
            | "RequestLimitExceeded"
            | "TooManyRequests"
            | "Busy"
            | "XMinioServerNotInitialized" => Self::Throttled,
            "RequestTimeout" | "RequestTimeoutException" => Self::Timeout,
            "XMinioStorageFull" | "QuotaExceeded" | "XMinioAdminBucketQuotaExceeded" => Self::Full,
            "BadDigest"
            | "XAmzContentSHA256Mismatch"
            | "XAmzContentChecksumMismatch"
            | "ContentChecksumMismatch"
            | "ContentSHA256Mismatch" => Self::Checksum,
            "PermanentRedirect"
            | "TemporaryRedirect"
            | "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException" => Self::Region,
            _ => match answer.status {
                401 | 403 => Self::Credentials,
                404 => Self::NotFound,
                412 => Self::PreconditionFailed,
                408 => Self::Timeout,
                429 | 503 => Self::Throttled,
                301 | 307 => Self::Region,
                507 => Self::Full,
                500..=599 => Self::Unreachable,
                _ => Self::Other,
            },
        }
    }
}

/// The chain of an error's sources in one line, innermost last, nothing said twice.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> Source {
    let mut text = String::new();
    for source in sources(error) {
        let said = source.to_string();
        if !said.is_empty() && !text.contains(&said) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&said);
        }
    }
    text.into()
}

fn sources<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

#[cfg(test)]
mod tests {
    use super::{Answer, Meaning, Subject};
    use crate::{Failure, StoreError};

    fn meaning(status: u16, code: &str) -> Meaning {
        let code = (!code.is_empty()).then(|| code.to_owned());
        Meaning::of(&Answer {
            status,
            code,
            message: None,
        })
    }

    #[test]
    fn the_code_decides_before_the_status() {
        assert_eq!(meaning(404, "NoSuchBucket"), Meaning::BucketMissing);
        assert_eq!(meaning(404, "NoSuchKey"), Meaning::NotFound);
        assert_eq!(meaning(404, ""), Meaning::NotFound);
        assert_eq!(
            meaning(412, "PreconditionFailed"),
            Meaning::PreconditionFailed
        );
        assert_eq!(
            meaning(409, "ConditionalRequestConflict"),
            Meaning::PreconditionFailed
        );
        assert_eq!(meaning(409, "OperationAborted"), Meaning::Other);
        assert_eq!(meaning(400, "ExpiredToken"), Meaning::Credentials);
        assert_eq!(meaning(403, ""), Meaning::Credentials);
        assert_eq!(meaning(503, "SlowDown"), Meaning::Throttled);
        assert_eq!(meaning(500, "InternalError"), Meaning::Unreachable);
        assert_eq!(meaning(507, "XMinioStorageFull"), Meaning::Full);
        assert_eq!(meaning(400, "BadDigest"), Meaning::Checksum);
        assert_eq!(
            meaning(400, "AuthorizationHeaderMalformed"),
            Meaning::Region
        );
        assert_eq!(meaning(400, "InvalidArgument"), Meaning::Other);
        assert_eq!(meaning(501, "NotImplemented"), Meaning::Unreachable);
    }

    #[test]
    fn the_error_names_the_address_and_what_was_said() {
        let subject = Subject::bucket("GetObject", "lake", "s3://lake/a");
        let answer = Answer {
            status: 403,
            code: Some("AccessDenied".into()),
            message: Some("Access Denied.".into()),
        };
        let error = subject.refusal(answer);
        assert_eq!(
            error.to_string(),
            "the store refuses the credentials for `s3://lake/a`"
        );
        let source = std::error::Error::source(&error)
            .expect("a source")
            .to_string();
        assert_eq!(source, "HTTP 403 `AccessDenied`: Access Denied");
        assert_eq!(error.exit(), Failure::Configuration);
    }

    #[test]
    fn a_missing_bucket_is_named_alone() {
        let subject = Subject::bucket("GetObject", "lake", "s3://lake/a");
        let answer = Answer {
            status: 404,
            code: Some("NoSuchBucket".into()),
            message: None,
        };
        assert!(
            matches!(subject.refusal(answer), StoreError::BucketMissing { bucket } if bucket == "lake")
        );
    }
}
