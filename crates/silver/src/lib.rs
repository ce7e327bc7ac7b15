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
pub mod conservation;
pub mod deduplicate;
pub mod fetch;
pub mod measure;
pub mod opened;
pub mod outcomes;
pub mod quarantine;
pub mod sample;
pub mod source;
pub mod staging;

use std::collections::BTreeMap;

use clap::Parser;
use lakehouse_bind::bind_each;
use lakehouse_contract::{Contract, Dataset, Name};
use lakehouse_stage::{
    CommonArgs, Context, Exit, StageArguments, StageError, aggregate, guarded, part_of,
    pseudonym_key,
};
use lakehouse_store::{Place, Secret};
use tokio::sync::oneshot;

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
    /// Only this dataset; may be given several times. By default all of the pipeline's
    #[arg(long = "dataset", value_name = "NAME")]
    pub datasets: Vec<Name>,
    /// Also write distinct counts and quantiles per column, into an object of their own
    #[arg(long)]
    pub profile: bool,
}

impl StageArguments for Arguments {
    const PLACES: &'static [Place] = &[Place::Bronze, Place::Staging];

    fn common(&self) -> &CommonArgs {
        &self.common
    }

    fn part(&self) -> Option<String> {
        part_of(&self.datasets)
    }
}

/// Runs the stage: every selected dataset is tried, in turn.
///
/// # Errors
/// Configuration, store and engine failures, the worst of all datasets; data never makes silver
/// fail.
pub async fn run(context: Context, arguments: Arguments) -> Result<Exit, StageError> {
    let selected = context.datasets(&arguments.datasets)?;
    let mut binding = Binding::start(&context, &selected);
    let mut results = Vec::with_capacity(selected.len());
    for name in selected {
        let dataset = run_dataset(&context, &name, arguments.profile, &mut binding);
        let result = guarded(dataset).await;
        context.report.dataset(&name).end(&result);
        // The next dataset has the whole disk.
        for folder in [fetch::folder_name(&name), build::folder_name(&name)] {
            let _ = std::fs::remove_dir_all(context.workspace.file(&folder));
        }
        results.push((name.to_string(), result));
    }
    aggregate(results)
}

/// The engine's judgement of all contracts, under way while the first files are fetched.
struct Binding(BTreeMap<Name, oneshot::Receiver<Result<(), StageError>>>);

impl Binding {
    fn start(context: &Context, selected: &[Name]) -> Self {
        let workspace = context.workspace.path().to_path_buf();
        let contracts: Vec<(Name, Contract)> = selected
            .iter()
            .map(|name| (name.clone(), context.contracts[name].clone()))
            .collect();
        let (mut judged, verdicts): (BTreeMap<_, _>, BTreeMap<_, _>) = selected
            .iter()
            .map(|name| {
                let (sender, receiver) = oneshot::channel();
                ((name.clone(), sender), (name.clone(), receiver))
            })
            .unzip();
        tokio::task::spawn_blocking(move || {
            let contracts = contracts.iter().map(|(name, contract)| (name, contract));
            bind_each(&workspace, contracts, |name, result| {
                if let Some(sender) = judged.remove(name) {
                    // Nobody listens where something else was wrong with the dataset.
                    let _ = sender.send(result);
                }
            });
        });
        Self(verdicts)
    }

    /// Waits for the judgement of one contract, once. Whatever else is wrong with a dataset, a
    /// contract that does not bind is said first.
    async fn of(&mut self, name: &Name) -> Result<(), StageError> {
        match self.0.remove(name) {
            Some(verdict) => verdict
                .await
                .unwrap_or_else(|_| Err(StageError::bug("the contract was not judged"))),
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
    /// The key of pseudonyms, where the contract pseudonymises.
    pub pseudonym_key: Option<Secret>,
}

async fn run_dataset(
    context: &Context,
    name: &Name,
    profile: bool,
    binding: &mut Binding,
) -> Result<Exit, StageError> {
    let pseudonym_key = match context.contracts[name].needs_pseudonym_key() {
        true => Some(pseudonym_key()?),
        false => None,
    };
    let job = Job {
        pseudonym_key,
        context,
        name,
        dataset: &context.pipeline.datasets[name],
        contract: &context.contracts[name],
        profile,
    };
    let manifest = fetch::manifest(&job).await;
    if !matches!(manifest, Ok(Some(_))) || context.dry_run {
        binding.of(name).await?;
    }
    let Some(manifest) = manifest? else {
        if context.dry_run {
            staging::plan_without_manifest(&job);
            return Ok(Exit::Done);
        }
        tracing::info!(dataset = %name, "no bronze manifest for this day, nothing to do");
        return Ok(Exit::Nothing);
    };
    if context.dry_run {
        staging::plan(&job, &manifest);
        return Ok(Exit::Done);
    }
    context
        .report
        .dataset(name)
        .input(staging::input(&job, &manifest));
    // A contract that does not bind ends the dataset at once, whatever is still on its way.
    let fetch = async { Ok(fetch::files(&job, &manifest).await) };
    let (fetched, ()) = tokio::try_join!(fetch, binding.of(name))?;
    let fetched = fetched?;
    let built = build::build(&job, manifest, fetched).await?;
    staging::upload(&job, built).await?;
    Ok(Exit::Done)
}
