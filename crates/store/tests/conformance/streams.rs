//! Objects written from streams, and read as streams.

use futures::TryStreamExt as _;
use lakehouse_store::{PART_SIZE_BYTES, PutOptions, StoreError, sha256_of_bytes};
use lakehouse_testkit::noise;

use crate::Scope;

pub async fn streams_of_all_sizes(scope: Scope) {
    let store = &scope.store;
    let part = PART_SIZE_BYTES as usize;
    for size in [0, 1, part - 1, part, part + 1, 2 * part, 5 * part + 17] {
        let content = noise(size as u64, size);
        let sha256 = sha256_of_bytes(&content);
        for expected in [None, Some(sha256.clone())] {
            let known = expected.is_some() || size <= part;
            let address = scope.object(&format!("{size}-{known}"));
            let options = PutOptions {
                sha256: expected,
                ..PutOptions::default()
            };
            let written = store
                .put_stream(&address, content.as_slice(), size as u64, &options)
                .await
                .expect("a write");
            assert_eq!(
                (written.size_bytes, &written.sha256),
                (size as u64, &sha256)
            );
            let (info, stream) = store
                .get_stream(&address)
                .await
                .expect("a read")
                .expect("an object");
            assert_eq!(
                info.sha256.as_ref(),
                Some(&sha256).filter(|_| known),
                "{size}"
            );
            let read: Vec<u8> = stream
                .try_fold(Vec::new(), |mut read, chunk| async move {
                    read.extend_from_slice(&chunk);
                    Ok(read)
                })
                .await
                .expect("all of it");
            assert!(read == content, "{size}");
        }
    }
}

pub async fn streams_of_another_length_are_refused(scope: Scope) {
    let store = &scope.store;
    let part = PART_SIZE_BYTES;
    for (available, announced) in [
        (9, 10),
        (11, 10),
        (part, part + 5),
        (part + 6, part + 5),
        (0, 3 * part),
    ] {
        let content = noise(1, available as usize);
        let result = store
            .put_stream(
                &scope.object("a"),
                content.as_slice(),
                announced,
                &PutOptions::default(),
            )
            .await;
        let error = result.expect_err("another length");
        assert!(
            matches!(error, StoreError::Malformed { .. }),
            "{available} of {announced}: {error:?}"
        );
    }
    let wrong = PutOptions {
        sha256: Some("0".repeat(64)),
        ..PutOptions::default()
    };
    for size in [10, part + 10] {
        let content = noise(1, size as usize);
        let result = store
            .put_stream(&scope.object("a"), content.as_slice(), size, &wrong)
            .await;
        let error = result.expect_err("another content");
        assert!(matches!(error, StoreError::Checksum { .. }), "{error:?}");
    }
    assert_eq!(store.list(&scope.location).await.expect("a listing"), []);
    assert_eq!(
        store
            .list_multipart_uploads_below(&scope.location)
            .await
            .expect("a listing"),
        []
    );
}

pub async fn a_stream_from_the_store_goes_back_into_it(scope: Scope) {
    let store = &scope.store;
    let content = noise(9, 3 * PART_SIZE_BYTES as usize + 1);
    let path = scope.file("content", &content);
    let (from, to) = (scope.object("from"), scope.object("to"));
    store
        .put_file(&from, &path, &PutOptions::default())
        .await
        .expect("a write");
    let (info, stream) = store
        .get_stream(&from)
        .await
        .expect("a read")
        .expect("an object");
    let options = PutOptions {
        sha256: info.sha256,
        ..PutOptions::default()
    };
    store
        .put_stream(&to, stream.into_async_read(), info.size_bytes, &options)
        .await
        .expect("a write");
    assert_eq!(
        store
            .get_bytes(&to)
            .await
            .expect("a read")
            .expect("an object")
            .1,
        content
    );
}
