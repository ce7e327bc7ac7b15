//! Bronze: a day's source files, byte for byte, in the store.
//!
//! Each file is hashed before it is sent, so that what is there already is never sent again,
//! and sent with its checksum, so that what arrives is what was read. How files become objects
//! that a manifest names is the protocol of `lakehouse-deliver`; here is what is a folder's or a
//! prefix's own.

mod content;
mod day;
mod hash;
mod plan;
mod source;

use lakehouse_contract::Name;
use lakehouse_stage::{CommonArgs, Context, Exit, StageArguments, StageError, aggregate, part_of};
use lakehouse_store::Place;

/// Copies a day's source files into bronze, byte for byte.
///
/// Every file is verified by checksum. What is already there is not sent again, nothing is
/// overwritten, and the manifest, which says which objects count, is written last.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "lake-bronze", version)]
pub struct Arguments {
    #[command(flatten)]
    common: CommonArgs,

    /// Only this dataset; may be given several times. By default all of the pipeline's
    #[arg(long = "dataset", value_name = "NAME")]
    datasets: Vec<Name>,

    /// Remove files that the source no longer has, and objects that no manifest has named for an hour
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
/// What stops it: 1 where a dataset must have files and has none, 2 for a source that is
/// configured wrongly, 75 for the store and for files that change while they are read.
pub async fn run(context: Context, arguments: Arguments) -> Result<Exit, StageError> {
    let mut names = context.datasets(&arguments.datasets)?;
    // A folder stands in for every source, those that are databases too.
    if lakehouse_stage::env::read(&lakehouse_stage::env::LAKE_SOURCE_ROOT)?.is_none() {
        names.retain(|name| {
            let source = &context.pipeline.datasets[name].source;
            let comes_from_files = source.table().is_none();
            if !comes_from_files {
                tracing::info!(dataset = %name, "left to `lake-extract`: it comes from a database");
            }
            comes_from_files
        });
    }
    if names.is_empty() {
        return Ok(Exit::Nothing);
    }
    // Every source is judged before the first byte is read.
    let mut days = Vec::with_capacity(names.len());
    for name in names {
        days.push(day::Day::new(&context, name)?);
    }
    let mut results = Vec::with_capacity(days.len());
    for day in days {
        let result = if context.dry_run {
            day.plan(arguments.prune).await
        } else {
            day.copy(arguments.prune).await
        };
        day.section().end(&result);
        results.push((day.name().to_string(), result));
    }
    aggregate(results)
}
