//! Writing objects: from memory, from a file, from a stream.
//!
//! Every write is one atomic step for readers: a PUT, or the completion of a multipart upload.
//! Every byte is covered by a SHA-256 that the server verifies, and the SHA-256 of the whole
//! content is kept in the object's user metadata.

use std::collections::BTreeMap;
use std::path::Path;

use aws_sdk_s3::types::ChecksumAlgorithm;
use bytes::Bytes;
use tokio::io::AsyncRead;

use crate::body::{Content, PartHasher, changed};
use crate::client::with_time_for;
use crate::digest::PartDigest;
use crate::interceptors::{Attempts, KnownPayload};
use crate::multipart::Parts;
use crate::parts::{PART_SIZE_BYTES, part_size_bytes};
use crate::store::{quote, unquote};
use crate::stream::{expect_end, read_part};
use crate::{ObjectAddress, ObjectStore, StoreError, metadata};

/// What must hold of the object that is there already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Condition {
    /// Nothing: the write replaces whatever is there.
    #[default]
    None,
    /// There is no object.
    IfAbsent,
    /// The object has this ETag.
    IfMatch(String),
}

/// How an object is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PutOptions {
    /// User metadata; `sha256` is added to it. Values may be any text.
    pub metadata: BTreeMap<String, String>,
    /// What must hold, or the write fails with [`StoreError::PreconditionFailed`].
    pub condition: Condition,
    /// The SHA-256 that the content must have (64 lowercase hex digits). Without it a large
    /// file is read once more beforehand.
    pub sha256: Option<String>,
}

/// An object that was written, or copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its ETag, without quotes.
    pub etag: String,
    /// The SHA-256 of its content; empty after a copy of an object without one in its metadata.
    pub sha256: String,
    /// How large it is.
    pub size_bytes: u64,
}

impl ObjectStore {
    /// Writes bytes that are in memory, in one request.
    ///
    /// # Errors
    /// [`StoreError::Checksum`] when they are not what `options.sha256` says,
    /// [`StoreError::PreconditionFailed`], and what else the store can say.
    pub async fn put_bytes(
        &self,
        address: &ObjectAddress,
        bytes: Bytes,
        options: &PutOptions,
    ) -> Result<Written, StoreError> {
        let digest = PartDigest::of(&bytes);
        check_expected(
            &address.to_string(),
            options.sha256.as_deref(),
            &digest.hex(),
        )?;
        self.put_content(address, &Content::Bytes(bytes), digest, options)
            .await
    }

    /// Writes a local file: one request up to 8 MiB, parts above. Memory does not depend on its
    /// size.
    ///
    /// # Errors
    /// [`StoreError::Local`] when it cannot be read or changes meanwhile, and as
    /// [`put_bytes`](Self::put_bytes).
    pub async fn put_file(
        &self,
        address: &ObjectAddress,
        path: &Path,
        options: &PutOptions,
    ) -> Result<Written, StoreError> {
        let size_bytes = tokio::fs::metadata(path)
            .await
            .map_err(|error| StoreError::local(path, error))?
            .len();
        let result = if size_bytes <= PART_SIZE_BYTES {
            let digest = hash_small_file(path, size_bytes).await?;
            check_expected(
                &path.display().to_string(),
                options.sha256.as_deref(),
                &digest.hex(),
            )?;
            let content = Content::File {
                path: path.to_owned(),
                offset: 0,
                size_bytes,
            };
            self.put_content(address, &content, digest, options).await
        } else {
            self.put_large_file(address, path, size_bytes, options)
                .await
        };
        match result {
            // The server refuses a body that is not the one announced; say whose fault it is.
            Err(
                StoreError::Checksum { .. }
                | StoreError::Other { .. }
                | StoreError::Unreachable { .. },
            ) if file_size(path).await != Some(size_bytes) => Err(changed(path)),
            result => result,
        }
    }

    /// Writes exactly `size_bytes` of a stream. Up to three parts are held in memory.
    ///
    /// A stream cannot be read twice: above one part, the SHA-256 reaches the object's metadata
    /// only when `options.sha256` says it beforehand (and the content is then held against it).
    ///
    /// # Errors
    /// [`StoreError::Malformed`] when the stream has fewer or more bytes, and as
    /// [`put_bytes`](Self::put_bytes).
    pub async fn put_stream(
        &self,
        address: &ObjectAddress,
        mut reader: impl AsyncRead + Send + Unpin,
        size_bytes: u64,
        options: &PutOptions,
    ) -> Result<Written, StoreError> {
        let part_bytes = part_size_bytes(size_bytes);
        if size_bytes > part_bytes {
            return self
                .put_large_stream(address, reader, size_bytes, options)
                .await;
        }
        let bytes = read_part(address, &mut reader, size_bytes).await?;
        expect_end(address, &mut reader, size_bytes).await?;
        self.put_bytes(address, bytes, options).await
    }

    async fn put_content(
        &self,
        address: &ObjectAddress,
        content: &Content,
        digest: PartDigest,
        options: &PutOptions,
    ) -> Result<Written, StoreError> {
        let subject = self.subject("PutObject", address);
        let attempts = Attempts::default();
        let sha256 = digest.hex();
        let size_bytes = content.size_bytes();
        let (if_none_match, if_match) = conditions(&options.condition);
        let request = self
            .client()
            .put_object()
            .bucket(&address.bucket)
            .key(&address.key)
            .body(content.body().await?)
            .content_length(
                i64::try_from(size_bytes).map_err(|_| subject.incomplete("possible size"))?,
            )
            .checksum_sha256(digest.base64())
            .set_metadata(Some(metadata::encode(&options.metadata, Some(&sha256))))
            .set_if_none_match(if_none_match)
            .set_if_match(if_match)
            .customize()
            .interceptor(KnownPayload(digest))
            .interceptor(attempts.clone());
        let answer = with_time_for(request, &self.inner.settings, size_bytes)
            .send()
            .await;
        let written = match answer {
            Ok(put) => {
                let etag = unquote(&put.e_tag.ok_or_else(|| subject.incomplete("ETag"))?);
                Written {
                    etag,
                    sha256,
                    size_bytes,
                }
            }
            Err(error) => {
                let error = subject.classify(error);
                self.written_by_lost_attempt(address, error, &attempts, &sha256, size_bytes)
                    .await?
            }
        };
        self.counting().wrote(size_bytes);
        Ok(written)
    }

    async fn put_large_file(
        &self,
        address: &ObjectAddress,
        path: &Path,
        size_bytes: u64,
        options: &PutOptions,
    ) -> Result<Written, StoreError> {
        let expected = match &options.sha256 {
            Some(sha256) => sha256.clone(),
            None => hash_file(path).await?,
        };
        let metadata = metadata::encode(&options.metadata, Some(&expected));
        let parts = Parts::begin(
            self,
            address,
            size_bytes,
            Some(ChecksumAlgorithm::Sha256),
            metadata,
        )
        .await?;
        let result = parts.send_file(path).await;
        let result = result.and_then(|actual| {
            check_expected(&path.display().to_string(), Some(&expected), &actual)
        });
        match result {
            Ok(()) if file_size(path).await == Some(size_bytes) => {
                let written = parts.complete(&expected, &options.condition).await?;
                self.counting().wrote(size_bytes);
                Ok(written)
            }
            Ok(()) => Err(parts.abort_after(changed(path)).await),
            Err(error) => Err(parts.abort_after(error).await),
        }
    }

    async fn put_large_stream(
        &self,
        address: &ObjectAddress,
        mut reader: impl AsyncRead + Send + Unpin,
        size_bytes: u64,
        options: &PutOptions,
    ) -> Result<Written, StoreError> {
        let expected = options.sha256.as_deref();
        let metadata = metadata::encode(&options.metadata, expected);
        let parts = Parts::begin(
            self,
            address,
            size_bytes,
            Some(ChecksumAlgorithm::Sha256),
            metadata,
        )
        .await?;
        let result = async {
            let actual = parts.send_stream(&mut reader).await?;
            expect_end(address, &mut reader, size_bytes).await?;
            check_expected(&address.to_string(), expected, &actual)?;
            Ok(actual)
        };
        match result.await {
            Ok(actual) => {
                let written = parts.complete(&actual, &options.condition).await?;
                self.counting().wrote(size_bytes);
                Ok(written)
            }
            Err(error) => Err(parts.abort_after(error).await),
        }
    }

    /// A write whose answer was lost is sent again, and then meets its own first success: its
    /// condition fails, or its upload is gone. When the object that is there has our content,
    /// the write has happened.
    pub(crate) async fn written_by_lost_attempt(
        &self,
        address: &ObjectAddress,
        error: StoreError,
        attempts: &Attempts,
        sha256: &str,
        size_bytes: u64,
    ) -> Result<Written, StoreError> {
        let may_be_ours = matches!(
            error,
            StoreError::PreconditionFailed { .. } | StoreError::NotFound { .. }
        );
        if !may_be_ours || !attempts.repeated() {
            return Err(error);
        }
        match self.head(address).await {
            Ok(Some(info))
                if info.sha256.as_deref() == Some(sha256) && info.size_bytes == size_bytes =>
            {
                tracing::info!(object = %address, "an attempt whose answer was lost had written the object");
                Ok(Written {
                    etag: info.etag,
                    sha256: sha256.to_owned(),
                    size_bytes,
                })
            }
            _ => Err(error),
        }
    }
}

/// The values of `If-None-Match` and `If-Match`.
pub(crate) fn conditions(condition: &Condition) -> (Option<String>, Option<String>) {
    match condition {
        Condition::None => (None, None),
        Condition::IfAbsent => (Some("*".to_owned()), None),
        Condition::IfMatch(etag) => (None, Some(quote(etag))),
    }
}

fn check_expected(place: &str, expected: Option<&str>, actual: &str) -> Result<(), StoreError> {
    match expected {
        Some(expected) if expected != actual => Err(StoreError::Checksum {
            address: place.to_owned(),
            expected: expected.to_owned(),
            actual: actual.to_owned(),
        }),
        _ => Ok(()),
    }
}

async fn file_size(path: &Path) -> Option<u64> {
    tokio::fs::metadata(path)
        .await
        .ok()
        .map(|metadata| metadata.len())
}

async fn hash_small_file(path: &Path, size_bytes: u64) -> Result<PartDigest, StoreError> {
    let path = path.to_owned();
    blocking(move || PartHasher::open(&path)?.next(size_bytes)).await
}

async fn hash_file(path: &Path) -> Result<String, StoreError> {
    let path = path.to_owned();
    blocking(move || crate::sha256_of_file(&path).map(|(sha256, _)| sha256)).await
}

/// Runs what blocks on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => Err(StoreError::Other {
            address: "the runtime".to_owned(),
            operation: "spawn_blocking",
            status: None,
            source: Box::new(error),
        }),
    }
}
