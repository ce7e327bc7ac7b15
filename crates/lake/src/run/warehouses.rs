//! Warehouses after a range: what gold has of it, and of later days that looked back at it.

use lakehouse_contract::RunDate;
use lakehouse_stage::{Base, LoadedPipeline, StageError};

use crate::child::{self, Call, StageOutcome};
use crate::cli::RunArguments;

/// Loads the pipeline's warehouses; nothing where it has none.
///
/// # Errors
/// The stage cannot be started at all.
pub async fn run(
    base: &Base,
    arguments: &RunArguments,
    loaded: &LoadedPipeline,
    run_id: &str,
    to: RunDate,
    forward_logs: bool,
) -> Result<Option<StageOutcome>, StageError> {
    if loaded.pipeline.warehouses.is_empty() || arguments.dry_run {
        return Ok(None);
    }
    let (from, to) = (arguments.from.to_string(), to.to_string());
    let call = Call {
        stage: "load",
        arguments: [
            "--pipeline",
            arguments.pipeline.as_str(),
            "--date",
            &to,
            "--run-id",
            run_id,
            "--from",
            &from,
            "--stale",
        ]
        .map(str::to_owned)
        .to_vec(),
        environment: vec![
            ("LAKE_THREADS".to_owned(), base.settings.threads.to_string()),
            (
                "LAKE_MEMORY_LIMIT".to_owned(),
                base.settings.memory_limit_bytes.to_string(),
            ),
        ],
        forward_logs,
    };
    child::run(&call).await.map(Some)
}
