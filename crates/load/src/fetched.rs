//! The partitions of a load in the workspace.

use std::collections::BTreeMap;
use std::path::PathBuf;

use futures::{StreamExt, TryStreamExt};
use lakehouse_contract::{Name, RunDate};
use lakehouse_stage::StageError;

use crate::wanted::{Partition, Wanted};
use crate::warehouse::Warehouse;

/// Objects that are fetched at once.
const FETCHES_AT_ONCE: usize = 16;

/// A data file in the workspace.
#[derive(Debug, Clone)]
pub struct DataFile {
    /// Where it is.
    pub path: PathBuf,
    /// The SHA-256 of what arrived: it may have been published anew since it was planned.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
}

/// The data files of a run, each fetched once.
#[derive(Debug, Default)]
pub struct Fetched {
    files: BTreeMap<(Name, RunDate), DataFile>,
}

impl Fetched {
    /// Fetches what is wanted and not here yet.
    ///
    /// # Errors
    /// Store failures.
    pub async fn fetch(
        &mut self,
        warehouse: &Warehouse<'_>,
        wanted: &Wanted,
    ) -> Result<(), StageError> {
        let _phase = warehouse.section.phase("fetch");
        let context = warehouse.context;
        let folder = context
            .workspace
            .directory(&format!("load/{}", warehouse.name))?;
        let missing: BTreeMap<(Name, RunDate), PathBuf> = wanted
            .partitions()
            .map(|partition| (partition.mart.clone(), partition.date))
            .filter(|key| !self.files.contains_key(key))
            .map(|(mart, date)| {
                let path = folder.join(format!("{mart}.{date}.parquet"));
                ((mart, date), path)
            })
            .collect();
        let found: Vec<_> = futures::stream::iter(missing)
            .map(|((mart, date), path)| async move {
                let address = context
                    .layout
                    .gold_data(&context.pipeline.name, &mart, &date);
                let arrived = context.store.get_to_file(&address, &path).await?;
                let file = DataFile {
                    path,
                    sha256: arrived.sha256,
                    bytes: arrived.size_bytes,
                };
                Ok::<_, StageError>(((mart, date), file))
            })
            .buffer_unordered(FETCHES_AT_ONCE)
            .try_collect()
            .await?;
        self.files.extend(found);
        Ok(())
    }

    /// The file of a partition that was fetched.
    ///
    /// # Errors
    /// It was not: a bug.
    pub fn file(&self, partition: &Partition) -> Result<&DataFile, StageError> {
        self.files
            .get(&(partition.mart.clone(), partition.date))
            .ok_or_else(|| {
                StageError::bug(format!(
                    "`gold.{}` of {} was not fetched",
                    partition.mart, partition.date
                ))
            })
    }
}
