//! Conditional headers.

use s3s::dto::{ETagCondition, Timestamp};
use s3s::{S3Result, s3_error};

use crate::storage::{Condition, ObjectMeta};

use super::errors::{not_implemented, refuse_all};

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

/// Refuses conditions about time: an ETag says the same exactly.
pub(super) fn refuse_dates(
    modified_since: Option<&Timestamp>,
    unmodified_since: Option<&Timestamp>,
) -> S3Result<()> {
    let given = modified_since.is_some() || unmodified_since.is_some();
    refuse_all(&[("conditions about the time of modification", given)])
}

/// The conditions of a read, or of the source of a copy.
#[derive(Default)]
pub(super) struct ReadConditions {
    pub if_match: Option<ETagCondition>,
    pub if_none_match: Option<ETagCondition>,
    /// A read answers "not modified" where a copy answers "precondition failed".
    pub is_copy: bool,
}

impl ReadConditions {
    pub fn check(&self, meta: &ObjectMeta) -> S3Result<()> {
        if let Some(condition) = &self.if_match
            && !names(condition, meta)
        {
            return Err(s3_error!(
                PreconditionFailed,
                "At least one of the pre-conditions you specified did not hold"
            ));
        }
        let changed = match &self.if_none_match {
            Some(condition) => !names(condition, meta),
            None => true,
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
