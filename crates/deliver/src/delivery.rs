//! One dataset's files of one day: placed, and named by the manifest.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _};
use lakehouse_contract::Name;
use lakehouse_stage::{Bar, Context, DataObject, Section, StageError};
use lakehouse_store::manifest::{self, Manifest, ManifestFile};
use lakehouse_store::{Location, ObjectAddress, StoreError, sha256_of_bytes};

use crate::batch::Batch;
use crate::clock::Clock;
use crate::content::{Content, DeliveredFile};
use crate::place::{Partition, Placed, place};
use crate::sweep::sweep;

/// How often another run may be faster with the manifest.
pub(crate) const MOST_ROUNDS: u32 = 20;

/// The delivery of one dataset's files on one day, and what the run report says of it.
pub struct Delivery<'a> {
    context: &'a Context,
    dataset: Name,
    section: Section,
    partition: Location,
}

/// What became of the manifest.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Saved {
    /// It said the same already.
    Unchanged,
    Written,
    /// Another run has written it since it was read.
    Overtaken,
}

impl<'a> Delivery<'a> {
    /// A delivery into the partition of the context's date. Nothing is sent yet.
    #[must_use]
    pub fn new(context: &'a Context, dataset: &Name) -> Self {
        Self {
            partition: context.layout.bronze_partition(
                &context.pipeline.name,
                dataset,
                &context.date,
            ),
            section: context.report.dataset(dataset),
            dataset: dataset.clone(),
            context,
        }
    }

    /// The partition.
    #[must_use]
    pub fn partition(&self) -> &Location {
        &self.partition
    }

    /// What the run report says of the dataset.
    #[must_use]
    pub fn section(&self) -> &Section {
        &self.section
    }

    /// Where the partition's manifest is.
    #[must_use]
    pub fn manifest_address(&self) -> ObjectAddress {
        self.context.layout.bronze_manifest(
            &self.context.pipeline.name,
            &self.dataset,
            &self.context.date,
        )
    }

    /// The manifest as it is, with the ETag of its object; nothing when there is none.
    ///
    /// # Errors
    /// A manifest that cannot be understood (2), and what the store says.
    pub async fn manifest(&self) -> Result<Option<(Manifest, String)>, StageError> {
        Ok(manifest::load(&self.context.store, &self.manifest_address()).await?)
    }

    /// Places all files and makes the manifest name them, beside those of earlier deliveries that
    /// the source no longer has; with `prune` those are dropped, and what no manifest has named
    /// for an hour is removed.
    ///
    /// The section of the dataset gets `files_uploaded`, `bytes_uploaded`, `files_unchanged`,
    /// `files_reused`, `files_kept` or `files_pruned`, `objects_swept`, `manifest`.
    ///
    /// # Errors
    /// What [`Content::send`] returns, what the store says, and 75 where other runs keep writing
    /// the same manifest.
    pub async fn deliver<C: Content>(&self, contents: &[C], prune: bool) -> Result<(), StageError> {
        for _ in 0..MOST_ROUNDS {
            if self.round(contents, prune).await? {
                return Ok(());
            }
            tracing::info!(dataset = %self.dataset, "another run wrote the manifest meanwhile; looking again");
        }
        Err(self.overtaken())
    }

    /// Begins a delivery of files that are placed one by one.
    ///
    /// # Errors
    /// A manifest that cannot be understood (2), and what the store says.
    pub async fn batch(&self) -> Result<Batch<'_>, StageError> {
        Batch::begin(self).await
    }

    pub(crate) fn context(&self) -> &'a Context {
        self.context
    }

    pub(crate) fn dataset(&self) -> &Name {
        &self.dataset
    }

    pub(crate) fn overtaken(&self) -> StageError {
        StageError::transient(format!(
            "other runs keep writing the manifest of `{}`",
            self.partition
        ))
        .hint("run the stage again when they have ended")
    }

    /// One attempt: false when it has to be made again from what is there now.
    async fn round<C: Content>(&self, contents: &[C], prune: bool) -> Result<bool, StageError> {
        let old = self.manifest().await?;
        let old_files: BTreeMap<&str, &ManifestFile> = old
            .iter()
            .flat_map(|(manifest, _)| &manifest.files)
            .map(|file| (file.source_name.as_str(), file))
            .collect();
        let partition = Partition {
            store: &self.context.store,
            location: &self.partition,
            present: self.present().await?,
            named: old_files.values().map(|file| file.object.clone()).collect(),
            clock: Clock::start(&self.context.store),
        };
        let mut manifest = Manifest::new(
            &self.context.pipeline.name,
            &self.dataset,
            &self.context.date,
        );
        manifest.files = self.place_all(contents, &old_files, &partition).await?;

        let delivered: BTreeSet<&str> = contents
            .iter()
            .map(|content| content.file().source_name.as_str())
            .collect();
        let gone: Vec<&ManifestFile> = old_files
            .values()
            .filter(|file| !delivered.contains(file.source_name.as_str()))
            .copied()
            .collect();
        if prune {
            self.section.set("files_pruned", gone.len());
        } else {
            self.section.set("files_kept", gone.len());
            manifest.files.extend(gone.into_iter().cloned());
        }
        if partition.clock.has_run_out() {
            return Ok(false);
        }
        match self.save(&manifest, old.as_ref()).await? {
            Saved::Unchanged => {}
            Saved::Overtaken => return Ok(false),
            // Somebody else may have removed an object by hand.
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
        // In the words in which silver says what it reads: the manifest stands for all files.
        self.section.output(
            DataObject::at(self.manifest_address())
                .sha256(sha256_of_bytes(&manifest.to_json()))
                .objects(manifest.files.len() as u64)
                .bytes(manifest.files.iter().map(|file| file.size_bytes).sum()),
        );
        if prune {
            self.sweep(&partition.clock).await?;
        }
        Ok(true)
    }

    pub(crate) async fn sweep(&self, clock: &Clock<'_>) -> Result<(), StageError> {
        let _phase = self.section.phase("sweep");
        let Some(before) = clock.sweep_before() else {
            tracing::warn!("the store does not say what time it is: nothing is removed");
            return Ok(());
        };
        let swept = sweep(
            &self.context.store,
            &self.partition,
            &self.manifest_address(),
            before,
        )
        .await?;
        self.section.set("objects_swept", swept.removed);
        self.section.set("objects_left", swept.left);
        if swept.left > 0 {
            tracing::info!(
                dataset = %self.dataset, objects = swept.left,
                "left: the manifest does not name them, but they are younger than an hour; prune again later"
            );
        }
        Ok(())
    }

    /// What each file is called in the manifest, once its bytes are there.
    async fn place_all<C: Content>(
        &self,
        contents: &[C],
        old: &BTreeMap<&str, &ManifestFile>,
        partition: &Partition<'_>,
    ) -> Result<Vec<ManifestFile>, StageError> {
        let _phase = self.section.phase("upload");
        let bar = self
            .context
            .progress
            .bytes(&format!("{}: upload", self.dataset), 0);
        let placed: Vec<(ManifestFile, Option<Placed>)> = futures::stream::iter(contents)
            .map(|content| {
                let old = old.get(content.file().source_name.as_str()).copied();
                place_one(content, old, partition, &bar)
            })
            .buffered(files_at_once(self.context))
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

    /// Writes the manifest where it would say something else than the one that is there.
    pub(crate) async fn save(
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
        let store = &self.context.store;
        match manifest::save(store, &self.manifest_address(), manifest, etag).await {
            Ok(_) => {
                self.section.set("manifest", "written");
                Ok(Saved::Written)
            }
            Err(StoreError::PreconditionFailed { .. }) => Ok(Saved::Overtaken),
            Err(error) => Err(error.into()),
        }
    }

    /// What the partition holds: sizes by name.
    pub(crate) async fn present(&self) -> Result<BTreeMap<String, u64>, StageError> {
        let objects = self.context.store.list(&self.partition).await?;
        Ok(objects
            .iter()
            .filter_map(|object| {
                let name = self.partition.relative(&object.address)?;
                Some((name.to_owned(), object.size_bytes))
            })
            .collect())
    }
}

/// Files at once: enough to keep a store busy, few enough to stay small.
#[must_use]
pub fn files_at_once(context: &Context) -> usize {
    context.threads.clamp(2, 8)
}

pub(crate) async fn place_one(
    content: &impl Content,
    old: Option<&ManifestFile>,
    partition: &Partition<'_>,
    bar: &Bar,
) -> Result<(ManifestFile, Option<Placed>), StageError> {
    let DeliveredFile {
        source_name,
        size_bytes,
        sha256,
        modified_at,
        rows,
    } = content.file().clone();
    if let Some(old) = old
        && old.sha256 == sha256
        && old.size_bytes == size_bytes
        && partition.present.get(&old.object) == Some(&old.size_bytes)
    {
        return Ok((old.clone(), None));
    }
    bar.increase_total(size_bytes);
    let placed = place(partition, content).await?;
    bar.increase(size_bytes);
    let entry = ManifestFile {
        source_name,
        object: placed.object.clone(),
        size_bytes,
        sha256,
        modified_at,
        rows,
    };
    Ok((entry, Some(placed)))
}
