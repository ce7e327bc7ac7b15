//! What happens when the store fails: how often it is asked, and what the caller is told.

use std::time::{Duration, Instant};

use bytes::Bytes;
use lakehouse_store::{
    Condition, Failure, Location, ObjectAddress, ObjectStore, PART_SIZE_BYTES, PutOptions, Secret, StoreError,
    StoreSettings,
};
use lakehouse_testkit::{Fault, FaultyStore, SeenRequest, Server, noise};

const ATTEMPTS: u32 = 3;
const BUCKET: &str = "faults";

/// An embedded server behind a proxy that fails on demand, and a store that goes through it.
struct Scene {
    proxy: FaultyStore,
    store: ObjectStore,
    /// The same store without the proxy.
    direct: ObjectStore,
    // Last: it outlives its clients.
    _server: Server,
}

impl Scene {
    async fn new() -> Self {
        let server = Server::local_s3();
        let proxy = FaultyStore::in_front_of(server.socket_address());
        let settings = StoreSettings {
            endpoint: Some(server.endpoint()),
            access_key_id: Secret::new(server.access_key_id()),
            secret_access_key: Secret::new(server.secret_access_key()),
            path_style: true,
            create_buckets: true,
            attempts: ATTEMPTS,
            connect_timeout_secs: 2,
            ..StoreSettings::default()
        };
        let direct = ObjectStore::connect(settings.clone()).await.expect("settings that work");
        direct.ensure_bucket(BUCKET).await.expect("a bucket");
        let settings = StoreSettings { endpoint: Some(proxy.endpoint()), ..settings };
        let store = ObjectStore::connect(settings).await.expect("settings that work");
        Self { proxy, store, direct, _server: server }
    }

    /// A store through the proxy that waits for one second only.
    async fn impatient(&self) -> ObjectStore {
        let settings = StoreSettings { read_timeout_secs: 1, ..self.store.settings().clone() };
        ObjectStore::connect(settings).await.expect("settings that work")
    }

    fn requests(&self) -> Vec<SeenRequest> {
        self.proxy.take_requests()
    }
}

fn address() -> ObjectAddress {
    ObjectAddress { bucket: BUCKET.into(), key: "a".into() }
}

fn options(condition: Condition) -> PutOptions {
    PutOptions { condition, ..PutOptions::default() }
}

async fn put(store: &ObjectStore, content: &'static str) -> Result<(), StoreError> {
    store.put_bytes(&address(), Bytes::from(content), &PutOptions::default()).await.map(drop)
}

#[tokio::test]
async fn a_store_that_recovers_is_asked_again() {
    let scene = Scene::new().await;
    for fault in [Fault::Status(503, "SlowDown"), Fault::Status(500, "InternalError"), Fault::Reset] {
        let retries = scene.store.counters().retries;
        scene.proxy.queue(fault.clone()).queue(fault.clone());
        put(&scene.store, "content").await.unwrap_or_else(|error| panic!("{fault:?}: {error:?}"));
        assert_eq!(scene.requests().len(), 3, "{fault:?}");
        assert_eq!(scene.store.counters().retries - retries, 2, "{fault:?}");
    }
    scene.proxy.queue_for("GET", "list-type=2", Fault::Status(503, "SlowDown"));
    let location: Location = format!("s3://{BUCKET}").parse().expect("a location");
    assert_eq!(scene.store.list(&location).await.expect("a listing").len(), 1);
}

#[tokio::test]
async fn a_store_that_does_not_recover_ends_in_a_transient_failure() {
    let scene = Scene::new().await;
    let cases: [(Fault, fn(&StoreError) -> bool); 4] = [
        (Fault::Status(503, "SlowDown"), |error| matches!(error, StoreError::Throttled { .. })),
        (Fault::Status(500, "InternalError"), |error| matches!(error, StoreError::Unreachable { .. })),
        (Fault::Status(507, "XMinioStorageFull"), |error| matches!(error, StoreError::DiskFull { .. })),
        (Fault::Reset, |error| matches!(error, StoreError::Unreachable { .. })),
    ];
    for (fault, is_expected) in cases {
        scene.proxy.always_for("PUT", "", fault.clone());
        let error = put(&scene.store, "content").await.expect_err("it never recovers");
        assert!(is_expected(&error), "{fault:?}: {error:?}");
        assert_eq!(error.exit(), Failure::Transient, "{fault:?}");
        assert!(error.to_string().contains("s3://faults/a"), "{error}");
        let expected = if matches!(fault, Fault::Status(507, _)) { 1 } else { ATTEMPTS as usize };
        assert_eq!(scene.requests().len(), expected, "{fault:?}");
        scene.proxy.heal();
    }
}

#[tokio::test]
async fn nobody_listening_is_unreachable_within_seconds() {
    let scene = Scene::new().await;
    // The port of a proxy that has ended.
    let endpoint = FaultyStore::in_front_of(([127, 0, 0, 1], 9).into()).endpoint();
    let settings = StoreSettings { endpoint: Some(endpoint), ..scene.store.settings().clone() };
    let store = ObjectStore::connect(settings).await.expect("settings that work");
    let start = Instant::now();
    let error = put(&store, "content").await.expect_err("nobody is there");
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    assert_eq!(error.exit(), Failure::Transient);
    assert!(start.elapsed() < Duration::from_secs(10), "it took {:?}", start.elapsed());
    assert_eq!(store.counters().requests, u64::from(ATTEMPTS));
}

#[tokio::test]
async fn a_store_that_does_not_answer_in_time_is_a_timeout() {
    let scene = Scene::new().await;
    let store = scene.impatient().await;
    scene.proxy.queue(Fault::Delay(Duration::from_secs(3)));
    put(&store, "content").await.expect("the second attempt is in time");
    assert_eq!(scene.requests().len(), 2);
    scene.proxy.always_for("PUT", "", Fault::Delay(Duration::from_secs(3)));
    let error = put(&store, "content").await.expect_err("never in time");
    assert!(matches!(error, StoreError::Timeout { .. }), "{error:?}");
    assert_eq!(error.exit(), Failure::Transient);
    assert_eq!(scene.requests().len(), ATTEMPTS as usize);
}

#[tokio::test]
async fn what_does_not_get_better_is_asked_once() {
    let scene = Scene::new().await;
    let cases: [(Fault, fn(&StoreError) -> bool); 3] = [
        (Fault::Status(403, "AccessDenied"), |error| matches!(error, StoreError::Credentials { .. })),
        (Fault::Status(403, "SignatureDoesNotMatch"), |error| matches!(error, StoreError::Credentials { .. })),
        (Fault::Status(404, "NoSuchBucket"), |error| {
            matches!(error, StoreError::BucketMissing { bucket } if bucket == BUCKET)
        }),
    ];
    for (fault, is_expected) in cases {
        scene.proxy.queue(fault.clone());
        let error = put(&scene.store, "content").await.expect_err("refused");
        assert!(is_expected(&error), "{fault:?}: {error:?}");
        assert_eq!(error.exit(), Failure::Configuration, "{fault:?}");
        assert!(error.hint().is_some(), "{fault:?}");
        assert_eq!(scene.requests().len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_download_that_breaks_off_is_taken_up_where_it_broke() {
    let scene = Scene::new().await;
    let content = noise(1, 3_000_000);
    let bytes = Bytes::from(content.clone());
    scene.direct.put_bytes(&address(), bytes, &PutOptions::default()).await.expect("a write");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a");
    scene.proxy.queue(Fault::CutBody(1_000_000)).queue(Fault::CutBody(500_000));
    let downloaded = scene.store.get_to_file(&address(), &path).await.expect("all of it");
    assert_eq!(downloaded.size_bytes, 3_000_000);
    assert!(std::fs::read(&path).expect("a file") == content);
    assert_eq!(scene.requests().len(), 3);
    let read = scene.store.counters().bytes_read;
    assert_eq!(read, 3_000_000, "nothing arrived twice");

    scene.proxy.always_for("GET", "", Fault::CutBody(10));
    let error = scene.store.get_to_file(&address(), &path).await.expect_err("it never ends");
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    assert_eq!(scene.requests().len(), ATTEMPTS as usize);
    assert!(!path.exists(), "half a file would look like a whole one");
}

#[tokio::test]
async fn a_download_that_stands_still_is_taken_up_again() {
    let scene = Scene::new().await;
    let content = Bytes::from(noise(1, 1_000_000));
    scene.direct.put_bytes(&address(), content.clone(), &PutOptions::default()).await.expect("a write");
    let store = scene.impatient().await;
    scene.proxy.queue(Fault::StallBody(400_000, Duration::from_secs(60)));
    let start = Instant::now();
    let (_, bytes) = store.get_bytes(&address()).await.expect("all of it").expect("an object");
    assert!(bytes == content);
    assert_eq!(scene.requests().len(), 2);
    assert!(start.elapsed() < Duration::from_secs(30), "it took {:?}", start.elapsed());
}

#[tokio::test]
async fn an_object_that_is_replaced_while_it_is_read_is_not_mixed() {
    let scene = Scene::new().await;
    let first = Bytes::from(noise(1, 1_000_000));
    scene.direct.put_bytes(&address(), first, &PutOptions::default()).await.expect("a write");
    scene.proxy.queue(Fault::CutBody(400_000)).queue(Fault::Hold);
    let store = scene.store.clone();
    let reading = tokio::spawn(async move { store.get_bytes(&address()).await });
    while scene.proxy.waiting() > 0 {
        assert!(!reading.is_finished(), "the rest was never asked for");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let second = Bytes::from(noise(2, 1_000_000));
    scene.direct.put_bytes(&address(), second, &PutOptions::default()).await.expect("a write");
    scene.proxy.release();
    let error = reading.await.expect("no panic").expect_err("it is another object now");
    assert!(matches!(error, StoreError::Replaced { .. }), "{error:?}");
    assert_eq!(error.exit(), Failure::Transient);
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
    assert_eq!(scene.requests().len(), 3, "two attempts, and a look at what is there");
    scene.proxy.queue(Fault::LostAnswer);
    let next = Bytes::from_static(b"next");
    let written = scene
        .store
        .put_bytes(&address(), next, &options(Condition::IfMatch(written.etag)))
        .await
        .expect("the second attempt meets the first");
    let info = scene.direct.head(&address()).await.expect("a head").expect("an object");
    assert_eq!((info.etag, info.size_bytes), (written.etag, 4));

    // The loser of a race is not taken for its winner.
    scene.requests();
    scene.proxy.queue(Fault::Reset);
    let error = scene
        .store
        .put_bytes(&address(), content(), &options(Condition::IfAbsent))
        .await
        .expect_err("there is another content");
    assert!(matches!(error, StoreError::PreconditionFailed { .. }), "{error:?}");
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
    let (info, bytes) = scene.direct.get_bytes(&address()).await.expect("a read").expect("an object");
    assert!(bytes == content);
    assert_eq!(info.etag, written.etag);
    let parts = |number: &str| scene_count(&scene.requests(), number);
    assert_eq!(parts("partNumber=2"), 3);
    assert_eq!(scene.direct.list_multipart_uploads(BUCKET).await.expect("a listing"), []);
}

fn scene_count(requests: &[SeenRequest], part: &str) -> usize {
    requests.iter().filter(|request| request.target.contains(part)).count()
}

#[tokio::test]
async fn a_multipart_upload_that_fails_leaves_nothing() {
    let scene = Scene::new().await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), noise(1, 4 * PART_SIZE_BYTES as usize)).expect("a file");
    scene.proxy.always_for("PUT", "partNumber=3", Fault::Status(503, "SlowDown"));
    let result = scene.store.put_file(&address(), file.path(), &PutOptions::default()).await;
    let error = result.expect_err("one part never arrives");
    assert!(matches!(error, StoreError::Throttled { .. }), "{error:?}");
    assert_eq!(scene.direct.list_multipart_uploads(BUCKET).await.expect("a listing"), []);
    assert_eq!(scene.direct.head(&address()).await.expect("a head"), None);
    assert_eq!(scene.store.abort_open_uploads().await, 0, "nothing is left to abort");
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_uploaded_is_not_published() {
    let scene = Scene::new().await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), noise(1, 4 * PART_SIZE_BYTES as usize)).expect("a file");
    scene.proxy.queue_for("PUT", "partNumber=1", Fault::Hold);
    let (store, path) = (scene.store.clone(), file.path().to_owned());
    let upload = tokio::spawn(async move { store.put_file(&address(), &path, &PutOptions::default()).await });
    while scene.proxy.waiting() > 0 {
        assert!(!upload.is_finished(), "the first part was never sent");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Grows by one byte: its parts are what they were, the file is not.
    std::fs::write(file.path(), noise(1, 4 * PART_SIZE_BYTES as usize + 1)).expect("a file");
    scene.proxy.release();
    let error = upload.await.expect("no panic").expect_err("another file now");
    assert!(matches!(error, StoreError::Local { .. }), "{error:?}");
    assert_eq!(scene.direct.list_multipart_uploads(BUCKET).await.expect("a listing"), []);
    assert_eq!(scene.direct.head(&address()).await.expect("a head"), None);
}
