//! A staged dataset, brought to the workspace exactly as it will be published.

use std::path::PathBuf;

use lakehouse_contract::Name;
use lakehouse_stage::quality::QualityReport;
use lakehouse_stage::{Context, DataObject, Exit, StageError};
use lakehouse_store::{Downloaded, ObjectAddress, StagedFile, manifest};

/// One staged object: where it is, what it is, its local copy.
#[derive(Debug)]
pub struct StagedObject {
    /// Its address in staging.
    pub address: ObjectAddress,
    /// Its local copy.
    pub path: PathBuf,
    /// ETag, SHA-256, metadata.
    pub downloaded: Downloaded,
}

impl StagedObject {
    /// What the run report says of it, at the address where it is read or published.
    #[must_use]
    pub fn reported_at(&self, address: &ObjectAddress) -> DataObject {
        DataObject::at(address)
            .sha256(&self.downloaded.sha256)
            .bytes(self.downloaded.info.size_bytes)
    }
}

/// A dataset of the day with all that silver staged for it.
#[derive(Debug)]
pub struct Staged {
    /// The dataset's name.
    pub name: Name,
    /// The rows to publish.
    pub data: StagedObject,
    /// The rejected rows.
    pub quarantine: StagedObject,
    /// The quality report's object.
    pub quality: StagedObject,
    /// The profile, when silver was asked for one.
    pub profile: Option<StagedObject>,
    /// The quality report, parsed.
    pub report: QualityReport,
}

/// Loads what silver staged; nothing when bronze has no manifest for the day.
///
/// # Errors
/// A dataset with a manifest that is not staged (exit 2), store failures, a broken report.
pub async fn load(context: &Context, name: &Name) -> Result<Option<Staged>, StageError> {
    let pipeline = &context.pipeline.name;
    let manifest_address = context
        .layout
        .bronze_manifest(pipeline, name, &context.date);
    if manifest::load(&context.store, &manifest_address)
        .await?
        .is_none()
    {
        return Ok(None);
    }
    let Some(data) = object(context, name, StagedFile::Data, "data.parquet").await? else {
        return Err(not_staged(context, name));
    };
    let Some(quarantine) =
        object(context, name, StagedFile::Quarantine, "quarantine.parquet").await?
    else {
        return Err(not_staged(context, name));
    };
    let Some(quality) = object(context, name, StagedFile::Quality, "quality.json").await? else {
        return Err(not_staged(context, name));
    };
    let profile = match quality.downloaded.info.metadata.contains_key("profile") {
        true => object(context, name, StagedFile::Profile, "profile.json").await?,
        false => None,
    };
    let text = std::fs::read(&quality.path).map_err(|error| {
        StageError::from_io(format!("cannot read `{}`", quality.path.display()), &error)
    })?;
    let report: QualityReport = serde_json::from_slice(&text).map_err(|error| {
        StageError::new(
            Exit::Usage,
            format!(
                "`{}` is not a quality report of this version",
                quality.address
            ),
        )
        .cause(error.to_string())
        .hint("run silver again for this day, with the same version as check")
    })?;
    let section = context.report.dataset(name);
    for object in [&data, &quarantine, &quality] {
        section.input(object.reported_at(&object.address));
    }
    Ok(Some(Staged {
        name: name.clone(),
        data,
        quarantine,
        quality,
        profile,
        report,
    }))
}

async fn object(
    context: &Context,
    name: &Name,
    file: StagedFile,
    local_name: &str,
) -> Result<Option<StagedObject>, StageError> {
    let address = context.layout.staged_object(
        &context.pipeline.name,
        &context.date,
        context.run_id.as_str(),
        name,
        file,
    );
    let Some(info) = context.store.head(&address).await? else {
        return Ok(None);
    };
    context.workspace.require_free(info.size_bytes)?;
    let path = context.workspace.directory(name.as_str())?.join(local_name);
    let downloaded = context.store.get_to_file(&address, &path).await?;
    Ok(Some(StagedObject {
        address,
        path,
        downloaded,
    }))
}

fn not_staged(context: &Context, name: &Name) -> StageError {
    StageError::new(
        Exit::Usage,
        format!(
            "dataset `{name}` of `{}` has a bronze manifest for {} but is not staged for run `{}`",
            context.pipeline.name, context.date, context.run_id
        ),
    )
    .hint("its staging is gone (cleanup removes it) or silver did not run: start again from silver with the same run id")
}
