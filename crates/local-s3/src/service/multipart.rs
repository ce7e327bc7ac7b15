//! Multipart uploads.

use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use crate::storage::{Algorithm, CompletedPart as NamedPart, Completion, UploadInfo, UploadPlan};

use super::Lake;
use super::body::{drain, receive};
use super::conditions::of_write;
use super::convert::{
    Expected, LARGEST_PUT_BYTES, algorithm_of, attributes_of, checksum_fields, checksum_type,
    etag_of, sent_checksums, timestamp_of, with_checksums,
};
use super::errors::refuse_all;
use super::listing::{Encoder, page_limit};

impl Lake {
    pub async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<CreateMultipartUploadOutput> {
        let mut input = request.input;
        refuse_all(&[
            (
                "server-side encryption",
                input.server_side_encryption.is_some(),
            ),
            ("customer keys", input.sse_customer_algorithm.is_some()),
            ("tags", input.tagging.is_some()),
            ("object lock", input.object_lock_mode.is_some()),
            ("object lock", input.object_lock_legal_hold_status.is_some()),
        ])?;
        let algorithm = algorithm_of(input.checksum_algorithm.as_ref())?;
        let composite = match input.checksum_type.as_ref().map(ChecksumType::as_str) {
            Some(ChecksumType::COMPOSITE) => true,
            Some(_) => false,
            None => algorithm != Some(Algorithm::Crc64nvme),
        };
        let possible = match algorithm {
            Some(Algorithm::Crc64nvme) => !composite,
            Some(Algorithm::Sha1 | Algorithm::Sha256) => composite,
            Some(Algorithm::Crc32 | Algorithm::Crc32c) | None => true,
        };
        if !possible {
            return Err(s3_error!(
                InvalidRequest,
                "The checksum type cannot be used with this checksum algorithm"
            ));
        }
        let attributes = attributes_of!(input);
        let plan = UploadPlan {
            bucket: input.bucket.clone(),
            key: input.key.clone(),
            attributes,
            algorithm,
            composite,
        };
        let id = self
            .blocking(move |backend| backend.create_upload(plan))
            .await?;
        Ok(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            checksum_algorithm: input.checksum_algorithm,
            checksum_type: algorithm.map(|_| checksum_type(composite)),
            ..Default::default()
        })
    }

    pub async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<UploadPartOutput> {
        let mut input = request.input;
        let mut body = input.body.take();
        let number = u16::try_from(input.part_number).unwrap_or(0);
        let size_bytes = input
            .content_length
            .and_then(|size| u64::try_from(size).ok());
        let checked = refuse_all(&[("customer keys", input.sse_customer_algorithm.is_some())])
            .and_then(|()| {
                if size_bytes.is_some_and(|size| size > LARGEST_PUT_BYTES) {
                    return Err(s3_error!(EntityTooLarge, "a part has at most 5 GiB"));
                }
                algorithm_of(input.checksum_algorithm.as_ref())
            });
        let opened = match checked {
            Ok(algorithm) => {
                let sums = sent_checksums!(input);
                let mut expected =
                    Expected::new(sums, algorithm, &request.headers, request.trailing_headers);
                expected.content_md5 = input.content_md5.take();
                expected.size_bytes = size_bytes;
                let algorithms = expected.algorithms();
                let (bucket, key, id) = (input.bucket, input.key, input.upload_id);
                self.blocking(move |backend| {
                    backend.begin_part((&bucket, &key, &id), number, size_bytes, &algorithms)
                })
                .await
                .map(|writer| (writer, expected))
            }
            Err(error) => Err(error),
        };
        let (writer, expected) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                drain(&mut body).await;
                return Err(error);
            }
        };
        let writer = receive(&mut body, move || Ok(writer)).await?;
        let part = self
            .blocking_s3(move |_| writer.finish(|digests| expected.check(digests)))
            .await?;
        Ok(with_checksums!(
            checksum_fields(&part.checksums),
            UploadPartOutput {
                e_tag: Some(etag_of(part.etag()));
                ..Default::default()
            }
        ))
    }

    pub async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<CompleteMultipartUploadOutput> {
        let mut input = request.input;
        refuse_all(&[("customer keys", input.sse_customer_algorithm.is_some())])?;
        let parts = input
            .multipart_upload
            .take()
            .and_then(|upload| upload.parts);
        let parts = parts
            .unwrap_or_default()
            .into_iter()
            .map(|part| NamedPart {
                number: part
                    .part_number
                    .and_then(|one| u16::try_from(one).ok())
                    .unwrap_or(0),
                checksums: sent_checksums!(part),
                etag: part.e_tag.map(ETag::into_value).unwrap_or_default(),
            })
            .collect();
        let completion = Completion {
            parts,
            checksums: sent_checksums!(input),
            size_bytes: input
                .mpu_object_size
                .and_then(|size| u64::try_from(size).ok()),
            condition: of_write(input.if_match.take(), input.if_none_match.take())?,
        };
        let (bucket, key, id) = (input.bucket.clone(), input.key.clone(), input.upload_id);
        let meta = self
            .blocking(move |backend| backend.complete_upload(&bucket, &key, &id, &completion))
            .await?;
        Ok(with_checksums!(
            checksum_fields(&meta.checksums),
            CompleteMultipartUploadOutput {
                location: Some(format!("/{}/{}", input.bucket, input.key)),
                bucket: Some(input.bucket),
                key: Some(input.key),
                e_tag: Some(etag_of(meta.etag)),
                checksum_type: (!meta.checksums.is_empty()).then(|| checksum_type(meta.composite));
                ..Default::default()
            }
        ))
    }

    pub async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<AbortMultipartUploadOutput> {
        let input = request.input;
        refuse_all(&[(
            "conditional aborts",
            input.if_match_initiated_time.is_some(),
        )])?;
        let (bucket, key, id) = (input.bucket, input.key, input.upload_id);
        self.blocking(move |backend| backend.abort_upload(&bucket, &key, &id))
            .await?;
        Ok(AbortMultipartUploadOutput::default())
    }

    pub async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<ListMultipartUploadsOutput> {
        let input = request.input;
        refuse_all(&[(
            "a delimiter in ListMultipartUploads",
            input
                .delimiter
                .as_ref()
                .is_some_and(|delimiter| !delimiter.is_empty()),
        )])?;
        let limit = page_limit(input.max_uploads)?;
        let text = Encoder::of(input.encoding_type.as_ref())?;
        let bucket = input.bucket.clone();
        let uploads = self
            .blocking(move |backend| backend.list_uploads(&bucket))
            .await?;
        let prefix = input.prefix.clone().unwrap_or_default();
        let key_marker = input.key_marker.clone().unwrap_or_default();
        // Without a key marker, S3 ignores the marker of the upload.
        let id_marker = input
            .upload_id_marker
            .clone()
            .filter(|_| !key_marker.is_empty())
            .unwrap_or_default();
        let is_behind = |upload: &UploadInfo| {
            let key = upload.plan.key.as_str();
            key > key_marker.as_str()
                || (key == key_marker && !id_marker.is_empty() && upload.id > id_marker)
        };
        let mut uploads = uploads
            .into_iter()
            .filter(|upload| upload.plan.key.starts_with(&prefix) && is_behind(upload));
        let page: Vec<UploadInfo> = uploads
            .by_ref()
            .take(usize::try_from(limit).unwrap_or_default())
            .collect();
        let is_truncated = limit > 0 && uploads.next().is_some();
        let last = page.last().filter(|_| is_truncated);
        Ok(ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            prefix: input.prefix.map(|prefix| text.encode(prefix)),
            key_marker: Some(text.encode(key_marker)),
            upload_id_marker: Some(id_marker),
            next_key_marker: last.map(|upload| text.encode(upload.plan.key.clone())),
            next_upload_id_marker: last.map(|upload| upload.id.clone()),
            max_uploads: Some(limit),
            is_truncated: Some(is_truncated),
            encoding_type: input.encoding_type,
            uploads: Some(
                page.into_iter()
                    .map(|upload| listed(upload, &text))
                    .collect(),
            ),
            ..Default::default()
        })
    }
}

fn listed(upload: UploadInfo, text: &Encoder) -> MultipartUpload {
    MultipartUpload {
        checksum_algorithm: algorithm_field(&upload),
        checksum_type: upload
            .plan
            .algorithm
            .map(|_| checksum_type(upload.plan.composite)),
        key: Some(text.encode(upload.plan.key)),
        upload_id: Some(upload.id),
        initiated: Some(timestamp_of(upload.initiated_ms)),
        storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
        ..Default::default()
    }
}

fn algorithm_field(upload: &UploadInfo) -> Option<ChecksumAlgorithm> {
    upload
        .plan
        .algorithm
        .map(|algorithm| ChecksumAlgorithm::from_static(algorithm.name()))
}
