//! Single objects, buckets, credentials.

use std::collections::BTreeMap;

use bytes::Bytes;
use lakehouse_store::manifest::{self, Manifest};
use lakehouse_store::{Location, PutOptions, Secret, StoreError, StoreSettings, sha256_of_bytes};

use crate::{Scope, connect};

/// No object has this name.
const MISSING_BUCKET: &str = "no-such-bucket-here";

pub async fn objects_come_back_with_what_was_said_of_them(scope: Scope) {
    let store = &scope.store;
    let address = scope.object("a.json");
    let content = Bytes::from_static(b"{\"a\": 1}\n");
    let mut options = PutOptions::default();
    options
        .metadata
        .insert("source-name".into(), "täglich/umsatz 100 %.json".into());
    let written = store
        .put_bytes(&address, content.clone(), &options)
        .await
        .expect("a write");
    assert_eq!(
        (written.size_bytes, written.sha256.as_str()),
        (9, sha256_of_bytes(&content).as_str())
    );

    let info = store
        .head(&address)
        .await
        .expect("a head")
        .expect("an object");
    assert_eq!(
        (info.size_bytes, &info.etag, &info.address),
        (9, &written.etag, &address)
    );
    assert_eq!(info.sha256.as_deref(), Some(written.sha256.as_str()));
    let expected = BTreeMap::from([
        ("sha256".to_owned(), written.sha256.clone()),
        (
            "source-name".to_owned(),
            "täglich/umsatz 100 %.json".to_owned(),
        ),
    ]);
    assert_eq!(info.metadata, expected);
    let age = chrono::Utc::now() - info.last_modified;
    assert!(
        age.num_seconds().abs() < 120,
        "the store's clock is {age} away"
    );

    let (got, bytes) = store
        .get_bytes(&address)
        .await
        .expect("a read")
        .expect("an object");
    assert_eq!((got, bytes), (info.clone(), content));
    let path = scope.folder.join("a.json");
    let downloaded = store.get_to_file(&address, &path).await.expect("a file");
    assert_eq!(
        (downloaded.info, downloaded.size_bytes, downloaded.sha256),
        (info, 9, written.sha256)
    );
    assert_eq!(std::fs::read(&path).expect("a file"), b"{\"a\": 1}\n");

    store.delete(&address).await.expect("a delete");
    store.delete(&address).await.expect("a delete of nothing");
    assert_eq!(store.head(&address).await.expect("a head"), None);
    let counters = store.counters();
    assert_eq!((counters.objects_written, counters.bytes_written), (1, 9));
    assert_eq!((counters.objects_read, counters.bytes_read), (2, 18));
}

pub async fn what_is_missing_is_told_apart(scope: Scope) {
    let store = &scope.store;
    let missing = scope.object("missing");
    assert_eq!(store.head(&missing).await.expect("a head"), None);
    assert!(store.get_bytes(&missing).await.expect("a read").is_none());
    assert!(store.get_stream(&missing).await.expect("a read").is_none());
    let path = scope.folder.join("missing");
    let error = store
        .get_to_file(&missing, &path)
        .await
        .expect_err("nothing to read");
    assert!(
        matches!(&error, StoreError::NotFound { address } if *address == missing.to_string()),
        "{error:?}"
    );
    assert!(!path.exists(), "nothing was there to be written");

    let nowhere: Location = format!("s3://{MISSING_BUCKET}")
        .parse()
        .expect("a location");
    let address = nowhere.object("a");
    let errors = [
        store.head(&address).await.map(drop),
        store.get_bytes(&address).await.map(drop),
        store
            .put_bytes(&address, Bytes::from_static(b"a"), &PutOptions::default())
            .await
            .map(drop),
        store.list(&nowhere).await.map(drop),
        store.list_multipart_uploads(MISSING_BUCKET).await.map(drop),
    ];
    for (index, result) in errors.into_iter().enumerate() {
        let error = result.expect_err("no bucket");
        assert!(
            matches!(&error, StoreError::BucketMissing { bucket } if bucket == MISSING_BUCKET),
            "operation {index}: {error:?}"
        );
    }
}

pub async fn buckets_are_made_only_when_allowed(scope: Scope) {
    let bucket = "made-by-conformance";
    assert!(!scope.store.bucket_exists(bucket).await.expect("an answer"));
    let forbidden = connect(StoreSettings {
        create_buckets: false,
        ..scope.settings.clone()
    });
    let error = forbidden
        .ensure_bucket(bucket)
        .await
        .expect_err("not allowed");
    assert!(
        matches!(&error, StoreError::BucketMissing { bucket: named } if named == bucket),
        "{error:?}"
    );
    scope.store.ensure_bucket(bucket).await.expect("made");
    scope
        .store
        .ensure_bucket(bucket)
        .await
        .expect("there already");
    forbidden
        .ensure_bucket(bucket)
        .await
        .expect("there already");
    assert!(scope.store.bucket_exists(bucket).await.expect("an answer"));
}

pub async fn wrong_credentials_are_named_as_such(scope: Scope) {
    let wrong_secret = StoreSettings {
        secret_access_key: Secret::new("wrong-secret-key"),
        ..scope.settings.clone()
    };
    let wrong_key = StoreSettings {
        access_key_id: Secret::new("nobody"),
        ..scope.settings.clone()
    };
    for settings in [wrong_secret, wrong_key] {
        let store = connect(settings);
        let address = scope.object("a");
        for result in [
            store
                .put_bytes(&address, Bytes::from_static(b"a"), &PutOptions::default())
                .await
                .map(drop),
            store.get_bytes(&address).await.map(drop),
            store.head(&address).await.map(drop),
            store.list(&scope.location).await.map(drop),
            store.bucket_exists(&address.bucket).await.map(drop),
        ] {
            let error = result.expect_err("refused");
            assert!(matches!(error, StoreError::Credentials { .. }), "{error:?}");
            let text = format!("{error} {error:?}");
            assert!(!text.contains("wrong-secret-key"), "{text}");
        }
        assert_eq!(
            store.counters().retries,
            0,
            "wrong credentials do not get better"
        );
    }
}

pub async fn empty_objects(scope: Scope) {
    let store = &scope.store;
    let empty = sha256_of_bytes(b"");
    let from_bytes = scope.object("bytes");
    store
        .put_bytes(&from_bytes, Bytes::new(), &PutOptions::default())
        .await
        .expect("a write");
    let from_file = scope.object("file");
    let path = scope.file("empty", b"");
    store
        .put_file(&from_file, &path, &PutOptions::default())
        .await
        .expect("a write");
    for address in [from_bytes, from_file] {
        let (info, bytes) = store
            .get_bytes(&address)
            .await
            .expect("a read")
            .expect("an object");
        assert_eq!(
            (info.size_bytes, info.sha256.as_ref(), bytes.len()),
            (0, Some(&empty), 0)
        );
        let path = scope.folder.join("downloaded");
        store.get_to_file(&address, &path).await.expect("a file");
        assert_eq!(std::fs::metadata(&path).expect("a file").len(), 0);
    }
}

pub async fn manifests_are_never_lost(scope: Scope) {
    let store = &scope.store;
    let address = scope.object("_manifest.json");
    assert_eq!(
        manifest::load(store, &address).await.expect("an answer"),
        None
    );
    let (pipeline, dataset, date) = ("sales", "orders", "2011-08-12");
    let mut first = Manifest::new(
        &pipeline.parse().expect("a name"),
        &dataset.parse().expect("a name"),
        &date.parse().expect("a date"),
    );
    manifest::save(store, &address, &first, None)
        .await
        .expect("the first");
    let error = manifest::save(store, &address, &first, None)
        .await
        .expect_err("there is one already");
    assert!(
        matches!(error, StoreError::PreconditionFailed { .. }),
        "{error:?}"
    );

    let (loaded, etag) = manifest::load(store, &address)
        .await
        .expect("an answer")
        .expect("a manifest");
    assert_eq!(loaded, first);
    first.date = "2011-08-13".into();
    manifest::save(store, &address, &first, Some(&etag))
        .await
        .expect("the second");
    let error = manifest::save(store, &address, &loaded, Some(&etag))
        .await
        .expect_err("it has changed");
    assert!(
        matches!(error, StoreError::PreconditionFailed { .. }),
        "{error:?}"
    );
    let (kept, etag) = manifest::load(store, &address)
        .await
        .expect("an answer")
        .expect("a manifest");
    assert_eq!(kept, first);

    store.delete(&address).await.expect("a delete");
    let error = manifest::save(store, &address, &first, Some(&etag))
        .await
        .expect_err("it is gone");
    assert!(
        matches!(error, StoreError::PreconditionFailed { .. }),
        "{error:?}"
    );

    store
        .put_bytes(&address, Bytes::from_static(b"{}"), &PutOptions::default())
        .await
        .expect("a write");
    let error = manifest::load(store, &address)
        .await
        .expect_err("no manifest");
    assert!(matches!(&error, StoreError::Malformed { .. }), "{error:?}");
}
