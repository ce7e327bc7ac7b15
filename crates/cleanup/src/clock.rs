//! What time it is at the store.
//!
//! Ages are compared with times that the store wrote, so this machine's clock, which may be
//! hours off, must not be asked. The store says its time only with an object: a small one is
//! written, looked at, and removed. One that a kill leaves behind is swept like the rest.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use lakehouse_stage::StageError;
use lakehouse_store::{Layout, Location, ObjectStore, PutOptions};

/// Where these objects lie, below staging: no pipeline's name begins with `_`.
const CLOCK: &str = "_clock";

pub(crate) fn clock_location(layout: &Layout) -> Location {
    layout.staging.child(CLOCK)
}

/// The store's time, to the second.
///
/// # Errors
/// When the store does not answer.
pub async fn store_now(store: &ObjectStore, layout: &Layout) -> Result<DateTime<Utc>, StageError> {
    let nanos = Utc::now().timestamp_nanos_opt().unwrap_or_default();
    let address = clock_location(layout).object(&format!("{}-{nanos}", std::process::id()));
    store
        .put_bytes(
            &address,
            Bytes::from_static(b"What time is it?\n"),
            &PutOptions::default(),
        )
        .await?;
    let info = store.head(&address).await?;
    store.delete(&address).await?;
    info.map(|info| info.last_modified).ok_or_else(|| {
        StageError::transient(format!(
            "`{address}` was removed before the store could say its time"
        ))
    })
}
