//! The store itself: one client, shared by its clones.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use chrono::{DateTime, Utc};

use crate::classify::Subject;
use crate::counters::AtomicCounters;
use crate::metadata::SHA256_KEY;
use crate::{Counters, ObjectAddress, StoreError, StoreSettings, client, metadata};

/// What the store knows of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Where it is.
    pub address: ObjectAddress,
    /// How large it is.
    pub size_bytes: u64,
    /// Its entity tag, without quotes: it tells one content from another, and nothing else.
    pub etag: String,
    /// When it was written, by the store's clock.
    pub last_modified: DateTime<Utc>,
    /// The SHA-256 of its content, from its user metadata; unknown in listings.
    pub sha256: Option<String>,
    /// Its user metadata, the `sha256` included; empty in listings.
    pub metadata: BTreeMap<String, String>,
}

/// An S3 store. Clones share connections and counters.
#[derive(Clone)]
pub struct ObjectStore {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub client: Client,
    pub settings: StoreSettings,
    pub counters: Arc<AtomicCounters>,
    /// Multipart uploads that this process has begun and not ended: id → object.
    pub open_uploads: Mutex<HashMap<String, ObjectAddress>>,
    /// Buckets that have answered, so that a 404 without a code means a missing object.
    known_buckets: Mutex<HashSet<String>>,
    /// Above this size the server is asked to copy in parts.
    pub single_copy_limit_bytes: u64,
}

impl std::fmt::Debug for ObjectStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ObjectStore")
            .field("settings", &self.inner.settings)
            .finish_non_exhaustive()
    }
}

/// The largest object that one CopyObject copies.
const SINGLE_COPY_LIMIT_BYTES: u64 = 5 << 30;

impl ObjectStore {
    /// Makes a client. Nothing is sent: an unreachable store or wrong credentials show with the
    /// first operation.
    ///
    /// # Errors
    /// [`StoreError::Settings`].
    pub async fn connect(settings: StoreSettings) -> Result<Self, StoreError> {
        Self::with_single_copy_limit(settings, SINGLE_COPY_LIMIT_BYTES)
    }

    /// The same, with another limit above which copies are made in parts: it lets a test copy
    /// 12 MiB in parts instead of 5 GiB.
    ///
    /// # Errors
    /// [`StoreError::Settings`].
    #[doc(hidden)]
    pub fn with_single_copy_limit(
        settings: StoreSettings,
        single_copy_limit_bytes: u64,
    ) -> Result<Self, StoreError> {
        let counters = Arc::new(AtomicCounters::default());
        let client = client::client(&settings, &counters)?;
        Ok(Self {
            inner: Arc::new(Inner {
                client,
                settings,
                counters,
                open_uploads: Mutex::default(),
                known_buckets: Mutex::default(),
                single_copy_limit_bytes,
            }),
        })
    }

    /// What has gone through this store and its clones so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.inner.counters.snapshot()
    }

    /// The store's own time, to the second, as its last answer said it; nothing before the first,
    /// and from a store that does not say it. Ages of objects are judged by this clock: the one of
    /// this machine may be hours off.
    #[must_use]
    pub fn last_answered_at(&self) -> Option<DateTime<Utc>> {
        let secs = self.inner.counters.last_answered_secs()?;
        DateTime::from_timestamp(secs, 0)
    }

    /// The settings that it was made with.
    #[must_use]
    pub fn settings(&self) -> &StoreSettings {
        &self.inner.settings
    }

    pub(crate) fn client(&self) -> &Client {
        &self.inner.client
    }

    /// An operation on an object, for what is said when it fails.
    pub(crate) fn subject(&self, operation: &'static str, address: &ObjectAddress) -> Subject {
        self.bucket_subject(operation, &address.bucket, address)
    }

    /// An operation on a bucket, or on a prefix in it.
    pub(crate) fn bucket_subject(
        &self,
        operation: &'static str,
        bucket: &str,
        address: impl std::fmt::Display,
    ) -> Subject {
        Subject {
            operation,
            bucket: bucket.to_owned(),
            address: address.to_string(),
            region: self.inner.settings.region.clone(),
        }
    }

    pub(crate) fn counting(&self) -> &AtomicCounters {
        &self.inner.counters
    }

    /// What the store knows of an object; nothing when there is none.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::BucketMissing`] when even the bucket is not there.
    pub async fn head(&self, address: &ObjectAddress) -> Result<Option<ObjectInfo>, StoreError> {
        let subject = self.subject("HeadObject", address);
        let answer = self
            .client()
            .head_object()
            .bucket(&address.bucket)
            .key(&address.key)
            .send()
            .await;
        match answer {
            Ok(head) => {
                self.know_bucket(&address.bucket);
                let raw = RawInfo {
                    size_bytes: head.content_length,
                    etag: head.e_tag,
                    last_modified: head.last_modified,
                    metadata: head.metadata,
                };
                raw.into_info(address, &subject).map(Some)
            }
            Err(error) => match self.explain(&subject, Some(&address.key), error).await {
                StoreError::NotFound { .. } => {
                    self.missing_object_or_bucket(&address.bucket).await?;
                    Ok(None)
                }
                error => Err(error),
            },
        }
    }

    /// Removes an object; it is no error when there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete(&self, address: &ObjectAddress) -> Result<(), StoreError> {
        let subject = self.subject("DeleteObject", address);
        match self
            .client()
            .delete_object()
            .bucket(&address.bucket)
            .key(&address.key)
            .send()
            .await
        {
            Ok(_) => Ok(()),
            Err(error) => match subject.classify(error) {
                StoreError::NotFound { .. } => Ok(()),
                error => Err(error),
            },
        }
    }

    /// Whether a bucket is there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn bucket_exists(&self, bucket: &str) -> Result<bool, StoreError> {
        let subject = self.bucket_subject("HeadBucket", bucket, format_args!("s3://{bucket}"));
        match self.client().head_bucket().bucket(bucket).send().await {
            Ok(_) => {
                self.know_bucket(bucket);
                Ok(true)
            }
            Err(error) => match self.explain(&subject, None, error).await {
                StoreError::NotFound { .. } | StoreError::BucketMissing { .. } => Ok(false),
                error => Err(error),
            },
        }
    }

    /// Makes sure that a bucket is there; creates it when the settings allow that.
    ///
    /// # Errors
    /// [`StoreError::BucketMissing`] when it is not there and may not be created.
    pub async fn ensure_bucket(&self, bucket: &str) -> Result<(), StoreError> {
        if self.bucket_exists(bucket).await? {
            return Ok(());
        }
        if !self.inner.settings.create_buckets {
            return Err(StoreError::BucketMissing {
                bucket: bucket.to_owned(),
            });
        }
        let subject = self.bucket_subject("CreateBucket", bucket, format_args!("s3://{bucket}"));
        let mut request = self.client().create_bucket().bucket(bucket);
        // AWS wants the region said again everywhere but in the first one; others do not.
        let region = &self.inner.settings.region;
        if self.inner.settings.endpoint.is_none() && region != "us-east-1" {
            let constraint = BucketLocationConstraint::from(region.as_str());
            let configuration = CreateBucketConfiguration::builder()
                .location_constraint(constraint)
                .build();
            request = request.create_bucket_configuration(configuration);
        }
        match request.send().await {
            Ok(_) => Ok(()),
            // Two processes may both have seen it missing.
            Err(error) if error.code() == Some("BucketAlreadyOwnedByYou") => Ok(()),
            Err(error) => Err(subject.classify(error)),
        }
    }

    /// A HEAD that finds nothing does not say whether object or bucket is missing.
    async fn missing_object_or_bucket(&self, bucket: &str) -> Result<(), StoreError> {
        let known = self
            .inner
            .known_buckets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(bucket);
        if known || self.bucket_exists(bucket).await? {
            Ok(())
        } else {
            Err(StoreError::BucketMissing {
                bucket: bucket.to_owned(),
            })
        }
    }

    fn know_bucket(&self, bucket: &str) {
        let mut known = self
            .inner
            .known_buckets
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !known.contains(bucket) {
            known.insert(bucket.to_owned());
        }
    }
}

/// What HEAD, GET and listings say of an object.
pub(crate) struct RawInfo {
    pub size_bytes: Option<i64>,
    pub etag: Option<String>,
    pub last_modified: Option<aws_sdk_s3::primitives::DateTime>,
    pub metadata: Option<HashMap<String, String>>,
}

impl RawInfo {
    pub fn into_info(
        self,
        address: &ObjectAddress,
        subject: &Subject,
    ) -> Result<ObjectInfo, StoreError> {
        let size_bytes = self
            .size_bytes
            .and_then(|size| u64::try_from(size).ok())
            .ok_or_else(|| subject.incomplete("content length"))?;
        let last_modified = self
            .last_modified
            .and_then(|time| DateTime::from_timestamp(time.secs(), time.subsec_nanos()))
            .ok_or_else(|| subject.incomplete("modification time"))?;
        let metadata = metadata::decode(self.metadata);
        Ok(ObjectInfo {
            address: address.clone(),
            size_bytes,
            etag: unquote(&self.etag.ok_or_else(|| subject.incomplete("ETag"))?),
            last_modified,
            sha256: metadata.get(SHA256_KEY).cloned(),
            metadata,
        })
    }
}

/// An ETag as callers hold it.
pub(crate) fn unquote(etag: &str) -> String {
    etag.trim_matches('"').to_owned()
}

/// An ETag as conditions send it.
pub(crate) fn quote(etag: &str) -> String {
    format!("\"{}\"", etag.trim_matches('"'))
}
