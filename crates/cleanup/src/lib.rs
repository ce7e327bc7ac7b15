//! Cleanup: what a run leaves in staging, and what dead runs left anywhere.
//!
//! It is the teardown of a scheduler, so it needs neither a contract nor a source: the runs of a
//! broken pipeline can still be cleaned up. It removes what it knows by its key and nothing else.
//! What dead runs left is judged by the store's clock, never by this machine's.

mod clock;
mod quarantine;
mod removal;
mod run;
mod sweep;
mod warehouses;

use std::time::Duration;

use lakehouse_contract::{Name, RunDate};
use lakehouse_stage::{Base, Exit, RunId, StageError, pipelines, units};

pub use clock::store_now;
pub use removal::{Kind, Removal};
pub use sweep::{REPORT_AGE, sweep};

/// Removes the staging of one run, and with `--older-than` what dead runs left behind.
///
/// One run: all that it staged and its unfinished uploads. With `--older-than`: staging and
/// unfinished uploads of that age, quarantine files and reports that no published partition
/// names, evidence of refused days that were published since, states that gold kept but for the
/// last seven of a dataset and the last of each month, and run reports older than 30 days.
/// Workspaces of dead runs on this machine, and copies of warehouse files that dead loads left, go
/// in either case. Nothing else is removed.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "lake-cleanup", version)]
#[command(group(clap::ArgGroup::new("what").required(true).multiple(true).args(["date", "older_than"])))]
pub struct Arguments {
    /// The pipeline whose run is cleaned up; with `--older-than` alone, the only one that is swept
    #[arg(long, value_name = "NAME", help_heading = "Run")]
    pipeline: Option<Name>,

    /// The run date
    #[arg(
        long,
        value_name = "YYYY-MM-DD",
        requires = "pipeline",
        help_heading = "Run"
    )]
    date: Option<RunDate>,

    /// The name of the run, as the other stages were given it
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "manual",
        help_heading = "Run"
    )]
    run_id: RunId,

    /// Sweep what is older than this, by the store's clock: `7d`, `36h`
    #[arg(long, value_name = "DURATION", value_parser = units::parse_duration)]
    older_than: Option<Duration>,

    /// Say what would be removed, and touch nothing
    #[arg(long, help_heading = "Run")]
    dry_run: bool,
}

/// Runs the stage.
///
/// # Errors
/// 2 for configuration, 75 for the store.
pub async fn run(base: Base, arguments: Arguments) -> Result<Exit, StageError> {
    if arguments.dry_run {
        base.begin_dry_run();
    }
    if let Some(pipeline) = &arguments.pipeline {
        base.identify(|identity| identity.pipeline = Some(pipeline.to_string()));
        let known = pipelines::list(&base.settings.pipelines_dir)?;
        if !known.names.contains(pipeline) {
            return Err(pipelines::unknown(&base.settings.pipelines_dir, pipeline)?);
        }
    }
    let layout = base.settings.layout.clone();
    let places = match arguments.older_than {
        Some(_) => vec![
            &layout.bronze,
            &layout.staging,
            &layout.silver,
            &layout.quarantine,
            &layout.gold,
        ],
        None => vec![&layout.staging],
    };
    let store = base.connect(&places, arguments.dry_run).await?;
    let removal = Removal::new(&store, &base.report, arguments.dry_run);
    base.report.set("workspaces_removed", base.workspaces_swept);

    warehouses::sweep(&base, arguments.pipeline.as_ref(), arguments.dry_run);

    let run = arguments.pipeline.as_ref().zip(arguments.date.as_ref());
    let result = async {
        if let Some((pipeline, date)) = run {
            base.identify(|identity| {
                identity.date = Some(date.to_string());
                identity.run_id = Some(arguments.run_id.to_string());
            });
            let _phase = base.report.phase("run");
            run::remove(&store, &layout, &removal, pipeline, date, &arguments.run_id).await?;
        }
        if let Some(older_than) = arguments.older_than {
            let _phase = base.report.phase("sweep");
            let now = match arguments.dry_run {
                // Asking the store for its time writes to it.
                true => chrono::Utc::now(),
                false => clock::store_now(&store, &layout).await?,
            };
            sweep(
                &store,
                &layout,
                &removal,
                now,
                older_than,
                arguments.pipeline.as_ref(),
            )
            .await?;
        }
        Ok(Exit::Done)
    }
    .await;
    removal.report();
    if let Some((pipeline, date)) = run
        && !arguments.dry_run
    {
        let address = layout.run_report(pipeline, date, arguments.run_id.as_str(), "cleanup");
        base.keep_report(&store, &address, &result).await;
    }
    result
}
