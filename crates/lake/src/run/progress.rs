//! What a person sees while the days run.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use lakehouse_contract::RunDate;
use lakehouse_stage::Progress;

use crate::run::day::DayOutcome;

/// The live table: a bar over all days and a line for each that runs. Without a terminal
/// nothing is drawn, and the stages' log lines are passed on instead.
pub struct DayProgress {
    bars: Option<MultiProgress>,
    all: ProgressBar,
    /// Whether the stages' log lines are passed on.
    pub forward_logs: bool,
}

impl DayProgress {
    /// It is drawn among the bars of the frame, which takes them away while a log line is
    /// written.
    #[must_use]
    pub fn new(progress: &Progress, days: u64, there: u64) -> Self {
        let bars = progress.bars().cloned();
        let all = match &bars {
            Some(bars) => bars.add(ProgressBar::new(days)),
            None => ProgressBar::hidden(),
        };
        if let Ok(style) = ProgressStyle::with_template(
            "{bar:30} {pos}/{len} days  {elapsed} elapsed, {eta} left  {msg}",
        ) {
            all.set_style(style);
        }
        all.inc(there);
        Self {
            forward_logs: bars.is_none(),
            bars,
            all,
        }
    }

    /// A line for a day that runs.
    #[must_use]
    pub fn line(&self, date: &RunDate) -> ProgressBar {
        let Some(bars) = &self.bars else {
            return ProgressBar::hidden();
        };
        let line = bars.insert_before(&self.all, ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("  {prefix}  {msg}  {elapsed}") {
            line.set_style(style);
        }
        line.set_prefix(date.to_string());
        line.enable_steady_tick(Duration::from_millis(200));
        line
    }

    /// Counts a day that has ended. A failed day's error is in the summary, once.
    pub fn finished(&self, date: &RunDate, outcome: &DayOutcome) {
        self.all.inc(1);
        if outcome.error.is_some() {
            tracing::error!(date = %date, stage = outcome.stage, exit = outcome.exit.code(), "day failed");
        } else {
            tracing::info!(date = %date, rows_published = outcome.rows_published, outcome = outcome.exit.outcome(), "day finished");
        }
    }

    /// Takes the table away.
    pub fn clear(&self) {
        self.all.finish_and_clear();
    }
}
