//! Objects of several parts: visible when complete, gone when not.

use std::time::Duration;

use lakehouse_store::{Condition, PART_SIZE_BYTES, PutOptions, StoreError, sha256_of_bytes};
use lakehouse_testkit::{Fault, noise};
use tokio::io::AsyncWriteExt as _;

use crate::Scope;

/// Two whole parts and a bit.
const THREE_PARTS: usize = 2 * PART_SIZE_BYTES as usize + 12_345;

pub async fn three_parts(scope: Scope) {
    let store = &scope.store;
    let content = noise(3, THREE_PARTS);
    let sha256 = sha256_of_bytes(&content);
    let path = scope.file("content", &content);
    for (name, expected) in [("unknown", None), ("expected", Some(sha256.clone()))] {
        let address = scope.object(name);
        let mut options = PutOptions {
            sha256: expected,
            ..PutOptions::default()
        };
        options.metadata.insert("source".into(), "ü".into());
        let written = store
            .put_file(&address, &path, &options)
            .await
            .expect("a write");
        assert_eq!(
            (written.size_bytes, &written.sha256),
            (content.len() as u64, &sha256)
        );
        let (info, bytes) = store
            .get_bytes(&address)
            .await
            .expect("a read")
            .expect("an object");
        assert_eq!(bytes, content);
        assert_eq!(
            (info.etag, info.sha256.as_ref()),
            (written.etag, Some(&sha256))
        );
        assert_eq!(info.metadata["source"], "ü");
        let downloaded = scope.folder.join("downloaded");
        store
            .get_to_file(&address, &downloaded)
            .await
            .expect("a file");
        assert_eq!(std::fs::read(&downloaded).expect("a file"), content);
    }
    assert_eq!(
        store
            .list_multipart_uploads_below(&scope.location)
            .await
            .expect("a listing"),
        []
    );
    assert_eq!(store.counters().objects_written, 2);
    assert_eq!(store.counters().bytes_written, 2 * content.len() as u64);
}

pub async fn one_of_eight_completes(scope: Scope) {
    let store = &scope.store;
    for round in 0..2 {
        let address = scope.object(&format!("round-{round}"));
        let attempts = (0..8_u64).map(|writer| {
            let content = noise(writer + 1, PART_SIZE_BYTES as usize + 1);
            let path = scope.file(&format!("writer-{writer}"), &content);
            let (store, address) = (store.clone(), address.clone());
            let options = PutOptions {
                condition: Condition::IfAbsent,
                ..PutOptions::default()
            };
            tokio::spawn(async move { store.put_file(&address, &path, &options).await })
        });
        let mut winners = Vec::new();
        for attempt in futures::future::join_all(attempts).await {
            match attempt.expect("no panic") {
                Ok(written) => winners.push(written),
                Err(StoreError::PreconditionFailed { .. }) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!(winners.len(), 1, "round {round}: {winners:?}");
        let info = store
            .head(&address)
            .await
            .expect("a head")
            .expect("an object");
        assert_eq!(
            (info.etag, info.sha256),
            (winners[0].etag.clone(), Some(winners[0].sha256.clone()))
        );
    }
    assert_eq!(
        store
            .list_multipart_uploads_below(&scope.location)
            .await
            .expect("a listing"),
        []
    );
}

pub async fn what_is_left_open_is_found_and_aborted(scope: Scope) {
    let store = &scope.store;
    let address = scope.object("left/open");
    // A writer that has sent its first part when it is dropped, as a signal would do.
    let (mut source, sink) = tokio::io::duplex(64 * 1024);
    let (writer, to) = (store.clone(), address.clone());
    let upload = tokio::spawn(async move {
        writer
            .put_stream(&to, sink, THREE_PARTS as u64, &PutOptions::default())
            .await
    });
    source
        .write_all(&noise(5, PART_SIZE_BYTES as usize + 1))
        .await
        .expect("the first part");
    let mut found = Vec::new();
    for _ in 0..200 {
        found = store
            .list_multipart_uploads_below(&scope.location)
            .await
            .expect("a listing");
        if !found.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    upload.abort();
    let _ = upload.await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].address, address);
    let age = chrono::Utc::now() - found[0].initiated;
    assert!(
        age.num_seconds().abs() < 120,
        "the store's clock is {age} away"
    );
    assert_eq!(
        store.head(&address).await.expect("a head"),
        None,
        "an open upload is no object"
    );
    assert_eq!(store.list(&scope.location).await.expect("a listing"), []);

    assert_eq!(store.abort_open_uploads().await, 1);
    assert_eq!(store.abort_open_uploads().await, 0);
    assert_eq!(
        store
            .list_multipart_uploads_below(&scope.location)
            .await
            .expect("a listing"),
        []
    );
    store
        .abort_multipart_upload(&address, &found[0].upload_id)
        .await
        .expect("an abort of nothing");
}

pub async fn a_wrong_file_leaves_nothing(scope: Scope) {
    let store = &scope.store;
    let large = scope.file("large", &noise(6, THREE_PARTS));
    let small = scope.file("small", b"small");
    let wrong = PutOptions {
        sha256: Some(sha256_of_bytes(b"another")),
        ..PutOptions::default()
    };
    for (name, path) in [("large", &large), ("small", &small)] {
        let error = store
            .put_file(&scope.object(name), path, &wrong)
            .await
            .expect_err("another content");
        assert!(matches!(error, StoreError::Checksum { .. }), "{error:?}");
    }
    let missing = scope.folder.join("missing");
    let error = store
        .put_file(&scope.object("missing"), &missing, &PutOptions::default())
        .await
        .expect_err("no file");
    assert!(
        matches!(&error, StoreError::Local { path, .. } if *path == missing),
        "{error:?}"
    );
    assert_eq!(store.list(&scope.location).await.expect("a listing"), []);
    assert_eq!(
        store
            .list_multipart_uploads_below(&scope.location)
            .await
            .expect("a listing"),
        []
    );
}

pub async fn a_completion_whose_answer_is_lost_has_happened(scope: Scope) {
    let (proxy, store) = scope.faulty();
    let content = noise(7, THREE_PARTS);
    let path = scope.file("content", &content);
    for condition in [Condition::None, Condition::IfAbsent] {
        let address = scope.object(&format!("{condition:?}"));
        let options = PutOptions {
            condition,
            ..PutOptions::default()
        };
        proxy.queue_for("POST", "uploadId", Fault::LostAnswer);
        let written = store
            .put_file(&address, &path, &options)
            .await
            .expect("it has happened");
        assert_eq!(proxy.waiting(), 0, "the fault has met its request");
        let (info, bytes) = scope
            .store
            .get_bytes(&address)
            .await
            .expect("a read")
            .expect("an object");
        assert_eq!(bytes, content);
        assert_eq!(info.etag, written.etag);
    }
    assert_eq!(
        scope
            .store
            .list_multipart_uploads_below(&scope.location)
            .await
            .expect("a listing"),
        []
    );
}
