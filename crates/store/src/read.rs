//! Reading objects: into memory, into a file, as a stream.
//!
//! A body that breaks off is taken up where it broke, from the same object: the request for the
//! rest carries the ETag. The SHA-256 of what arrived is held against the one in the object's
//! metadata, where there is one.

use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::stream::{BoxStream, Stream, StreamExt, try_unfold};

use crate::digest::Sha256Hasher;
use crate::download::Download;
use crate::{ObjectAddress, ObjectInfo, ObjectStore, StoreError};

/// An object that is now a local file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downloaded {
    /// What the store says of it.
    pub info: ObjectInfo,
    /// The SHA-256 of what arrived.
    pub sha256: String,
    /// How much arrived.
    pub size_bytes: u64,
}

/// The content of an object, as it arrives.
///
/// The last item is an error when the content is not what the object's metadata says.
pub struct ObjectStream(BoxStream<'static, Result<Bytes, StoreError>>);

impl std::fmt::Debug for ObjectStream {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ObjectStream")
    }
}

impl Stream for ObjectStream {
    type Item = Result<Bytes, StoreError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }
}

impl ObjectStream {
    /// The content as a reader, for example for [`ObjectStore::put_stream`] of another store.
    pub fn into_async_read(self) -> impl tokio::io::AsyncRead + Send + Unpin {
        tokio_util::io::StreamReader::new(self.0.map(|chunk| chunk.map_err(std::io::Error::other)))
    }
}

impl ObjectStore {
    /// A small object; nothing when there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get_bytes(
        &self,
        address: &ObjectAddress,
    ) -> Result<Option<(ObjectInfo, Bytes)>, StoreError> {
        let Some(mut download) = Download::open(self, address).await? else {
            return Ok(None);
        };
        let bytes = download.collect().await?;
        self.check(&download.info, &crate::sha256_of_bytes(&bytes))
            .await?;
        Ok(Some((download.info, bytes)))
    }

    /// The content of an object as it arrives; nothing when there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get_stream(
        &self,
        address: &ObjectAddress,
    ) -> Result<Option<(ObjectInfo, ObjectStream)>, StoreError> {
        let Some(download) = Download::open(self, address).await? else {
            return Ok(None);
        };
        let info = download.info.clone();
        let hasher = info.sha256.is_some().then(Sha256Hasher::default);
        let chunks = try_unfold(
            (download, hasher),
            |(mut download, mut hasher)| async move {
                match download.next().await? {
                    Some(chunk) => {
                        if let Some(hasher) = &mut hasher {
                            hasher.update(&chunk);
                        }
                        Ok(Some((chunk, (download, hasher))))
                    }
                    None => {
                        if let Some(hasher) = hasher {
                            let actual = hasher.finish();
                            download.store.check(&download.info, &actual).await?;
                        }
                        Ok(None)
                    }
                }
            },
        );
        Ok(Some((info, ObjectStream(chunks.boxed()))))
    }

    /// Brings an object into a local file, which exists afterwards only when all of it arrived
    /// and is what the object's metadata says.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Checksum`], [`StoreError::Damaged`],
    /// [`StoreError::Local`], [`StoreError::DiskFull`], and what else the store can say.
    pub async fn get_to_file(
        &self,
        address: &ObjectAddress,
        path: &Path,
    ) -> Result<Downloaded, StoreError> {
        let mut download =
            Download::open(self, address)
                .await?
                .ok_or_else(|| StoreError::NotFound {
                    address: address.to_string(),
                })?;
        let saved = match download.save(path).await {
            Ok(saved) => self.check(&saved.info, &saved.sha256).await.map(|()| saved),
            Err(error) => Err(error),
        };
        if saved.is_err() {
            // What is left of a failed download would look like the object.
            let _ = tokio::fs::remove_file(path).await;
        }
        saved
    }

    /// Holds what arrived against the metadata. Where they differ the object is read once more:
    /// the same wrong bytes again are the store's own, and waiting does not mend them.
    async fn check(&self, info: &ObjectInfo, actual: &str) -> Result<(), StoreError> {
        let Some(expected) = info.sha256.as_deref().filter(|sha256| *sha256 != actual) else {
            return Ok(());
        };
        let (address, expected, actual) = (
            info.address.to_string(),
            expected.to_owned(),
            actual.to_owned(),
        );
        tracing::warn!(
            object = address,
            expected,
            actual,
            "the content is not what was written; reading it again"
        );
        if self.sha256_of(info).await?.as_deref() == Some(&actual) {
            return Err(StoreError::Damaged {
                address,
                expected,
                actual,
            });
        }
        Err(StoreError::Checksum {
            address,
            expected,
            actual,
        })
    }

    /// The SHA-256 of an object's content; nothing when it is another object by now.
    async fn sha256_of(&self, info: &ObjectInfo) -> Result<Option<String>, StoreError> {
        let download = Download::open(self, &info.address).await?;
        let Some(mut download) = download.filter(|download| download.info.etag == info.etag) else {
            return Ok(None);
        };
        let mut hasher = Sha256Hasher::default();
        while let Some(chunk) = download.next().await? {
            hasher.update(&chunk);
        }
        Ok(Some(hasher.finish()))
    }
}
