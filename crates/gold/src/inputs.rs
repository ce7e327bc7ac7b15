//! What a mart reads: published data files, brought to the workspace, several at once.

use std::collections::BTreeMap;
use std::path::PathBuf;

use futures::StreamExt;
use lakehouse_contract::{Input, Name, RunDate};
use lakehouse_stage::{Context, StageError};
use lakehouse_store::{ObjectAddress, StoreError, sha256_of_bytes};

use lakehouse_bind::marts::schema_and_name;

/// Objects that are fetched at once. Partials are small: latency, not bandwidth, is the cost.
const FETCHES_AT_ONCE: usize = 16;

/// One published partition in the workspace.
#[derive(Debug, Clone)]
pub struct Partition {
    /// Its run date.
    pub date: RunDate,
    /// SHA-256 of its data file.
    pub sha256: String,
    /// The local copy.
    pub path: PathBuf,
}

/// The address of an input's data file on a date.
#[must_use]
pub fn data_address(context: &Context, input: &Input, date: &RunDate) -> ObjectAddress {
    let pipeline = &context.pipeline.name;
    match input {
        Input::Silver(name) => context.layout.silver_data(pipeline, name, date),
        Input::Gold(name) => context.layout.gold_data(pipeline, name, date),
    }
}

/// Fetches an input's partitions on the given dates; absent ones are left out.
///
/// # Errors
/// Store failures, a full disk.
pub async fn fetch(
    context: &Context,
    input: &Input,
    dates: &[RunDate],
) -> Result<Vec<Partition>, StageError> {
    let _phase = context.report.phase("fetch");
    let (schema, name) = schema_and_name(input);
    let folder = context
        .workspace
        .directory(&format!("{schema}.{name}.in"))?;
    let mut fetches = futures::stream::iter(dates)
        .map(|date| {
            let path = folder.join(format!("{date}.parquet"));
            async move {
                let address = data_address(context, input, date);
                match context.store.get_to_file(&address, &path).await {
                    Ok(downloaded) => Ok(Some(Partition {
                        date: *date,
                        sha256: downloaded.sha256,
                        path,
                    })),
                    Err(StoreError::NotFound { .. }) => Ok(None),
                    Err(error) => Err(StageError::from(error)),
                }
            }
        })
        .buffer_unordered(FETCHES_AT_ONCE);
    let mut found = Vec::new();
    while let Some(partition) = fetches.next().await {
        found.extend(partition?);
    }
    found.sort_by_key(|partition| partition.date);
    Ok(found)
}

/// The dates on which an input of gold is published; with `last`, up to and including it.
///
/// # Errors
/// Store failures.
pub async fn published_dates(
    context: &Context,
    mart: &Name,
    last: Option<&RunDate>,
) -> Result<Vec<RunDate>, StageError> {
    let place = context.layout.gold_mart(&context.pipeline.name, mart);
    let mut dates: Vec<RunDate> = context
        .store
        .list(&place)
        .await?
        .iter()
        .filter(|object| object.address.file_name() == "data.parquet")
        .filter_map(|object| context.layout.partition_date(&object.address))
        .filter(|date| last.is_none_or(|last| date <= last))
        .collect();
    dates.sort();
    Ok(dates)
}

/// What a mart was computed from, as it is kept in the data file: the sorted inputs, the
/// SELECT, the engine. A clock, a run id or an object key is in none of it.
#[must_use]
pub fn fingerprint(
    select: &str,
    inputs: &BTreeMap<String, Vec<(RunDate, String)>>,
) -> BTreeMap<String, String> {
    let listed: Vec<serde_json::Value> = inputs
        .iter()
        .flat_map(|(input, partitions)| {
            partitions.iter().map(move |(date, sha256)| {
                serde_json::json!({"input": input, "date": date.to_string(), "sha256": sha256})
            })
        })
        .collect();
    let inputs_json = serde_json::Value::from(listed).to_string();
    let select_sha256 = sha256_of_bytes(select.as_bytes());
    let engine = lakehouse_engine::version();
    let whole = sha256_of_bytes(format!("{inputs_json}\n{select_sha256}\n{engine}").as_bytes());
    BTreeMap::from([
        ("lake.inputs".to_owned(), inputs_json),
        ("lake.select_sha256".to_owned(), select_sha256),
        ("lake.engine".to_owned(), engine),
        ("lake.fingerprint".to_owned(), whole),
    ])
}
