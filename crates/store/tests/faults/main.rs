//! What happens when the store fails: how often it is asked, and what the caller is told.

mod downloads;
mod endpoints;
mod uploads;

use std::time::{Duration, Instant};

use bytes::Bytes;
use lakehouse_store::{
    Failure, Location, ObjectAddress, ObjectStore, PutOptions, Secret, StoreError, StoreSettings,
};
use lakehouse_testkit::{Fault, FaultyStore, SeenRequest, Server};

/// A fault, and what the error that it ends in must be.
type FaultCase = (Fault, fn(&StoreError) -> bool);

const ATTEMPTS: u32 = 3;
const BUCKET: &str = "faults";

/// An embedded server behind a proxy that fails on demand, and a store that goes through it.
struct Scene {
    proxy: FaultyStore,
    store: ObjectStore,
    /// The same store without the proxy.
    direct: ObjectStore,
    // Last: it outlives its clients.
    server: Server,
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
        let direct = ObjectStore::connect(settings.clone())
            .await
            .expect("settings that work");
        direct.ensure_bucket(BUCKET).await.expect("a bucket");
        let settings = StoreSettings {
            endpoint: Some(proxy.endpoint()),
            ..settings
        };
        let store = ObjectStore::connect(settings)
            .await
            .expect("settings that work");
        Self {
            proxy,
            store,
            direct,
            server,
        }
    }

    /// A store through the proxy that waits for one second only.
    async fn impatient(&self) -> ObjectStore {
        let settings = StoreSettings {
            read_timeout_secs: 1,
            ..self.store.settings().clone()
        };
        ObjectStore::connect(settings)
            .await
            .expect("settings that work")
    }

    fn requests(&self) -> Vec<SeenRequest> {
        self.proxy.take_requests()
    }
}

fn address() -> ObjectAddress {
    ObjectAddress {
        bucket: BUCKET.into(),
        key: "a".into(),
    }
}

async fn put(store: &ObjectStore, content: &'static str) -> Result<(), StoreError> {
    store
        .put_bytes(&address(), Bytes::from(content), &PutOptions::default())
        .await
        .map(drop)
}

#[tokio::test]
async fn a_store_that_recovers_is_asked_again() {
    let scene = Scene::new().await;
    for fault in [
        Fault::Status(503, "SlowDown"),
        Fault::Status(500, "InternalError"),
        Fault::Reset,
    ] {
        let retries = scene.store.counters().retries;
        scene.proxy.queue(fault.clone()).queue(fault.clone());
        put(&scene.store, "content")
            .await
            .unwrap_or_else(|error| panic!("{fault:?}: {error:?}"));
        assert_eq!(scene.requests().len(), 3, "{fault:?}");
        assert_eq!(scene.store.counters().retries - retries, 2, "{fault:?}");
    }
    scene
        .proxy
        .queue_for("GET", "list-type=2", Fault::Status(503, "SlowDown"));
    let location: Location = format!("s3://{BUCKET}").parse().expect("a location");
    assert_eq!(
        scene.store.list(&location).await.expect("a listing").len(),
        1
    );
}

#[tokio::test]
async fn a_store_that_does_not_recover_ends_in_a_transient_failure() {
    let scene = Scene::new().await;
    let cases: [FaultCase; 4] = [
        (Fault::Status(503, "SlowDown"), |error| {
            matches!(error, StoreError::Throttled { .. })
        }),
        (Fault::Status(500, "InternalError"), |error| {
            matches!(error, StoreError::Unreachable { .. })
        }),
        (Fault::Status(507, "XMinioStorageFull"), |error| {
            matches!(error, StoreError::DiskFull { .. })
        }),
        (Fault::Reset, |error| {
            matches!(error, StoreError::Unreachable { .. })
        }),
    ];
    for (fault, is_expected) in cases {
        scene.proxy.always_for("PUT", "", fault.clone());
        let error = put(&scene.store, "content")
            .await
            .expect_err("it never recovers");
        assert!(is_expected(&error), "{fault:?}: {error:?}");
        assert_eq!(error.exit(), Failure::Transient, "{fault:?}");
        assert!(error.to_string().contains("s3://faults/a"), "{error}");
        let expected = if matches!(fault, Fault::Status(507, _)) {
            1
        } else {
            ATTEMPTS as usize
        };
        assert_eq!(scene.requests().len(), expected, "{fault:?}");
        scene.proxy.heal();
    }
}

#[tokio::test]
async fn nobody_listening_is_unreachable_within_seconds() {
    let scene = Scene::new().await;
    // The port of a proxy that has ended.
    let endpoint = FaultyStore::in_front_of(([127, 0, 0, 1], 9).into()).endpoint();
    let settings = StoreSettings {
        endpoint: Some(endpoint),
        ..scene.store.settings().clone()
    };
    let store = ObjectStore::connect(settings)
        .await
        .expect("settings that work");
    let start = Instant::now();
    let error = put(&store, "content").await.expect_err("nobody is there");
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    assert_eq!(error.exit(), Failure::Transient);
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "it took {:?}",
        start.elapsed()
    );
    assert_eq!(store.counters().requests, u64::from(ATTEMPTS));
}

#[tokio::test]
async fn a_store_that_does_not_answer_in_time_is_a_timeout() {
    let scene = Scene::new().await;
    let store = scene.impatient().await;
    scene.proxy.queue(Fault::Delay(Duration::from_secs(3)));
    put(&store, "content")
        .await
        .expect("the second attempt is in time");
    assert_eq!(scene.requests().len(), 2);
    scene
        .proxy
        .always_for("PUT", "", Fault::Delay(Duration::from_secs(3)));
    let error = put(&store, "content").await.expect_err("never in time");
    assert!(matches!(error, StoreError::Timeout { .. }), "{error:?}");
    assert_eq!(error.exit(), Failure::Transient);
    assert_eq!(scene.requests().len(), ATTEMPTS as usize);
}

#[tokio::test]
async fn what_does_not_get_better_is_asked_once() {
    let scene = Scene::new().await;
    let cases: [FaultCase; 3] = [
        (Fault::Status(403, "AccessDenied"), |error| {
            matches!(error, StoreError::Credentials { .. })
        }),
        (Fault::Status(403, "SignatureDoesNotMatch"), |error| {
            matches!(error, StoreError::Credentials { .. })
        }),
        (
            Fault::Status(404, "NoSuchBucket"),
            |error| matches!(error, StoreError::BucketMissing { bucket } if bucket == BUCKET),
        ),
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
