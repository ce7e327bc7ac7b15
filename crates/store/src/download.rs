//! One body under way, taken up again where it breaks off.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

use crate::classify::Subject;
use crate::counters::add;
use crate::digest::Sha256Hasher;
use crate::parts::PART_SIZE_BYTES;
use crate::store::{RawInfo, quote};
use crate::write::blocking;
use crate::{Downloaded, ObjectAddress, ObjectInfo, ObjectStore, StoreError};

/// Chunks that may wait for the disk.
const CHUNKS_IN_FLIGHT: usize = 8;

/// A body under way.
pub(crate) struct Download {
    pub store: ObjectStore,
    pub info: ObjectInfo,
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
    pub async fn open(
        store: &ObjectStore,
        address: &ObjectAddress,
    ) -> Result<Option<Self>, StoreError> {
        let subject = store.subject("GetObject", address);
        let request = store
            .client()
            .get_object()
            .bucket(&address.bucket)
            .key(&address.key);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                return match subject.classify(error) {
                    StoreError::NotFound { .. } => Ok(None),
                    error => Err(error),
                };
            }
        };
        add(&store.counting().objects_read, 1);
        let length = answer
            .content_length
            .and_then(|length| u64::try_from(length).ok());
        let length = length.ok_or_else(|| subject.incomplete("content length"))?;
        let raw = RawInfo {
            size_bytes: answer.content_length,
            etag: answer.e_tag,
            last_modified: answer.last_modified,
            metadata: answer.metadata,
        };
        Ok(Some(Self {
            store: store.clone(),
            info: raw.into_info(address, &subject)?,
            subject,
            body: answer.body,
            position: 0,
            end: length,
            breaks: 0,
            since_break_bytes: 0,
        }))
    }

    pub async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
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
                Err(StoreError::Replaced {
                    address: address.to_string(),
                })
            }
            Err(error) => Err(error),
        }
    }

    pub async fn collect(&mut self) -> Result<Bytes, StoreError> {
        let capacity = usize::try_from(self.end - self.position)
            .unwrap_or(0)
            .min(1 << 26);
        let mut bytes = BytesMut::with_capacity(capacity);
        while let Some(chunk) = self.next().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.freeze())
    }

    /// Hashing and writing have a thread of their own, beside the network.
    pub async fn save(&mut self, path: &Path) -> Result<Downloaded, StoreError> {
        let (sender, mut receiver) = mpsc::channel::<Bytes>(CHUNKS_IN_FLIGHT);
        let owned_path = path.to_owned();
        let needed_bytes = self.end;
        let writer = blocking(move || {
            let local = |error| StoreError::local(&owned_path, error);
            let mut file = File::create(&owned_path).map_err(local)?;
            reserve(&file, needed_bytes).map_err(local)?;
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
        Ok(Downloaded {
            info: self.info.clone(),
            sha256,
            size_bytes,
        })
    }
}

/// Takes the room for a file before its first byte, so that several downloads at once do not find
/// out together, much later, that the disk is too small. File systems that cannot do so are taken
/// as they are.
#[cfg(target_os = "linux")]
fn reserve(file: &File, needed_bytes: u64) -> std::io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    if needed_bytes == 0 {
        return Ok(());
    }
    match fallocate(file, FallocateFlags::KEEP_SIZE, 0, needed_bytes).map_err(std::io::Error::from)
    {
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::FileTooLarge
            ) =>
        {
            let free_bytes = rustix::fs::fstatvfs(file)
                .map(|stat| stat.f_bavail.saturating_mul(stat.f_frsize))
                .unwrap_or_default();
            Err(std::io::Error::new(
                std::io::ErrorKind::StorageFull,
                format!("{needed_bytes} bytes are needed, {free_bytes} are free"),
            ))
        }
        _ => Ok(()),
    }
}

#[cfg(not(target_os = "linux"))]
fn reserve(_file: &File, _needed_bytes: u64) -> std::io::Result<()> {
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::ErrorKind;

    use super::reserve;

    #[test]
    fn room_is_taken_before_the_first_byte_or_refused_with_the_figures() {
        let folder = tempfile::tempdir().unwrap();
        let file = std::fs::File::create(folder.path().join("object")).unwrap();
        reserve(&file, 0).unwrap();
        reserve(&file, 1 << 16).unwrap();
        assert_eq!(
            file.metadata().unwrap().len(),
            0,
            "its size is what is written"
        );
        // More than any disk has.
        let error = reserve(&file, 1 << 60).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        assert!(
            error
                .to_string()
                .starts_with("1152921504606846976 bytes are needed, ")
        );
    }
}
