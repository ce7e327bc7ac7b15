//! Server-side copies of whole objects, and of ranges into parts.

use std::collections::BTreeSet;
use std::ops::Range;

use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use crate::storage::{Attributes, Backend, Condition, ObjectMeta, StagedBlob, now_ms};

use super::Lake;
use super::conditions::{ReadConditions, refuse_dates};
use super::convert::{
    LARGEST_PUT_BYTES, algorithm_of, attributes_of, checksum_fields, checksum_type, etag_of,
    timestamp_of, with_checksums,
};
use super::errors::{not_implemented, refuse_all, s3_error_of};

impl Lake {
    pub async fn copy_object(
        &self,
        request: S3Request<CopyObjectInput>,
    ) -> S3Result<CopyObjectOutput> {
        let mut input = request.input;
        refuse_all(&[
            (
                "server-side encryption",
                input.server_side_encryption.is_some(),
            ),
            ("customer keys", input.sse_customer_algorithm.is_some()),
            (
                "tags",
                input.tagging.is_some() || input.tagging_directive.is_some(),
            ),
            ("object lock", input.object_lock_mode.is_some()),
            // Other stores ignore these, so that to honour them here would hide a mistake.
            (
                "conditions on a copy's destination",
                request.headers.contains_key("if-match"),
            ),
            (
                "conditions on a copy's destination",
                request.headers.contains_key("if-none-match"),
            ),
        ])?;
        let (source_bucket, source_key) = source_of(&input.copy_source)?;
        let replacement: Option<Attributes> = match input
            .metadata_directive
            .as_ref()
            .map(MetadataDirective::as_str)
        {
            None | Some(MetadataDirective::COPY) => None,
            Some(MetadataDirective::REPLACE) => Some(attributes_of!(input)),
            Some(_) => return Err(s3_error!(InvalidArgument, "Unknown metadata directive")),
        };
        let (bucket, key) = (input.bucket, input.key);
        if replacement.is_none() && source_bucket == bucket && source_key == key {
            return Err(s3_error!(
                InvalidRequest,
                "This copy request is illegal because it is trying to copy an object to itself \
                 without changing the object's metadata."
            ));
        }
        let algorithm = algorithm_of(input.checksum_algorithm.as_ref())?;
        refuse_dates(
            input.copy_source_if_modified_since.as_ref(),
            input.copy_source_if_unmodified_since.as_ref(),
        )?;
        let conditions = ReadConditions {
            if_match: input.copy_source_if_match,
            if_none_match: input.copy_source_if_none_match,
            is_copy: true,
        };
        let meta = self
            .blocking_s3(move |backend| {
                backend.check_bucket(&bucket).map_err(s3_error_of)?;
                let (staged, mut meta) =
                    stage_copy(backend, &source_bucket, &source_key, &conditions)?;
                if let Some(algorithm) = algorithm
                    && (meta.composite || !meta.checksums.contains_key(&algorithm))
                {
                    meta.checksums = staged.checksum(algorithm).map_err(s3_error_of)?;
                    meta.composite = false;
                }
                if let Some(attributes) = replacement {
                    meta.attributes = attributes;
                }
                meta.key.clone_from(&key);
                meta.modified_ms = now_ms();
                backend
                    .publish(&bucket, &key, staged, &meta, &Condition::None)
                    .map_err(s3_error_of)?;
                Ok(meta)
            })
            .await?;
        let result = with_checksums!(
            checksum_fields(&meta.checksums),
            CopyObjectResult {
                e_tag: Some(etag_of(&*meta.etag)),
                last_modified: Some(timestamp_of(meta.modified_ms)),
                checksum_type: (!meta.checksums.is_empty()).then(|| checksum_type(meta.composite)),
            }
        );
        Ok(CopyObjectOutput {
            copy_object_result: Some(result),
            ..Default::default()
        })
    }

    pub async fn upload_part_copy(
        &self,
        request: S3Request<UploadPartCopyInput>,
    ) -> S3Result<UploadPartCopyOutput> {
        let input = request.input;
        refuse_all(&[("customer keys", input.sse_customer_algorithm.is_some())])?;
        let (source_bucket, source_key) = source_of(&input.copy_source)?;
        refuse_dates(
            input.copy_source_if_modified_since.as_ref(),
            input.copy_source_if_unmodified_since.as_ref(),
        )?;
        let conditions = ReadConditions {
            if_match: input.copy_source_if_match,
            if_none_match: input.copy_source_if_none_match,
            is_copy: true,
        };
        let number = u16::try_from(input.part_number).unwrap_or(0);
        let (bucket, key, id) = (input.bucket, input.key, input.upload_id);
        let part = self
            .blocking_s3(move |backend| {
                let source = backend
                    .open_object(&source_bucket, &source_key)
                    .map_err(s3_error_of)?;
                conditions.check(&source.meta)?;
                let span = span_of(input.copy_source_range.as_deref(), source.meta.size_bytes)?;
                let length = span.end - span.start;
                let mut writer = backend
                    .begin_part((&bucket, &key, &id), number, Some(length), &BTreeSet::new())
                    .map_err(s3_error_of)?;
                writer
                    .copy_from(source.file, span.start)
                    .map_err(s3_error_of)?;
                writer.finish(|_| Ok(()))
            })
            .await?;
        let result = with_checksums!(
            checksum_fields(&part.checksums),
            CopyPartResult {
                e_tag: Some(etag_of(part.etag())),
                last_modified: Some(timestamp_of(part.modified_ms)),
            }
        );
        Ok(UploadPartCopyOutput {
            copy_part_result: Some(result),
            ..Default::default()
        })
    }
}

fn source_of(source: &CopySource) -> S3Result<(String, String)> {
    match source {
        CopySource::Bucket {
            bucket,
            key,
            version_id: None,
        } => Ok((bucket.to_string(), key.to_string())),
        CopySource::Bucket { .. } => Err(not_implemented("versions")),
        _ => Err(not_implemented("access points")),
    }
}

fn stage_copy(
    backend: &Backend,
    bucket: &str,
    key: &str,
    conditions: &ReadConditions,
) -> S3Result<(StagedBlob, ObjectMeta)> {
    backend.stage_copy(bucket, key, |meta| {
        conditions.check(meta)?;
        if meta.size_bytes > LARGEST_PUT_BYTES {
            return Err(s3_error!(
                InvalidRequest,
                "The specified copy source is larger than the maximum allowable size for a copy \
                 source: 5368709120"
            ));
        }
        Ok(())
    })
}

/// The bytes that `x-amz-copy-source-range` names: both ends given, both within the object.
fn span_of(range: Option<&str>, size_bytes: u64) -> S3Result<Range<u64>> {
    let invalid = |reason| s3_error!(InvalidArgument, "x-amz-copy-source-range: {}", reason);
    let span = match range {
        None => 0..size_bytes,
        Some(text) => {
            let (first, last) = text
                .strip_prefix("bytes=")
                .and_then(|ends| ends.split_once('-'))
                .and_then(|(first, last)| Some((first.parse().ok()?, last.parse::<u64>().ok()?)))
                .ok_or_else(|| invalid("it is not of the form bytes=first-last"))?;
            if first > last || last >= size_bytes {
                return Err(invalid("it is not within the source object"));
            }
            first..last + 1
        }
    };
    if span.end - span.start > LARGEST_PUT_BYTES {
        return Err(s3_error!(EntityTooLarge, "a part has at most 5 GiB"));
    }
    Ok(span)
}

#[cfg(test)]
mod tests {
    use super::span_of;

    #[test]
    fn a_range_of_a_source_has_both_ends_within_it() {
        assert_eq!(span_of(None, 10).unwrap(), 0..10);
        assert_eq!(span_of(Some("bytes=0-9"), 10).unwrap(), 0..10);
        assert_eq!(span_of(Some("bytes=3-3"), 10).unwrap(), 3..4);
        for wrong in [
            "bytes=3-",
            "bytes=-3",
            "bytes=5-4",
            "bytes=0-10",
            "3-4",
            "bytes=a-b",
        ] {
            assert!(span_of(Some(wrong), 10).is_err(), "{wrong}");
        }
    }
}
