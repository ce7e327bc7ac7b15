//! The load stage: published marts into the databases that people query.
//!
//! Each warehouse is one transaction. Of its tables, those partitions are loaded whose SHA-256 is
//! not the one that the warehouse says it has ([`wanted`]). A DuckDB file is changed as a copy
//! ([`local`], [`remote`]), by the same statements wherever it is ([`change`]).

mod change;
mod columns;
mod fetched;
mod inspect;
mod key;
mod loads;
mod local;
mod published;
mod remote;
mod wanted;
mod warehouse;

use std::collections::BTreeMap;

use clap::Parser;
use lakehouse_bind::{BoundMart, EngineFailure, bind_marts};
use lakehouse_contract::{Name, RunDate};
use lakehouse_engine::{Session, SessionOptions};
use lakehouse_stage::{
    CommonArgs, Context, Exit, StageArguments, StageError, aggregate, guarded, part_of,
};
use lakehouse_store::Place;

use crate::wanted::Range;
use crate::warehouse::Warehouse;

/// Arguments of `lake-load`.
#[derive(Debug, Parser)]
#[command(
    name = "lake-load",
    version,
    about = "Load a day's published marts into the pipeline's warehouses",
    long_about = "Load a day's published marts into the pipeline's warehouses.\n\n\
        A table with `load: day` gets the rows of the run date in place of those that it has of it; one with \
        `load: whole` is replaced, never by an older date than the one in it. All tables of a warehouse \
        are one transaction: readers see the old warehouse or the new one. What is loaded already with \
        the same SHA-256 is nothing to do."
)]
pub struct Arguments {
    /// What every stage takes.
    #[command(flatten)]
    pub common: CommonArgs,
    /// Only this warehouse; may be given several times
    #[arg(long = "warehouse", value_name = "NAME")]
    pub warehouses: Vec<Name>,
    /// Load every day from this one to --date, in one transaction
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub from: Option<RunDate>,
    /// Load every published day that is not in the warehouse as it is published now, or those from
    /// --from on. --date only names the run
    #[arg(long)]
    pub stale: bool,
    /// Drop this table and load all of its published days again: after its mart changed in a way
    /// that the table cannot follow. May be given several times
    #[arg(long = "rebuild", value_name = "TABLE")]
    pub rebuild: Vec<Name>,
}

impl StageArguments for Arguments {
    const PLACES: &'static [Place] = &[Place::Staging, Place::Gold];

    fn common(&self) -> &CommonArgs {
        &self.common
    }

    fn part(&self) -> Option<String> {
        let parts: Vec<String> = self
            .stale
            .then(|| "stale".to_owned())
            .into_iter()
            .chain(part_of(&self.warehouses))
            .collect();
        (!parts.is_empty()).then(|| parts.join("-"))
    }
}

/// Runs the stage.
///
/// # Errors
/// A mart that does not bind, a table that cannot follow its mart (exit 2), a key that is not
/// unique (exit 1); store and engine failures. Of several warehouses the worst decides the exit.
pub async fn run(context: Context, arguments: Arguments) -> Result<Exit, StageError> {
    let names = context.warehouses(&arguments.warehouses)?;
    if names.is_empty() {
        tracing::info!("the pipeline has no warehouse, nothing to do");
        return Ok(Exit::Nothing);
    }
    check_rebuilt(&context, &names, &arguments.rebuild)?;
    let range = Range::of(&arguments, context.date)?;
    let marts = tokio::task::block_in_place(|| bound_marts(&context))?;
    let mut results = Vec::new();
    for name in names {
        let warehouse = Warehouse {
            context: &context,
            definition: &context.pipeline.warehouses[&name],
            marts: &marts,
            range,
            rebuild: &arguments.rebuild,
            section: context.report.warehouse(&name),
            name,
        };
        let result = guarded(load(&warehouse)).await;
        let result = result.map_err(|error| error.context(format!("could not load {warehouse}")));
        warehouse.section.end(&result);
        results.push((warehouse.name.to_string(), result));
    }
    aggregate(results)
}

async fn load(warehouse: &Warehouse<'_>) -> Result<Exit, StageError> {
    use lakehouse_stage::WarehousePlace;
    match warehouse.context.warehouse_place(&warehouse.name)? {
        WarehousePlace::Local(file) => local::load(warehouse, &file).await,
        WarehousePlace::Object(address) => remote::load(warehouse, &address).await,
    }
}

/// A table to rebuild must be one of the warehouses of the run.
fn check_rebuilt(context: &Context, names: &[Name], rebuild: &[Name]) -> Result<(), StageError> {
    let tables = || {
        names
            .iter()
            .flat_map(|name| context.pipeline.warehouses[name].tables.keys())
    };
    match rebuild
        .iter()
        .find(|name| !tables().any(|table| table == *name))
    {
        None => Ok(()),
        Some(unknown) => {
            let known: Vec<String> = tables().map(|table| format!("`{table}`")).collect();
            Err(
                StageError::usage(format!("no warehouse of the run has a table `{unknown}`"))
                    .hint(format!("they have {}", known.join(", "))),
            )
        }
    }
}

fn bound_marts(context: &Context) -> Result<BTreeMap<Name, BoundMart>, StageError> {
    let session = Session::open(&session_options(context)).stage("open the engine")?;
    let bound = bind_marts(
        &session,
        &context.pipeline,
        &context.contracts,
        &context.mart_sql,
        context.date.date(),
    )?;
    Ok(bound
        .into_iter()
        .map(|mart| (mart.name.clone(), mart))
        .collect())
}

fn session_options(context: &Context) -> SessionOptions {
    SessionOptions {
        workspace: context.workspace.path().to_path_buf(),
        memory_limit_bytes: context.memory_limit_bytes,
        threads: context.threads,
        pseudonym_key: None,
    }
}
