//! Extract: a day's rows out of databases, as CSV in bronze.
//!
//! All tables of a source are read at one consistent moment where the database has one, and only
//! the columns that the contracts read leave it. What is read is believed when the rows that came
//! are the rows that were written and the server has answered the end; only then does a manifest
//! name the objects. How objects and manifest are written is the protocol of `lakehouse-deliver`.

mod columns;
mod csv;
mod decision;
mod job;
mod part;
mod postgres;
mod take;

use std::collections::BTreeMap;

use lakehouse_contract::{Database, Name};
use lakehouse_stage::{CommonArgs, Context, Exit, StageArguments, StageError, aggregate, part_of};
use lakehouse_store::Place;

use crate::decision::Decision;
use crate::job::Job;

/// Takes a day's rows out of databases into bronze.
///
/// All tables of a source are read at one moment; only the columns that the contracts read leave
/// the database. A table that is taken whole is taken once a day and then kept.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "lake-extract", version)]
pub struct Arguments {
    #[command(flatten)]
    common: CommonArgs,

    /// Only this dataset; may be given several times. By default all of the pipeline's
    #[arg(long = "dataset", value_name = "NAME")]
    datasets: Vec<Name>,

    /// Take tables that are taken whole again, while the day is the last closed one
    #[arg(long)]
    refresh: bool,

    /// Take all rows of the table as the day's changes, for a first load or after a gap; it needs
    /// `delivery: changes`
    #[arg(long)]
    full: bool,

    /// Remove objects that no manifest has named for an hour
    #[arg(long)]
    prune: bool,
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

/// Runs the stage.
///
/// # Errors
/// What stops it: 2 for connections, tables, columns and rights that are not there, 75 for
/// servers that do not answer or break off.
pub async fn run(context: Context, arguments: Arguments) -> Result<Exit, StageError> {
    let mut jobs: BTreeMap<Name, Vec<Job<'_>>> = BTreeMap::new();
    for name in context.datasets(&arguments.datasets)? {
        if let Some(job) = Job::new(&context, &name)? {
            jobs.entry(job.table.source.clone()).or_default().push(job);
        }
    }
    if jobs.is_empty() {
        tracing::info!("nothing to do: the datasets come from files, which `lake-bronze` takes");
        return Ok(Exit::Nothing);
    }
    let mut results = Vec::new();
    let mut to_take: BTreeMap<Name, Vec<(Job<'_>, Decision)>> = BTreeMap::new();
    for (source, jobs) in jobs {
        for job in jobs {
            match job.decide(&arguments).await {
                Ok(decision @ Decision::Take { .. }) => {
                    to_take
                        .entry(source.clone())
                        .or_default()
                        .push((job, decision));
                }
                decided => {
                    let result = decided.map(|decision| match decision {
                        Decision::Keep => Exit::Done,
                        _ => Exit::Nothing,
                    });
                    job.section().end(&result);
                    results.push((job.name.to_string(), result));
                }
            }
        }
    }
    // A day that is refused for one table is not begun for the others of the source.
    let refused: Vec<String> = results
        .iter()
        .filter(|(_, result)| result.is_err())
        .map(|(name, _)| name.clone())
        .collect();
    for (source, jobs) in to_take {
        if !refused.is_empty() {
            for (job, _) in &jobs {
                job.section().withhold(&refused);
            }
            continue;
        }
        let result = match &context.pipeline.sources[&source] {
            Database::Postgres => {
                postgres::take_source(&context, &source, &jobs, arguments.prune).await
            }
            Database::Cassandra { .. } => Err(StageError::usage(
                "sources of the kind `cassandra` are not supported yet",
            )),
        };
        for (job, _) in &jobs {
            let of_job = match &result {
                Ok(()) => Ok(Exit::Done),
                Err(error) => Err(error.clone()),
            };
            job.section().end(&of_job);
        }
        results.push((source.to_string(), result.map(|()| Exit::Done)));
    }
    aggregate(results)
}
