//! Partition marts: this date's rows from this date's inputs, all audited, then all published.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDateTime;
use lakehouse_bind::marts::schema_and_name;
use lakehouse_bind::{BoundMart, EngineFailure};
use lakehouse_contract::{Input, Name};
use lakehouse_engine::Session;
use lakehouse_stage::{Context, Exit, StageError};

use crate::audit;
use crate::inputs::{self, Partition};
use crate::marts::{Marts, session_options};
use crate::publish::{self, Computed};

/// Runs the day's partition marts.
///
/// # Errors
/// A failed audit (exit 1), engine and store failures.
pub async fn run(
    context: &Context,
    all: &Marts,
    marts: &[BoundMart],
    logical_time: Option<NaiveDateTime>,
) -> Result<Exit, StageError> {
    let computed_here: BTreeSet<&Name> = marts.iter().map(|mart| &mart.name).collect();
    let external: BTreeSet<&Input> = marts
        .iter()
        .flat_map(|mart| mart.definition.reads.keys())
        .filter(|input| !matches!(input, Input::Gold(name) if computed_here.contains(name)))
        .collect();
    if context.dry_run {
        for input in &external {
            let address = inputs::data_address(context, input, &context.date);
            match context.store.head(&address).await? {
                Some(_) => context.would_read(address),
                None => context.would_read(format!("{} ({})", address, "after check")),
            }
        }
        for mart in marts {
            publish::plan(context, mart, &context.date, logical_time);
        }
        return Ok(Exit::Done);
    }
    let mut fetched: BTreeMap<Input, Vec<Partition>> = BTreeMap::new();
    for input in external {
        fetched.insert(
            input.clone(),
            inputs::fetch(context, input, &[context.date]).await?,
        );
    }
    if fetched.values().all(Vec::is_empty) {
        tracing::info!("no input of this day's marts is published, nothing to do");
        return Ok(Exit::Nothing);
    }
    let computed = tokio::task::block_in_place(|| compute_all(context, all, marts, &fetched))?;
    let _phase = context.report.phase("publish");
    for mart in &computed {
        publish::publish(context, mart, logical_time).await?;
    }
    Ok(Exit::Done)
}

fn compute_all(
    context: &Context,
    all: &Marts,
    marts: &[BoundMart],
    fetched: &BTreeMap<Input, Vec<Partition>>,
) -> Result<Vec<Computed>, StageError> {
    let _phase = context.report.phase("compute");
    let session = Session::open(&session_options(context)).stage("open the engine")?;
    let folder = context.workspace.directory("gold.out")?;
    session
        .define_run_date(context.date.date())
        .stage("define run_date()")?;
    for (input, partitions) in fetched {
        view(context, &session, all, input, partitions)?;
    }
    session.lock().stage("lock the engine")?;
    let mut computed: Vec<Computed> = Vec::new();
    let mut failures = Vec::new();
    for mart in marts {
        let mut pinned = BTreeMap::new();
        for input in mart.definition.reads.keys() {
            let (schema, name) = schema_and_name(input);
            let here = computed
                .iter()
                .find(|other| matches!(input, Input::Gold(name) if *name == other.mart.name));
            let partitions: Vec<_> = match here {
                Some(other) => vec![(context.date, other.sha256.clone())],
                None => fetched[input]
                    .iter()
                    .map(|partition| (partition.date, partition.sha256.clone()))
                    .collect(),
            };
            pinned.insert(format!("{schema}.{name}"), partitions);
        }
        let key_values = inputs::fingerprint(&mart.select, &pinned);
        let result = publish::compute(&session, mart, context.date, &folder, &key_values)?;
        session
            .read_parquet_view(
                "gold",
                mart.name.as_str(),
                std::slice::from_ref(&result.data),
                None,
            )
            .stage("open the computed mart")?;
        let relation = format!(
            "gold.{}",
            lakehouse_contract::quote::identifier(mart.name.as_str())
        );
        failures.extend(audit::grain(&session, mart, &relation)?);
        computed.push(result);
    }
    if !failures.is_empty() {
        return Err(audit::refused(
            context.pipeline.name.as_str(),
            &context.date.to_string(),
            failures,
        ));
    }
    Ok(computed)
}

/// An input as `silver.<dataset>` or `gold.<mart>`; an absent one is empty, with its types.
fn view(
    context: &Context,
    session: &Session,
    marts: &Marts,
    input: &Input,
    partitions: &[Partition],
) -> Result<(), StageError> {
    let (schema, name) = schema_and_name(input);
    let columns = match input {
        Input::Silver(dataset) => context.contracts[dataset].published_types(),
        Input::Gold(mart) => marts.columns_of(mart).to_vec(),
    };
    let paths: Vec<_> = partitions
        .iter()
        .map(|partition| partition.path.clone())
        .collect();
    session
        .read_parquet_view(schema, name.as_str(), &paths, Some(&columns))
        .stage(&format!("open `{schema}.{name}`"))
}
