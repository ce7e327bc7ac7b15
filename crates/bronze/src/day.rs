//! One dataset on one day: list, hash, copy, and write the manifest last.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _};
use lakehouse_contract::{FileGlob, Name, WhenMissing};
use lakehouse_stage::{Bar, Context, Exit, Section, StageError};
use lakehouse_store::manifest::{self, Manifest, ManifestFile};
use lakehouse_store::{Location, StoreError};

use crate::copy::{self, Placed};
use crate::hash;
use crate::source::{Source, SourceFile};
use crate::sweep;

/// How often another run may be faster with the manifest.
const MOST_ROUNDS: u32 = 20;

/// One dataset on one day.
pub(crate) struct Day<'a> {
    pub(crate) context: &'a Context,
    name: Name,
    source: Source,
    glob: FileGlob,
    when_missing: WhenMissing,
    pub(crate) partition: Location,
    section: Section,
}

/// A source file with its digest.
struct Hashed {
    file: SourceFile,
    sha256: String,
}

/// What became of the manifest.
enum Saved {
    /// It said the same already.
    Unchanged,
    Written,
    /// Another run has written it since it was read.
    Overtaken,
}

impl<'a> Day<'a> {
    /// Judges the source.
    pub(crate) fn new(context: &'a Context, name: Name) -> Result<Self, StageError> {
        let dataset = context
            .pipeline
            .datasets
            .get(&name)
            .ok_or_else(|| StageError::bug(format!("the dataset `{name}` has vanished")))?;
        let lakehouse_contract::Source::Files(files) = &dataset.source;
        let source = Source::parse(&context.source_of(&name, dataset)?)
            .map_err(|error| error.context(format!("the source of dataset `{name}` is wrong")))?;
        Ok(Self {
            source,
            glob: files.files.expand(&context.date),
            when_missing: dataset.when_missing,
            partition: context.layout.bronze_partition(
                &context.pipeline.name,
                &name,
                &context.date,
            ),
            section: context.report.dataset(&name),
            context,
            name,
        })
    }

    /// The dataset.
    pub(crate) fn name(&self) -> &Name {
        &self.name
    }

    /// What the report says of it.
    pub(crate) fn section(&self) -> Section {
        self.section.clone()
    }

    /// Copies what is new.
    pub(crate) async fn copy(&self, prune: bool) -> Result<Exit, StageError> {
        let files = self.list().await?;
        if files.is_empty() {
            return self.without_files(prune).await;
        }
        let hashed = self.hash(files).await?;
        for _ in 0..MOST_ROUNDS {
            if self.round(&hashed, prune).await? {
                return Ok(Exit::Done);
            }
            tracing::info!(dataset = %self.name, "another run wrote the manifest meanwhile; looking again");
        }
        Err(StageError::transient(format!(
            "other runs keep writing the manifest of `{}`",
            self.partition
        ))
        .hint("run the stage again when they have ended"))
    }

    pub(crate) async fn list(&self) -> Result<Vec<SourceFile>, StageError> {
        let _phase = self.section.phase("list");
        let files = self.source.list(&self.context.store, &self.glob).await?;
        self.section.set("files", files.len());
        self.section.set(
            "source_bytes",
            files.iter().map(|file| file.size_bytes).sum::<u64>(),
        );
        Ok(files)
    }

    async fn without_files(&self, prune: bool) -> Result<Exit, StageError> {
        let old = self.manifest().await?;
        self.judge_empty(old.as_ref().map(|(manifest, _)| manifest), prune)
    }

    /// A day whose source is gone but whose manifest exists can be replayed; it is not pruned
    /// to nothing, since an empty source is more often a mount that is missing.
    pub(crate) fn judge_empty(
        &self,
        manifest: Option<&Manifest>,
        prune: bool,
    ) -> Result<Exit, StageError> {
        if let Some(manifest) = manifest {
            self.section.set("files_kept", manifest.files.len());
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

    async fn hash(&self, files: Vec<SourceFile>) -> Result<Vec<Hashed>, StageError> {
        let _phase = self.section.phase("hash");
        let total = files.iter().map(|file| file.size_bytes).sum();
        let bar = self
            .context
            .progress
            .bytes(&format!("{}: hash", self.name), total);
        let hashed = futures::stream::iter(files)
            .map(|file| async {
                let sha256 = hash::hash(&self.context.store, &file, &bar).await?;
                Ok::<_, StageError>(Hashed { file, sha256 })
            })
            .buffered(self.at_once())
            .try_collect()
            .await;
        bar.finish();
        hashed
    }

    /// One attempt: false when another run has written the manifest meanwhile.
    async fn round(&self, hashed: &[Hashed], prune: bool) -> Result<bool, StageError> {
        let old = self.manifest().await?;
        let old_files: BTreeMap<&str, &ManifestFile> = old
            .iter()
            .flat_map(|(manifest, _)| &manifest.files)
            .map(|file| (file.source_name.as_str(), file))
            .collect();
        let present = self.present().await?;
        let entries = self.place_all(hashed, &old_files, &present).await?;

        let delivered: BTreeSet<&str> = hashed.iter().map(|one| one.file.name.as_str()).collect();
        let gone: Vec<&ManifestFile> = old_files
            .values()
            .filter(|file| !delivered.contains(file.source_name.as_str()))
            .copied()
            .collect();
        let mut manifest =
            Manifest::new(&self.context.pipeline.name, &self.name, &self.context.date);
        manifest.files = entries;
        if prune {
            self.section.set("files_pruned", gone.len());
        } else {
            self.section.set("files_kept", gone.len());
            manifest.files.extend(gone.into_iter().cloned());
        }
        match self.save(&manifest, old.as_ref()).await? {
            Saved::Unchanged => {}
            Saved::Overtaken => return Ok(false),
            // A run with `--prune` that saw another source may have swept what was not named
            // yet.
            Saved::Written => {
                let present = self.present().await?;
                if manifest.files.iter().any(|file| {
                    delivered.contains(file.source_name.as_str())
                        && !present.contains_key(&file.object)
                }) {
                    return Ok(false);
                }
            }
        }
        if prune {
            let _phase = self.section.phase("sweep");
            let swept = sweep::sweep(
                &self.context.store,
                &self.partition,
                &self.manifest_address(),
            )
            .await?;
            self.section.set("objects_swept", swept);
        }
        Ok(true)
    }

    /// What each source file is called in the manifest, once its bytes are there.
    async fn place_all(
        &self,
        hashed: &[Hashed],
        old: &BTreeMap<&str, &ManifestFile>,
        present: &BTreeMap<String, u64>,
    ) -> Result<Vec<ManifestFile>, StageError> {
        let _phase = self.section.phase("upload");
        let bar = self
            .context
            .progress
            .bytes(&format!("{}: upload", self.name), 0);
        let placed: Vec<(ManifestFile, Option<Placed>)> = futures::stream::iter(hashed)
            .map(|one| self.place_one(one, old.get(one.file.name.as_str()).copied(), present, &bar))
            .buffered(self.at_once())
            .try_collect()
            .await?;
        bar.finish();
        let (mut unchanged, mut reused) = (0_u64, 0_u64);
        let mut entries = Vec::with_capacity(placed.len());
        for (entry, placed) in placed {
            match placed {
                None => unchanged += 1,
                Some(Placed { uploaded: true, .. }) => {
                    self.section.add("files_uploaded", 1);
                    self.section.add("bytes_uploaded", entry.size_bytes);
                }
                Some(Placed {
                    uploaded: false, ..
                }) => reused += 1,
            }
            entries.push(entry);
        }
        self.section.add("files_uploaded", 0);
        self.section.add("bytes_uploaded", 0);
        self.section.set("files_unchanged", unchanged);
        self.section.set("files_reused", reused);
        Ok(entries)
    }

    async fn place_one(
        &self,
        one: &Hashed,
        old: Option<&ManifestFile>,
        present: &BTreeMap<String, u64>,
        bar: &Bar,
    ) -> Result<(ManifestFile, Option<Placed>), StageError> {
        if let Some(old) = old
            && old.sha256 == one.sha256
            && old.size_bytes == one.file.size_bytes
            && present.get(&old.object) == Some(&old.size_bytes)
        {
            return Ok((old.clone(), None));
        }
        bar.increase_total(one.file.size_bytes);
        let placed = copy::place(
            &self.context.store,
            &self.partition,
            present,
            &one.file,
            &one.sha256,
        )
        .await?;
        bar.increase(one.file.size_bytes);
        let entry = ManifestFile {
            source_name: one.file.name.clone(),
            object: placed.object.clone(),
            size_bytes: one.file.size_bytes,
            sha256: one.sha256.clone(),
            modified_at: one.file.modified_at,
        };
        Ok((entry, Some(placed)))
    }

    /// Writes the manifest where it would say something else than the one that is there.
    async fn save(
        &self,
        manifest: &Manifest,
        old: Option<&(Manifest, String)>,
    ) -> Result<Saved, StageError> {
        if let Some((old, _)) = old
            && old.to_json() == manifest.to_json()
        {
            // Said already where an earlier round has written it.
            self.section.set_default("manifest", "unchanged");
            return Ok(Saved::Unchanged);
        }
        let etag = old.map(|(_, etag)| etag.as_str());
        match manifest::save(
            &self.context.store,
            &self.manifest_address(),
            manifest,
            etag,
        )
        .await
        {
            Ok(_) => {
                self.section.set("manifest", "written");
                Ok(Saved::Written)
            }
            Err(StoreError::PreconditionFailed { .. }) => Ok(Saved::Overtaken),
            Err(error) => Err(error.into()),
        }
    }

    /// What the partition holds: sizes by name.
    async fn present(&self) -> Result<BTreeMap<String, u64>, StageError> {
        let objects = self.context.store.list(&self.partition).await?;
        Ok(objects
            .iter()
            .filter_map(|object| {
                Some((
                    self.partition.relative(&object.address)?.to_owned(),
                    object.size_bytes,
                ))
            })
            .collect())
    }

    async fn manifest(&self) -> Result<Option<(Manifest, String)>, StageError> {
        Ok(manifest::load(&self.context.store, &self.manifest_address()).await?)
    }

    pub(crate) fn manifest_address(&self) -> lakehouse_store::ObjectAddress {
        self.context.layout.bronze_manifest(
            &self.context.pipeline.name,
            &self.name,
            &self.context.date,
        )
    }

    /// Files at once: enough to keep a store busy, few enough to stay small.
    fn at_once(&self) -> usize {
        self.context.threads.clamp(2, 8)
    }
}
