//! Listings, a page at a time.

use std::collections::VecDeque;

use futures::stream::{BoxStream, StreamExt, TryStreamExt, try_unfold};

use crate::counters::add;
use crate::store::RawInfo;
use crate::{Location, ObjectAddress, ObjectInfo, ObjectStore, StoreError};

/// One page of a listing.
struct Page {
    objects: VecDeque<ObjectInfo>,
    next: Option<String>,
}

impl ObjectStore {
    /// Every object below a location, in the order of keys.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, location: &Location) -> Result<Vec<ObjectInfo>, StoreError> {
        self.list_stream(location).try_collect().await
    }

    /// The same, page by page.
    #[must_use]
    pub fn list_stream(
        &self,
        location: &Location,
    ) -> BoxStream<'static, Result<ObjectInfo, StoreError>> {
        self.list_prefix_stream(location, "")
    }

    /// Every object below a location whose relative key begins with `beginning`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_prefix(
        &self,
        location: &Location,
        beginning: &str,
    ) -> Result<Vec<ObjectInfo>, StoreError> {
        self.list_prefix_stream(location, beginning)
            .try_collect()
            .await
    }

    /// The same, page by page.
    #[must_use]
    pub fn list_prefix_stream(
        &self,
        location: &Location,
        beginning: &str,
    ) -> BoxStream<'static, Result<ObjectInfo, StoreError>> {
        let prefix = format!("{}{beginning}", location.key_prefix());
        let first = Page {
            objects: VecDeque::new(),
            next: None,
        };
        let state = (self.clone(), location.bucket.clone(), prefix, first, false);
        try_unfold(
            state,
            |(store, bucket, prefix, mut page, mut begun)| async move {
                loop {
                    if let Some(object) = page.objects.pop_front() {
                        return Ok(Some((object, (store, bucket, prefix, page, begun))));
                    }
                    if begun && page.next.is_none() {
                        return Ok(None);
                    }
                    page = store.list_page(&bucket, &prefix, page.next.take()).await?;
                    begun = true;
                }
            },
        )
        .boxed()
    }

    async fn list_page(
        &self,
        bucket: &str,
        prefix: &str,
        token: Option<String>,
    ) -> Result<Page, StoreError> {
        let subject = self.bucket_subject(
            "ListObjectsV2",
            bucket,
            format_args!("s3://{bucket}/{prefix}"),
        );
        let answer = self
            .client()
            .list_objects_v2()
            .bucket(bucket)
            .prefix(prefix)
            .set_continuation_token(token)
            .send()
            .await
            .map_err(|error| subject.classify(error))?;
        add(&self.counting().listings, 1);
        let mut objects = VecDeque::new();
        for object in answer.contents.unwrap_or_default() {
            let key = object.key.ok_or_else(|| subject.incomplete("key"))?;
            // Consoles make empty objects called `folder/`; they are not data.
            if key.ends_with('/') {
                continue;
            }
            let raw = RawInfo {
                size_bytes: object.size,
                etag: object.e_tag,
                last_modified: object.last_modified,
                metadata: None,
            };
            let address = ObjectAddress {
                bucket: bucket.to_owned(),
                key,
            };
            objects.push_back(raw.into_info(&address, &subject)?);
        }
        let next = answer
            .next_continuation_token
            .filter(|_| answer.is_truncated.unwrap_or(false));
        Ok(Page { objects, next })
    }
}
