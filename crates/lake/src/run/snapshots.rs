//! Marts that look back, after a range: in date order, after all partitions of the range.

use std::collections::BTreeMap;

use lakehouse_contract::{Mart, RunDate};
use lakehouse_stage::{Base, Exit, LoadedPipeline, StageError};

use crate::child::{self, Call, StageOutcome};
use crate::cli::RunArguments;
use crate::run::day::DayOutcome;

/// Builds the range's marts that look back, then those of later days that looked back at it.
///
/// # Errors
/// A stage cannot be started at all.
pub async fn run(
    base: &Base,
    arguments: &RunArguments,
    loaded: &LoadedPipeline,
    run_id: &str,
    outcomes: &BTreeMap<RunDate, DayOutcome>,
    to: RunDate,
    forward_logs: bool,
) -> Result<Option<StageOutcome>, StageError> {
    let any = loaded.pipeline.marts.values().any(Mart::looks_back);
    let built = outcomes.values().any(|outcome| outcome.exit == Exit::Done);
    if !any || !built || arguments.dry_run {
        return Ok(None);
    }
    let environment = vec![
        ("LAKE_THREADS".to_owned(), base.settings.threads.to_string()),
        (
            "LAKE_MEMORY_LIMIT".to_owned(),
            base.settings.memory_limit_bytes.to_string(),
        ),
    ];
    let call = |date: &str, more: &[&str]| Call {
        stage: "gold",
        arguments: [
            "--pipeline",
            arguments.pipeline.as_str(),
            "--date",
            date,
            "--run-id",
            run_id,
        ]
        .iter()
        .chain(more)
        .map(|&text| text.to_owned())
        .collect(),
        environment: environment.clone(),
        forward_logs,
    };
    let from = arguments.from.to_string();
    let range = child::run(&call(
        &to.to_string(),
        &["--materialised", "snapshot", "--from", &from],
    ))
    .await?;
    if !matches!(range.exit(), Exit::Done | Exit::Nothing) {
        return Ok(Some(range));
    }
    let later = child::run(&call(
        &to.to_string(),
        &["--stale", "--materialised", "snapshot"],
    ))
    .await?;
    match later.exit() {
        Exit::Done | Exit::Nothing => Ok(Some(range)),
        _ => Ok(Some(later)),
    }
}
