//! What happens around each attempt: it is counted, its failure is logged, and a body whose
//! SHA-256 is already known is not hashed again for the signature.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_runtime::auth::PayloadSigningOverride;
use aws_sdk_s3::config::interceptors::{
    BeforeTransmitInterceptorContextMut, BeforeTransmitInterceptorContextRef,
    FinalizerInterceptorContextRef,
};
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::retries::RequestAttempts;

use crate::classify::chain;
use crate::counters::{AtomicCounters, add};
use crate::digest::PartDigest;

/// Counts every attempt, logs those that the SDK may repeat, and notes the store's time.
#[derive(Debug)]
pub(crate) struct Watch {
    pub counters: Arc<AtomicCounters>,
    pub attempt_limit: u32,
}

#[dyn_dispatch_hint]
impl Intercept for Watch {
    fn name(&self) -> &'static str {
        "Watch"
    }

    fn read_before_attempt(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        add(&self.counters.requests, 1);
        if attempt(bag) > 1 {
            add(&self.counters.retries, 1);
        }
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.response().map(|response| response.headers());
        if let Some(date) = headers.and_then(|headers| headers.get("date")) {
            self.counters.answered(date);
        }
        let Some(Err(error)) = context.output_or_error() else {
            return Ok(());
        };
        let status = context
            .response()
            .map(|response| response.status().as_u16());
        // Answers below 500 are answers: a missing object, a lost race. They are not repeated.
        if status.is_none_or(|status| status >= 500 || status == 429) {
            let cause = error
                .as_operation_error()
                .map_or_else(|| error.to_string(), ToString::to_string);
            let cause = error
                .as_connector_error()
                .map_or(cause, |failure| chain(failure).to_string());
            tracing::warn!(
                operation = bag.load::<Metadata>().map_or("unknown", Metadata::name),
                attempt = attempt(bag),
                attempt_limit = self.attempt_limit,
                status,
                cause,
                "a request to the store failed"
            );
        }
        Ok(())
    }
}

/// Counts the attempts of one operation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attempts(Arc<AtomicU32>);

impl Attempts {
    /// Whether more than one attempt was sent, so that an earlier one may have had its effect
    /// although its answer was lost.
    pub fn repeated(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 1
    }
}

#[dyn_dispatch_hint]
impl Intercept for Attempts {
    fn name(&self) -> &'static str {
        "Attempts"
    }

    fn read_before_attempt(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Signs a body by the SHA-256 that is known already.
///
/// Without it the SDK hashes a body in memory a second time, and does not sign a streamed one.
#[derive(Debug)]
pub(crate) struct KnownPayload(pub PartDigest);

#[dyn_dispatch_hint]
impl Intercept for KnownPayload {
    fn name(&self) -> &'static str {
        "KnownPayload"
    }

    fn modify_before_signing(
        &self,
        _context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        bag.interceptor_state()
            .store_put(PayloadSigningOverride::Precomputed(self.0.hex()));
        Ok(())
    }
}

fn attempt(bag: &ConfigBag) -> u32 {
    bag.load::<RequestAttempts>()
        .map_or(1, RequestAttempts::attempts)
}
