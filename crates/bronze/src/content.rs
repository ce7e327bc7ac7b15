//! The bytes of a source file on their way to an object.

use lakehouse_deliver::{Content, DeliveredFile, Sent};
use lakehouse_stage::StageError;
use lakehouse_store::{ObjectAddress, ObjectStore, PutOptions, StoreError};

use crate::hash::unreadable;
use crate::source::{Origin, SourceFile};

/// A source file whose digest is known.
pub(crate) struct HashedFile {
    file: SourceFile,
    delivered: DeliveredFile,
}

impl HashedFile {
    pub(crate) fn new(file: SourceFile, sha256: String) -> Self {
        let delivered = DeliveredFile {
            source_name: file.name.clone(),
            size_bytes: file.size_bytes,
            sha256,
            modified_at: file.modified_at,
            rows: None,
        };
        Self { file, delivered }
    }
}

impl Content for HashedFile {
    fn file(&self) -> &DeliveredFile {
        &self.delivered
    }

    fn origin(&self) -> String {
        self.file.origin.to_string()
    }

    async fn send(
        &self,
        store: &ObjectStore,
        address: &ObjectAddress,
        options: &PutOptions,
    ) -> Result<Sent, StageError> {
        let file = &self.file;
        let written = match &file.origin {
            Origin::File(path) => store.put_file(address, path, options).await,
            Origin::Object {
                address: source,
                etag,
            } => match store.get_stream(source).await {
                Ok(Some((info, stream))) if info.etag == *etag => {
                    let reader = stream.into_async_read();
                    store
                        .put_stream(address, reader, file.size_bytes, options)
                        .await
                }
                Ok(_) => return Err(file.changed()),
                Err(error) => return Err(unreadable(file, error)),
            },
        };
        let error = match written {
            Ok(_) => return Ok(Sent::Written),
            Err(StoreError::PreconditionFailed { .. }) => return Ok(Sent::Taken),
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
        if other_bytes && !file.is_unchanged(store).await? {
            return Err(file.changed());
        }
        Err(match error {
            error @ (StoreError::Local { .. } | StoreError::Replaced { .. }) => {
                unreadable(file, error)
            }
            error => error.into(),
        })
    }
}
