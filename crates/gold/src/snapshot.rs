//! Snapshot marts: as of a date, from gold's daily partials.
//!
//! A snapshot looks back, so it must not depend on the order in which days ran. It pins every
//! input of its window, which also says which days were absent; one that was built from other
//! inputs than are published now is stale.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate, NaiveDateTime};
use futures::StreamExt;
use lakehouse_bind::marts::{relation, schema_and_name};
use lakehouse_bind::{BoundMart, EngineFailure, parquet_relation};
use lakehouse_contract::quote::{identifier, literal};
use lakehouse_contract::{Input, Materialised, RunDate, Window};
use lakehouse_engine::Session;
use lakehouse_stage::{Context, Exit, StageError};

use crate::audit;
use crate::inputs::{self, Partition};
use crate::marts::{Marts, session_options};
use crate::publish::{self, Computed};

/// HEAD requests that are under way at once.
const LOOKS_AT_ONCE: usize = 16;
/// The column that tells which day a partial row came from, while it is in the engine.
const DATE_COLUMN: &str = "_lake_date";

/// Builds the snapshots of every day from `first` to the run date that has something to do.
///
/// # Errors
/// A failed audit (exit 1), engine and store failures.
pub async fn run(
    context: &Context,
    all: &Marts,
    marts: &[BoundMart],
    first: RunDate,
    logical_time: Option<NaiveDateTime>,
) -> Result<Exit, StageError> {
    if first > context.date {
        return Err(StageError::new(
            Exit::Usage,
            format!("--from {first} is after --date {}", context.date),
        ));
    }
    let published = published_inputs(context, marts, Some(&context.date)).await?;
    let mut wanted = Vec::new();
    for mart in marts {
        for date in days_with_input(mart, &published, Some(&first)) {
            wanted.push((mart.clone(), date));
        }
    }
    wanted.sort_by_key(|(_, date)| *date);
    build(context, all, &wanted, &published, logical_time).await
}

/// Rebuilds, in date order, the snapshots of whatever day whose inputs have changed, and builds
/// those that are missing for a day that has a partial. The run date only names the run: an old
/// day that came again makes later snapshots stale.
///
/// # Errors
/// A failed audit (exit 1), engine and store failures.
pub async fn rebuild_stale(
    context: &Context,
    all: &Marts,
    logical_time: Option<NaiveDateTime>,
) -> Result<Exit, StageError> {
    let marts = all.selected(Materialised::Snapshot);
    let published = published_inputs(context, &marts, None).await?;
    let mut stale = Vec::new();
    for mart in &marts {
        let mut hashes = BTreeMap::new();
        for input in mart.definition.reads.keys() {
            hashes.insert(
                input.clone(),
                published_hashes(context, input, &published[input]).await?,
            );
        }
        let built: BTreeSet<RunDate> = inputs::published_dates(context, &mart.name, None)
            .await?
            .into_iter()
            .collect();
        let with_input = days_with_input(mart, &published, None);
        for date in built.union(&with_input.into_iter().collect()) {
            let pinned = pin(mart, date, &hashes);
            let expected = inputs::fingerprint(&mart.select, &pinned)["lake.fingerprint"].clone();
            let address = context
                .layout
                .gold_data(&context.pipeline.name, &mart.name, date);
            let found = context
                .store
                .head(&address)
                .await?
                .and_then(|info| info.metadata.get("fingerprint").cloned());
            if found.as_ref() != Some(&expected) {
                tracing::info!(mart = %mart.name, date = %date, "snapshot is stale");
                stale.push((mart.clone(), *date));
            }
        }
    }
    stale.sort_by_key(|(_, date)| *date);
    context.report.set("stale", stale.len() as u64);
    build(context, all, &stale, &published, logical_time).await
}

type Published = BTreeMap<Input, Vec<RunDate>>;

/// The dates on which each input is published; with `last`, up to and including it.
async fn published_inputs(
    context: &Context,
    marts: &[BoundMart],
    last: Option<&RunDate>,
) -> Result<Published, StageError> {
    let mut published = Published::new();
    for input in marts.iter().flat_map(|mart| mart.definition.reads.keys()) {
        if !published.contains_key(input) {
            let (_, name) = schema_and_name(input);
            published.insert(
                input.clone(),
                inputs::published_dates(context, name, last).await?,
            );
        }
    }
    Ok(published)
}

/// A day has something to do when one of its own partials is published; others get no snapshot.
fn days_with_input(
    mart: &BoundMart,
    published: &Published,
    first: Option<&RunDate>,
) -> Vec<RunDate> {
    let days: BTreeSet<RunDate> = mart
        .definition
        .reads
        .keys()
        .flat_map(|input| published[input].iter())
        .filter(|date| first.is_none_or(|first| *date >= first))
        .copied()
        .collect();
    days.into_iter().collect()
}

/// The dates of an input that a snapshot of `date` reads.
fn window<'a>(
    window: &Window,
    date: &RunDate,
    dates: impl Iterator<Item = &'a RunDate>,
) -> Vec<RunDate> {
    let first = first_day(window, date);
    dates
        .filter(|other| first.is_none_or(|first| other.date() >= first) && *other <= date)
        .copied()
        .collect()
}

/// The first day of a window that ends on `date`; none when it has no beginning.
fn first_day(window: &Window, date: &RunDate) -> Option<NaiveDate> {
    match window {
        Window::Day => Some(date.date()),
        Window::Days(days) => date
            .date()
            .checked_sub_days(Days::new(u64::from(days.saturating_sub(1)))),
        Window::All => None,
    }
}

/// What a snapshot of `date` is computed from.
fn pin(
    mart: &BoundMart,
    date: &RunDate,
    hashes: &BTreeMap<Input, BTreeMap<RunDate, String>>,
) -> BTreeMap<String, Vec<(RunDate, String)>> {
    mart.definition
        .reads
        .iter()
        .map(|(input, reads)| {
            let (schema, name) = schema_and_name(input);
            let partitions = window(reads, date, hashes[input].keys())
                .into_iter()
                .map(|day| (day, hashes[input][&day].clone()))
                .collect();
            (format!("{schema}.{name}"), partitions)
        })
        .collect()
}

/// The SHA-256 of each published partition, from its metadata.
async fn published_hashes(
    context: &Context,
    input: &Input,
    dates: &[RunDate],
) -> Result<BTreeMap<RunDate, String>, StageError> {
    let mut looks = futures::stream::iter(dates)
        .map(|date| async move {
            let info = context
                .store
                .head(&inputs::data_address(context, input, date))
                .await?;
            Ok::<_, StageError>(info.map(|info| (*date, info.sha256.unwrap_or_default())))
        })
        .buffer_unordered(LOOKS_AT_ONCE);
    let mut hashes = BTreeMap::new();
    while let Some(found) = looks.next().await {
        hashes.extend(found?);
    }
    Ok(hashes)
}

async fn build(
    context: &Context,
    all: &Marts,
    wanted: &[(BoundMart, RunDate)],
    published: &Published,
    logical_time: Option<NaiveDateTime>,
) -> Result<Exit, StageError> {
    if wanted.is_empty() {
        tracing::info!("no snapshot to build, nothing to do");
        return Ok(Exit::Nothing);
    }
    if context.dry_run {
        for (mart, date) in wanted {
            for (input, reads) in &mart.definition.reads {
                for day in window(reads, date, published[input].iter()) {
                    context.would_read(inputs::data_address(context, input, &day));
                }
            }
            publish::plan(context, mart, date, logical_time);
        }
        return Ok(Exit::Done);
    }
    let partials = fetch_windows(context, wanted, published).await?;
    let session = Session::open(&session_options(context)).stage("open the engine")?;
    tokio::task::block_in_place(|| load(all, &session, &partials))?;
    session.lock().stage("lock the engine")?;
    let hashes: BTreeMap<Input, BTreeMap<RunDate, String>> = partials
        .iter()
        .map(|(input, partitions)| {
            (
                input.clone(),
                partitions
                    .iter()
                    .map(|partition| (partition.date, partition.sha256.clone()))
                    .collect(),
            )
        })
        .collect();
    let progress = context.progress.count("snapshots", wanted.len() as u64);
    for same_day in wanted.chunk_by(|(_, a), (_, b)| a == b) {
        let computed =
            tokio::task::block_in_place(|| compute_day(context, all, &session, same_day, &hashes))?;
        let _phase = context.report.phase("publish");
        for mart in &computed {
            publish::publish(context, mart, logical_time).await?;
            progress.increase(1);
        }
        for mart in &computed {
            remove_local(mart);
        }
    }
    Ok(Exit::Done)
}

/// The partials of every window, each fetched once.
async fn fetch_windows(
    context: &Context,
    wanted: &[(BoundMart, RunDate)],
    published: &Published,
) -> Result<BTreeMap<Input, Vec<Partition>>, StageError> {
    let mut needed: BTreeMap<Input, BTreeSet<RunDate>> = BTreeMap::new();
    for (mart, date) in wanted {
        for (input, reads) in &mart.definition.reads {
            needed.entry(input.clone()).or_default().extend(window(
                reads,
                date,
                published[input].iter(),
            ));
        }
    }
    let mut partials = BTreeMap::new();
    for (input, dates) in needed {
        let dates: Vec<RunDate> = dates.into_iter().collect();
        partials.insert(input.clone(), inputs::fetch(context, &input, &dates).await?);
    }
    Ok(partials)
}

/// One table per input with all its partials; views cut a day's window out of it.
fn load(
    all: &Marts,
    session: &Session,
    partials: &BTreeMap<Input, Vec<Partition>>,
) -> Result<(), StageError> {
    session
        .execute("CREATE SCHEMA IF NOT EXISTS partials; CREATE SCHEMA IF NOT EXISTS gold")
        .stage("make schemas")?;
    for (input, partitions) in partials {
        let (_, name) = schema_and_name(input);
        let columns = all.columns_of(name);
        let definitions: Vec<String> = columns
            .iter()
            .map(|(column, sql_type)| format!("{} {sql_type}", identifier(column)))
            .collect();
        let table = format!("partials.{}", identifier(name.as_str()));
        let action = format!("load the partials of `{name}`");
        session
            .execute(&format!(
                "CREATE TABLE {table} ({}, {DATE_COLUMN} DATE)",
                definitions.join(", ")
            ))
            .stage(&action)?;
        for partition in partitions {
            session
                .read_parquet_view(
                    "partials",
                    "one_day",
                    std::slice::from_ref(&partition.path),
                    Some(columns),
                )
                .stage(&action)?;
            session
                .execute(&format!(
                    "INSERT INTO {table} SELECT *, CAST({} AS DATE) FROM partials.one_day",
                    literal(&partition.date.to_string())
                ))
                .stage(&action)?;
        }
    }
    Ok(())
}

/// Computes and audits all snapshots of one day.
fn compute_day(
    context: &Context,
    all: &Marts,
    session: &Session,
    same_day: &[(BoundMart, RunDate)],
    hashes: &BTreeMap<Input, BTreeMap<RunDate, String>>,
) -> Result<Vec<Computed>, StageError> {
    let _phase = context.report.phase("compute");
    let mut computed = Vec::new();
    let mut failures = Vec::new();
    for (mart, date) in same_day {
        let folder = context.workspace.directory(&format!("gold.out/{date}"))?;
        session
            .define_run_date(date.date())
            .stage("define run_date()")?;
        let pinned = pin(mart, date, hashes);
        for (input, reads) in &mart.definition.reads {
            window_view(all, session, input, reads, date)?;
        }
        let key_values = inputs::fingerprint(&mart.select, &pinned);
        let result = publish::compute(session, mart, *date, &folder, &key_values)?;
        let computed_relation = parquet_relation(&result.data);
        failures.extend(audit::grain(session, mart, &computed_relation)?);
        computed.push(result);
    }
    if !failures.is_empty() {
        let date = same_day
            .first()
            .map(|(_, date)| date.to_string())
            .unwrap_or_default();
        return Err(audit::refused(
            context.pipeline.name.as_str(),
            &date,
            failures,
        ));
    }
    Ok(computed)
}

fn window_view(
    all: &Marts,
    session: &Session,
    input: &Input,
    reads: &Window,
    date: &RunDate,
) -> Result<(), StageError> {
    let (_, name) = schema_and_name(input);
    let columns: Vec<String> = all
        .columns_of(name)
        .iter()
        .map(|(column, _)| identifier(column))
        .collect();
    let day = |date: NaiveDate| format!("CAST({} AS DATE)", literal(&date.to_string()));
    let lower = first_day(reads, date)
        .map(|first| format!(" AND {DATE_COLUMN} >= {}", day(first)))
        .unwrap_or_default();
    session
        .execute(&format!(
            "CREATE OR REPLACE VIEW {} AS SELECT {} FROM partials.{} WHERE {DATE_COLUMN} <= {}{lower}",
            relation(input),
            columns.join(", "),
            identifier(name.as_str()),
            day(date.date()),
        ))
        .stage(&format!("open `gold.{name}`"))?;
    Ok(())
}

/// A published snapshot's local files: a range of days must not add up on the disk.
fn remove_local(computed: &Computed) {
    for path in std::iter::once(&computed.data).chain(computed.exports.iter().map(|(_, path)| path))
    {
        if let Err(error) = std::fs::remove_file(path) {
            tracing::debug!(path = %path.display(), %error, "local file not removed");
        }
    }
}
