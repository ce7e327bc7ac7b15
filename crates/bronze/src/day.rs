//! One dataset on one day: list, hash, and deliver.

use futures::{StreamExt as _, TryStreamExt as _};
use lakehouse_contract::{FileGlob, FilePattern, Name, WhenMissing};
use lakehouse_deliver::{Delivery, files_at_once};
use lakehouse_stage::{Context, DataObject, Exit, Section, StageError};
use lakehouse_store::manifest::Manifest;

use crate::content::HashedFile;
use crate::hash;
use crate::source::{Source, SourceFile};

/// One dataset on one day.
pub(crate) struct Day<'a> {
    pub(crate) context: &'a Context,
    pub(crate) delivery: Delivery<'a>,
    name: Name,
    source: Source,
    glob: FileGlob,
    when_missing: WhenMissing,
}

impl<'a> Day<'a> {
    /// Judges the source.
    pub(crate) fn new(context: &'a Context, name: Name) -> Result<Self, StageError> {
        let dataset = context
            .pipeline
            .datasets
            .get(&name)
            .ok_or_else(|| StageError::bug(format!("the dataset `{name}` has vanished")))?;
        let files = match &dataset.source {
            lakehouse_contract::Source::Files(files) => files.files.clone(),
            lakehouse_contract::Source::Table(_) => table_files()?,
        };
        let source = Source::parse(&context.source_of(&name, dataset)?)
            .map_err(|error| error.context(format!("the source of dataset `{name}` is wrong")))?;
        Ok(Self {
            source,
            glob: files.expand(&context.date),
            when_missing: dataset.when_missing,
            delivery: Delivery::new(context, &name),
            context,
            name,
        })
    }

    /// The dataset.
    pub(crate) fn name(&self) -> &Name {
        &self.name
    }

    /// What the report says of it.
    pub(crate) fn section(&self) -> &Section {
        self.delivery.section()
    }

    /// Copies what is new.
    pub(crate) async fn copy(&self, prune: bool) -> Result<Exit, StageError> {
        let files = self.list().await?;
        if files.is_empty() {
            let old = self.delivery.manifest().await?;
            return self.judge_empty(old.as_ref().map(|(manifest, _)| manifest), prune);
        }
        let contents = self.hash(files).await?;
        self.delivery.deliver(&contents, prune).await?;
        Ok(Exit::Done)
    }

    pub(crate) async fn list(&self) -> Result<Vec<SourceFile>, StageError> {
        let _phase = self.section().phase("list");
        let files = self.source.list(&self.context.store, &self.glob).await?;
        let bytes = files.iter().map(|file| file.size_bytes).sum::<u64>();
        self.section().set("files", files.len());
        self.section().set("source_bytes", bytes);
        self.section().input(
            DataObject::at(&self.source)
                .objects(files.len() as u64)
                .bytes(bytes),
        );
        Ok(files)
    }

    /// A day whose source is gone but whose manifest exists can be replayed; it is not pruned
    /// to nothing, since an empty source is more often a mount that is missing.
    pub(crate) fn judge_empty(
        &self,
        manifest: Option<&Manifest>,
        prune: bool,
    ) -> Result<Exit, StageError> {
        if let Some(manifest) = manifest {
            self.section().set("files_kept", manifest.files.len());
            if prune {
                tracing::warn!(
                    dataset = %self.name, files = manifest.files.len(),
                    "the source has no file of the day: nothing is pruned"
                );
            }
            return Ok(Exit::Done);
        }
        let nothing = format!(
            "dataset `{}` has no source file `{}` and no manifest for {}",
            self.name, self.glob, self.context.date
        );
        match self.when_missing {
            WhenMissing::Skip => {
                tracing::info!(dataset = %self.name, date = %self.context.date, pattern = %self.glob, "nothing to do: there is no source file");
                Ok(Exit::Nothing)
            }
            WhenMissing::Fail => Err(StageError::refused(nothing).hint(
                "deliver the file and run the stage again; `whenMissing: skip` lets such days pass",
            )),
        }
    }

    async fn hash(&self, files: Vec<SourceFile>) -> Result<Vec<HashedFile>, StageError> {
        let _phase = self.section().phase("hash");
        let total = files.iter().map(|file| file.size_bytes).sum();
        let bar = self
            .context
            .progress
            .bytes(&format!("{}: hash", self.name), total);
        let hashed = futures::stream::iter(files)
            .map(|file| async {
                let sha256 = hash::hash(&self.context.store, &file, &bar).await?;
                Ok::<_, StageError>(HashedFile::new(file, sha256))
            })
            .buffered(files_at_once(self.context))
            .try_collect()
            .await;
        bar.finish();
        hashed
    }
}

/// Which files of a folder stand for what would be taken out of a database: a test case's.
fn table_files() -> Result<FilePattern, StageError> {
    "{date:%Y-%m-%d}*.csv"
        .parse()
        .map_err(|error: lakehouse_contract::ContractError| StageError::bug(error.to_string()))
}
