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
        match (&error, error.hint()) {
            (StoreError::Credentials { .. }, Some(hint)) => stage_error.hint(format!(
                "{hint}; under Airflow they come from the connection `minio_default`"
            )),
            (_, Some(hint)) => stage_error.hint(hint),
            (_, None) => stage_error,
        }
    }
}
