//! The one summary of a range: a table for the person, figures for the run report.

use std::collections::{BTreeMap, BTreeSet};

use lakehouse_contract::RunDate;
use lakehouse_stage::{Base, Exit};
use serde_json::json;

use crate::child::StageOutcome;
use crate::cli::RunArguments;
use crate::output;
use crate::run::day::DayOutcome;

/// Days up to which each gets a line of its own on a terminal.
const DAYS_IN_FULL: usize = 62;

/// What was done after the days.
pub struct After<'a> {
    /// Building their snapshots.
    pub snapshots: Option<&'a StageOutcome>,
    /// Loading the warehouses.
    pub load: Option<&'a StageOutcome>,
}

/// Fills the run report and prints the table.
pub fn report(
    base: &Base,
    arguments: &RunArguments,
    outcomes: &BTreeMap<RunDate, DayOutcome>,
    there: &BTreeSet<RunDate>,
    after: &After<'_>,
) {
    let count = |exit: Exit| {
        outcomes
            .values()
            .filter(|outcome| outcome.exit == exit)
            .count() as u64
    };
    let total = |figure: fn(&DayOutcome) -> u64| outcomes.values().map(figure).sum::<u64>();
    let failed: Vec<_> = outcomes
        .iter()
        .filter(|(_, outcome)| outcome.error.is_some())
        .collect();
    let report = &base.report;
    report.set("days_done", count(Exit::Done));
    report.set("days_nothing_to_do", count(Exit::Nothing));
    report.set("days_already_there", there.len() as u64);
    report.set("days_failed", failed.len() as u64);
    report.set("rows_read", total(|outcome| outcome.rows_read));
    report.set("rows_published", total(|outcome| outcome.rows_published));
    report.set(
        "rows_quarantined",
        total(|outcome| outcome.rows_quarantined),
    );
    report.set("rows_duplicate", total(|outcome| outcome.rows_duplicate));
    if let Some(load) = after.load {
        report.set("rows_loaded", rows_loaded(load));
    }
    let failures: Vec<_> = failed
        .iter()
        .map(|(date, outcome)| {
            json!({"date": date.to_string(), "stage": outcome.stage, "exit_code": outcome.exit.code(), "error": outcome.error})
        })
        .collect();
    report.set("failures", failures);
    if arguments.dry_run {
        return plans(outcomes);
    }

    if outcomes.len() <= DAYS_IN_FULL {
        output::note(&table(outcomes));
    }
    output::note(&format!(
        "{}: days: {} done, {} with nothing to do, {} already there, {} failed; rows: {} read, {} published, {} quarantined, {} duplicate",
        arguments.pipeline,
        count(Exit::Done),
        count(Exit::Nothing),
        there.len(),
        failed.len(),
        total(|outcome| outcome.rows_read),
        total(|outcome| outcome.rows_published),
        total(|outcome| outcome.rows_quarantined),
        total(|outcome| outcome.rows_duplicate),
    ));
    for (date, outcome) in &failed {
        output::note(&format!(
            "\n{date} failed in {}: {}",
            outcome.stage,
            outcome.error.as_deref().unwrap_or_default()
        ));
    }
    for (what, outcome) in [("snapshots", after.snapshots), ("loading", after.load)] {
        match outcome.map(|outcome| (outcome, outcome.exit())) {
            None | Some((_, Exit::Nothing)) => {}
            Some((outcome, Exit::Done)) if what == "loading" => {
                output::note(&format!("warehouses: {} rows loaded", rows_loaded(outcome)));
            }
            Some((_, Exit::Done)) => {}
            Some((outcome, _)) => {
                output::note(&format!("\n{what} failed: {}", outcome.error_text()));
            }
        }
    }
}

fn rows_loaded(load: &StageOutcome) -> u64 {
    let warehouses = load.report["warehouses"].as_object();
    warehouses
        .into_iter()
        .flat_map(|warehouses| warehouses.values())
        .filter_map(|warehouse| warehouse["rows_loaded"].as_u64())
        .sum()
}

fn table(outcomes: &BTreeMap<RunDate, DayOutcome>) -> String {
    let mut text = format!(
        "{:<10}  {:<14}  {:>10}  {:>10}  {:>11}  {:>10}  {:>7}",
        "date", "outcome", "read", "published", "quarantined", "duplicate", "secs"
    );
    for (date, outcome) in outcomes {
        let word = match (&outcome.error, outcome.exit) {
            (Some(_), _) => format!("failed: {}", outcome.stage),
            (None, exit) => exit.outcome().to_owned(),
        };
        text.push_str(&format!(
            "\n{:<10}  {word:<14}  {:>10}  {:>10}  {:>11}  {:>10}  {:>7.2}",
            date.to_string(),
            outcome.rows_read,
            outcome.rows_published,
            outcome.rows_quarantined,
            outcome.rows_duplicate,
            outcome.elapsed_secs
        ));
    }
    text
}

fn plans(outcomes: &BTreeMap<RunDate, DayOutcome>) {
    for (date, outcome) in outcomes {
        for (stage, report) in &outcome.plan {
            for (field, verb) in [("would_read", "would read"), ("would_write", "would write")] {
                for address in report[field]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|value| value.as_str())
                {
                    output::note(&format!("{date} {stage} {verb} {address}"));
                }
            }
        }
        if let Some(error) = &outcome.error {
            output::note(&format!("{date} {} would fail: {error}", outcome.stage));
        }
    }
}
