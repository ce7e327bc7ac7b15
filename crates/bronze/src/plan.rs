//! A dry run: what would be read and written.

use lakehouse_stage::{Exit, StageError};
use lakehouse_store::manifest;
use lakehouse_store::{StoreError, redelivered_name};

use crate::day::Day;

/// Twelve characters that no digest has, where a dry run shows that a name depends on content.
const HASH_SHOWN: &str = "content-hash";

impl Day<'_> {
    /// Says what would be read and written, without reading a file: where a name depends on
    /// the content, it says so.
    pub(crate) async fn plan(&self, prune: bool) -> Result<Exit, StageError> {
        let files = self.list().await?;
        let partition = self.delivery.partition();
        let address = self.delivery.manifest_address();
        // A bucket that the run itself would make holds no manifest.
        let old = match manifest::load(&self.context.store, &address).await {
            Err(StoreError::BucketMissing { .. })
                if self.context.store.settings().create_buckets =>
            {
                None
            }
            loaded => loaded?,
        };
        self.context.would_read(&address);
        if files.is_empty() {
            return self.judge_empty(old.as_ref().map(|(manifest, _)| manifest), prune);
        }
        let mut changes = false;
        for file in &files {
            self.context.would_read(&file.origin);
            let known = old
                .as_ref()
                .and_then(|(manifest, _)| manifest.file(&file.name));
            match known {
                Some(known)
                    if known.size_bytes == file.size_bytes
                        && known.modified_at == file.modified_at => {}
                Some(_) => {
                    changes = true;
                    let object = redelivered_name(&file.name, HASH_SHOWN)
                        .replace(HASH_SHOWN, "<content hash>");
                    self.context.would_write(format_args!(
                        "{} if its bytes are new",
                        partition.object(&object)
                    ));
                }
                None => {
                    changes = true;
                    self.context.would_write(partition.object(&file.name));
                }
            }
        }
        let gone = old
            .iter()
            .flat_map(|(manifest, _)| &manifest.files)
            .any(|known| !files.iter().any(|file| file.name == known.source_name));
        if changes || (prune && gone) {
            self.context.would_write(&address);
        }
        Ok(Exit::Done)
    }
}
