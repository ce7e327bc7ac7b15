//! What a dataset leaves in staging: quarantine file, quality report, data file, in that order.
//!
//! Names are made of content, and nothing in them or in the key-values of the data file tells
//! the time, the run or the store: the same input gives the same bytes.

use std::collections::BTreeMap;

use bytes::Bytes;
use lakehouse_stage::{DataObject, StageError};
use lakehouse_store::manifest::Manifest;
use lakehouse_store::{ObjectAddress, PutOptions, StagedFile, sha256_of_bytes};

use crate::Job;
use crate::build::Built;

/// The key-values of the data file's footer.
#[must_use]
pub fn key_values(
    job: &Job<'_>,
    manifest: &Manifest,
    quarantine_sha256: &str,
    quality: &[u8],
) -> BTreeMap<String, String> {
    let inputs = inputs_json(manifest);
    BTreeMap::from([
        (
            "lake.pipeline".to_owned(),
            job.context.pipeline.name.to_string(),
        ),
        ("lake.dataset".to_owned(), job.name.to_string()),
        ("lake.date".to_owned(), job.context.date.to_string()),
        (
            "lake.inputs_sha256".to_owned(),
            sha256_of_bytes(inputs.as_bytes()),
        ),
        ("lake.inputs".to_owned(), inputs),
        (
            "lake.contract_sha256".to_owned(),
            job.contract.sha256.clone(),
        ),
        ("lake.engine".to_owned(), lakehouse_engine::version()),
        (
            "lake.quarantine".to_owned(),
            format!("{quarantine_sha256}.parquet"),
        ),
        (
            "lake.quality".to_owned(),
            format!("{}.json", sha256_of_bytes(quality)),
        ),
    ])
}

/// The sorted (source name, size, SHA-256) of the manifest.
fn inputs_json(manifest: &Manifest) -> String {
    let mut files: Vec<_> = manifest
        .files
        .iter()
        .map(|file| (&file.source_name, file.size_bytes, &file.sha256))
        .collect();
    files.sort();
    let files: Vec<serde_json::Value> = files
        .into_iter()
        .map(|(source_name, size_bytes, sha256)| {
            serde_json::json!({"source_name": source_name, "size_bytes": size_bytes, "sha256": sha256})
        })
        .collect();
    serde_json::Value::from(files).to_string()
}

/// What the run report says of the day's bronze partition: its manifest stands for all files.
pub(crate) fn input(job: &Job<'_>, manifest: &Manifest) -> DataObject {
    let context = job.context;
    DataObject::at(
        context
            .layout
            .bronze_manifest(&context.pipeline.name, job.name, &context.date),
    )
    .sha256(sha256_of_bytes(&manifest.to_json()))
    .objects(manifest.files.len() as u64)
    .bytes(manifest.files.iter().map(|file| file.size_bytes).sum())
}

/// Says in the run report what was staged.
fn staged(job: &Job<'_>, file: StagedFile, sha256: &str, bytes: u64, rows: Option<u64>) {
    let object = DataObject::at(address(job, file))
        .sha256(sha256)
        .bytes(bytes);
    job.context
        .report
        .dataset(job.name)
        .output(DataObject { rows, ..object });
}

/// Uploads what [`crate::build::build`] made; the data file last.
///
/// # Errors
/// Store failures.
pub async fn upload(job: &Job<'_>, built: Built) -> Result<(), StageError> {
    let context = job.context;
    let _phase = context.report.phase("stage");
    let store = &context.store;
    let quality_sha256 = sha256_of_bytes(&built.quality);
    let names = BTreeMap::from([
        (
            "quarantine".to_owned(),
            format!("{}.parquet", built.quarantine_sha256),
        ),
        ("quality".to_owned(), format!("{quality_sha256}.json")),
    ]);
    store
        .put_file(
            &address(job, StagedFile::Quarantine),
            &built.quarantine,
            &with_sha256(&built.quarantine_sha256, BTreeMap::new()),
        )
        .await?;
    let bytes = file_bytes(&built.quarantine)?;
    staged(
        job,
        StagedFile::Quarantine,
        &built.quarantine_sha256,
        bytes,
        None,
    );
    // The report's object says that there is a profile, the data file does not: what is published
    // is the same with one and without.
    let mut beside_report = BTreeMap::new();
    if let Some(profile) = built.profile {
        let sha256 = sha256_of_bytes(&profile);
        beside_report.insert("profile".to_owned(), sha256.clone());
        staged(
            job,
            StagedFile::Profile,
            &sha256,
            profile.len() as u64,
            None,
        );
        store
            .put_bytes(
                &address(job, StagedFile::Profile),
                Bytes::from(profile),
                &with_sha256(&sha256, BTreeMap::new()),
            )
            .await?;
    }
    staged(
        job,
        StagedFile::Quality,
        &quality_sha256,
        built.quality.len() as u64,
        None,
    );
    store
        .put_bytes(
            &address(job, StagedFile::Quality),
            Bytes::from(built.quality),
            &with_sha256(&quality_sha256, beside_report),
        )
        .await?;
    let data_sha256 = lakehouse_store::sha256_of_file(&built.data)?.0;
    store
        .put_file(
            &address(job, StagedFile::Data),
            &built.data,
            &with_sha256(&data_sha256, names),
        )
        .await?;
    let bytes = file_bytes(&built.data)?;
    staged(
        job,
        StagedFile::Data,
        &data_sha256,
        bytes,
        Some(built.rows_published),
    );
    Ok(())
}

fn file_bytes(path: &std::path::Path) -> Result<u64, StageError> {
    let metadata = std::fs::metadata(path).map_err(|error| {
        StageError::from_io(format!("cannot read `{}`", path.display()), &error)
    })?;
    Ok(metadata.len())
}

/// Put options that carry the object's own SHA-256 and the names of what belongs to it.
fn with_sha256(sha256: &str, metadata: BTreeMap<String, String>) -> PutOptions {
    PutOptions {
        sha256: Some(sha256.to_owned()),
        metadata,
        ..PutOptions::default()
    }
}

fn address(job: &Job<'_>, file: StagedFile) -> ObjectAddress {
    let context = job.context;
    context.layout.staged_object(
        &context.pipeline.name,
        &context.date,
        context.run_id.as_str(),
        job.name,
        file,
    )
}

/// What a run would read and write, when bronze has a manifest.
pub fn plan(job: &Job<'_>, manifest: &Manifest) {
    let context = job.context;
    context.would_read(context.layout.bronze_manifest(
        &context.pipeline.name,
        job.name,
        &context.date,
    ));
    for file in &manifest.files {
        context.would_read(context.layout.bronze_object(
            &context.pipeline.name,
            job.name,
            &context.date,
            &file.object,
        ));
    }
    plan_writes(job);
}

/// The same, when bronze has not run yet.
pub fn plan_without_manifest(job: &Job<'_>) {
    let context = job.context;
    let manifest = context
        .layout
        .bronze_manifest(&context.pipeline.name, job.name, &context.date);
    context.would_read(format!("{} ({})", manifest, "after bronze"));
    plan_writes(job);
}

fn plan_writes(job: &Job<'_>) {
    let context = job.context;
    context.would_write(address(job, StagedFile::Quarantine));
    context.would_write(address(job, StagedFile::Quality));
    if job.profile {
        context.would_write(address(job, StagedFile::Profile));
    }
    context.would_write(address(job, StagedFile::Data));
}
