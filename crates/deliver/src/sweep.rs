//! `--prune`: objects that the manifest no longer names.
//!
//! The manifest is read again right before each delete, but a delete may arrive late, when another
//! delivery has come and gone. What makes it harmless is age, see the crate's documentation.

use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use lakehouse_stage::StageError;
use lakehouse_store::manifest;
use lakehouse_store::{Location, ObjectAddress, ObjectStore};

/// What a sweep did.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Swept {
    /// Objects that were removed.
    pub removed: u64,
    /// Objects that the manifest does not name and that are too young to be removed.
    pub left: u64,
}

/// Removes what is not named and was last written before `before`.
pub(crate) async fn sweep(
    store: &ObjectStore,
    partition: &Location,
    manifest_address: &ObjectAddress,
    before: DateTime<Utc>,
) -> Result<Swept, StageError> {
    let mut objects = store.list_stream(partition);
    let mut swept = Swept::default();
    let mut named = names(store, manifest_address).await?;
    while let Some(object) = objects.try_next().await? {
        let Some(name) = partition.relative(&object.address) else {
            continue;
        };
        if object.address == *manifest_address || named.iter().any(|one| one == name) {
            continue;
        }
        if object.last_modified >= before {
            swept.left += 1;
            continue;
        }
        named = names(store, manifest_address).await?;
        // Without a manifest nobody says what counts, and nothing is removed.
        if named.is_empty() || named.iter().any(|one| one == name) {
            continue;
        }
        store.delete(&object.address).await?;
        tracing::info!(address = %object.address, bytes = object.size_bytes, "removed: the manifest does not name it");
        swept.removed += 1;
    }
    Ok(swept)
}

async fn names(
    store: &ObjectStore,
    manifest_address: &ObjectAddress,
) -> Result<Vec<String>, StageError> {
    let loaded = manifest::load(store, manifest_address).await?;
    Ok(loaded
        .into_iter()
        .flat_map(|(manifest, _)| manifest.files)
        .map(|file| file.object)
        .collect())
}
