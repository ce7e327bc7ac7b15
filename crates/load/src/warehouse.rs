//! What is to be done to one warehouse, wherever it is.

use std::collections::BTreeMap;
use std::fmt;

use lakehouse_bind::BoundMart;
use lakehouse_contract::{self as contract, Name, WarehouseDatabase};
use lakehouse_stage::{Context, Exit, Section, StageError};

use crate::loads::Loads;
use crate::wanted::{Partition, Range, Wanted};

/// One warehouse of a run.
pub struct Warehouse<'a> {
    /// The run.
    pub context: &'a Context,
    /// Its name.
    pub name: Name,
    /// What `pipeline.yaml` says of it.
    pub definition: &'a contract::Warehouse,
    /// The pipeline's marts.
    pub marts: &'a BTreeMap<Name, BoundMart>,
    /// The days to load.
    pub range: Range,
    /// The tables to make anew.
    pub rebuild: &'a [Name],
    /// Its part of the run report.
    pub section: Section,
}

impl Warehouse<'_> {
    /// The partitions to load, given what the warehouse has.
    ///
    /// # Errors
    /// Store failures.
    pub async fn wanted(&self, loads: &Loads) -> Result<Wanted, StageError> {
        let _phase = self.section.phase("plan");
        Wanted::find(self, loads).await
    }

    /// What a run that does nothing says.
    #[must_use]
    pub fn nothing_to_do(&self) -> Exit {
        tracing::info!(warehouse = %self.name, "all that is published for the days is loaded already, nothing to do");
        Exit::Nothing
    }

    /// The storage version of its file.
    #[must_use]
    pub fn storage_version(&self) -> contract::StorageVersion {
        let WarehouseDatabase::DuckDb(file) = &self.definition.database;
        file.storage_version
    }

    /// Says what a run would read and write.
    pub fn show(&self, wanted: &Wanted, place: impl fmt::Display) {
        for Partition { mart, date, .. } in wanted.partitions() {
            let context = self.context;
            let pipeline = &context.pipeline.name;
            context.would_read(context.layout.gold_data(pipeline, mart, date));
        }
        if !wanted.is_empty() {
            self.context.would_write(place);
        }
    }
}

impl fmt::Display for Warehouse<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "warehouse `{}`", self.name)
    }
}
