//! Publishing: the names that the data file gives come first, the data file is the commit.

use lakehouse_contract::Name;
use lakehouse_stage::superseded::{self, PROFILE_EXTENSION, Partition, SAFE_AGE};
use lakehouse_stage::{Context, StageError};
use lakehouse_store::{ObjectAddress, PutOptions, StagedFile, manifest};

use crate::staged::{Staged, StagedObject};

/// Publishes one audited dataset and sweeps what its partition no longer names.
///
/// Quarantine file and report are written anew even where they exist: a sweep of another run
/// may be about to remove what only looks superseded, and a fresh object is too young for it.
///
/// # Errors
/// Store failures; a staged object that changed since its audit.
pub async fn publish(context: &Context, staged: &Staged) -> Result<(), StageError> {
    let _phase = context.report.dataset(&staged.name).phase("publish");
    put(context, staged, &staged.quarantine, "parquet").await?;
    put(context, staged, &staged.quality, "json").await?;
    if let Some(profile) = &staged.profile {
        // Named after the report, so that the data file need not name it.
        let report_sha256 = &staged.quality.downloaded.sha256;
        put_as(context, staged, profile, report_sha256, PROFILE_EXTENSION).await?;
    }
    let target = context
        .layout
        .silver_data(&context.pipeline.name, &staged.name, &context.date);
    context
        .store
        .copy(
            &staged.data.address,
            &staged.data.downloaded.info.etag,
            &target,
        )
        .await?;
    let entry = context.report.dataset(&staged.name);
    let counts = &staged.report.counts;
    entry.counts(*counts);
    entry.output(staged.data.reported_at(&target).rows(counts.rows_published));
    entry.set("published", target.to_string());
    entry.set("data_sha256", staged.data.downloaded.sha256.clone());
    tracing::info!(dataset = %staged.name, rows = counts.rows_published, object = %target, "published");
    entry.set("superseded_removed", sweep(context, staged, &target).await?);
    Ok(())
}

/// Removes what the partition, as it is published now, does not name any more. Its own time of
/// publishing is the store's clock.
async fn sweep(
    context: &Context,
    staged: &Staged,
    target: &ObjectAddress,
) -> Result<u64, StageError> {
    let (store, layout) = (&context.store, &context.layout);
    let Some(published) = store.head(target).await? else {
        return Ok(0);
    };
    let partition = Partition {
        pipeline: context.pipeline.name.clone(),
        dataset: staged.name.clone(),
        date: context.date,
    };
    let objects = store
        .list(&layout.quarantine_partition(
            &partition.pipeline,
            &partition.dataset,
            &partition.date,
        ))
        .await?;
    let before = published.last_modified - SAFE_AGE;
    superseded::sweep(
        store,
        layout,
        &partition,
        objects,
        before,
        async |_, object| {
            store.delete(&object.address).await?;
            tracing::info!(object = %object.address, "removed, it is superseded");
            Ok(())
        },
    )
    .await
}

async fn put(
    context: &Context,
    staged: &Staged,
    object: &StagedObject,
    extension: &str,
) -> Result<(), StageError> {
    let sha256 = &object.downloaded.sha256;
    put_as(context, staged, object, sha256, extension).await
}

async fn put_as(
    context: &Context,
    staged: &Staged,
    object: &StagedObject,
    name: &str,
    extension: &str,
) -> Result<(), StageError> {
    let address = quarantine_address(context, &staged.name, name, extension);
    let options = PutOptions {
        sha256: Some(object.downloaded.sha256.clone()),
        ..PutOptions::default()
    };
    context
        .store
        .put_file(&address, &object.path, &options)
        .await?;
    context
        .report
        .dataset(&staged.name)
        .output(object.reported_at(&address));
    Ok(())
}

fn quarantine_address(
    context: &Context,
    name: &Name,
    sha256: &str,
    extension: &str,
) -> ObjectAddress {
    context.layout.quarantine_object(
        &context.pipeline.name,
        name,
        &context.date,
        sha256,
        extension,
    )
}

/// Says what a run would read and write.
///
/// # Errors
/// Store failures while the manifest is looked up.
pub async fn plan(context: &Context, name: &Name) -> Result<(), StageError> {
    let pipeline = &context.pipeline.name;
    let manifest_address = context
        .layout
        .bronze_manifest(pipeline, name, &context.date);
    let has_manifest = manifest::load(&context.store, &manifest_address)
        .await?
        .is_some();
    context.would_read(manifest_address);
    for file in [
        StagedFile::Data,
        StagedFile::Quarantine,
        StagedFile::Quality,
    ] {
        let address = context.layout.staged_object(
            pipeline,
            &context.date,
            context.run_id.as_str(),
            name,
            file,
        );
        let exists = context.store.head(&address).await?.is_some();
        match (exists, has_manifest) {
            (true, _) => context.would_read(address),
            (false, true) => context.would_read(format!("{} ({})", address, "after silver")),
            (false, false) => {
                context.would_read(format!("{} ({})", address, "after bronze and silver"))
            }
        }
    }
    for extension in ["parquet", "json"] {
        context.would_write(quarantine_address(
            context,
            name,
            "<content hash>",
            extension,
        ));
    }
    context.would_write(context.layout.silver_data(pipeline, name, &context.date));
    Ok(())
}
