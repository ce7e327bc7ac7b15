//! S3 requests to storage calls, and back.
//!
//! Only the calls that the lakehouse makes are here; the trait answers all others with
//! `NotImplemented`. Blocking work runs on threads of its own.

mod body;
mod conditions;
mod convert;
mod copying;
mod errors;
mod listing;
mod multipart;
mod objects;

use std::sync::Arc;

use s3s::auth::{S3Auth, SecretKey};
use s3s::dto::*;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};

use crate::storage::{Backend, StorageError};
use errors::s3_error_of;

/// The S3 protocol over a storage, open to one key pair.
pub fn build(backend: Arc<Backend>, access_key_id: String, secret_key: String) -> S3Service {
    let mut builder = S3ServiceBuilder::new(Lake { backend });
    builder.set_auth(OneUser {
        access_key_id,
        secret_key: SecretKey::from(secret_key),
    });
    builder.build()
}

struct OneUser {
    access_key_id: String,
    secret_key: SecretKey,
}

#[async_trait::async_trait]
impl S3Auth for OneUser {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == self.access_key_id {
            Ok(self.secret_key.clone())
        } else {
            Err(s3_error!(
                InvalidAccessKeyId,
                "The AWS access key ID you provided does not exist in our records."
            ))
        }
    }
}

struct Lake {
    backend: Arc<Backend>,
}

impl Lake {
    /// Runs blocking work off the threads that serve connections.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<Backend>) -> Result<T, StorageError> + Send + 'static,
    ) -> S3Result<T> {
        self.blocking_s3(move |backend| work(backend).map_err(s3_error_of))
            .await
    }

    async fn blocking_s3<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<Backend>) -> S3Result<T> + Send + 'static,
    ) -> S3Result<T> {
        let backend = Arc::clone(&self.backend);
        body::joined(tokio::task::spawn_blocking(move || work(&backend))).await?
    }
}

/// Implements the trait's methods by the inherent ones of the same name in this folder.
macro_rules! answer {
    ($($method:ident($input:ty) -> $output:ty;)*) => {
        #[async_trait::async_trait]
        impl S3 for Lake {
            $(async fn $method(&self, request: S3Request<$input>) -> S3Result<S3Response<$output>> {
                Lake::$method(self, request).await.map(S3Response::new)
            })*
        }
    };
}

answer! {
    create_bucket(CreateBucketInput) -> CreateBucketOutput;
    head_bucket(HeadBucketInput) -> HeadBucketOutput;
    list_buckets(ListBucketsInput) -> ListBucketsOutput;
    put_object(PutObjectInput) -> PutObjectOutput;
    get_object(GetObjectInput) -> GetObjectOutput;
    head_object(HeadObjectInput) -> HeadObjectOutput;
    copy_object(CopyObjectInput) -> CopyObjectOutput;
    delete_object(DeleteObjectInput) -> DeleteObjectOutput;
    list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output;
    create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput;
    upload_part(UploadPartInput) -> UploadPartOutput;
    upload_part_copy(UploadPartCopyInput) -> UploadPartCopyOutput;
    complete_multipart_upload(CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput;
    abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput;
    list_multipart_uploads(ListMultipartUploadsInput) -> ListMultipartUploadsOutput;
}
