//! The silver stage: read, cast, transform, judge, pseudonymise, deduplicate, stage.
//!
//! Silver never refuses data. It stages the rows that keep the contract, puts every other row
//! with its reasons into the quarantine file, writes the verdict into the quality report and
//! leaves the decision to check.
//!
//! One dataset at a time goes through four phases, each a module: [`fetch`] brings its bronze
//! objects to the workspace as plain UTF-8 files, [`build`] runs the contract's SQL over the
//! reader, [`quarantine`] adds the source text of the rejected rows, and [`staging`] uploads
//! what came out.

pub mod build;
pub mod fetch;
pub mod quarantine;
pub mod source;
pub mod staging;

use clap::Parser;
use lakehouse_bind::bind_contracts;
use lakehouse_contract::{Contract, Dataset, Name};
use lakehouse_stage::{CommonArgs, Context, Exit, StageArguments, StageError};

/// Arguments of `lake-silver`.
#[derive(Debug, Parser)]
#[command(
    name = "lake-silver",
    version,
    about = "Turn a day's bronze files into typed, judged, staged Parquet",
    long_about = "Turn a day's bronze files into typed, judged, staged Parquet.\n\n\
        Reads the objects that the day's bronze manifest names, casts and checks every row by the \
        dataset's contract, and stages three objects per dataset: the rows that pass (data.parquet), \
        the rows that do not with every reason (quarantine.parquet), and the counts with the verdict \
        (quality.json). Silver never refuses data: `lake-check` does, and it alone publishes."
)]
pub struct Arguments {
    /// What every stage takes.
    #[command(flatten)]
    pub common: CommonArgs,
    /// Only this dataset; may be given several times. All of the pipeline's without it
    #[arg(long = "dataset", value_name = "NAME")]
    pub datasets: Vec<Name>,
    /// Also write distinct counts and quantiles per column, into an object of their own.
    #[arg(long)]
    pub profile: bool,
}

impl StageArguments for Arguments {
    fn common(&self) -> &CommonArgs {
        &self.common
    }
}

/// Runs the stage: every selected dataset in turn, the worst exit of all.
///
/// # Errors
/// Configuration, store and engine failures; data never makes silver fail.
pub async fn run(context: Context, arguments: Arguments) -> Result<Exit, StageError> {
    let selected = context.datasets(&arguments.datasets)?;
    tokio::task::block_in_place(|| {
        let contracts = selected.iter().map(|name| (name, &context.contracts[name]));
        bind_contracts(context.workspace.path(), contracts)
    })?;
    let mut exits = Vec::with_capacity(selected.len());
    for name in selected {
        exits.push(run_dataset(&context, &name, arguments.profile).await?);
    }
    Ok(Exit::worst(exits))
}

/// What one dataset's phases share.
pub struct Job<'a> {
    /// The stage's context.
    pub context: &'a Context,
    /// The dataset's name.
    pub name: &'a Name,
    /// Its entry in `pipeline.yaml`.
    pub dataset: &'a Dataset,
    /// Its contract.
    pub contract: &'a Contract,
    /// Whether distinct counts and quantiles are wanted.
    pub profile: bool,
}

async fn run_dataset(context: &Context, name: &Name, profile: bool) -> Result<Exit, StageError> {
    let job = Job {
        context,
        name,
        dataset: &context.pipeline.datasets[name],
        contract: &context.contracts[name],
        profile,
    };
    let Some(manifest) = fetch::manifest(&job).await? else {
        if context.dry_run {
            staging::plan_without_manifest(&job);
            return Ok(Exit::Done);
        }
        tracing::info!(dataset = %name, "no bronze manifest for this day, nothing to do");
        context.report.dataset(name).set("outcome", "nothing to do");
        return Ok(Exit::Nothing);
    };
    if context.dry_run {
        staging::plan(&job, &manifest);
        return Ok(Exit::Done);
    }
    let fetched = fetch::files(&job, &manifest).await?;
    let built = build::build(&job, manifest, fetched).await?;
    staging::upload(&job, built).await?;
    Ok(Exit::Done)
}
