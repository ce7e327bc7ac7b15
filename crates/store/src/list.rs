//! Listings, a page at a time.

use std::collections::VecDeque;

use futures::stream::{BoxStream, StreamExt, TryStreamExt, try_unfold};

use crate::classify::Subject;
use crate::counters::add;
use crate::store::RawInfo;
use crate::{Location, ObjectAddress, ObjectInfo, ObjectStore, StoreError};

/// One page of a listing.
struct Page {
    objects: VecDeque<ObjectInfo>,
    directories: Vec<String>,
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
            directories: Vec::new(),
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
                    page = store
                        .list_page(&bucket, &prefix, None, page.next.take())
                        .await?;
                    begun = true;
                }
            },
        )
        .boxed()
    }

    /// The names directly below a location that have objects below them, without their `/`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_directories(&self, location: &Location) -> Result<Vec<String>, StoreError> {
        let prefix = location.key_prefix();
        let mut names = Vec::new();
        let mut next = None;
        loop {
            let page = self
                .list_page(&location.bucket, &prefix, Some("/"), next)
                .await?;
            names.extend(page.directories.iter().filter_map(|directory| {
                let name = directory.strip_prefix(&prefix)?.strip_suffix('/')?;
                (!name.is_empty()).then(|| name.to_owned())
            }));
            next = page.next;
            if next.is_none() {
                return Ok(names);
            }
        }
    }

    async fn list_page(
        &self,
        bucket: &str,
        prefix: &str,
        delimiter: Option<&str>,
        token: Option<String>,
    ) -> Result<Page, StoreError> {
        let subject = Subject::bucket(
            "ListObjectsV2",
            bucket,
            format_args!("s3://{bucket}/{prefix}"),
        );
        let answer = self
            .client()
            .list_objects_v2()
            .bucket(bucket)
            .prefix(prefix)
            .set_delimiter(delimiter.map(str::to_owned))
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
        let directories = answer
            .common_prefixes
            .unwrap_or_default()
            .into_iter()
            .filter_map(|common| common.prefix)
            .collect();
        let next = answer
            .next_continuation_token
            .filter(|_| answer.is_truncated.unwrap_or(false));
        Ok(Page {
            objects,
            directories,
            next,
        })
    }
}
