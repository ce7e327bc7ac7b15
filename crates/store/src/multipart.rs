//! Multipart uploads: begun, sent in parts, completed or aborted.
//!
//! At most three parts are in flight in the whole process, however many uploads there are: that
//! is what bounds the memory of a stage that uploads several large objects at once.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use tokio::io::AsyncRead;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use crate::body::{Content, PartHasher};
use crate::client::with_time_for;
use crate::digest::{PartDigest, Sha256Hasher, composite};
use crate::interceptors::{Attempts, KnownPayload};
use crate::parts::{part_count, part_size_bytes};
use crate::store::unquote;
use crate::stream::read_part;
use crate::write::{Condition, Written, blocking, conditions};
use crate::{ObjectAddress, ObjectStore, StoreError};

/// The most parts in flight.
const PARTS_IN_FLIGHT: usize = 3;

static IN_FLIGHT: LazyLock<Arc<Semaphore>> =
    LazyLock::new(|| Arc::new(Semaphore::new(PARTS_IN_FLIGHT)));

/// A part that the server has.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub number: i32,
    pub etag: String,
    /// Known for parts that we sent, not for those that the server copied.
    pub digest: Option<PartDigest>,
}

/// An upload that has begun.
pub(crate) struct Parts {
    pub store: ObjectStore,
    pub address: ObjectAddress,
    pub upload_id: String,
    pub size_bytes: u64,
    sent: Mutex<Vec<Sent>>,
}

impl Parts {
    /// Begins an upload; metadata and checksum algorithm are fixed here. Parts that the server
    /// copies have no checksum of ours.
    pub async fn begin(
        store: &ObjectStore,
        address: &ObjectAddress,
        size_bytes: u64,
        checksum: Option<ChecksumAlgorithm>,
        metadata: HashMap<String, String>,
    ) -> Result<Self, StoreError> {
        let subject = store.subject("CreateMultipartUpload", address);
        let created = store
            .client()
            .create_multipart_upload()
            .bucket(&address.bucket)
            .key(&address.key)
            .set_checksum_algorithm(checksum)
            .set_metadata(Some(metadata))
            .send()
            .await
            .map_err(|error| subject.classify(error))?;
        let upload_id = created
            .upload_id
            .ok_or_else(|| subject.incomplete("upload id"))?;
        store
            .open_uploads()
            .insert(upload_id.clone(), address.clone());
        Ok(Self {
            store: store.clone(),
            address: address.clone(),
            upload_id,
            size_bytes,
            sent: Mutex::default(),
        })
    }

    /// Number, offset and size of each part.
    fn plan(&self) -> impl Iterator<Item = (i32, u64, u64)> + use<> {
        let size_bytes = self.size_bytes;
        let part_bytes = part_size_bytes(size_bytes);
        (1..)
            .zip(0..part_count(size_bytes))
            .map(move |(number, index)| {
                let offset = index * part_bytes;
                (number, offset, part_bytes.min(size_bytes - offset))
            })
    }

    /// Sends a file; its SHA-256 comes back.
    pub async fn send_file(&self, path: &Path) -> Result<String, StoreError> {
        let mut sending = JoinSet::new();
        let owned_path = path.to_owned();
        let mut hasher = blocking(move || PartHasher::open(&owned_path)).await?;
        for (number, offset, size_bytes) in self.plan() {
            let permit = self.next_permit(&mut sending).await?;
            let digest;
            (hasher, digest) = blocking(move || {
                let digest = hasher.next(size_bytes)?;
                Ok((hasher, digest))
            })
            .await?;
            let content = Content::File {
                path: path.to_owned(),
                offset,
                size_bytes,
            };
            sending.spawn(self.send_part(number, content, digest, permit));
        }
        self.all_sent(&mut sending).await?;
        Ok(hasher.finish())
    }

    /// Sends a stream; its SHA-256 comes back.
    pub async fn send_stream(
        &self,
        reader: &mut (impl AsyncRead + Unpin),
    ) -> Result<String, StoreError> {
        let mut sending = JoinSet::new();
        let mut whole = Sha256Hasher::default();
        for (number, _, size_bytes) in self.plan() {
            let permit = self.next_permit(&mut sending).await?;
            let bytes = read_part(&self.address, reader, size_bytes).await?;
            let digest;
            (whole, digest) = {
                let bytes = bytes.clone();
                blocking(move || {
                    whole.update(&bytes);
                    Ok((whole, PartDigest::of(&bytes)))
                })
                .await?
            };
            sending.spawn(self.send_part(number, Content::Bytes(bytes), digest, permit));
        }
        self.all_sent(&mut sending).await?;
        Ok(whole.finish())
    }

    /// Waits for room, and fails as soon as a part in flight has failed.
    pub async fn next_permit(
        &self,
        sending: &mut JoinSet<Result<Sent, StoreError>>,
    ) -> Result<OwnedSemaphorePermit, StoreError> {
        let permit = Arc::clone(&IN_FLIGHT).acquire_owned();
        tokio::pin!(permit);
        loop {
            tokio::select! {
                biased;
                Some(joined) = sending.join_next() => self.record(joined)?,
                // The semaphore is never closed.
                permit = &mut permit => return permit.map_err(|error| StoreError::Other {
                    address: self.address.to_string(),
                    operation: "UploadPart",
                    status: None,
                    source: Box::new(error),
                }),
            }
        }
    }

    /// Waits for the parts in flight.
    pub async fn all_sent(
        &self,
        sending: &mut JoinSet<Result<Sent, StoreError>>,
    ) -> Result<(), StoreError> {
        while let Some(joined) = sending.join_next().await {
            self.record(joined)?;
        }
        Ok(())
    }

    fn record(
        &self,
        joined: Result<Result<Sent, StoreError>, tokio::task::JoinError>,
    ) -> Result<(), StoreError> {
        match joined {
            Ok(Ok(sent)) => {
                self.sent
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(sent);
                Ok(())
            }
            Ok(Err(error)) => Err(error),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(error) => Err(StoreError::Other {
                address: self.address.to_string(),
                operation: "UploadPart",
                status: None,
                source: Box::new(error),
            }),
        }
    }

    fn send_part(
        &self,
        number: i32,
        content: Content,
        digest: PartDigest,
        permit: OwnedSemaphorePermit,
    ) -> impl Future<Output = Result<Sent, StoreError>> + Send + use<> {
        let (store, address, upload_id) = (
            self.store.clone(),
            self.address.clone(),
            self.upload_id.clone(),
        );
        async move {
            let _permit = permit;
            let subject = store.subject("UploadPart", &address);
            let size_bytes = content.size_bytes();
            let checksum = digest.base64();
            let request = store
                .client()
                .upload_part()
                .bucket(&address.bucket)
                .key(&address.key)
                .upload_id(upload_id)
                .part_number(number)
                .content_length(
                    i64::try_from(size_bytes).map_err(|_| subject.incomplete("possible size"))?,
                )
                .checksum_sha256(&checksum)
                .body(content.body().await?)
                .customize()
                .interceptor(KnownPayload(digest));
            let part = with_time_for(request, &store.inner.settings, size_bytes)
                .send()
                .await
                .map_err(|error| subject.classify(error))?;
            if let Some(stored) = part.checksum_sha256.filter(|stored| *stored != checksum) {
                return Err(StoreError::Checksum {
                    address: address.to_string(),
                    expected: format!("{checksum} of part {number}"),
                    actual: stored,
                });
            }
            let etag = part.e_tag.ok_or_else(|| subject.incomplete("ETag"))?;
            Ok(Sent {
                number,
                etag,
                digest: Some(digest),
            })
        }
    }

    /// Makes the object of its parts, the one step that readers see. What fails is aborted.
    pub async fn complete(
        self,
        sha256: &str,
        condition: &Condition,
    ) -> Result<Written, StoreError> {
        let subject = self.store.subject("CompleteMultipartUpload", &self.address);
        let attempts = Attempts::default();
        let mut sent =
            std::mem::take(&mut *self.sent.lock().unwrap_or_else(PoisonError::into_inner));
        sent.sort_by_key(|part| part.number);
        let parts: Vec<CompletedPart> = sent
            .iter()
            .map(|part| {
                CompletedPart::builder()
                    .part_number(part.number)
                    .e_tag(&part.etag)
                    .set_checksum_sha256(part.digest.map(PartDigest::base64))
                    .build()
            })
            .collect();
        let (if_none_match, if_match) = conditions(condition);
        let request = self
            .store
            .client()
            .complete_multipart_upload()
            .bucket(&self.address.bucket)
            .key(&self.address.key)
            .upload_id(&self.upload_id)
            .multipart_upload(
                CompletedMultipartUpload::builder()
                    .set_parts(Some(parts))
                    .build(),
            )
            .set_if_none_match(if_none_match)
            .set_if_match(if_match)
            .customize()
            .interceptor(attempts.clone());
        // The server may have to put the parts together before it answers.
        let answer = with_time_for(request, &self.store.inner.settings, self.size_bytes)
            .send()
            .await;
        let written = match answer {
            Ok(completed) => {
                let digests: Option<Vec<PartDigest>> =
                    sent.iter().map(|part| part.digest).collect();
                let expected = digests.map(|digests| composite(digests.into_iter()));
                if let (Some(stored), Some(expected)) = (completed.checksum_sha256, expected)
                    && stored.contains('-')
                    && stored != expected
                {
                    self.forget();
                    let address = self.address.to_string();
                    return Err(StoreError::Checksum {
                        address,
                        expected,
                        actual: stored,
                    });
                }
                let etag = unquote(&completed.e_tag.ok_or_else(|| subject.incomplete("ETag"))?);
                Written {
                    etag,
                    sha256: sha256.to_owned(),
                    size_bytes: self.size_bytes,
                }
            }
            Err(error) => {
                let error = subject.classify(error);
                let (store, size_bytes) = (&self.store, self.size_bytes);
                match store
                    .written_by_lost_attempt(&self.address, error, &attempts, sha256, size_bytes)
                    .await
                {
                    Ok(written) => written,
                    Err(error) => return Err(self.abort_after(error).await),
                }
            }
        };
        self.forget();
        Ok(written)
    }

    /// Aborts the upload because of `error`, which comes back: a failed abort is only logged,
    /// since cleanup finds what is left.
    pub async fn abort_after(self, error: StoreError) -> StoreError {
        if let Err(abort) = self
            .store
            .abort_multipart_upload(&self.address, &self.upload_id)
            .await
        {
            tracing::warn!(object = %self.address, cause = %abort, "a multipart upload is left for cleanup");
        }
        error
    }

    fn forget(&self) {
        self.store.open_uploads().remove(&self.upload_id);
    }
}
