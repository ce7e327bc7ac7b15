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

pub mod budget;
pub mod build;
pub mod deduplicate;
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
    let mut binding = Some(Binding::start(&context, &selected));
    let mut exits = Vec::with_capacity(selected.len());
    for name in selected {
        exits.push(run_dataset(&context, &name, arguments.profile, &mut binding).await?);
    }
    Ok(Exit::worst(exits))
}

/// The engine's judgement of all contracts, under way while the first files are fetched.
struct Binding(tokio::task::JoinHandle<Result<(), StageError>>);

impl Binding {
    fn start(context: &Context, selected: &[Name]) -> Self {
        let workspace = context.workspace.path().to_path_buf();
        let contracts: Vec<(Name, Contract)> = selected
            .iter()
            .map(|name| (name.clone(), context.contracts[name].clone()))
            .collect();
        Self(tokio::task::spawn_blocking(move || {
            let contracts = contracts.iter().map(|(name, contract)| (name, contract));
            bind_contracts(&workspace, contracts)
        }))
    }

    /// Waits for it, once. Whatever else is wrong, a contract that does not bind is said first.
    async fn settle(binding: &mut Option<Self>) -> Result<(), StageError> {
        match binding.take() {
            Some(Self(task)) => task
                .await
                .unwrap_or_else(|failed| match failed.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => Err(StageError::bug("the contracts were not judged")),
                }),
            None => Ok(()),
        }
    }
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

async fn run_dataset(
    context: &Context,
    name: &Name,
    profile: bool,
    binding: &mut Option<Binding>,
) -> Result<Exit, StageError> {
    let job = Job {
        context,
        name,
        dataset: &context.pipeline.datasets[name],
        contract: &context.contracts[name],
        profile,
    };
    let manifest = fetch::manifest(&job).await;
    if !matches!(manifest, Ok(Some(_))) || context.dry_run {
        Binding::settle(binding).await?;
    }
    let Some(manifest) = manifest? else {
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
    // A contract that does not bind ends the stage at once, whatever is still on its way.
    let fetch = async { Ok(fetch::files(&job, &manifest).await) };
    let (fetched, ()) = tokio::try_join!(fetch, Binding::settle(binding))?;
    let fetched = fetched?;
    let built = build::build(&job, manifest, fetched).await?;
    staging::upload(&job, built).await?;
    Ok(Exit::Done)
}
