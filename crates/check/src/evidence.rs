//! A refused day keeps its evidence: quarantine file and quality report of each refused
//! dataset, under `refused/` in its quarantine partition.

use lakehouse_stage::{Context, Exit, StageError};
use lakehouse_store::{ObjectAddress, PutOptions};

use crate::staged::{Staged, StagedObject};
use lakehouse_stage::quality::Finding;

/// Keeps the evidence and makes the error that ends the run.
///
/// # Errors
/// Store failures while the evidence is copied.
pub async fn refuse(
    context: &Context,
    refusals: &[(&Staged, Vec<Finding>)],
) -> Result<StageError, StageError> {
    let mut causes = Vec::new();
    let mut kept = Vec::new();
    for (staged, failures) in refusals {
        let report = keep(context, staged, &staged.quality, "json").await?;
        let quarantine = keep(context, staged, &staged.quarantine, "parquet").await?;
        let counts = &staged.report.counts;
        causes.push(format!(
            "dataset `{}`: {} rows read, {} published, {} quarantined, {} duplicate",
            staged.name,
            counts.rows_read,
            counts.rows_published,
            counts.rows_quarantined,
            counts.rows_duplicate
        ));
        for failure in failures {
            causes.push(format!(
                "rule `{}` failed: measured {}, allowed {}",
                failure.rule, failure.measured, failure.allowed
            ));
        }
        let entry = context.report.dataset(&staged.name);
        entry.set("failures", serde_json::json!(failures));
        entry.set("evidence_quarantine", quarantine.to_string());
        entry.set("evidence_quality", report.to_string());
        kept.push(format!("`{quarantine}` and `{report}`"));
    }
    let names: Vec<String> = refusals
        .iter()
        .map(|(staged, _)| format!("`{}`", staged.name))
        .collect();
    let mut error = StageError::new(
        Exit::Refused,
        format!(
            "{} of pipeline `{}` refused for {}, nothing was published",
            names.join(", "),
            context.pipeline.name,
            context.date
        ),
    );
    for cause in causes {
        error = error.cause(cause);
    }
    Ok(error.hint(format!(
        "the evidence is kept at {}; correct the source (or the contract) and run the day again from bronze",
        kept.join(", ")
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
