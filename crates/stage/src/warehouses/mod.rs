//! Where warehouses are, and which pipelines claim what of them.

mod claims;
mod file;

use std::fmt;
use std::path::PathBuf;

use lakehouse_contract::{Name, WarehouseDatabase, expand_environment};
use lakehouse_store::{Layout, Location, ObjectAddress};

use crate::{LoadedPipeline, StageError, pipelines};

pub use claims::claims;
pub use file::{WarehouseFile, WarehouseLock};

/// Where a DuckDB file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WarehousePlace {
    /// In a folder of this machine, or one that several machines share.
    Local(WarehouseFile),
    /// In the store.
    Object(ObjectAddress),
}

impl fmt::Display for WarehousePlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(file) => write!(formatter, "{}", file.path().display()),
            Self::Object(address) => address.fmt(formatter),
        }
    }
}

impl LoadedPipeline {
    /// Where a warehouse is, its environment variables filled in.
    ///
    /// # Errors
    /// When a variable is not set, or the place lies in one of the lake's own: 2.
    pub fn warehouse_place(
        &self,
        name: &Name,
        layout: &Layout,
    ) -> Result<WarehousePlace, StageError> {
        let Some(warehouse) = self.pipeline.warehouses.get(name) else {
            return Err(StageError::bug(format!("there is no warehouse `{name}`")));
        };
        let WarehouseDatabase::DuckDb(file) = &warehouse.database;
        let path = expand_environment(&file.path, |name| std::env::var(name).ok());
        let path = path.map_err(|error| {
            let file = self.directory.join(pipelines::PIPELINE_FILE);
            let stage_error = StageError::from(error);
            let hint = stage_error.hint.clone().unwrap_or_default();
            stage_error
                .context(format!("`{}` needs its environment", file.display()))
                .hint(format!(
                    "{hint}; under Airflow, set it in the worker's environment"
                ))
        })?;
        if !path.starts_with("s3://") {
            return Ok(WarehousePlace::Local(WarehouseFile::new(PathBuf::from(
                path,
            ))));
        }
        let address: ObjectAddress = path.parse().map_err(|error| {
            StageError::from_error(crate::Exit::Usage, &error)
                .context(format!("the `path` of the warehouse `{name}` is wrong"))
                .hint("write it as `s3://bucket/analytics.duckdb`")
        })?;
        let own = Location {
            bucket: address.bucket.clone(),
            prefix: address.key.clone(),
        };
        for (place, location) in layout.places() {
            if location.contains(&own) {
                return Err(StageError::usage(format!(
                    "the warehouse `{name}` at `{address}` is inside {place} at `{location}`"
                ))
                .hint(
                    "give warehouses a bucket or a prefix of their own, apart from the five places",
                ));
            }
        }
        Ok(WarehousePlace::Object(address))
    }
}
