//! Files that are delivered one by one as they are made, and named together in the end.
//!
//! What comes out of a database is known neither in number nor in size beforehand. Each file is
//! placed as soon as it is whole, and its bytes are then gone from this machine; the manifest
//! names them all at once. Until then they are objects that nobody sees.

use std::collections::BTreeSet;

use lakehouse_stage::{DataObject, Progress, StageError};
use lakehouse_store::manifest::{Manifest, ManifestFile};
use lakehouse_store::{redelivered_name, sha256_of_bytes};

use crate::clock::Clock;
use crate::content::Content;
use crate::delivery::{Delivery, MOST_ROUNDS, Saved, place_one};
use crate::place::Partition;

/// A delivery of files that are not known yet.
pub struct Batch<'a> {
    delivery: &'a Delivery<'a>,
    partition: Partition<'a>,
    /// What the manifest named when the batch began.
    old: Vec<ManifestFile>,
}

impl<'a> Batch<'a> {
    pub(crate) async fn begin(delivery: &'a Delivery<'a>) -> Result<Self, StageError> {
        let old = delivery.manifest().await?;
        let old = old.map_or_else(Vec::new, |(manifest, _)| manifest.files);
        let context = delivery.context();
        Ok(Self {
            partition: Partition {
                store: &context.store,
                location: delivery.partition(),
                present: delivery.present().await?,
                named: old.iter().map(|file| file.object.clone()).collect(),
                clock: Clock::start(&context.store),
            },
            delivery,
            old,
        })
    }

    /// Makes the file an object. Nobody sees it before [`Batch::finish`].
    ///
    /// # Errors
    /// What [`Content::send`] returns, and what the store says.
    pub async fn place(&self, content: &impl Content) -> Result<ManifestFile, StageError> {
        let name = &content.file().source_name;
        let old = self.old.iter().find(|file| file.source_name == *name);
        // Whoever fills the files shows how far that is.
        let bar = Progress::hidden().bytes("", 0);
        let (entry, placed) = place_one(content, old, &self.partition, &bar).await?;
        let section = self.delivery.section();
        match placed {
            None => section.add("files_unchanged", 1),
            Some(placed) if !placed.uploaded => section.add("files_reused", 1),
            Some(_) => {
                section.add("files_uploaded", 1);
                section.add("bytes_uploaded", entry.size_bytes);
            }
        }
        Ok(entry)
    }

    /// Makes the manifest name these files and, of those that it names now, the ones that are to
    /// be kept; all others are no longer the day's.
    ///
    /// # Errors
    /// What the store says, and 75 where other runs keep writing the same manifest or an object
    /// has vanished.
    pub async fn finish(
        self,
        mut files: Vec<ManifestFile>,
        keep: impl Fn(&ManifestFile) -> bool,
        prune: bool,
    ) -> Result<(), StageError> {
        let context = self.delivery.context();
        for _ in 0..MOST_ROUNDS {
            let old = self.delivery.manifest().await?;
            let old_files: Vec<&ManifestFile> = old
                .iter()
                .flat_map(|(manifest, _)| &manifest.files)
                .collect();
            let named: BTreeSet<&str> = old_files.iter().map(|file| &*file.object).collect();
            let clock = Clock::start(&context.store);
            for file in &mut files {
                if !named.contains(&*file.object) {
                    self.refresh(file, &clock).await?;
                }
            }
            let delivered: BTreeSet<&str> = files.iter().map(|file| &*file.source_name).collect();
            let (kept, dropped): (Vec<&ManifestFile>, Vec<&ManifestFile>) = old_files
                .into_iter()
                .filter(|file| !delivered.contains(&*file.source_name))
                .partition(|file| keep(file));
            let mut manifest = Manifest::new(
                &context.pipeline.name,
                self.delivery.dataset(),
                &context.date,
            );
            manifest.files.clone_from(&files);
            manifest.files.extend(kept.iter().copied().cloned());
            let section = self.delivery.section();
            section.set("files_kept", kept.len());
            section.set("files_replaced", dropped.len());
            if self.delivery.save(&manifest, old.as_ref()).await? == Saved::Overtaken {
                continue;
            }
            // Somebody else may have removed an object by hand.
            let present = self.delivery.present().await?;
            if let Some(lost) = files
                .iter()
                .find(|file| !present.contains_key(&file.object))
            {
                return Err(StageError::transient(format!(
                    "the object `{}` has vanished from `{}`",
                    lost.object,
                    self.delivery.partition()
                ))
                .hint("run the stage again; nothing but the lake should write there"));
            }
            section.output(
                DataObject::at(self.delivery.manifest_address())
                    .sha256(sha256_of_bytes(&manifest.to_json()))
                    .objects(manifest.files.len() as u64)
                    .rows(manifest.files.iter().filter_map(|file| file.rows).sum())
                    .bytes(manifest.files.iter().map(|file| file.size_bytes).sum()),
            );
            if prune {
                self.delivery.sweep(&clock).await?;
            }
            return Ok(());
        }
        Err(self.delivery.overtaken())
    }

    /// An object that no manifest names is counted on only while it is young: an older one, as of
    /// a table that took hours, is copied to a name of its own by the server.
    async fn refresh(&self, file: &mut ManifestFile, clock: &Clock<'_>) -> Result<(), StageError> {
        let store = &self.delivery.context().store;
        let location = self.delivery.partition();
        let address = location.object(&file.object);
        let Some(info) = store.head(&address).await? else {
            return Err(StageError::transient(format!(
                "the object `{address}` has vanished while the others were made"
            ))
            .hint("run the stage again; nothing but the lake should write there"));
        };
        if clock.is_young(info.last_modified) {
            return Ok(());
        }
        let mut name = file.object.clone();
        loop {
            name = redelivered_name(&name, &file.sha256);
            if store.head(&location.object(&name)).await?.is_none() {
                break;
            }
        }
        store
            .copy(&address, &info.etag, &location.object(&name))
            .await?;
        file.object = name;
        Ok(())
    }
}
