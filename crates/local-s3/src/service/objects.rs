//! Buckets, and objects as a whole: put, get, head, delete.

use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use crate::storage::{ObjectMeta, StorageError, now_ms};

use super::Lake;
use super::body::{Payload, drain, receive};
use super::conditions::{ReadConditions, of_write, refuse_dates};
use super::convert::{
    Expected, LARGEST_PUT_BYTES, algorithm_of, asked_checksums, attributes_of, checksum_fields,
    checksum_type, etag_of, sent_checksums, signed, with_checksums, with_description,
};
use super::errors::{refuse_all, s3_error_of};

impl Lake {
    pub async fn create_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> S3Result<CreateBucketOutput> {
        let input = request.input;
        refuse_all(&[(
            "object lock",
            input.object_lock_enabled_for_bucket.unwrap_or(false),
        )])?;
        let location = format!("/{}", input.bucket);
        self.blocking(move |backend| backend.create_bucket(&input.bucket))
            .await?;
        Ok(CreateBucketOutput {
            location: Some(location),
        })
    }

    pub async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<HeadBucketOutput> {
        self.blocking(move |backend| backend.check_bucket(&request.input.bucket))
            .await?;
        Ok(HeadBucketOutput::default())
    }

    pub async fn list_buckets(
        &self,
        _: S3Request<ListBucketsInput>,
    ) -> S3Result<ListBucketsOutput> {
        let buckets = self.blocking(|backend| backend.list_buckets()).await?;
        let buckets = buckets.into_iter().map(|(name, made)| Bucket {
            name: Some(name),
            creation_date: Some(made.into()),
            bucket_region: None,
        });
        Ok(ListBucketsOutput {
            buckets: Some(buckets.collect()),
            ..Default::default()
        })
    }

    pub async fn put_object(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<PutObjectOutput> {
        let mut input = request.input;
        let mut body = input.body.take();
        let checked = refuse_all(&[
            (
                "server-side encryption",
                input.server_side_encryption.is_some(),
            ),
            ("customer keys", input.sse_customer_algorithm.is_some()),
            ("tags", input.tagging.is_some()),
            ("object lock", input.object_lock_mode.is_some()),
            ("object lock", input.object_lock_legal_hold_status.is_some()),
            ("appending", input.write_offset_bytes.is_some()),
        ])
        .and_then(|()| of_write(input.if_match.take(), input.if_none_match.take()))
        .and_then(|condition| {
            let size_bytes = input
                .content_length
                .and_then(|size| u64::try_from(size).ok());
            if size_bytes.is_some_and(|size| size > LARGEST_PUT_BYTES) {
                return Err(s3_error!(
                    EntityTooLarge,
                    "Your proposed upload exceeds the maximum allowed size of 5 GiB"
                ));
            }
            let algorithm = algorithm_of(input.checksum_algorithm.as_ref())?;
            let sums = sent_checksums!(input);
            let mut expected =
                Expected::new(sums, algorithm, &request.headers, request.trailing_headers);
            expected.content_md5 = input.content_md5.take();
            expected.size_bytes = size_bytes;
            Ok((condition, expected))
        });
        let checked = match checked {
            Ok(checked) => {
                let bucket = input.bucket.clone();
                self.blocking(move |backend| backend.check_bucket(&bucket))
                    .await
                    .map(|()| checked)
            }
            refused => refused,
        };
        let (condition, expected) = match checked {
            Ok(checked) => checked,
            Err(error) => {
                drain(&mut body).await;
                return Err(error);
            }
        };

        let (backend, algorithms) = (self.backend.clone(), expected.algorithms());
        let writer = receive(&mut body, move || backend.stage()?.writer(&algorithms)).await?;
        let attributes = attributes_of!(input);
        let (bucket, key) = (input.bucket, input.key);
        let meta = self
            .blocking_s3(move |backend| {
                let (staged, digests) = writer.finish();
                expected.check(&digests)?;
                let meta = ObjectMeta {
                    key: key.clone(),
                    size_bytes: digests.size_bytes,
                    etag: hex::encode(digests.md5),
                    modified_ms: now_ms(),
                    attributes,
                    checksums: digests.checksums,
                    composite: false,
                };
                backend
                    .publish(&bucket, &key, staged, &meta, &condition)
                    .map_err(s3_error_of)?;
                Ok(meta)
            })
            .await?;
        Ok(with_checksums!(
            checksum_fields(&meta.checksums),
            PutObjectOutput {
                e_tag: Some(etag_of(meta.etag)),
                checksum_type: (!meta.checksums.is_empty()).then(|| checksum_type(false));
                ..Default::default()
            }
        ))
    }

    pub async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<GetObjectOutput> {
        let input = request.input;
        refuse_all(&[
            ("versions", input.version_id.is_some()),
            ("reading single parts", input.part_number.is_some()),
            ("customer keys", input.sse_customer_algorithm.is_some()),
        ])?;
        refuse_dates(
            input.if_modified_since.as_ref(),
            input.if_unmodified_since.as_ref(),
        )?;
        let conditions = ReadConditions {
            if_match: input.if_match,
            if_none_match: input.if_none_match,
            is_copy: false,
        };
        let (bucket, key, range) = (input.bucket, input.key, input.range);
        let (meta, span, payload) = self
            .blocking_s3(move |backend| {
                let object = backend.open_object(&bucket, &key).map_err(s3_error_of)?;
                conditions.check(&object.meta)?;
                let size = object.meta.size_bytes;
                let span = match range {
                    Some(range) => range.check(size)?,
                    None => 0..size,
                };
                let payload = Payload::of(object.file, span.start, span.end - span.start).map_err(
                    |source| {
                        s3_error_of(StorageError::Io {
                            path: key.into(),
                            source,
                        })
                    },
                )?;
                Ok((object.meta, span, payload))
            })
            .await?;
        let is_whole = span == (0..meta.size_bytes);
        let mode = input.checksum_mode.as_ref().filter(|_| is_whole);
        let sums = asked_checksums(mode, &meta);
        let content_range = range.is_some().then(|| {
            format!(
                "bytes {}-{}/{}",
                span.start,
                span.end.saturating_sub(1),
                meta.size_bytes
            )
        });
        Ok(with_description!(
            &meta,
            sums,
            GetObjectOutput {
                body: Some(payload.into_body()),
                content_length: Some(signed(span.end - span.start)),
                content_range: content_range,
            }
        ))
    }

    pub async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<HeadObjectOutput> {
        let input = request.input;
        refuse_all(&[
            ("versions", input.version_id.is_some()),
            ("reading single parts", input.part_number.is_some()),
            ("customer keys", input.sse_customer_algorithm.is_some()),
            ("HEAD of a range", input.range.is_some()),
        ])?;
        refuse_dates(
            input.if_modified_since.as_ref(),
            input.if_unmodified_since.as_ref(),
        )?;
        let conditions = ReadConditions {
            if_match: input.if_match,
            if_none_match: input.if_none_match,
            is_copy: false,
        };
        let (bucket, key) = (input.bucket, input.key);
        let meta = self
            .blocking(move |backend| backend.head_object(&bucket, &key))
            .await?;
        conditions.check(&meta)?;
        let sums = asked_checksums(input.checksum_mode.as_ref(), &meta);
        Ok(with_description!(
            &meta,
            sums,
            HeadObjectOutput {
                content_length: Some(signed(meta.size_bytes)),
            }
        ))
    }

    pub async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<DeleteObjectOutput> {
        let input = request.input;
        refuse_all(&[
            ("versions", input.version_id.is_some()),
            ("conditional deletes", input.if_match.is_some()),
            (
                "conditional deletes",
                input.if_match_last_modified_time.is_some(),
            ),
            ("conditional deletes", input.if_match_size.is_some()),
        ])?;
        let (bucket, key) = (input.bucket, input.key);
        self.blocking(move |backend| backend.delete_object(&bucket, &key))
            .await?;
        Ok(DeleteObjectOutput::default())
    }
}
