//! `--prune`: objects that the manifest no longer names.
//!
//! Stores ignore conditions on deletes, so nothing makes this exact while another run of the
//! day is at work. It is safe all the same: the manifest is read again right before each
//! delete, and whoever writes a manifest looks afterwards whether all that it names is there
//! (see `Day::round`), and sends again what is not.

use futures::TryStreamExt as _;
use lakehouse_stage::StageError;
use lakehouse_store::manifest;
use lakehouse_store::{Location, ObjectAddress, ObjectStore};

/// Removes what is not named; how many objects that were.
pub(crate) async fn sweep(
    store: &ObjectStore,
    partition: &Location,
    manifest_address: &ObjectAddress,
) -> Result<u64, StageError> {
    let mut objects = store.list_stream(partition);
    let mut swept = 0;
    let mut named = names(store, manifest_address).await?;
    while let Some(object) = objects.try_next().await? {
        let Some(name) = partition.relative(&object.address) else {
            continue;
        };
        if object.address == *manifest_address || named.iter().any(|one| one == name) {
            continue;
        }
        named = names(store, manifest_address).await?;
        // Without a manifest nobody says what counts, and nothing is removed.
        if named.is_empty() || named.iter().any(|one| one == name) {
            continue;
        }
        store.delete(&object.address).await?;
        tracing::info!(address = %object.address, bytes = object.size_bytes, "removed: the manifest does not name it");
        swept += 1;
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
