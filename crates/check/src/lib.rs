//! The check stage: audit every staged dataset of the day, then publish.
//!
//! All datasets are audited before the first is published, and each is tried whatever happens to
//! the others. While one fails nothing of the day is published. A refusal changes nothing that
//! readers see; its evidence is copied to the quarantine place, since cleanup removes staging
//! seconds later.

pub mod audit;
pub mod evidence;
pub mod publish;
pub mod staged;

use clap::Parser;
use lakehouse_bind::bind_each;
use lakehouse_contract::Name;
use lakehouse_stage::{
    CommonArgs, Context, Exit, StageArguments, StageError, aggregate, guarded, part_of,
};
use lakehouse_store::Place;

use crate::staged::Staged;

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
        A refusal exits 1, names the rules that were broken most, every failed one with its figures, and \
        where the evidence is kept; \
        what was published before stays as it was."
)]
pub struct Arguments {
    /// What every stage takes.
    #[command(flatten)]
    pub common: CommonArgs,
    /// Only this dataset; may be given several times. By default all of the pipeline's
    #[arg(long = "dataset", value_name = "NAME")]
    pub datasets: Vec<Name>,
}

impl StageArguments for Arguments {
    const PLACES: &'static [Place] = &[
        Place::Bronze,
        Place::Staging,
        Place::Silver,
        Place::Quarantine,
    ];

    fn common(&self) -> &CommonArgs {
        &self.common
    }

    fn part(&self) -> Option<String> {
        part_of(&self.datasets)
    }
}

/// Runs the stage: every dataset is audited, and only when none fails is the first one published.
///
/// # Errors
/// Refusals (exit 1), a dataset that is not staged (exit 2), store and engine failures; the worst
/// of all datasets.
pub async fn run(context: Context, arguments: Arguments) -> Result<Exit, StageError> {
    let selected = context.datasets(&arguments.datasets)?;
    let mut audits = Vec::with_capacity(selected.len());
    for (name, bound) in bind(&context, selected) {
        let audit = guarded(async {
            bound?;
            audit_dataset(&context, &name).await
        });
        let result = audit.await;
        audits.push((name, result));
    }
    let failed: Vec<String> = audits
        .iter()
        .filter(|(_, result)| result.is_err())
        .map(|(name, _)| name.to_string())
        .collect();
    let mut results = Vec::with_capacity(audits.len());
    let mut withheld = Vec::new();
    for (name, audited) in audits {
        let result = match audited {
            Ok(Audited::Passed(_)) if !failed.is_empty() => {
                context.report.dataset(&name).withhold(&failed);
                withheld.push(format!("`{name}`"));
                continue;
            }
            Ok(Audited::Passed(staged)) => guarded(publish::publish(&context, &staged))
                .await
                .map(|()| Exit::Done),
            Ok(Audited::Planned) => Ok(Exit::Done),
            Ok(Audited::Nothing) => Ok(Exit::Nothing),
            Err(error) => Err(error),
        };
        context.report.dataset(&name).end(&result);
        results.push((name.to_string(), result));
    }
    aggregate(results).map_err(|error| match withheld.is_empty() {
        true => error,
        false => error.cause(format!(
            "nothing of {} is published while a dataset fails: {} passed and waits",
            context.date,
            withheld.join(", ")
        )),
    })
}

/// What came of a dataset before anything is published.
enum Audited {
    /// It holds its contract.
    Passed(Box<Staged>),
    /// A dry run has said what it would read and write.
    Planned,
    /// Bronze has no manifest for the day.
    Nothing,
}

/// Which contracts bind, before any data is touched.
fn bind(context: &Context, names: Vec<Name>) -> Vec<(Name, Result<(), StageError>)> {
    let mut verdicts = Vec::with_capacity(names.len());
    tokio::task::block_in_place(|| {
        let contracts = names.iter().map(|name| (name, &context.contracts[name]));
        bind_each(context.workspace.path(), contracts, |name, result| {
            verdicts.push((name.clone(), result));
        });
    });
    verdicts
}

/// Loads and audits one dataset; what refuses it is its error.
async fn audit_dataset(context: &Context, name: &Name) -> Result<Audited, StageError> {
    if context.dry_run {
        publish::plan(context, name).await?;
        return Ok(Audited::Planned);
    }
    let _phase = context.report.dataset(name).phase("audit");
    let Some(staged) = staged::load(context, name).await? else {
        tracing::info!(dataset = %name, "no bronze manifest for this day, nothing to do");
        return Ok(Audited::Nothing);
    };
    let failures = audit::audit(context, &staged)?;
    context
        .report
        .dataset(name)
        .set("accepted", failures.is_empty());
    if !failures.is_empty() {
        return Err(evidence::refuse(context, &staged, &failures).await?);
    }
    // Staging has the same bytes, which are copied there: the next dataset has the whole disk.
    let _ = std::fs::remove_file(&staged.data.path);
    Ok(Audited::Passed(Box::new(staged)))
}
