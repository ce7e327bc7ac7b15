//! A refused day keeps its evidence: quarantine file and quality report of each refused
//! dataset, under `refused/` in its quarantine partition.

use lakehouse_stage::quality::Finding;
use lakehouse_stage::{Context, StageError};
use lakehouse_store::{ObjectAddress, PutOptions};

use crate::staged::{Staged, StagedObject};

/// Keeps a dataset's evidence and makes the error that refuses it.
///
/// # Errors
/// Store failures while the evidence is copied.
pub async fn refuse(
    context: &Context,
    staged: &Staged,
    failures: &[Finding],
) -> Result<StageError, StageError> {
    let report = keep(context, staged, &staged.quality, "json").await?;
    let quarantine = keep(context, staged, &staged.quarantine, "parquet").await?;
    let entry = context.report.dataset(&staged.name);
    let reasons = staged.report.reasons();
    entry.set("failures", serde_json::json!(failures));
    entry.set("reasons", serde_json::json!(reasons));
    entry.set("evidence_quarantine", quarantine.to_string());
    entry.set("evidence_quality", report.to_string());
    let counts = &staged.report.counts;
    let mut error = StageError::refused(format!(
        "`{}` of pipeline `{}` refused for {}, nothing was published",
        staged.name, context.pipeline.name, context.date
    ))
    .cause(format!(
        "dataset `{}`: {} rows read, {} published, {} quarantined, {} duplicate",
        staged.name,
        counts.rows_read,
        counts.rows_published,
        counts.rows_quarantined,
        counts.rows_duplicate
    ));
    for reason in reasons {
        error = error.cause(reason);
    }
    for failure in failures {
        error = error.cause(format!(
            "rule `{}` failed: measured {}, allowed {}",
            failure.rule, failure.measured, failure.allowed
        ));
    }
    Ok(error.hint(format!(
        "the evidence is kept at `{quarantine}` and `{report}`; correct the source (or the contract) and run the day again from bronze"
    )))
}

async fn keep(
    context: &Context,
    staged: &Staged,
    object: &StagedObject,
    extension: &str,
) -> Result<ObjectAddress, StageError> {
    let sha256 = &object.downloaded.sha256;
    let address = context.layout.refused_object(
        &context.pipeline.name,
        &staged.name,
        &context.date,
        sha256,
        extension,
    );
    let options = PutOptions {
        sha256: Some(sha256.clone()),
        ..PutOptions::default()
    };
    context
        .store
        .put_file(&address, &object.path, &options)
        .await?;
    Ok(address)
}
