//! Errors of the libraries below as a person reads them: what to do is said once, here.

use lakehouse_contract::ContractError;
use lakehouse_store::{LayoutError, StoreError};

use crate::{Exit, StageError};

/// A contract or pipeline that is wrong; the caller says in which file.
impl From<ContractError> for StageError {
    fn from(error: ContractError) -> Self {
        let stage_error = Self::from_error(Exit::Usage, &error);
        match error.hint() {
            Some(hint) => stage_error.hint(hint),
            None => stage_error,
        }
    }
}

/// Places that lie in one another, or a name that cannot be an object's.
impl From<LayoutError> for StageError {
    fn from(error: LayoutError) -> Self {
        Self::from_error(Exit::Usage, &error)
    }
}

impl From<StoreError> for StageError {
    fn from(error: StoreError) -> Self {
        let stage_error = Self::from_error(Exit::from(error.exit()), &error);
        match hint(&error) {
            Some(hint) => stage_error.hint(hint),
            None => stage_error,
        }
    }
}

fn hint(error: &StoreError) -> Option<&'static str> {
    match error {
        StoreError::Credentials { .. } => Some(
            "check `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` and what they may do; under Airflow they come from the connection `minio_default`",
        ),
        StoreError::BucketMissing { .. } => Some(
            "create the bucket, name another one in `LAKE_*_URL`, or set `LAKE_CREATE_BUCKETS=true`",
        ),
        StoreError::Unreachable { .. } | StoreError::Timeout { .. } => Some(
            "is the store up, and is `AWS_ENDPOINT_URL` its address?; a later attempt may pass",
        ),
        StoreError::Throttled { .. } => Some("the store asks for fewer calls: try again later"),
        StoreError::DiskFull { .. } => {
            Some("free disk space, or point `LAKE_WORKSPACE_DIR` at a larger disk")
        }
        _ => None,
    }
}
