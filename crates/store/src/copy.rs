//! Copies that the server makes, of exactly the object that was looked at.
//!
//! A condition on the destination would be ignored by the stores that we know, so there is none
//! (`docs/storage.md`). The condition on the source holds for every part.

use aws_sdk_s3::types::MetadataDirective;
use tokio::task::JoinSet;

use crate::classify::Subject;
use crate::client::with_time_for;
use crate::counters::add;
use crate::metadata::percent_encode;
use crate::multipart::{Parts, Sent};
use crate::parts::part_size_bytes;
use crate::store::{quote, unquote};
use crate::write::{Condition, Written};
use crate::{ObjectAddress, ObjectStore, StoreError, metadata};

impl ObjectStore {
    /// Copies an object with its metadata, provided that it still has `source_etag`. In one step
    /// for readers; above 5 GiB in parts.
    ///
    /// # Errors
    /// [`StoreError::PreconditionFailed`] when the source has changed, [`StoreError::NotFound`]
    /// when it is gone.
    pub async fn copy(
        &self,
        from: &ObjectAddress,
        source_etag: &str,
        to: &ObjectAddress,
    ) -> Result<Written, StoreError> {
        let source = self.head(from).await?.ok_or_else(|| StoreError::NotFound {
            address: from.to_string(),
        })?;
        if source.etag != source_etag.trim_matches('"') {
            return Err(StoreError::PreconditionFailed {
                address: from.to_string(),
            });
        }
        let sha256 = source.sha256.clone().unwrap_or_default();
        let written = if source.size_bytes > self.inner.single_copy_limit_bytes {
            let metadata = metadata::encode(&source.metadata, None);
            let parts = Parts::begin(self, to, source.size_bytes, None, metadata).await?;
            match self.copy_parts(&parts, from, source_etag).await {
                Ok(()) => parts.complete(&sha256, &Condition::None).await?,
                Err(error) => return Err(parts.abort_after(error).await),
            }
        } else {
            self.copy_at_once(from, source_etag, to, source.size_bytes, sha256)
                .await?
        };
        add(&self.counting().objects_copied, 1);
        Ok(written)
    }

    async fn copy_at_once(
        &self,
        from: &ObjectAddress,
        source_etag: &str,
        to: &ObjectAddress,
        size_bytes: u64,
        sha256: String,
    ) -> Result<Written, StoreError> {
        // The condition is on the source, so that is what a failed one must name.
        let subject = self.subject("CopyObject", from);
        let request = self
            .client()
            .copy_object()
            .bucket(&to.bucket)
            .key(&to.key)
            .copy_source(copy_source(from))
            .copy_source_if_match(quote(source_etag))
            .metadata_directive(MetadataDirective::Copy)
            .customize();
        let copied = with_time_for(request, &self.inner.settings, size_bytes)
            .send()
            .await
            .map_err(|error| self.classify_copy(&subject, to, error))?;
        let etag = copied
            .copy_object_result
            .and_then(|result| result.e_tag)
            .ok_or_else(|| subject.incomplete("ETag"))?;
        Ok(Written {
            etag: unquote(&etag),
            sha256,
            size_bytes,
        })
    }

    /// A missing bucket may be the destination's; only its own name helps.
    fn classify_copy<E>(
        &self,
        subject: &Subject,
        to: &ObjectAddress,
        error: aws_sdk_s3::error::SdkError<E, aws_sdk_s3::config::http::HttpResponse>,
    ) -> StoreError
    where
        E: std::error::Error + aws_sdk_s3::error::ProvideErrorMetadata + Send + Sync + 'static,
    {
        match subject.classify(error) {
            // The source's bucket has just answered.
            StoreError::BucketMissing { .. } => StoreError::BucketMissing {
                bucket: to.bucket.clone(),
            },
            error => error,
        }
    }

    async fn copy_parts(
        &self,
        parts: &Parts,
        from: &ObjectAddress,
        source_etag: &str,
    ) -> Result<(), StoreError> {
        let mut copying = JoinSet::new();
        let part_bytes = copy_part_size_bytes(parts.size_bytes);
        for (number, index) in (1..).zip(0..parts.size_bytes.div_ceil(part_bytes)) {
            let permit = parts.next_permit(&mut copying).await?;
            let first = index * part_bytes;
            let last = (first + part_bytes).min(parts.size_bytes) - 1;
            let subject = self.subject("UploadPartCopy", from);
            let request = self
                .client()
                .upload_part_copy()
                .bucket(&parts.address.bucket)
                .key(&parts.address.key)
                .upload_id(&parts.upload_id)
                .part_number(number)
                .copy_source(copy_source(from))
                .copy_source_range(format!("bytes={first}-{last}"))
                .copy_source_if_match(quote(source_etag))
                .customize();
            let request = with_time_for(request, &self.inner.settings, last - first + 1);
            copying.spawn(async move {
                let _permit = permit;
                let copied = request
                    .send()
                    .await
                    .map_err(|error| subject.classify(error))?;
                let result = copied
                    .copy_part_result
                    .ok_or_else(|| subject.incomplete("result"))?;
                let etag = result.e_tag.ok_or_else(|| subject.incomplete("ETag"))?;
                Ok(Sent {
                    number,
                    etag,
                    digest: None,
                })
            });
        }
        parts.all_sent(&mut copying).await
    }
}

/// Parts that the server copies cost us no memory: large ones mean few requests.
fn copy_part_size_bytes(size_bytes: u64) -> u64 {
    const LARGE_BYTES: u64 = 512 * 1024 * 1024;
    let smallest = part_size_bytes(size_bytes);
    if size_bytes <= 2 * LARGE_BYTES {
        smallest
    } else {
        smallest.max(LARGE_BYTES)
    }
}

/// `bucket/key` as the header wants it.
fn copy_source(from: &ObjectAddress) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    format!("{}/{}", from.bucket, percent_encode(&from.key, plain))
}

#[cfg(test)]
mod tests {
    use super::{copy_part_size_bytes, copy_source};

    #[test]
    fn the_source_is_percent_encoded_but_for_its_slashes() {
        let from = "s3://lake/a b/c+d%e=ü.json".parse().expect("an address");
        assert_eq!(copy_source(&from), "lake/a%20b/c%2Bd%25e%3D%C3%BC.json");
    }

    #[test]
    fn server_side_parts_are_few() {
        assert_eq!(copy_part_size_bytes(12 << 20), 8 << 20);
        assert_eq!(copy_part_size_bytes(6 << 30), 512 << 20);
        assert_eq!(copy_part_size_bytes(5 << 40), 525 << 20);
    }
}
