//! What of a mart is published: on which dates, with which hash.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use lakehouse_contract::{Name, RunDate};
use lakehouse_stage::{Context, StageError};

/// HEAD requests that are under way at once.
const LOOKS_AT_ONCE: usize = 16;

/// The dates on which a mart is published.
///
/// # Errors
/// Store failures.
pub async fn dates(context: &Context, mart: &Name) -> Result<BTreeSet<RunDate>, StageError> {
    let location = context.layout.gold_mart(&context.pipeline.name, mart);
    let objects = context.store.list(&location).await?;
    Ok(objects
        .iter()
        .filter(|object| object.address.file_name() == "data.parquet")
        .filter_map(|object| context.layout.partition_date(&object.address))
        .collect())
}

/// The SHA-256 of a mart's partitions, of those that are published.
///
/// # Errors
/// Store failures.
pub async fn hashes(
    context: &Context,
    mart: &Name,
    dates: &BTreeSet<RunDate>,
) -> Result<BTreeMap<RunDate, String>, StageError> {
    let mut looks = futures::stream::iter(dates.iter().copied())
        .map(|date| async move {
            let address = context
                .layout
                .gold_data(&context.pipeline.name, mart, &date);
            let found = context.store.head(&address).await?;
            Ok::<_, StageError>(found.map(|info| (date, info.sha256.unwrap_or_default())))
        })
        .buffer_unordered(LOOKS_AT_ONCE);
    let mut hashes = BTreeMap::new();
    while let Some(found) = looks.next().await {
        hashes.extend(found?);
    }
    Ok(hashes)
}
