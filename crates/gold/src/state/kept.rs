//! Kept states: what was merged for a date, for later dates to go on from. A cache, whose loss costs
//! time alone: nothing about it fails a run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use lakehouse_contract::{Name, RunDate};
use lakehouse_stage::Context;
use lakehouse_store::{Key, PutOptions};

/// Where a kept state's metadata has the digest of the partitions that it was made of.
const PARTITIONS_DIGEST: &str = "partitions-sha256";

/// The dates for which a state is kept in the store, for a dataset.
pub async fn dates(context: &Context, dataset: &Name) -> BTreeSet<RunDate> {
    let location = context.layout.kept_states(&context.pipeline.name, dataset);
    match context.store.list(&location).await {
        Ok(objects) => objects
            .iter()
            .filter_map(|object| match context.layout.parse(&object.address) {
                Some(Key::KeptState { date, .. }) => Some(date),
                _ => None,
            })
            .collect(),
        Err(error) => {
            tracing::warn!(%dataset, %error, "kept states cannot be listed; the state is computed without them");
            BTreeSet::new()
        }
    }
}

/// Whether the state that is kept for a date is still that of the partitions with this digest.
pub async fn is_of(context: &Context, dataset: &Name, date: RunDate, digest: &str) -> bool {
    let address = context
        .layout
        .kept_state(&context.pipeline.name, dataset, &date);
    match context.store.head(&address).await {
        Ok(Some(info)) => info.metadata.get(PARTITIONS_DIGEST).map(String::as_str) == Some(digest),
        Ok(None) => false,
        Err(error) => {
            tracing::warn!(%dataset, %date, %error, "a kept state cannot be looked at, and is not used");
            false
        }
    }
}

/// Fetches a kept state; whether it is there now.
pub async fn fetch(
    context: &Context,
    dataset: &Name,
    date: RunDate,
    digest: &str,
    path: &Path,
) -> bool {
    let address = context
        .layout
        .kept_state(&context.pipeline.name, dataset, &date);
    match context.store.get_to_file(&address, path).await {
        // Another run may have replaced it since it was looked at.
        Ok(downloaded) => {
            downloaded
                .info
                .metadata
                .get(PARTITIONS_DIGEST)
                .map(String::as_str)
                == Some(digest)
        }
        Err(error) => {
            tracing::warn!(%dataset, %date, %error, "a kept state cannot be read, and is not used");
            false
        }
    }
}

/// Keeps a state.
pub async fn put(context: &Context, dataset: &Name, date: RunDate, digest: &str, path: &Path) {
    let address = context
        .layout
        .kept_state(&context.pipeline.name, dataset, &date);
    let options = PutOptions {
        metadata: BTreeMap::from([(PARTITIONS_DIGEST.to_owned(), digest.to_owned())]),
        ..PutOptions::default()
    };
    match context.store.put_file(&address, path, &options).await {
        Ok(_) => tracing::debug!(%dataset, %date, object = %address, "state kept"),
        Err(error) => {
            tracing::warn!(%dataset, %date, %error, "the state cannot be kept; later dates take longer");
        }
    }
}
