//! A look into a store that does not depend on how the server keeps its files.

use std::collections::BTreeMap;
use std::sync::Arc;

use lakehouse_engine::{Session, SessionOptions, Value};
use lakehouse_store::{Location, ObjectAddress, ObjectStore, Secret, StoreSettings};
use lakehouse_testkit::Server;

/// The objects of a store, for calls that block.
#[derive(Clone)]
pub struct Objects {
    runtime: Arc<tokio::runtime::Runtime>,
    store: ObjectStore,
}

impl Objects {
    /// The objects of this server.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn of(server: &Server) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let settings = StoreSettings {
            endpoint: Some(server.endpoint()),
            access_key_id: Secret::new(server.access_key_id()),
            secret_access_key: Secret::new(server.secret_access_key()),
            path_style: true,
            ..StoreSettings::default()
        };
        let store = runtime
            .block_on(ObjectStore::connect(settings))
            .expect("a store");
        Self {
            runtime: Arc::new(runtime),
            store,
        }
    }

    /// Key and ETag of every object below `bucket/prefix`; none where there is no bucket.
    ///
    /// # Panics
    /// When the store does not answer.
    #[must_use]
    pub fn list(&self, place: &str) -> BTreeMap<String, String> {
        let location: Location = format!("s3://{place}").parse().expect("a place");
        self.runtime.block_on(async {
            if !self
                .store
                .bucket_exists(&location.bucket)
                .await
                .expect("an answer")
            {
                return BTreeMap::new();
            }
            let objects = self.store.list(&location).await.expect("a listing");
            objects
                .into_iter()
                .map(|object| {
                    let key = format!("{}/{}", object.address.bucket, object.address.key);
                    (key, object.etag)
                })
                .collect()
        })
    }

    /// An object's bytes (`bucket/key`), if it exists.
    ///
    /// # Panics
    /// When the store does not answer.
    #[must_use]
    pub fn get(&self, place: &str) -> Option<Vec<u8>> {
        let (bucket, key) = place.split_once('/').expect("bucket/key");
        let address = ObjectAddress {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        };
        let found = self
            .runtime
            .block_on(self.store.get_bytes(&address))
            .expect("an answer");
        found.map(|(_, bytes)| bytes.to_vec())
    }

    /// An object's text.
    ///
    /// # Panics
    /// When it does not exist or is not UTF-8.
    #[must_use]
    #[track_caller]
    pub fn text(&self, place: &str) -> String {
        let bytes = self
            .get(place)
            .unwrap_or_else(|| panic!("`{place}` does not exist"));
        String::from_utf8(bytes).expect("UTF-8")
    }

    /// Writes an object.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn put(&self, place: &str, bytes: Vec<u8>) {
        let (bucket, key) = place.split_once('/').expect("bucket/key");
        let address = ObjectAddress {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        };
        let options = lakehouse_store::PutOptions::default();
        self.runtime
            .block_on(self.store.put_bytes(&address, bytes.into(), &options))
            .expect("written");
    }

    /// Copies an object with its metadata.
    ///
    /// # Panics
    /// When it is not there, or the store does not answer.
    pub fn copy(&self, from: &str, to: &str) {
        let address = |place: &str| {
            let (bucket, key) = place.split_once('/').expect("bucket/key");
            ObjectAddress {
                bucket: bucket.to_owned(),
                key: key.to_owned(),
            }
        };
        let (from, to) = (address(from), address(to));
        self.runtime.block_on(async {
            let source = self.store.head(&from).await.expect("an answer");
            let etag = source.expect("an object").etag;
            self.store.copy(&from, &etag, &to).await.expect("copied");
        });
    }

    /// Removes an object.
    ///
    /// # Panics
    /// When the store does not answer.
    pub fn delete(&self, place: &str) {
        let (bucket, key) = place.split_once('/').expect("bucket/key");
        let address = ObjectAddress {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        };
        self.runtime
            .block_on(self.store.delete(&address))
            .expect("deleted");
    }

    /// The rows of a SELECT over a Parquet object, which it calls `{file}` (and its path
    /// `{path}`), as texts.
    ///
    /// # Panics
    /// When there is no such object, or it cannot be read.
    #[must_use]
    #[track_caller]
    pub fn query(&self, place: &str, select: &str) -> Vec<Vec<String>> {
        let bytes = self
            .get(place)
            .unwrap_or_else(|| panic!("`{place}` does not exist"));
        query_bytes(&bytes, select)
    }
}

/// The rows of a SELECT over the bytes of a Parquet file, as texts.
#[track_caller]
fn query_bytes(bytes: &[u8], select: &str) -> Vec<Vec<String>> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("object.parquet");
    std::fs::write(&path, bytes).expect("a file");
    let session = Session::open(&SessionOptions {
        workspace: folder.path().to_owned(),
        memory_limit_bytes: 256 << 20,
        threads: 1,
        pseudonym_key: None,
    })
    .expect("an engine");
    let file = format!("read_parquet('{}')", path.display());
    let rows = session
        .query(
            &select
                .replace("{file}", &file)
                .replace("{path}", &path.to_string_lossy()),
        )
        .expect("rows");
    rows.iter()
        .map(|row| row.iter().map(Value::to_string).collect())
        .collect()
}

/// Fails unless two listings have the same objects with the same bytes; names the first that differs.
///
/// # Panics
/// Where they differ.
#[track_caller]
pub fn assert_same_objects(one: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>) {
    let names = |map: &BTreeMap<String, Vec<u8>>| map.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(one), names(other));
    for (name, bytes) in one {
        assert!(other[name] == *bytes, "{name} differs");
    }
}
