//! The gold stage: each mart's SELECT in dependency order, all audited, then all published.
//!
//! What is built is an [`instance`]: a mart on a date, with its inputs pinned. A run plans
//! instances ([`plan`]), fetches their inputs once ([`inputs`]), computes and audits those of a
//! date, and only then publishes the first of them ([`build`]). A mart that looks back over
//! gold's daily partials, or at the state of a dataset ([`state`]), differs from one that reads its
//! own day in its windows alone.

mod audit;
mod build;
mod dependents;
mod ending;
mod inputs;
mod instance;
mod marts;
mod plan;
mod publish;
mod published;
mod state;

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use clap::{Parser, ValueEnum};
use lakehouse_contract::{Mart, Name, RunDate};
use lakehouse_stage::{CommonArgs, Context, Exit, StageArguments, StageError, part_of};
use lakehouse_store::Place;

use crate::build::Builder;
use crate::marts::Marts;
use crate::plan::{Planned, Question};
use crate::published::Published;

/// Arguments of `lake-gold`.
#[derive(Debug, Parser)]
#[command(
    name = "lake-gold",
    version,
    about = "Compute, audit and publish a day's marts",
    long_about = "Compute, audit and publish a day's marts.\n\n\
        Runs each mart's SELECT in dependency order over the published silver and gold partitions it \
        declares. Every mart of the day is tried and audited (grain unique and not null, no NaN and no \
        infinity); nothing of the day is published unless all of them pass. Without --materialised both \
        kinds run: marts that read their own day, and marts that look back, which are snapshots and \
        marts that read a state or a history."
)]
pub struct Arguments {
    /// What every stage takes.
    #[command(flatten)]
    pub common: CommonArgs,
    /// Only this mart; may be given several times. Its inputs are read as published, and marts that
    /// depend on it and are stale then are named
    #[arg(long = "mart", value_name = "NAME")]
    pub marts: Vec<Name>,
    /// Also build the marts that depend on those of --mart, wherever they are stale then
    #[arg(long, requires = "marts", conflicts_with = "stale")]
    pub with_dependents: bool,
    /// Only marts of this kind: those that read their own day, or those that look back
    #[arg(long, value_enum)]
    pub materialised: Option<Kind>,
    /// Rebuild the marts, of every date, that were made from other inputs or by another definition
    /// than now, and build marts that look back and are missing for a day with data. --date only
    /// names the run
    #[arg(long, conflicts_with = "from")]
    pub stale: bool,
    /// Build the marts that look back for every day from this one to --date, in order
    #[arg(long, value_name = "YYYY-MM-DD", requires = "materialised")]
    pub from: Option<RunDate>,
    /// The time in the dated names of CSV and JSON files; midnight of the run date without it
    #[arg(long, value_name = "YYYY-MM-DDTHH:MM:SS", value_parser = parse_logical_time)]
    pub logical_time: Option<NaiveDateTime>,
}

impl StageArguments for Arguments {
    const PLACES: &'static [Place] = &[Place::Bronze, Place::Staging, Place::Silver, Place::Gold];

    fn common(&self) -> &CommonArgs {
        &self.common
    }

    fn part(&self) -> Option<String> {
        let kind = match (self.stale, self.materialised) {
            (true, _) => Some("stale"),
            (false, Some(Kind::Partition)) => Some("partition"),
            (false, Some(Kind::Snapshot)) => Some("snapshot"),
            (false, None) => None,
        };
        let parts: Vec<String> = kind
            .map(str::to_owned)
            .into_iter()
            .chain(part_of(&self.marts))
            .collect();
        (!parts.is_empty()).then(|| parts.join("-"))
    }
}

/// A mart's kind on the command line: whether it looks back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// This date's rows, from this date's inputs alone.
    Partition,
    /// As of this date: snapshots, and marts that read a state or a history.
    Snapshot,
}

impl Kind {
    /// The kind of a mart.
    #[must_use]
    pub fn of(mart: &Mart) -> Self {
        match mart.looks_back() {
            true => Self::Snapshot,
            false => Self::Partition,
        }
    }
}

/// Airflow renders `ts` with an offset; it is dropped after conversion to UTC.
fn parse_logical_time(text: &str) -> Result<NaiveDateTime, String> {
    if let Ok(time) = chrono::DateTime::parse_from_rfc3339(text) {
        return Ok(time.naive_utc());
    }
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map_err(|_| {
        "a time is written `YYYY-MM-DDTHH:MM:SS`, with or without an offset".to_owned()
    })
}

/// Runs the stage.
///
/// # Errors
/// A mart that does not bind (exit 2); for each mart that was tried a refusal (exit 1), engine and
/// store failures, of which the worst decides the exit.
pub async fn run(context: Context, arguments: Arguments) -> Result<Exit, StageError> {
    let marts = Marts::load(&context, &arguments.marts)?;
    let mut published = Published::new(&context);
    let plan = plan_of(&context, &arguments, &marts, &mut published).await?;
    if plan.is_empty() {
        tracing::info!("no mart to build, nothing to do");
        return Ok(Exit::Nothing);
    }
    let dates = plan.iter().map(|planned| planned.instance.date).collect();
    if context.dry_run {
        let mut plan = plan;
        if arguments.with_dependents {
            let changed = dependents::instances(&plan);
            plan.extend(dependents::stale(&marts, dates, true, changed, &mut published).await?);
        }
        return plan::show(&context, &plan, arguments.logical_time, &mut published).await;
    }
    let mut builder = Builder::new(&context, &marts, published, arguments.logical_time)?;
    builder.build(&plan).await;
    if arguments.with_dependents {
        // What reads a mart that failed is tried, so that it is said why it was not computed.
        let failed = builder.failed().clone();
        match dependents::stale(&marts, dates, true, failed, &mut builder.published).await {
            Ok(dependents) => builder.build(&dependents).await,
            Err(error) => builder.fail("dependents", error),
        }
    } else if !arguments.marts.is_empty() && !arguments.stale {
        let none = BTreeMap::new();
        match dependents::stale(&marts, dates, false, none, &mut builder.published).await {
            Ok(dependents) => dependents::name(&context, &dependents),
            // What was asked for is done; it must not fail because of what comes after it.
            Err(error) => {
                tracing::warn!(
                    error = error.message,
                    "cannot tell which dependents are stale"
                );
            }
        }
    }
    builder.end()
}

async fn plan_of<'a>(
    context: &Context,
    arguments: &Arguments,
    marts: &'a Marts,
    published: &mut Published<'_>,
) -> Result<Vec<Planned<'a>>, StageError> {
    let kind = arguments.materialised;
    if arguments.stale {
        let question = Question {
            marts: marts.selected(kind),
            ..Question::default()
        };
        let plan = plan::stale(question, published).await?;
        for Planned { instance, .. } in &plan {
            tracing::info!(mart = %instance.mart.name, date = %instance.date, "mart is stale");
        }
        context.report.set("stale", plan.len() as u64);
        return Ok(plan);
    }
    match arguments.from {
        Some(_) if kind == Some(Kind::Partition) => Err(StageError::usage(
            "--from builds marts that look back, and --materialised asks for partition marts",
        )
        .hint("run gold for each date, or let `lake run --from … --to …` do it")),
        Some(first) => plan::range(context, &marts.selected(kind), first, published).await,
        None => Ok(plan::one_day(&marts.selected(kind), context.date)),
    }
}
