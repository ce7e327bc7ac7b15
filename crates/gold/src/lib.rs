//! The gold stage: each mart's SELECT in dependency order, all audited, then all published.
//!
//! Partition marts ([`partition`]) read this date's inputs. Snapshot marts ([`snapshot`]) look
//! back over gold's daily partials, one small object a day; they pin every input of their
//! window, so that they can be found stale and do not depend on the order in which days ran.

pub mod audit;
pub mod inputs;
pub mod marts;
pub mod partition;
pub mod publish;
pub mod snapshot;

use chrono::NaiveDateTime;
use clap::{Parser, ValueEnum};
use lakehouse_contract::{Materialised, Name, RunDate};
use lakehouse_stage::{CommonArgs, Context, Exit, StageArguments, StageError, part_of};
use lakehouse_store::Place;

use crate::marts::Marts;

/// Arguments of `lake-gold`.
#[derive(Debug, Parser)]
#[command(
    name = "lake-gold",
    version,
    about = "Compute, audit and publish a day's marts",
    long_about = "Compute, audit and publish a day's marts.\n\n\
        Runs each mart's SELECT in dependency order over the published silver and gold partitions it \
        declares, audits all of them (grain unique and not null, types that Parquet keeps), and only then \
        publishes the first. Without --materialised both kinds run: the day's partition marts, then its \
        snapshots."
)]
pub struct Arguments {
    /// What every stage takes.
    #[command(flatten)]
    pub common: CommonArgs,
    /// Only this mart; may be given several times. Its inputs are read as published
    #[arg(long = "mart", value_name = "NAME")]
    pub marts: Vec<Name>,
    /// Only marts of this kind.
    #[arg(long, value_enum)]
    pub materialised: Option<Kind>,
    /// Rebuild the snapshots, of whatever day, whose inputs have changed since they were built.
    /// --date only names the run.
    #[arg(long, conflicts_with_all = ["materialised", "from"])]
    pub stale: bool,
    /// Build the snapshots of every day from this one to --date, in order.
    #[arg(long, value_name = "YYYY-MM-DD", requires = "materialised")]
    pub from: Option<RunDate>,
    /// The time in the dated names of CSV and JSON files; midnight of the run date without it.
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

/// A mart's kind on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// This date's rows, from this date's inputs.
    Partition,
    /// As of this date, from daily partials.
    Snapshot,
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
/// A broken mart (exit 2), a failed audit (exit 1), store and engine failures.
pub async fn run(context: Context, arguments: Arguments) -> Result<Exit, StageError> {
    let marts = Marts::load(&context, &arguments.marts)?;
    if arguments.stale {
        return snapshot::rebuild_stale(&context, &marts, arguments.logical_time).await;
    }
    let wanted = |kind: Kind| arguments.materialised.is_none_or(|only| only == kind);
    let partitions = marts.selected(Materialised::Partition);
    let snapshots = marts.selected(Materialised::Snapshot);
    let mut exits = Vec::new();
    if wanted(Kind::Partition) && arguments.from.is_none() && !partitions.is_empty() {
        exits.push(partition::run(&context, &marts, &partitions, arguments.logical_time).await?);
    }
    if wanted(Kind::Snapshot) && !snapshots.is_empty() {
        let first = arguments.from.unwrap_or(context.date);
        exits.push(
            snapshot::run(&context, &marts, &snapshots, first, arguments.logical_time).await?,
        );
    }
    if exits.is_empty() {
        tracing::info!("no mart of this kind, nothing to do");
        return Ok(Exit::Nothing);
    }
    Ok(Exit::worst(exits))
}
