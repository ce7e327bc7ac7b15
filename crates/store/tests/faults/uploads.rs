//! Uploads whose answers are lost, whose parts fail, whose files change.

use std::time::Duration;

use bytes::Bytes;
use lakehouse_store::{Condition, PART_SIZE_BYTES, PutOptions, StoreError};
use lakehouse_testkit::{Fault, SeenRequest, noise};

use crate::{BUCKET, Scene, address};

fn options(condition: Condition) -> PutOptions {
    PutOptions {
        condition,
        ..PutOptions::default()
    }
}

#[tokio::test]
async fn a_conditional_write_whose_answer_is_lost_has_happened() {
    let scene = Scene::new().await;
    let content = || Bytes::from_static(b"content");
    scene.proxy.queue(Fault::LostAnswer);
    let written = scene
        .store
        .put_bytes(&address(), content(), &options(Condition::IfAbsent))
        .await
        .expect("the second attempt meets the first");
    assert_eq!(
        scene.requests().len(),
        3,
        "two attempts, and a look at what is there"
    );
    scene.proxy.queue(Fault::LostAnswer);
    let next = Bytes::from_static(b"next");
    let written = scene
        .store
        .put_bytes(&address(), next, &options(Condition::IfMatch(written.etag)))
        .await
        .expect("the second attempt meets the first");
    let info = scene
        .direct
        .head(&address())
        .await
        .expect("a head")
        .expect("an object");
    assert_eq!((info.etag, info.size_bytes), (written.etag, 4));

    // The loser of a race is not taken for its winner.
    scene.requests();
    scene.proxy.queue(Fault::Reset);
    let error = scene
        .store
        .put_bytes(&address(), content(), &options(Condition::IfAbsent))
        .await
        .expect_err("there is another content");
    assert!(
        matches!(error, StoreError::PreconditionFailed { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_multipart_upload_survives_what_passes() {
    let scene = Scene::new().await;
    let content = noise(1, 2 * PART_SIZE_BYTES as usize + 1);
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), &content).expect("a file");
    scene
        .proxy
        .queue_for("POST", "uploads", Fault::Status(503, "SlowDown"))
        .queue_for("PUT", "partNumber=2", Fault::Reset)
        .queue_for("PUT", "partNumber=2", Fault::LostAnswer)
        .queue_for("POST", "uploadId", Fault::LostAnswer);
    let written = scene
        .store
        .put_file(&address(), file.path(), &options(Condition::IfAbsent))
        .await
        .expect("it goes through in the end");
    assert_eq!(scene.proxy.waiting(), 0, "every fault has met its request");
    let (info, bytes) = scene
        .direct
        .get_bytes(&address())
        .await
        .expect("a read")
        .expect("an object");
    assert!(bytes == content);
    assert_eq!(info.etag, written.etag);
    let second_part = |request: &SeenRequest| request.target.contains("partNumber=2");
    let sent = scene
        .requests()
        .iter()
        .filter(|request| second_part(request))
        .count();
    assert_eq!(sent, 3);
    assert_eq!(
        scene
            .direct
            .list_multipart_uploads(BUCKET)
            .await
            .expect("a listing"),
        []
    );
}

#[tokio::test]
async fn a_multipart_upload_that_fails_leaves_nothing() {
    let scene = Scene::new().await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), noise(1, 4 * PART_SIZE_BYTES as usize)).expect("a file");
    scene
        .proxy
        .always_for("PUT", "partNumber=3", Fault::Status(503, "SlowDown"));
    let result = scene
        .store
        .put_file(&address(), file.path(), &PutOptions::default())
        .await;
    let error = result.expect_err("one part never arrives");
    assert!(matches!(error, StoreError::Throttled { .. }), "{error:?}");
    assert_eq!(
        scene
            .direct
            .list_multipart_uploads(BUCKET)
            .await
            .expect("a listing"),
        []
    );
    assert_eq!(scene.direct.head(&address()).await.expect("a head"), None);
    assert_eq!(
        scene.store.abort_open_uploads().await,
        0,
        "nothing is left to abort"
    );
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_uploaded_is_not_published() {
    let scene = Scene::new().await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), noise(1, 4 * PART_SIZE_BYTES as usize)).expect("a file");
    scene.proxy.queue_for("PUT", "partNumber=1", Fault::Hold);
    let (store, path) = (scene.store.clone(), file.path().to_owned());
    let upload = tokio::spawn(async move {
        store
            .put_file(&address(), &path, &PutOptions::default())
            .await
    });
    while scene.proxy.waiting() > 0 {
        assert!(!upload.is_finished(), "the first part was never sent");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Grows by one byte: its parts are what they were, the file is not.
    std::fs::write(file.path(), noise(1, 4 * PART_SIZE_BYTES as usize + 1)).expect("a file");
    scene.proxy.release();
    let error = upload
        .await
        .expect("no panic")
        .expect_err("another file now");
    assert!(matches!(error, StoreError::Local { .. }), "{error:?}");
    assert_eq!(
        scene
            .direct
            .list_multipart_uploads(BUCKET)
            .await
            .expect("a listing"),
        []
    );
    assert_eq!(scene.direct.head(&address()).await.expect("a head"), None);
}
