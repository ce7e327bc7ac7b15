//! The one place that looks at what the SDK and the store say, and makes a [`StoreError`] of it.

use std::error::Error;
use std::fmt;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::error::Source;
use crate::{StoreError, TlsProblem};

/// What an operation was about.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// The S3 operation.
    pub operation: &'static str,
    /// The bucket that it was about.
    pub bucket: String,
    /// How messages name it.
    pub address: String,
    /// The region that it was signed for.
    pub region: String,
}

impl Subject {
    /// Makes the error that callers see.
    pub fn classify<E>(&self, error: SdkError<E, HttpResponse>) -> StoreError
    where
        E: Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let address = self.address.clone();
        match error {
            SdkError::ServiceError(service) => {
                let status = service.raw().status().as_u16();
                if status == 400 && asks_for_tls(service.raw()) {
                    return StoreError::Tls {
                        address,
                        problem: TlsProblem::NoHttp,
                        source: "the answer asks for HTTPS".into(),
                    };
                }
                let header = |name| service.raw().headers().get(name).map(str::to_owned);
                // A HEAD has no body to carry the code; MinIO puts it into a header.
                let code = service.err().code().map(str::to_owned);
                let message = service.err().message().map(str::to_owned);
                let answer = Refusal {
                    status,
                    code: code.or_else(|| header("x-minio-error-code")),
                    region: header("x-amz-bucket-region")
                        .or_else(|| message.as_deref().and_then(expected_region)),
                    message,
                };
                self.refusal(answer)
            }
            SdkError::DispatchFailure(_) | SdkError::ResponseError(_)
                if let Some(problem) = crate::tls::problem(&error) =>
            {
                StoreError::Tls {
                    address,
                    problem,
                    source: chain(&error),
                }
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

    fn refusal(&self, answer: Refusal) -> StoreError {
        let address = self.address.clone();
        let status = answer.status;
        match Meaning::of(&answer, &self.region) {
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
            Meaning::Region => StoreError::Region {
                address,
                configured: self.region.clone(),
                actual: answer.region.clone(),
                source: Box::new(answer),
            },
            Meaning::NotS3 => StoreError::NotS3 {
                address,
                source: Box::new(answer),
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
pub(crate) struct Refusal {
    status: u16,
    pub(crate) code: Option<String>,
    message: Option<String>,
    /// The region that the store names as the right one.
    region: Option<String>,
}

/// `expecting 'eu-west-3'`, as Amazon and MinIO say which region they want.
fn expected_region(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("expecting '")?;
    let (region, _) = rest.split_once('\'')?;
    (!region.is_empty()).then(|| region.to_owned())
}

/// Servers that speak TLS answer plain HTTP in words: `Client sent an HTTP request to an HTTPS
/// server`, `The plain HTTP request was sent to HTTPS port`.
fn asks_for_tls(answer: &HttpResponse) -> bool {
    let body = answer.body().bytes().unwrap_or_default();
    let text = String::from_utf8_lossy(&body[..body.len().min(4096)]);
    !text.contains("<Error>") && (text.contains("HTTPS server") || text.contains("HTTPS port"))
}

impl fmt::Display for Refusal {
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

impl Error for Refusal {}

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
    NotS3,
    Other,
}

impl Meaning {
    fn of(answer: &Refusal, configured_region: &str) -> Self {
        let elsewhere = answer
            .region
            .as_deref()
            .is_some_and(|region| region != configured_region);
        let message = answer.message.as_deref().unwrap_or_default();
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
            // MinIO's console, one port beside the store.
            "InvalidArgument" if message.contains("API port") => Self::NotS3,
            _ => match answer.status {
                400 if answer.code.is_none() && elsewhere => Self::Region,
                401 | 403 => Self::Credentials,
                404 => Self::NotFound,
                412 => Self::PreconditionFailed,
                408 => Self::Timeout,
                429 | 503 => Self::Throttled,
                301 | 307 => Self::Region,
                507 => Self::Full,
                500..=599 => Self::Unreachable,
                // S3 says why in a code.
                300..=499 if answer.code.is_none() => Self::NotS3,
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
    use super::{Meaning, Refusal, Subject, expected_region};
    use crate::{Failure, StoreError};

    fn meaning(status: u16, code: &str) -> Meaning {
        let code = (!code.is_empty()).then(|| code.to_owned());
        let refusal = Refusal {
            status,
            code,
            message: None,
            region: None,
        };
        Meaning::of(&refusal, "us-east-1")
    }

    fn subject() -> Subject {
        Subject {
            operation: "GetObject",
            bucket: "lake".to_owned(),
            address: "s3://lake/a".to_owned(),
            region: "us-east-1".to_owned(),
        }
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
        assert_eq!(meaning(405, ""), Meaning::NotS3);
        assert_eq!(meaning(405, "MethodNotAllowed"), Meaning::Other);
    }

    #[test]
    fn the_error_names_the_address_and_what_was_said() {
        let subject = subject();
        let answer = Refusal {
            region: None,
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
    fn another_region_is_named_beside_the_configured_one() {
        let said =
            "The authorization header is malformed; the region is wrong; expecting 'eu-west-3'";
        assert_eq!(expected_region(said).as_deref(), Some("eu-west-3"));
        assert_eq!(expected_region("expecting ''"), None);
        for (status, code, region, named) in [
            (400, None, Some("eu-west-3"), true),
            (301, None, Some("eu-west-3"), true),
            (301, Some("PermanentRedirect"), None, false),
        ] {
            let error = subject().refusal(Refusal {
                status,
                code: code.map(str::to_owned),
                message: None,
                region: region.map(str::to_owned),
            });
            let text = error.to_string();
            assert_eq!(error.exit(), Failure::Configuration, "{text}");
            assert!(text.contains("us-east-1"), "{text}");
            assert_eq!(text.contains("eu-west-3"), named, "{text}");
        }
    }

    #[test]
    fn a_missing_bucket_is_named_alone() {
        let subject = subject();
        let answer = Refusal {
            region: None,
            status: 404,
            code: Some("NoSuchBucket".into()),
            message: None,
        };
        assert!(
            matches!(subject.refusal(answer), StoreError::BucketMissing { bucket } if bucket == "lake")
        );
    }
}
