//! Which days of a range are there: each of their partitions is published.

use std::collections::BTreeSet;

use lakehouse_contract::RunDate;
use lakehouse_stage::{Base, LoadedPipeline, StageError};
use lakehouse_store::{Location, ObjectStore};

/// The days of which every dataset's and every mart's partition is published.
///
/// # Errors
/// Store failures.
pub async fn days_that_are_there(
    base: &Base,
    loaded: &LoadedPipeline,
    dates: &[RunDate],
) -> Result<BTreeSet<RunDate>, StageError> {
    let layout = &base.settings.layout;
    let store = base.connect(&[&layout.silver, &layout.gold], false).await?;
    let pipeline = &loaded.pipeline.name;
    let mut there: BTreeSet<RunDate> = dates.iter().copied().collect();
    for dataset in loaded.pipeline.datasets.keys() {
        let found = published(base, &store, &layout.silver_dataset(pipeline, dataset)).await?;
        there.retain(|date| found.contains(date));
    }
    for mart in loaded.pipeline.marts.keys() {
        let found = published(base, &store, &layout.gold_mart(pipeline, mart)).await?;
        there.retain(|date| found.contains(date));
    }
    Ok(there)
}

/// The days on which a dataset or mart is published.
///
/// # Errors
/// Store failures.
pub async fn published(
    base: &Base,
    store: &ObjectStore,
    place: &Location,
) -> Result<BTreeSet<RunDate>, StageError> {
    Ok(store
        .list(place)
        .await?
        .iter()
        .filter(|object| object.address.file_name() == "data.parquet")
        .filter_map(|object| base.settings.layout.partition_date(&object.address))
        .collect())
}
