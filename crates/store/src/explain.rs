//! A HEAD that is refused has no body to say why; the same question as a GET has.

use std::error::Error;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::classify::Subject;
use crate::{ObjectStore, StoreError};

impl ObjectStore {
    /// Why a HEAD of an object, or of a bucket where there is no key, failed. Amazon answers an
    /// expired token or another region's bucket with a bare 400 or 301, so it is asked again in
    /// a way that lets it say which.
    pub(crate) async fn explain<E>(
        &self,
        subject: &Subject,
        key: Option<&str>,
        error: SdkError<E, HttpResponse>,
    ) -> StoreError
    where
        E: Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let is_bare = is_bare_refusal(&error);
        let said = subject.classify(error);
        if !is_bare {
            return said;
        }
        let again = match key {
            Some(key) => {
                let request = self.client().get_object().bucket(&subject.bucket).key(key);
                let answer = request.range("bytes=0-0").send().await;
                answer.map_err(|error| subject.classify(error)).err()
            }
            None => {
                let request = self.client().list_objects_v2().bucket(&subject.bucket);
                let answer = request.max_keys(1).send().await;
                answer.map_err(|error| subject.classify(error)).err()
            }
        };
        match again {
            // A HEAD that is refused is not explained by an object that is not there.
            None | Some(StoreError::NotFound { .. } | StoreError::BucketMissing { .. }) => said,
            Some(again) => again,
        }
    }
}

fn is_bare_refusal<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let SdkError::ServiceError(service) = error else {
        return false;
    };
    let raw = service.raw();
    let status = raw.status().as_u16();
    (300..500).contains(&status)
        && !matches!(status, 404 | 412)
        && service.err().code().is_none()
        && raw.headers().get("x-minio-error-code").is_none()
}
