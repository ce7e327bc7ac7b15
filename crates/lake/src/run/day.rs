//! One day: bronze or extract or both, silver, check, gold; cleanup in any case.

use lakehouse_contract::{Pipeline, RunDate};
use lakehouse_stage::{Exit, StageError};
use serde_json::Value;

use crate::child::{self, Call, StageOutcome};
use crate::cli::RunArguments;
use crate::run::share::Share;

/// The stages of a day behind those that fill bronze, in their order. Snapshots are built after the
/// range.
const STAGES: [&str; 3] = ["silver", "check", "gold"];

/// The stages that fill bronze for a pipeline, by where its datasets come from.
#[must_use]
pub fn intake(pipeline: &Pipeline, source_root: bool) -> Vec<&'static str> {
    let tables = pipeline
        .datasets
        .values()
        .filter(|dataset| dataset.source.table().is_some())
        .count();
    // A folder that stands in for every source is read by bronze.
    match (tables, pipeline.datasets.len() - tables) {
        (0, _) => vec!["bronze"],
        _ if source_root => vec!["bronze"],
        (_, 0) => vec!["extract"],
        _ => vec!["bronze", "extract"],
    }
}

/// A day to run.
pub struct Day<'a> {
    /// Its run date.
    pub date: RunDate,
    /// The run's id.
    pub run_id: &'a str,
    /// What was asked for.
    pub arguments: &'a RunArguments,
    /// Its memory and threads.
    pub share: &'a Share,
    /// Whether the stages' log lines are passed on.
    pub forward_logs: bool,
    /// The stages that fill bronze.
    pub intake: &'a [&'static str],
}

/// How a day ended.
#[derive(Debug, Clone)]
pub struct DayOutcome {
    /// The exit of the stage that ended it.
    pub exit: Exit,
    /// That stage.
    pub stage: &'static str,
    /// Its error, as a person reads it.
    pub error: Option<String>,
    /// Rows of all datasets.
    pub rows_read: u64,
    /// Of them published.
    pub rows_published: u64,
    /// Of them quarantined.
    pub rows_quarantined: u64,
    /// Of them dropped as duplicates.
    pub rows_duplicate: u64,
    /// Wall time of all stages.
    pub elapsed_secs: f64,
    /// The plan of a dry run, stage by stage.
    pub plan: Vec<(&'static str, Value)>,
}

impl Day<'_> {
    /// Runs the stages until one fails or has nothing to do; `at` is told each stage's name.
    ///
    /// # Errors
    /// A stage cannot be started at all.
    pub async fn run(&self, at: impl Fn(&str)) -> Result<DayOutcome, StageError> {
        let started = std::time::Instant::now();
        let mut something_came = false;
        let mut result = DayOutcome {
            exit: Exit::Done,
            stage: self.intake.first().copied().unwrap_or("bronze"),
            error: None,
            rows_read: 0,
            rows_published: 0,
            rows_quarantined: 0,
            rows_duplicate: 0,
            elapsed_secs: 0.0,
            plan: Vec::new(),
        };
        for &stage in self.intake.iter().chain(&STAGES) {
            at(stage);
            let outcome = child::run(&self.call(stage)).await?;
            result.stage = stage;
            result.note(&outcome);
            let exit = outcome.exit();
            let is_intake = self.intake.contains(&stage);
            something_came |= is_intake && exit == Exit::Done;
            // One of two that fill bronze may have nothing to do.
            let is_last_intake = self.intake.last() == Some(&stage);
            if is_intake && exit == Exit::Nothing && (!is_last_intake || something_came) {
                continue;
            }
            // A pipeline without marts, or with snapshots only, has nothing to do in gold.
            if !(stage == "gold" && exit == Exit::Nothing) {
                result.exit = exit;
            }
            if exit != Exit::Done {
                if exit != Exit::Nothing {
                    result.error = Some(outcome.error_text());
                }
                break;
            }
        }
        if !self.arguments.dry_run {
            at("cleanup");
            let outcome = child::run(&self.call("cleanup")).await?;
            if outcome.exit() != Exit::Done {
                tracing::warn!(date = %self.date, error = %outcome.error_text(), "cleanup failed");
            }
        }
        result.elapsed_secs = started.elapsed().as_secs_f64();
        Ok(result)
    }

    fn call(&self, stage: &'static str) -> Call {
        let mut arguments = vec![
            "--pipeline".to_owned(),
            self.arguments.pipeline.to_string(),
            "--date".to_owned(),
            self.date.to_string(),
            "--run-id".to_owned(),
            self.run_id.to_owned(),
        ];
        let mut flag = |wanted: bool, text: &str| {
            if wanted {
                arguments.extend(text.split(' ').map(str::to_owned));
            }
        };
        flag(self.arguments.dry_run, "--dry-run");
        flag(stage == "bronze" && self.arguments.prune, "--prune");
        flag(stage == "silver" && self.arguments.profile, "--profile");
        flag(stage == "gold", "--materialised partition");
        Call {
            stage,
            arguments,
            environment: self.share.environment(),
            forward_logs: self.forward_logs,
        }
    }
}

impl DayOutcome {
    fn note(&mut self, outcome: &StageOutcome) {
        let datasets = outcome.report["datasets"].as_object();
        let sum = |field: &str| -> u64 {
            datasets
                .into_iter()
                .flat_map(|datasets| datasets.values())
                .filter_map(|dataset| dataset[field].as_u64())
                .sum()
        };
        if self.stage == "silver" {
            self.rows_read = sum("rows_read");
            self.rows_quarantined = sum("rows_quarantined");
            self.rows_duplicate = sum("rows_duplicate");
        }
        if self.stage == "check" {
            self.rows_published = sum("rows_published");
        }
        if !outcome.report["would_read"].is_null() {
            self.plan.push((self.stage, outcome.report.clone()));
        }
    }
}
