//! Downloads that break off, stand still, or meet another object.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::TryStreamExt as _;
use lakehouse_store::{Failure, PutOptions, StoreError};
use lakehouse_testkit::{Fault, noise};

use crate::{ATTEMPTS, Scene, address};

#[tokio::test]
async fn a_download_that_breaks_off_is_taken_up_where_it_broke() {
    let scene = Scene::new().await;
    let content = noise(1, 3_000_000);
    let bytes = Bytes::from(content.clone());
    scene
        .direct
        .put_bytes(&address(), bytes, &PutOptions::default())
        .await
        .expect("a write");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a");
    scene
        .proxy
        .queue(Fault::CutBody(1_000_000))
        .queue(Fault::CutBody(500_000));
    let downloaded = scene
        .store
        .get_to_file(&address(), &path)
        .await
        .expect("all of it");
    assert_eq!(downloaded.size_bytes, 3_000_000);
    assert!(std::fs::read(&path).expect("a file") == content);
    assert_eq!(scene.requests().len(), 3);
    let read = scene.store.counters().bytes_read;
    assert_eq!(read, 3_000_000, "nothing arrived twice");

    scene.proxy.always_for("GET", "", Fault::CutBody(10));
    let error = scene
        .store
        .get_to_file(&address(), &path)
        .await
        .expect_err("it never ends");
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    assert_eq!(scene.requests().len(), ATTEMPTS as usize);
    assert!(!path.exists(), "half a file would look like a whole one");
}

#[tokio::test]
async fn a_download_that_stands_still_is_taken_up_again() {
    let scene = Scene::new().await;
    let content = Bytes::from(noise(1, 1_000_000));
    scene
        .direct
        .put_bytes(&address(), content.clone(), &PutOptions::default())
        .await
        .expect("a write");
    let store = scene.impatient().await;
    scene
        .proxy
        .queue(Fault::StallBody(400_000, Duration::from_secs(60)));
    let start = Instant::now();
    let (_, bytes) = store
        .get_bytes(&address())
        .await
        .expect("all of it")
        .expect("an object");
    assert!(bytes == content);
    assert_eq!(scene.requests().len(), 2);
    assert!(
        start.elapsed() < Duration::from_secs(30),
        "it took {:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn an_object_that_is_replaced_while_it_is_read_is_not_mixed() {
    let scene = Scene::new().await;
    let first = Bytes::from(noise(1, 1_000_000));
    scene
        .direct
        .put_bytes(&address(), first, &PutOptions::default())
        .await
        .expect("a write");
    scene
        .proxy
        .queue(Fault::CutBody(400_000))
        .queue(Fault::Hold);
    let store = scene.store.clone();
    let reading = tokio::spawn(async move { store.get_bytes(&address()).await });
    while scene.proxy.waiting() > 0 {
        assert!(!reading.is_finished(), "the rest was never asked for");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let second = Bytes::from(noise(2, 1_000_000));
    scene
        .direct
        .put_bytes(&address(), second, &PutOptions::default())
        .await
        .expect("a write");
    scene.proxy.release();
    let error = reading
        .await
        .expect("no panic")
        .expect_err("it is another object now");
    assert!(matches!(error, StoreError::Replaced { .. }), "{error:?}");
    assert_eq!(error.exit(), Failure::Transient);
}

#[tokio::test]
async fn an_object_that_is_damaged_at_rest_is_not_worth_another_attempt() {
    let scene = Scene::new().await;
    let content = Bytes::from(noise(1, 300_000));
    scene
        .direct
        .put_bytes(&address(), content, &PutOptions::default())
        .await
        .expect("a write");
    // Every reader gets the same wrong byte, as from a disk that has lost one.
    scene
        .proxy
        .always_for("GET", "", Fault::CorruptBody(77_777));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a");
    let (_, stream) = scene
        .store
        .get_stream(&address())
        .await
        .expect("a read")
        .expect("an object");
    for result in [
        scene.store.get_bytes(&address()).await.map(drop),
        scene.store.get_to_file(&address(), &path).await.map(drop),
        stream.try_for_each(|_| async { Ok(()) }).await,
    ] {
        let error = result.expect_err("damaged");
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
        assert!(error.to_string().contains("s3://faults/a"), "{error}");
        assert_eq!(error.exit(), Failure::Configuration);
        assert!(error.hint().is_some_and(|hint| hint.contains("bronze")));
    }
    assert!(!path.exists());
}
