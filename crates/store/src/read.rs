//! Reading objects: into memory, into a file, as a stream.
//!
//! A body that breaks off is taken up where it broke, from the same object: the request for the
//! rest carries the ETag. The SHA-256 of what arrived is held against the one in the object's
//! metadata, where there is one.

use std::fs::File;
use std::io::Write as _;
use std::ops::Range;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use bytes::{Bytes, BytesMut};
use futures::stream::{BoxStream, Stream, StreamExt, try_unfold};
use tokio::sync::mpsc;

use crate::classify::Subject;
use crate::counters::add;
use crate::digest::Sha256Hasher;
use crate::parts::PART_SIZE_BYTES;
use crate::store::{RawInfo, quote};
use crate::write::blocking;
use crate::{ObjectAddress, ObjectInfo, ObjectStore, StoreError};

/// Chunks that may wait for the disk.
const CHUNKS_IN_FLIGHT: usize = 8;

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
        let Some(mut download) = Download::open(self, address, None).await? else { return Ok(None) };
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
        let Some(mut download) = Download::open(self, address, Some(range)).await? else { return Ok(None) };
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
        let Some(download) = Download::open(self, address, None).await? else { return Ok(None) };
        let info = download.info.clone();
        let hasher = info.sha256.is_some().then(Sha256Hasher::default);
        let chunks = try_unfold((download, hasher), |(mut download, mut hasher)| async move {
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
        });
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
        let mut download = Download::open(self, address, None)
            .await?
            .ok_or_else(|| StoreError::NotFound { address: address.to_string() })?;
        let result = download.to_file(path).await;
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

/// A body under way.
struct Download {
    store: ObjectStore,
    info: ObjectInfo,
    subject: Subject,
    body: ByteStream,
    /// The next byte that is awaited, and the one after the last.
    position: u64,
    end: u64,
    /// Breaks since the last good stretch, and how much has arrived since the last break.
    breaks: u32,
    since_break_bytes: u64,
}

impl Download {
    async fn open(
        store: &ObjectStore,
        address: &ObjectAddress,
        range: Option<Range<u64>>,
    ) -> Result<Option<Self>, StoreError> {
        let subject = Subject::object("GetObject", address);
        let header = range.as_ref().map(|range| format!("bytes={}-{}", range.start, range.end - 1));
        let request = store.client().get_object().bucket(&address.bucket).key(&address.key).set_range(header);
        let answer = match request.send().await {
            Ok(answer) => answer,
            // Behind the object's end: there is nothing, which is not an error.
            Err(error) if error.code() == Some("InvalidRange") => {
                return Ok(store.head(address).await?.map(|info| Self::empty(store, subject, info)));
            }
            Err(error) => {
                return match subject.classify(error) {
                    StoreError::NotFound { .. } => Ok(None),
                    error => Err(error),
                };
            }
        };
        add(&store.counting().objects_read, 1);
        let length = answer.content_length.and_then(|length| u64::try_from(length).ok());
        let length = length.ok_or_else(|| subject.incomplete("content length"))?;
        let start = range.map_or(0, |range| range.start);
        let whole = answer
            .content_range
            .as_deref()
            .and_then(|text| text.rsplit_once('/')?.1.parse::<i64>().ok())
            .or(answer.content_length);
        let raw = RawInfo {
            size_bytes: whole,
            etag: answer.e_tag,
            last_modified: answer.last_modified,
            metadata: answer.metadata,
        };
        Ok(Some(Self {
            store: store.clone(),
            info: raw.into_info(address, &subject)?,
            subject,
            body: answer.body,
            position: start,
            end: start + length,
            breaks: 0,
            since_break_bytes: 0,
        }))
    }

    fn empty(store: &ObjectStore, subject: Subject, info: ObjectInfo) -> Self {
        let body = ByteStream::from_static(b"");
        let store = store.clone();
        Self { store, info, subject, body, position: 0, end: 0, breaks: 0, since_break_bytes: 0 }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        loop {
            let error = match self.body.next().await {
                Some(Ok(chunk)) => {
                    let size_bytes = chunk.len() as u64;
                    add(&self.store.counting().bytes_read, size_bytes);
                    self.position += size_bytes;
                    self.since_break_bytes += size_bytes;
                    if self.since_break_bytes > PART_SIZE_BYTES {
                        self.breaks = 0;
                    }
                    return Ok(Some(chunk));
                }
                _ if self.position >= self.end => return Ok(None),
                Some(Err(error)) => self.subject.broken_body(error),
                None => self.subject.broken_body(std::io::Error::new(
                    std::io::ErrorKind::UnexpectedEof,
                    format!("the body ended {} bytes early", self.end - self.position),
                )),
            };
            self.breaks += 1;
            self.since_break_bytes = 0;
            if self.breaks >= self.store.inner.settings.attempts {
                return Err(error);
            }
            tracing::warn!(
                object = %self.info.address,
                attempt = self.breaks,
                attempt_limit = self.store.inner.settings.attempts,
                position_bytes = self.position,
                cause = %error,
                "a download broke off and is taken up again"
            );
            tokio::time::sleep(Duration::from_millis(100 << self.breaks.min(5))).await;
            self.reopen().await?;
        }
    }

    /// Asks for the rest of the same object.
    async fn reopen(&mut self) -> Result<(), StoreError> {
        let address = &self.info.address;
        add(&self.store.counting().retries, 1);
        let answer = self
            .store
            .client()
            .get_object()
            .bucket(&address.bucket)
            .key(&address.key)
            .range(format!("bytes={}-{}", self.position, self.end - 1))
            .if_match(quote(&self.info.etag))
            .send()
            .await
            .map_err(|error| self.subject.classify(error));
        match answer {
            Ok(answer) => {
                self.body = answer.body;
                Ok(())
            }
            Err(StoreError::PreconditionFailed { .. } | StoreError::NotFound { .. }) => {
                Err(StoreError::Replaced { address: address.to_string() })
            }
            Err(error) => Err(error),
        }
    }

    async fn collect(&mut self) -> Result<Bytes, StoreError> {
        let capacity = usize::try_from(self.end - self.position).unwrap_or(0).min(1 << 26);
        let mut bytes = BytesMut::with_capacity(capacity);
        while let Some(chunk) = self.next().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.freeze())
    }

    /// Hashing and writing have a thread of their own, beside the network.
    async fn to_file(&mut self, path: &Path) -> Result<Downloaded, StoreError> {
        let (sender, mut receiver) = mpsc::channel::<Bytes>(CHUNKS_IN_FLIGHT);
        let owned_path = path.to_owned();
        let writer = blocking(move || {
            let local = |error| StoreError::local(&owned_path, error);
            let mut file = File::create(&owned_path).map_err(local)?;
            let mut hasher = Sha256Hasher::default();
            while let Some(chunk) = receiver.blocking_recv() {
                hasher.update(&chunk);
                file.write_all(&chunk).map_err(local)?;
            }
            file.flush().map_err(local)?;
            Ok(hasher.finish())
        });
        let reader = async {
            while let Some(chunk) = self.next().await? {
                // A writer that has failed says why itself.
                if sender.send(chunk).await.is_err() {
                    break;
                }
            }
            drop(sender);
            Ok(self.position)
        };
        let (size_bytes, sha256) = futures::join!(reader, writer);
        let (sha256, size_bytes) = (sha256?, size_bytes?);
        Ok(Downloaded { info: self.info.clone(), sha256, size_bytes })
    }
}
