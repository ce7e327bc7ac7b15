//! `lake run`: every stage for a range of days, days in parallel, snapshots at the end.

pub mod day;
pub mod missing;
pub mod share;
pub mod snapshots;
pub mod summary;

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use lakehouse_contract::RunDate;
use lakehouse_stage::{Base, Exit, StageError};

use crate::cli::RunArguments;
use crate::run::day::{Day, DayOutcome};
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
    let share = Share::of(
        &base.settings,
        dates.len() - there.len(),
        arguments.jobs.map(usize::from),
    );
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
    let table = Table::new(dates.len() as u64, there.len() as u64);
    let days: Vec<RunDate> = dates
        .iter()
        .filter(|date| !there.contains(*date))
        .copied()
        .collect();
    let mut outcomes: BTreeMap<RunDate, DayOutcome> = BTreeMap::new();
    {
        let mut running = futures::stream::iter(&days)
            .map(|date| {
                let day = Day {
                    date: *date,
                    run_id: &run_id,
                    arguments,
                    share: &share,
                    forward_logs: table.forward_logs,
                };
                let table = &table;
                async move {
                    let line = table.line(date);
                    let outcome = day.run(|stage| line.set_message(stage.to_owned())).await;
                    line.finish_and_clear();
                    outcome.map(|outcome| (*date, outcome))
                }
            })
            .buffer_unordered(share.jobs);
        while let Some(finished) = running.next().await {
            let (date, outcome) = finished?;
            table.finished(&date, &outcome);
            outcomes.insert(date, outcome);
        }
    }
    let snapshots = snapshots::run(
        base,
        arguments,
        &loaded,
        &run_id,
        &outcomes,
        to,
        table.forward_logs,
    )
    .await?;
    table.clear();
    summary::report(base, arguments, &outcomes, &there, snapshots.as_ref());
    let exits = outcomes
        .values()
        .map(|outcome| outcome.exit)
        .chain(snapshots.map(|outcome| outcome.exit()));
    // A day with nothing to do is a good day.
    Ok(Exit::worst(
        exits
            .map(|exit| {
                if exit == Exit::Nothing {
                    Exit::Done
                } else {
                    exit
                }
            })
            .chain([Exit::Done]),
    ))
}

/// The live table: a bar over all days and a line for each that runs. Without a terminal
/// nothing is drawn, and the stages' log lines are passed on instead.
struct Table {
    bars: MultiProgress,
    all: ProgressBar,
    forward_logs: bool,
}

impl Table {
    fn new(days: u64, there: u64) -> Self {
        let bars = MultiProgress::new();
        let forward_logs = bars.is_hidden();
        let all = bars.add(ProgressBar::new(days));
        if let Ok(style) = ProgressStyle::with_template(
            "{bar:30} {pos}/{len} days  {elapsed} elapsed, {eta} left  {msg}",
        ) {
            all.set_style(style);
        }
        all.inc(there);
        Self {
            bars,
            all,
            forward_logs,
        }
    }

    fn line(&self, date: &RunDate) -> ProgressBar {
        let line = self
            .bars
            .insert_before(&self.all, ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("  {prefix}  {msg}  {elapsed}") {
            line.set_style(style);
        }
        line.set_prefix(date.to_string());
        line.enable_steady_tick(std::time::Duration::from_millis(200));
        line
    }

    fn finished(&self, date: &RunDate, outcome: &DayOutcome) {
        self.all.inc(1);
        match &outcome.error {
            Some(error) => {
                tracing::error!(date = %date, stage = outcome.stage, exit = outcome.exit.code(), "day failed");
                self.bars.suspend(|| {
                    if !self.forward_logs {
                        crate::output::note(&format!(
                            "{date} failed in {}: {error}",
                            outcome.stage
                        ));
                    }
                });
            }
            None => {
                tracing::info!(date = %date, rows_published = outcome.rows_published, outcome = outcome.exit.outcome(), "day finished")
            }
        }
    }

    fn clear(&self) {
        self.all.finish_and_clear();
    }
}
