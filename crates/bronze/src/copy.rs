//! One source file to one object that nobody overwrites.

use std::collections::BTreeMap;

use lakehouse_stage::StageError;
use lakehouse_store::{Condition, Location, ObjectStore, PutOptions, StoreError, redelivered_name};

use crate::hash::unreadable;
use crate::source::{Place, SourceFile};

/// How many names are tried. The second is unique by its content; a third is needed only when
/// the source itself has a file under that name.
const MOST_NAMES: usize = 4;

/// Where a file's bytes are now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    /// The object's name in the partition.
    pub object: String,
    /// Whether it had to be sent.
    pub uploaded: bool,
}

/// Finds the object with the file's bytes, or makes it.
///
/// `present` is what the partition held when it was listed, sizes by name. Another run may have
/// written since: the write itself is conditional, and what then is there decides.
pub(crate) async fn place(
    store: &ObjectStore,
    partition: &Location,
    present: &BTreeMap<String, u64>,
    file: &SourceFile,
    sha256: &str,
) -> Result<Placed, StageError> {
    let mut object = file.name.clone();
    for _ in 0..MOST_NAMES {
        let address = partition.object(&object);
        if !present.contains_key(&object) {
            match upload(store, &address, file, sha256).await {
                Ok(()) => {
                    return Ok(Placed {
                        object,
                        uploaded: true,
                    });
                }
                Err(Refused::Taken) => {}
                Err(Refused::Failed(error)) => return Err(error),
            }
        }
        if let Some(info) = store.head(&address).await?
            && info.size_bytes == file.size_bytes
            && info.sha256.as_deref() == Some(sha256)
        {
            return Ok(Placed {
                object,
                uploaded: false,
            });
        }
        object = redelivered_name(&object, sha256);
    }
    Err(StageError::bug(format!(
        "no name is free for the source file `{}` in `{partition}`",
        file.place
    ))
    .hint("look at what lies in the partition; nothing but bronze should write there"))
}

enum Refused {
    /// There is an object of that name.
    Taken,
    Failed(StageError),
}

async fn upload(
    store: &ObjectStore,
    address: &lakehouse_store::ObjectAddress,
    file: &SourceFile,
    sha256: &str,
) -> Result<(), Refused> {
    let options = PutOptions {
        metadata: BTreeMap::new(),
        condition: Condition::IfAbsent,
        sha256: Some(sha256.to_owned()),
    };
    let written = match &file.place {
        Place::File(path) => store.put_file(address, path, &options).await,
        Place::Object {
            address: source,
            etag,
        } => match store.get_stream(source).await {
            Ok(Some((info, stream))) if info.etag == *etag => {
                store
                    .put_stream(address, stream.into_async_read(), file.size_bytes, &options)
                    .await
            }
            Ok(_) => return Err(Refused::Failed(file.changed())),
            Err(error) => return Err(Refused::Failed(unreadable(file, error))),
        },
    };
    let error = match written {
        Ok(_) => {
            tracing::info!(source_name = file.name, bytes = file.size_bytes, address = %address, "copied");
            return Ok(());
        }
        Err(StoreError::PreconditionFailed { .. }) => return Err(Refused::Taken),
        Err(error) => error,
    };
    // The digest was taken before: where sending finds other bytes, the file has changed.
    let other_bytes = matches!(
        error,
        StoreError::Checksum { .. }
            | StoreError::Malformed { .. }
            | StoreError::Replaced { .. }
            | StoreError::Local { .. }
    );
    if other_bytes && !file.is_unchanged(store).await.map_err(Refused::Failed)? {
        return Err(Refused::Failed(file.changed()));
    }
    Err(Refused::Failed(match error {
        error @ (StoreError::Local { .. } | StoreError::Replaced { .. }) => unreadable(file, error),
        error => error.into(),
    }))
}
