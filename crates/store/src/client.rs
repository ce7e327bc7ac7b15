//! The SDK's client, made of [`StoreSettings`] and of nothing else.
//!
//! No environment, no configuration files unless a profile is asked for, no instance metadata:
//! what reaches the store is what `stage` has put into the settings. A client for an `http://`
//! endpoint loads no certificates, which keeps the start of a stage short.

use std::sync::Arc;
use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_sdk_s3::Client;
use aws_sdk_s3::client::customize::CustomizableOperation;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, Config, Credentials, Region, RequestChecksumCalculation,
    ResponseChecksumValidation, SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_smithy_http_client::tls;

use crate::counters::AtomicCounters;
use crate::interceptors::Watch;
use crate::tls::trust_in;
use crate::{StoreError, StoreSettings, checks};

/// The slowest transfer that is still waited for.
const SLOWEST_BYTES_PER_SEC: u64 = 256 * 1024;

/// Makes the client; touches no network.
pub(crate) fn client(
    settings: &StoreSettings,
    counters: &Arc<AtomicCounters>,
) -> Result<Client, StoreError> {
    checks::settings(settings)?;
    let retry = RetryConfig::standard()
        .with_max_attempts(settings.attempts.max(1))
        .with_initial_backoff(Duration::from_millis(200))
        .with_max_backoff(Duration::from_secs(5));
    let stall = StalledStreamProtectionConfig::enabled()
        .upload_enabled(false)
        .download_enabled(true)
        .grace_period(Duration::from_secs(settings.read_timeout_secs.max(1)))
        .build();
    let mut config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(settings.region.clone()))
        .force_path_style(settings.path_style)
        .retry_config(retry)
        .timeout_config(timeouts(settings, 0))
        .stalled_stream_protection(stall)
        // Uploads carry a SHA-256 of our own, downloads are held against it: see `docs/storage.md`.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .interceptor(Watch {
            counters: Arc::clone(counters),
            attempt_limit: settings.attempts.max(1),
        })
        .http_client(http_client(settings)?);
    if let Some(endpoint) = &settings.endpoint {
        config = config.endpoint_url(endpoint.trim_end_matches('/'));
    }
    config = with_credentials(config, settings)?;
    Ok(Client::from_conf(config.build()))
}

fn with_credentials(config: Builder, settings: &StoreSettings) -> Result<Builder, StoreError> {
    if !settings.access_key_id.is_empty() {
        let credentials = Credentials::new(
            settings.access_key_id.expose(),
            settings.secret_access_key.expose(),
            settings
                .session_token
                .as_ref()
                .map(|token| token.expose().to_owned()),
            None,
            "settings",
        );
        return Ok(config.credentials_provider(credentials));
    }
    let Some(profile) = &settings.profile else {
        return Err(StoreError::Settings {
            message: "there is no access key".to_owned(),
        });
    };
    let provider = ProfileFileCredentialsProvider::builder()
        .profile_name(profile)
        .build();
    Ok(config.credentials_provider(provider))
}

fn http_client(settings: &StoreSettings) -> Result<SharedHttpClient, StoreError> {
    let builder = aws_smithy_http_client::Builder::new();
    if settings
        .endpoint
        .as_deref()
        .is_some_and(|endpoint| endpoint.starts_with("http://"))
    {
        return Ok(builder.build_http());
    }
    let mut context = tls::TlsContext::builder();
    if let Some(bundle) = &settings.ca_bundle {
        context = context.with_trust_store(trust_in(bundle)?);
    }
    let context = context.build().map_err(|error| StoreError::Settings {
        message: format!("TLS cannot be set up: {error}"),
    })?;
    Ok(builder
        .tls_provider(tls::Provider::Rustls(
            tls::rustls_provider::CryptoMode::Ring,
        ))
        .tls_context(context)
        .build_https())
}

/// The time limits of an operation that moves this many bytes.
///
/// Only attempt and operation limits depend on it: a connector with other limits of its own
/// would be another pool of connections.
pub(crate) fn timeouts(settings: &StoreSettings, transfer_bytes: u64) -> TimeoutConfig {
    let transfer_secs = transfer_bytes.div_ceil(SLOWEST_BYTES_PER_SEC);
    let attempt_secs = settings.read_timeout_secs.max(1) + transfer_secs;
    let attempts_secs = transfer_secs.saturating_mul(u64::from(settings.attempts.max(1)));
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(settings.connect_timeout_secs.max(1)))
        .operation_attempt_timeout(Duration::from_secs(attempt_secs))
        .operation_timeout(Duration::from_secs(
            settings
                .operation_timeout_secs
                .max(1)
                .saturating_add(attempts_secs),
        ))
        .build()
}

/// An operation with the time that its bytes need.
pub(crate) fn with_time_for<T, E, B>(
    operation: CustomizableOperation<T, E, B>,
    settings: &StoreSettings,
    transfer_bytes: u64,
) -> CustomizableOperation<T, E, B> {
    operation.config_override(Config::builder().timeout_config(timeouts(settings, transfer_bytes)))
}

#[cfg(test)]
mod tests {
    use super::{client, timeouts};
    use crate::{Secret, StoreError, StoreSettings};
    use std::time::Duration;

    fn settings(endpoint: &str) -> StoreSettings {
        StoreSettings {
            endpoint: Some(endpoint.to_owned()),
            access_key_id: Secret::new("id"),
            secret_access_key: Secret::new("secret"),
            ..StoreSettings::default()
        }
    }

    #[test]
    fn settings_that_cannot_work_are_refused_before_anything_is_sent() {
        let good = settings("http://127.0.0.1:9000");
        assert!(client(&good, &Default::default()).is_ok());
        let with = |change: fn(&mut StoreSettings)| {
            let mut settings = good.clone();
            change(&mut settings);
            settings
        };
        for settings in [
            with(|settings| settings.endpoint = Some("http://127.0.0.1:9000/bronze".into())),
            with(|settings| settings.region = "eu-west-3\n".into()),
            with(|settings| settings.access_key_id = Secret::new("hunter2\r")),
            with(|settings| settings.secret_access_key = Secret::new("hunter2\n")),
            with(|settings| settings.session_token = Some(Secret::new("hunter2\u{1}"))),
        ] {
            let error = client(&settings, &Default::default()).expect_err("refused");
            assert!(matches!(error, StoreError::Settings { .. }), "{error:?}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn credentials_are_needed() {
        let without = StoreSettings {
            access_key_id: Secret::default(),
            ..settings("http://127.0.0.1:9000")
        };
        assert!(matches!(
            client(&without, &Default::default()),
            Err(StoreError::Settings { .. })
        ));
    }

    #[test]
    fn large_transfers_get_more_time() {
        let settings = settings("http://127.0.0.1:9000");
        assert_eq!(
            timeouts(&settings, 0).operation_attempt_timeout(),
            Some(Duration::from_secs(30))
        );
        let large = timeouts(&settings, 8 * 1024 * 1024);
        assert_eq!(
            large.operation_attempt_timeout(),
            Some(Duration::from_secs(62))
        );
        assert_eq!(
            large.operation_timeout(),
            Some(Duration::from_secs(120 + 4 * 32))
        );
    }
}
