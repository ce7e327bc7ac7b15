//! The check stage: audit every staged dataset of the day, then publish.
//!
//! All datasets are audited before the first is published. A refusal changes nothing that
//! readers see; its evidence is copied to the quarantine place, since cleanup removes staging
//! seconds later.

pub mod audit;
pub mod evidence;
pub mod publish;
pub mod staged;

use clap::Parser;
use lakehouse_bind::bind_contracts;
use lakehouse_contract::Name;
use lakehouse_stage::{CommonArgs, Context, Exit, StageArguments, StageError};

use crate::staged::Staged;
use lakehouse_stage::quality::Finding;

/// Arguments of `lake-check`.
#[derive(Debug, Parser)]
#[command(
    name = "lake-check",
    version,
    about = "Audit a day's staged datasets and publish them when all pass",
    long_about = "Audit a day's staged datasets and publish them when all pass.\n\n\
        Holds every staged dataset of the day against its contract: conservation of counts, share of \
        quarantined rows, unreadable files, quality rules by severity, and the Parquet schema itself. \
        Only when every dataset passes is the first one published, each by a single server-side copy. \
        A refusal exits 1, names every failed rule with its figures and says where the evidence is kept; \
        what was published before stays as it was."
)]
pub struct Arguments {
    /// What every stage takes.
    #[command(flatten)]
    pub common: CommonArgs,
    /// Only this dataset; may be given several times. All of the pipeline's without it
    #[arg(long = "dataset", value_name = "NAME")]
    pub datasets: Vec<Name>,
}

impl StageArguments for Arguments {
    fn common(&self) -> &CommonArgs {
        &self.common
    }
}

/// Runs the stage.
///
/// # Errors
/// Refusals (exit 1), a dataset that is not staged (exit 2), store and engine failures.
pub async fn run(context: Context, arguments: Arguments) -> Result<Exit, StageError> {
    let selected = context.datasets(&arguments.datasets)?;
    tokio::task::block_in_place(|| {
        let contracts = selected.iter().map(|name| (name, &context.contracts[name]));
        bind_contracts(context.workspace.path(), contracts)
    })?;
    if context.dry_run {
        for name in &selected {
            publish::plan(&context, name).await?;
        }
        return Ok(Exit::Done);
    }
    let mut staged = Vec::new();
    for name in &selected {
        match staged::load(&context, name).await? {
            Some(dataset) => staged.push(dataset),
            None => {
                tracing::info!(dataset = %name, "no bronze manifest for this day, nothing to do");
                context.report.dataset(name).set("outcome", "nothing to do");
            }
        }
    }
    if staged.is_empty() {
        return Ok(Exit::Nothing);
    }

    let mut refusals: Vec<(&Staged, Vec<Finding>)> = Vec::new();
    {
        let _phase = context.report.phase("audit");
        for dataset in &staged {
            let failures = audit::audit(&context, dataset)?;
            context
                .report
                .dataset(&dataset.name)
                .set("accepted", failures.is_empty());
            if !failures.is_empty() {
                refusals.push((dataset, failures));
            }
        }
    }
    if !refusals.is_empty() {
        return Err(evidence::refuse(&context, &refusals).await?);
    }
    let _phase = context.report.phase("publish");
    for dataset in &staged {
        publish::publish(&context, dataset).await?;
    }
    Ok(Exit::Done)
}
