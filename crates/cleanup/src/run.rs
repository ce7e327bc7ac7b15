//! One run: all that it staged.

use futures::TryStreamExt as _;
use lakehouse_contract::{Name, RunDate};
use lakehouse_stage::{RunId, StageError};
use lakehouse_store::{Layout, ObjectStore};

use crate::removal::{Kind, Removal};

/// Deletes in flight.
const AT_ONCE: usize = 8;

/// Removes the staging of one run, and the uploads to it that nobody will complete any more.
pub(crate) async fn remove(
    store: &ObjectStore,
    layout: &Layout,
    removal: &Removal,
    pipeline: &Name,
    date: &RunDate,
    run_id: &RunId,
) -> Result<(), StageError> {
    let location = layout.staging_run(pipeline, date, run_id.as_str());
    // Uploads first: one that completes meanwhile is then found by the listing.
    for upload in store.list_multipart_uploads_below(&location).await? {
        removal.upload(&upload).await?;
    }
    store
        .list_stream(&location)
        .map_err(StageError::from)
        .map_ok(|object| async move { removal.object(Kind::Staging, &object).await })
        .try_buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(())
}
