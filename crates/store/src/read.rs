//! Reading objects: into memory, into a file, as a stream.
//!
//! A body that breaks off is taken up where it broke, from the same object: the request for the
//! rest carries the ETag. The SHA-256 of what arrived is held against the one in the object's
//! metadata, where there is one.

use std::ops::Range;
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
        let Some(mut download) = Download::open(self, address, None).await? else {
            return Ok(None);
        };
        let bytes = download.collect().await?;
        check(&download.info, &crate::sha256_of_bytes(&bytes))?;
        Ok(Some((download.info, bytes)))
    }

    /// Some bytes of an object, fewer when it ends before; nothing when there is none. They
    /// cannot be held against the object's SHA-256.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get_range(
        &self,
        address: &ObjectAddress,
        range: Range<u64>,
    ) -> Result<Option<(ObjectInfo, Bytes)>, StoreError> {
        if range.is_empty() {
            return Ok(self.head(address).await?.map(|info| (info, Bytes::new())));
        }
        let Some(mut download) = Download::open(self, address, Some(range)).await? else {
            return Ok(None);
        };
        let bytes = download.collect().await?;
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
        let Some(download) = Download::open(self, address, None).await? else {
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
                            check(&download.info, &hasher.finish())?;
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
    /// [`StoreError::NotFound`], [`StoreError::Checksum`], [`StoreError::Local`],
    /// [`StoreError::DiskFull`], and what else the store can say.
    pub async fn get_to_file(
        &self,
        address: &ObjectAddress,
        path: &Path,
    ) -> Result<Downloaded, StoreError> {
        let mut download =
            Download::open(self, address, None)
                .await?
                .ok_or_else(|| StoreError::NotFound {
                    address: address.to_string(),
                })?;
        let result = download.save(path).await;
        let downloaded = result.and_then(|downloaded| {
            check(&downloaded.info, &downloaded.sha256)?;
            Ok(downloaded)
        });
        if downloaded.is_err() {
            // What is left of a failed download would look like the object.
            let _ = tokio::fs::remove_file(path).await;
        }
        downloaded
    }

    /// The same, held against a SHA-256 that is known from elsewhere.
    ///
    /// # Errors
    /// As [`get_to_file`](Self::get_to_file).
    pub async fn get_verified_to_file(
        &self,
        address: &ObjectAddress,
        path: &Path,
        sha256: &str,
    ) -> Result<Downloaded, StoreError> {
        let downloaded = self.get_to_file(address, path).await?;
        if downloaded.sha256 == sha256 {
            return Ok(downloaded);
        }
        let _ = tokio::fs::remove_file(path).await;
        Err(StoreError::Checksum {
            address: address.to_string(),
            expected: sha256.to_owned(),
            actual: downloaded.sha256,
        })
    }
}

fn check(info: &ObjectInfo, actual: &str) -> Result<(), StoreError> {
    match &info.sha256 {
        Some(expected) if expected != actual => Err(StoreError::Checksum {
            address: info.address.to_string(),
            expected: expected.clone(),
            actual: actual.to_owned(),
        }),
        _ => Ok(()),
    }
}
