//! A storage in a temporary folder, and shorthands for what all tests do.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod uploads;

use std::collections::BTreeSet;
use std::io::Read;
use std::path::PathBuf;

use lake_local_s3::storage::{
    After, Backend, Condition, ListEntry, ListPage, ListRequest, ObjectMeta, Options, StorageError,
    now_ms,
};

pub const BUCKET: &str = "bronze";

pub struct Store {
    pub backend: Backend,
    pub folder: tempfile::TempDir,
}

impl Store {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let backend = Backend::open(folder.path(), Options::default()).unwrap();
        backend.create_bucket(BUCKET).unwrap();
        Self { backend, folder }
    }

    /// As after a stop: the same folder, opened again.
    pub fn reopen(self) -> Self {
        let Self { backend, folder } = self;
        drop(backend);
        let backend = Backend::open(folder.path(), Options::default()).unwrap();
        Self { backend, folder }
    }

    pub fn put(&self, key: &str, bytes: &[u8]) -> Result<ObjectMeta, StorageError> {
        self.put_if(key, bytes, &Condition::None)
    }

    pub fn put_if(
        &self,
        key: &str,
        bytes: &[u8],
        condition: &Condition,
    ) -> Result<ObjectMeta, StorageError> {
        let mut writer = self.backend.stage()?.writer(&BTreeSet::new())?;
        writer.write(bytes)?;
        let (staged, digests) = writer.finish();
        let meta = ObjectMeta {
            key: key.to_owned(),
            size_bytes: digests.size_bytes,
            etag: digests
                .md5
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            modified_ms: now_ms(),
            attributes: Default::default(),
            checksums: Default::default(),
            composite: false,
        };
        self.backend
            .publish(BUCKET, key, staged, &meta, condition)?;
        Ok(meta)
    }

    pub fn get(&self, key: &str) -> Result<Vec<u8>, StorageError> {
        let mut object = self.backend.open_object(BUCKET, key)?;
        let mut bytes = Vec::new();
        object.file.read_to_end(&mut bytes).unwrap();
        assert_eq!(
            bytes.len() as u64,
            object.meta.size_bytes,
            "metadata is of the same object"
        );
        Ok(bytes)
    }

    pub fn delete(&self, key: &str) {
        self.backend.delete_object(BUCKET, key).unwrap();
    }

    /// All keys and common prefixes, page by page.
    pub fn list(&self, prefix: &str, delimiter: Option<&str>, limit: usize) -> Vec<String> {
        self.list_after(prefix, delimiter, limit, None)
    }

    pub fn list_after(
        &self,
        prefix: &str,
        delimiter: Option<&str>,
        limit: usize,
        start_after: Option<&str>,
    ) -> Vec<String> {
        let mut request = ListRequest {
            prefix: prefix.to_owned(),
            delimiter: delimiter.map(str::to_owned),
            after: start_after.map(|key| After::Key(key.to_owned())),
            limit,
        };
        let mut listed = Vec::new();
        loop {
            let ListPage { entries, next } = self.backend.list_objects(BUCKET, &request).unwrap();
            assert!(entries.len() <= limit);
            assert!(
                next.is_none() || entries.len() == limit,
                "only the last page is short"
            );
            listed.extend(entries.into_iter().map(|entry| match entry {
                ListEntry::Object(meta) => meta.key,
                ListEntry::CommonPrefix(prefix) => prefix,
            }));
            match next {
                Some(after) => request.after = Some(after),
                None => return listed,
            }
        }
    }

    /// How many blobs there are, named or not.
    pub fn blobs(&self) -> usize {
        let shards = std::fs::read_dir(self.folder.path().join(".objects")).unwrap();
        shards
            .map(|shard| std::fs::read_dir(shard.unwrap().path()).unwrap().count())
            .sum()
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }
}
