//! How to reach the store.

use std::fmt;
use std::path::PathBuf;

/// A text that must not be printed: `Debug` hides it and there is no `Display`.
///
/// ```
/// let secret = lakehouse_store::Secret::new("hunter2");
/// assert_eq!(format!("{secret:?}"), "<redacted>");
/// assert_eq!(secret.expose(), "hunter2");
/// ```
///
/// ```compile_fail
/// let secret = lakehouse_store::Secret::new("hunter2");
/// println!("{secret}");
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("<redacted>")
    }
}

/// How to reach the store. `stage` fills it from the environment.
///
/// ```
/// use lakehouse_store::{Secret, StoreSettings};
/// let settings = StoreSettings {
///     endpoint: Some("http://127.0.0.1:9000".into()),
///     secret_access_key: Secret::new("hunter2"),
///     ..StoreSettings::default()
/// };
/// assert!(!format!("{settings:?}").contains("hunter2"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// `http://host:port` or `https://host`; Amazon's own when absent.
    pub endpoint: Option<String>,
    /// A PEM file with the only certificates to trust; the system's when absent.
    pub ca_bundle: Option<PathBuf>,
    /// The region that requests are signed for.
    pub region: String,
    /// The access key's id; redacted like its secret, since the pair is one credential.
    pub access_key_id: Secret,
    /// The access key's secret.
    pub secret_access_key: Secret,
    /// The token of temporary credentials.
    pub session_token: Option<Secret>,
    /// A profile of the AWS configuration files, read only when the access key is empty.
    pub profile: Option<String>,
    /// `endpoint/bucket/key` instead of `bucket.endpoint/key`; what MinIO speaks.
    pub path_style: bool,
    /// How long a connection may take to be made.
    pub connect_timeout_secs: u64,
    /// How long one attempt may wait for its answer. The time that its bytes need at
    /// 256 KiB/s is added; a download that stands still for this long has failed.
    pub read_timeout_secs: u64,
    /// How long an operation may take with all its attempts, its bytes' time added likewise.
    pub operation_timeout_secs: u64,
    /// How often an operation is tried, the first time included.
    pub attempts: u32,
    /// Whether `ensure_bucket` may create what is missing.
    pub create_buckets: bool,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            endpoint: None,
            ca_bundle: None,
            region: "us-east-1".to_owned(),
            access_key_id: Secret::default(),
            secret_access_key: Secret::default(),
            session_token: None,
            profile: None,
            path_style: false,
            connect_timeout_secs: 5,
            read_timeout_secs: 30,
            operation_timeout_secs: 120,
            attempts: 4,
            create_buckets: false,
        }
    }
}
