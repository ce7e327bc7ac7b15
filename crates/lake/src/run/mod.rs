//! `lake run`: every stage for a range of days, days in parallel, snapshots and warehouses at the
//! end.

pub mod day;
pub mod missing;
pub mod progress;
pub mod share;
pub mod snapshots;
pub mod summary;
pub mod warehouses;

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use lakehouse_contract::RunDate;
use lakehouse_stage::{Base, Exit, StageError};

use crate::child::StageOutcome;
use crate::cli::RunArguments;
use crate::run::day::{Day, DayOutcome};
use crate::run::progress::DayProgress;
use crate::run::share::Share;
use crate::validate;

/// Runs the range.
///
/// # Errors
/// Configuration that is wrong before any day has begun; a failed day is in the summary.
pub async fn run(base: &Base, arguments: &RunArguments) -> Result<Exit, StageError> {
    let from = arguments.from;
    let to = arguments.to.unwrap_or(from);
    base.report.set("pipeline", arguments.pipeline.as_str());
    base.report.set("from", from.to_string());
    base.report.set("to", to.to_string());
    let dates: Vec<RunDate> = from.through(to).collect();
    if dates.is_empty() {
        return Err(
            StageError::usage(format!("--to {to} is before --from {from}"))
                .hint("give the earlier date as --from"),
        );
    }
    let loaded = validate::validate(base, &arguments.pipeline)?;
    let there = match arguments.only_missing {
        true => missing::days_that_are_there(base, &loaded, &dates).await?,
        false => BTreeSet::new(),
    };
    let days: Vec<RunDate> = dates
        .iter()
        .filter(|date| !there.contains(*date))
        .copied()
        .collect();
    let share = Share::of(&base.settings, days.len(), arguments.jobs.map(usize::from));
    let run_id = match &arguments.run_id {
        Some(run_id) => run_id.to_string(),
        None => format!(
            "lake-{}-{}",
            chrono::Utc::now().format("%Y%m%dT%H%M%S"),
            std::process::id()
        ),
    };
    tracing::info!(
        pipeline = %arguments.pipeline, from = %from, to = %to, jobs = share.jobs,
        threads_each = share.threads, memory_each_bytes = share.memory_limit_bytes, "run"
    );
    let progress = DayProgress::new(&base.progress, dates.len() as u64, there.len() as u64);
    let source_root = lakehouse_stage::env::read(&lakehouse_stage::env::LAKE_SOURCE_ROOT)?;
    let intake = day::intake(&loaded.pipeline, source_root.is_some());
    let outcomes = run_days(arguments, &days, &run_id, &share, &intake, &progress).await?;
    let snapshots = snapshots::run(
        base,
        arguments,
        &loaded,
        &run_id,
        &outcomes,
        to,
        progress.forward_logs,
    )
    .await?;
    let forward_logs = progress.forward_logs;
    // Without all of the range's marts a warehouse would be half of it.
    let load = match snapshots.as_ref().map(StageOutcome::exit) {
        None | Some(Exit::Done | Exit::Nothing) => {
            warehouses::run(base, arguments, &loaded, &run_id, to, forward_logs).await?
        }
        Some(_) => None,
    };
    progress.clear();
    let after = summary::After {
        snapshots: snapshots.as_ref(),
        load: load.as_ref(),
    };
    summary::report(base, arguments, &outcomes, &there, &after);
    let exits = outcomes
        .values()
        .map(|outcome| outcome.exit)
        .chain(
            snapshots
                .into_iter()
                .chain(load)
                .map(|outcome| outcome.exit()),
        )
        // A day with nothing to do is a good day.
        .filter(|exit| *exit != Exit::Nothing)
        .chain([Exit::Done]);
    Ok(Exit::worst(exits))
}

/// Runs the days, as many at once as there are shares, each to its own end.
async fn run_days(
    arguments: &RunArguments,
    days: &[RunDate],
    run_id: &str,
    share: &Share,
    intake: &[&'static str],
    progress: &DayProgress,
) -> Result<BTreeMap<RunDate, DayOutcome>, StageError> {
    let mut running = futures::stream::iter(days)
        .map(|date| {
            let day = Day {
                date: *date,
                run_id,
                arguments,
                share,
                intake,
                forward_logs: progress.forward_logs,
            };
            async move {
                let line = progress.line(date);
                let outcome = day.run(|stage| line.set_message(stage.to_owned())).await;
                line.finish_and_clear();
                outcome.map(|outcome| (*date, outcome))
            }
        })
        .buffer_unordered(share.jobs);
    let mut outcomes = BTreeMap::new();
    while let Some(finished) = running.next().await {
        let (date, outcome) = finished?;
        progress.finished(&date, &outcome);
        outcomes.insert(date, outcome);
    }
    Ok(outcomes)
}
