//! Copies that the server makes: the object that was looked at, whole, with its metadata.

use std::time::Duration;

use bytes::Bytes;
use lakehouse_store::{ObjectStore, PutOptions, StoreError, StoreSettings, sha256_of_bytes};
use lakehouse_testkit::{Fault, FaultyStore, noise};

use crate::Scope;

/// Above this size the copying stores of this file copy in parts.
const SMALL_LIMIT_BYTES: u64 = 8 << 20;

pub async fn metadata_is_kept(scope: Scope) {
    let store = &scope.store;
    let (from, to) = (scope.object("from"), scope.object("to"));
    let mut options = PutOptions::default();
    options
        .metadata
        .insert("quarantine".into(), "ü.parquet".into());
    let written = store
        .put_bytes(&from, Bytes::from_static(b"content"), &options)
        .await
        .expect("a write");
    store
        .put_bytes(&to, Bytes::from_static(b"older"), &PutOptions::default())
        .await
        .expect("a write");

    let copied = store.copy(&from, &written.etag, &to).await.expect("a copy");
    assert_eq!((copied.size_bytes, &copied.sha256), (7, &written.sha256));
    let (info, bytes) = store
        .get_bytes(&to)
        .await
        .expect("a read")
        .expect("an object");
    assert_eq!(bytes, "content");
    assert_eq!(
        (&info.etag, info.sha256.as_ref()),
        (&copied.etag, Some(&written.sha256))
    );
    assert_eq!(info.metadata["quarantine"], "ü.parquet");
    assert_eq!(store.counters().objects_copied, 1);

    let missing = scope.object("missing");
    let error = store
        .copy(&missing, "x", &to)
        .await
        .expect_err("nothing to copy");
    assert!(
        matches!(&error, StoreError::NotFound { address } if *address == missing.to_string()),
        "{error:?}"
    );
    let error = store
        .copy(&from, "0000", &to)
        .await
        .expect_err("another ETag");
    assert!(
        matches!(&error, StoreError::PreconditionFailed { address } if *address == from.to_string()),
        "{error:?}"
    );
    let nowhere = "s3://no-such-bucket-here/a".parse().expect("an address");
    let error = store
        .copy(&from, &written.etag, &nowhere)
        .await
        .expect_err("no bucket");
    assert!(
        matches!(&error, StoreError::BucketMissing { bucket } if bucket == "no-such-bucket-here"),
        "{error:?}"
    );
}

/// The source changes after the copy has looked at it and before the server copies.
async fn change_during_copy(
    scope: &Scope,
    proxy: &FaultyStore,
    store: &ObjectStore,
    size_bytes: usize,
    held: &str,
) {
    let (from, to) = (scope.object("from"), scope.object("to"));
    let before = scope.file("before", &noise(1, size_bytes));
    let after = scope.file("after", &noise(2, size_bytes));
    let written = scope
        .store
        .put_file(&from, &before, &PutOptions::default())
        .await
        .expect("a write");
    scope
        .store
        .put_bytes(&to, Bytes::from_static(b"older"), &PutOptions::default())
        .await
        .expect("a write");
    proxy.queue_for("PUT", held, Fault::Hold);

    let (copying, source, target) = (store.clone(), from.clone(), to.clone());
    let copy = tokio::spawn(async move { copying.copy(&source, &written.etag, &target).await });
    while proxy.waiting() > 0 {
        assert!(!copy.is_finished(), "the copy was never asked for");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    scope
        .store
        .put_file(&from, &after, &PutOptions::default())
        .await
        .expect("a write");
    proxy.release();
    let error = copy
        .await
        .expect("no panic")
        .expect_err("the source has changed");
    assert!(
        matches!(&error, StoreError::PreconditionFailed { address } if *address == from.to_string()),
        "{error:?}"
    );
    assert_eq!(
        scope
            .store
            .get_bytes(&to)
            .await
            .expect("a read")
            .expect("an object")
            .1,
        "older"
    );
    let open = scope
        .store
        .list_multipart_uploads_below(&scope.location)
        .await
        .expect("a listing");
    assert_eq!(open, []);
}

pub async fn a_changed_source_is_refused_by_the_server(scope: Scope) {
    let (proxy, store) = scope.faulty();
    change_during_copy(&scope, &proxy, &store, 1_000, "/to").await;
}

pub async fn a_source_that_changes_between_parts_is_refused(scope: Scope) {
    let proxy = FaultyStore::in_front_of(scope.socket_address);
    let settings = StoreSettings {
        endpoint: Some(proxy.endpoint()),
        ..scope.settings.clone()
    };
    let store = ObjectStore::with_single_copy_limit(settings, SMALL_LIMIT_BYTES)
        .expect("settings that work");
    change_during_copy(&scope, &proxy, &store, 20 << 20, "partNumber=2").await;
}

pub async fn large_objects_are_copied_in_parts(scope: Scope) {
    let (proxy, _) = scope.faulty();
    let settings = StoreSettings {
        endpoint: Some(proxy.endpoint()),
        ..scope.settings.clone()
    };
    let store = ObjectStore::with_single_copy_limit(settings, SMALL_LIMIT_BYTES)
        .expect("settings that work");
    let content = noise(4, (20 << 20) + 7);
    let path = scope.file("content", &content);
    let (from, to) = (scope.object("from +ü"), scope.object("to"));
    let mut options = PutOptions::default();
    options
        .metadata
        .insert("quarantine".into(), "ü %.parquet".into());
    let written = scope
        .store
        .put_file(&from, &path, &options)
        .await
        .expect("a write");

    let copied = store.copy(&from, &written.etag, &to).await.expect("a copy");
    assert_eq!(
        (copied.size_bytes, &copied.sha256),
        (content.len() as u64, &sha256_of_bytes(&content))
    );
    let parts = proxy
        .take_requests()
        .iter()
        .filter(|request| request.target.contains("partNumber="))
        .count();
    assert_eq!(parts, 3);
    let (info, bytes) = scope
        .store
        .get_bytes(&to)
        .await
        .expect("a read")
        .expect("an object");
    assert_eq!(bytes, content);
    assert_eq!((info.sha256, info.etag), (Some(copied.sha256), copied.etag));
    assert_eq!(info.metadata["quarantine"], "ü %.parquet");
    let open = scope
        .store
        .list_multipart_uploads_below(&scope.location)
        .await
        .expect("a listing");
    assert_eq!(open, []);
}
