//! One bit that is another one never goes unnoticed.

use bytes::Bytes;
use futures::TryStreamExt as _;
use lakehouse_store::{PART_SIZE_BYTES, PutOptions, StoreError, sha256_of_bytes};
use lakehouse_testkit::{Fault, noise};

use crate::Scope;

pub async fn a_damaged_upload_is_refused(scope: Scope) {
    let (proxy, store) = scope.faulty();
    let options = PutOptions::default();

    proxy.queue_for("PUT", "bytes", Fault::CorruptUpload(3));
    let content = Bytes::from_static(b"0123456789");
    let error = store
        .put_bytes(&scope.object("bytes"), content, &options)
        .await
        .expect_err("damaged");
    assert!(matches!(error, StoreError::Checksum { .. }), "{error:?}");

    proxy.queue_for("PUT", "file", Fault::CorruptUpload(70_000));
    let path = scope.file("file", &noise(1, 100_000));
    let error = store
        .put_file(&scope.object("file"), &path, &options)
        .await
        .expect_err("damaged");
    assert!(matches!(error, StoreError::Checksum { .. }), "{error:?}");

    proxy.queue_for("PUT", "partNumber=2", Fault::CorruptUpload(1_000_000));
    let path = scope.file("parts", &noise(2, 2 * PART_SIZE_BYTES as usize + 1));
    let error = store
        .put_file(&scope.object("parts"), &path, &options)
        .await
        .expect_err("damaged");
    assert!(matches!(error, StoreError::Checksum { .. }), "{error:?}");

    assert_eq!(proxy.waiting(), 0, "every fault has met its request");
    assert_eq!(
        scope.store.list(&scope.location).await.expect("a listing"),
        []
    );
    let open = scope
        .store
        .list_multipart_uploads_below(&scope.location)
        .await
        .expect("a listing");
    assert_eq!(open, []);
}

pub async fn a_damaged_download_is_refused(scope: Scope) {
    let (proxy, store) = scope.faulty();
    let content = noise(3, 300_000);
    let sha256 = sha256_of_bytes(&content);
    let address = scope.object("a");
    scope
        .store
        .put_bytes(&address, Bytes::from(content), &PutOptions::default())
        .await
        .expect("a write");
    let path = scope.folder.join("a");

    let damage = || proxy.queue_for("GET", "", Fault::CorruptBody(299_999));
    damage();
    let bytes = store.get_bytes(&address).await.expect_err("damaged");
    damage();
    let file = store
        .get_to_file(&address, &path)
        .await
        .expect_err("damaged");
    assert!(!path.exists(), "a damaged file would look like the object");
    damage();
    let (_, stream) = store
        .get_stream(&address)
        .await
        .expect("a read")
        .expect("an object");
    let streamed = stream
        .try_for_each(|_| async { Ok(()) })
        .await
        .expect_err("damaged");
    for error in [bytes, file, streamed] {
        let StoreError::Checksum {
            address: named,
            expected,
            actual,
        } = &error
        else {
            panic!("{error:?}")
        };
        assert_eq!((named, expected), (&address.to_string(), &sha256));
        assert_ne!(actual, &sha256);
    }
    let downloaded = store.get_to_file(&address, &path).await.expect("undamaged");
    assert_eq!(downloaded.sha256, sha256);
}
