//! Multipart uploads that were begun and not ended: finding them, and dropping them.

use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use crate::counters::add;
use crate::{Location, ObjectAddress, ObjectStore, StoreError};

/// A multipart upload that was begun and neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultipartUpload {
    /// The object that it would become.
    pub address: ObjectAddress,
    /// Its id.
    pub upload_id: String,
    /// When it was begun, by the store's clock.
    pub initiated: DateTime<Utc>,
}

impl ObjectStore {
    pub(crate) fn open_uploads(&self) -> MutexGuard<'_, HashMap<String, ObjectAddress>> {
        self.inner
            .open_uploads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops a multipart upload with its parts; it is no error when it is gone already.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn abort_multipart_upload(
        &self,
        address: &ObjectAddress,
        upload_id: &str,
    ) -> Result<(), StoreError> {
        let subject = self.subject("AbortMultipartUpload", address);
        let answer = self
            .client()
            .abort_multipart_upload()
            .bucket(&address.bucket)
            .key(&address.key)
            .upload_id(upload_id)
            .send()
            .await;
        match answer.map_err(|error| subject.classify(error)) {
            Ok(_) | Err(StoreError::NotFound { .. }) => {
                self.open_uploads().remove(upload_id);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Aborts the uploads that this process has begun and not ended. A stage calls it before it
    /// ends by a signal or an error: futures that are dropped cannot abort anything themselves.
    /// The number of uploads that are aborted comes back; what cannot be aborted is logged.
    pub async fn abort_open_uploads(&self) -> usize {
        let open: Vec<(String, ObjectAddress)> = self
            .open_uploads()
            .iter()
            .map(|(id, address)| (id.clone(), address.clone()))
            .collect();
        let mut aborted = 0;
        for (upload_id, address) in open {
            match self.abort_multipart_upload(&address, &upload_id).await {
                Ok(()) => aborted += 1,
                Err(error) => {
                    tracing::warn!(object = %address, cause = %error, "a multipart upload is left for cleanup");
                }
            }
        }
        aborted
    }

    /// The multipart uploads of a bucket that are neither completed nor aborted.
    ///
    /// There is no prefix to ask for: MinIO finds an upload only under its exact key or under
    /// none. Callers filter, or use [`list_multipart_uploads_below`](Self::list_multipart_uploads_below).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_multipart_uploads(
        &self,
        bucket: &str,
    ) -> Result<Vec<MultipartUpload>, StoreError> {
        let subject = self.bucket_subject(
            "ListMultipartUploads",
            bucket,
            format_args!("s3://{bucket}"),
        );
        let mut uploads = Vec::new();
        let (mut key_marker, mut id_marker) = (None, None);
        loop {
            let answer = self
                .client()
                .list_multipart_uploads()
                .bucket(bucket)
                .set_key_marker(key_marker)
                .set_upload_id_marker(id_marker)
                .send()
                .await
                .map_err(|error| subject.classify(error))?;
            add(&self.counting().listings, 1);
            for upload in answer.uploads.unwrap_or_default() {
                let key = upload.key.ok_or_else(|| subject.incomplete("key"))?;
                uploads.push(MultipartUpload {
                    address: ObjectAddress {
                        bucket: bucket.to_owned(),
                        key,
                    },
                    upload_id: upload
                        .upload_id
                        .ok_or_else(|| subject.incomplete("upload id"))?,
                    initiated: upload
                        .initiated
                        .and_then(|time| DateTime::from_timestamp(time.secs(), time.subsec_nanos()))
                        .ok_or_else(|| subject.incomplete("time"))?,
                });
            }
            (key_marker, id_marker) = (answer.next_key_marker, answer.next_upload_id_marker);
            if !answer.is_truncated.unwrap_or(false) || key_marker.is_none() {
                return Ok(uploads);
            }
        }
    }

    /// The same, of the objects below a location.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_multipart_uploads_below(
        &self,
        location: &Location,
    ) -> Result<Vec<MultipartUpload>, StoreError> {
        let mut uploads = self.list_multipart_uploads(&location.bucket).await?;
        uploads.retain(|upload| location.relative(&upload.address).is_some());
        Ok(uploads)
    }
}
