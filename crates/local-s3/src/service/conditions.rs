//! Conditional headers.

use std::time::{Duration, UNIX_EPOCH};

use s3s::dto::{ETagCondition, Timestamp};
use s3s::{S3Result, s3_error};

use crate::storage::{Condition, ObjectMeta};

use super::errors::not_implemented;

/// The condition of a write.
pub(super) fn of_write(
    if_match: Option<ETagCondition>,
    if_none_match: Option<ETagCondition>,
) -> S3Result<Condition> {
    match (if_match, if_none_match) {
        (None, None) => Ok(Condition::None),
        (None, Some(ETagCondition::Any)) => Ok(Condition::IfAbsent),
        (Some(ETagCondition::ETag(etag)), None) => Ok(Condition::IfMatch(etag.into_value())),
        (Some(_), Some(_)) => Err(not_implemented("If-Match together with If-None-Match")),
        (None, Some(_)) => Err(not_implemented("If-None-Match with an ETag in a write")),
        (Some(_), None) => Err(not_implemented("If-Match: * in a write")),
    }
}

/// The four conditions of a read, or of the source of a copy.
#[derive(Default)]
pub(super) struct ReadConditions {
    pub if_match: Option<ETagCondition>,
    pub if_none_match: Option<ETagCondition>,
    pub if_modified_since: Option<Timestamp>,
    pub if_unmodified_since: Option<Timestamp>,
    /// A read answers "not modified" where a copy answers "precondition failed".
    pub is_copy: bool,
}

impl ReadConditions {
    /// In the order of RFC 9110: an ETag condition overrides the one about time.
    pub fn check(&self, meta: &ObjectMeta) -> S3Result<()> {
        let modified = to_the_second(meta);
        let holds = match (&self.if_match, &self.if_unmodified_since) {
            (Some(condition), _) => names(condition, meta),
            (None, Some(time)) => modified <= *time,
            (None, None) => true,
        };
        if !holds {
            return Err(s3_error!(
                PreconditionFailed,
                "At least one of the pre-conditions you specified did not hold"
            ));
        }
        let changed = match (&self.if_none_match, &self.if_modified_since) {
            (Some(condition), _) => !names(condition, meta),
            (None, Some(time)) => modified > *time,
            (None, None) => true,
        };
        match (changed, self.is_copy) {
            (true, _) => Ok(()),
            (false, true) => Err(s3_error!(
                PreconditionFailed,
                "At least one of the pre-conditions you specified did not hold"
            )),
            (false, false) => Err(s3_error!(NotModified, "Not Modified")),
        }
    }
}

fn names(condition: &ETagCondition, meta: &ObjectMeta) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(etag) => etag.value() == meta.etag,
    }
}

/// HTTP dates have no fractions of a second.
fn to_the_second(meta: &ObjectMeta) -> Timestamp {
    Timestamp::from(UNIX_EPOCH + Duration::from_secs(meta.modified_ms / 1000))
}
