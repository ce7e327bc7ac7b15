//! What the lakehouse needs of a store, held against real servers: the embedded one and MinIO.
//!
//! Every case has a folder of its own in one bucket; all of them run, and those that fail are
//! named together at the end.

mod atomicity;
mod basics;
mod checksums;
mod conditions;
mod copies;
mod listing;
mod multipart;
mod streams;

use std::path::PathBuf;

use futures::future::BoxFuture;
use lakehouse_store::{Location, ObjectAddress, ObjectStore, Secret, StoreSettings};
use lakehouse_testkit::{FaultyStore, Server, minio_or_skip, say};

/// The bucket of all cases.
const BUCKET: &str = "conformance";

/// What a case works with.
#[derive(Clone)]
struct Scope {
    store: ObjectStore,
    settings: StoreSettings,
    socket_address: std::net::SocketAddr,
    location: Location,
    folder: PathBuf,
}

impl Scope {
    fn object(&self, name: &str) -> ObjectAddress {
        self.location.object(name)
    }

    /// A local file with this content.
    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.join(name);
        std::fs::write(&path, content).expect("a file");
        path
    }

    /// A store behind a proxy that fails on demand.
    fn faulty(&self) -> (FaultyStore, ObjectStore) {
        let proxy = FaultyStore::in_front_of(self.socket_address);
        let settings = StoreSettings {
            endpoint: Some(proxy.endpoint()),
            ..self.settings.clone()
        };
        let store = connect(settings);
        (proxy, store)
    }
}

type Case = fn(Scope) -> BoxFuture<'static, ()>;

macro_rules! cases {
    ($($module:ident :: $case:ident),* $(,)?) => {
        &[$((concat!(stringify!($module), "-", stringify!($case)), |scope| Box::pin($module::$case(scope)))),*]
    };
}

const CASES: &[(&str, Case)] = cases![
    basics::objects_come_back_with_what_was_said_of_them,
    basics::what_is_missing_is_told_apart,
    basics::buckets_are_made_only_when_allowed,
    basics::wrong_credentials_are_named_as_such,
    basics::empty_objects,
    basics::manifests_are_never_lost,
    conditions::one_of_eight_creates,
    conditions::one_of_eight_replaces,
    conditions::stale_and_missing_are_told_apart,
    listing::more_than_a_page,
    listing::odd_keys,
    multipart::three_parts,
    multipart::one_of_eight_completes,
    multipart::what_is_left_open_is_found_and_aborted,
    multipart::a_wrong_file_leaves_nothing,
    multipart::a_completion_whose_answer_is_lost_has_happened,
    checksums::a_damaged_upload_is_refused,
    checksums::a_damaged_download_is_refused,
    copies::metadata_is_kept,
    copies::a_changed_source_is_refused_by_the_server,
    copies::large_objects_are_copied_in_parts,
    copies::a_source_that_changes_between_parts_is_refused,
    streams::streams_of_all_sizes,
    streams::streams_of_another_length_are_refused,
    streams::a_stream_from_the_store_goes_back_into_it,
    atomicity::readers_see_whole_puts,
    atomicity::readers_see_whole_multipart_uploads,
    atomicity::readers_see_whole_copies,
];

#[test]
fn the_embedded_server_conforms() {
    conforms(&Server::local_s3());
}

#[test]
fn minio_conforms() {
    if let Some(server) = minio_or_skip("the conformance suite against MinIO") {
        conforms(&server);
    }
}

fn settings(server: &Server) -> StoreSettings {
    StoreSettings {
        endpoint: Some(server.endpoint()),
        access_key_id: Secret::new(server.access_key_id()),
        secret_access_key: Secret::new(server.secret_access_key()),
        path_style: true,
        create_buckets: true,
        ..StoreSettings::default()
    }
}

fn connect(settings: StoreSettings) -> ObjectStore {
    ObjectStore::with_single_copy_limit(settings, 5 << 30).expect("settings that work")
}

fn conforms(server: &Server) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let wanted = std::env::var("LAKE_TEST_CASE").unwrap_or_default();
    let mut failed = Vec::new();
    let settings = settings(server);
    let store = connect(settings.clone());
    runtime
        .block_on(store.ensure_bucket(BUCKET))
        .expect("a bucket");
    for (name, case) in CASES.iter().filter(|(name, _)| name.contains(&wanted)) {
        let scope = Scope {
            store: connect(settings.clone()),
            settings: settings.clone(),
            socket_address: server.socket_address(),
            location: Location::new(BUCKET, name).expect("a location"),
            folder: folder.path().join(name),
        };
        std::fs::create_dir(&scope.folder).expect("a folder");
        let start = std::time::Instant::now();
        // The panic of a failed case has told why already.
        if runtime.block_on(runtime.spawn(case(scope))).is_err() {
            failed.push(*name);
        }
        let time = start.elapsed();
        say(&format!(
            "{}: {name}: {:.2} s",
            server.name(),
            time.as_secs_f64()
        ));
    }
    assert!(
        failed.is_empty(),
        "{} fails: {failed:#?}\nits log ends:\n{}",
        server.name(),
        tail(&server.log())
    );
}

fn tail(log: &str) -> &str {
    let start = log.len().saturating_sub(4_000);
    (start..log.len())
        .find_map(|index| log.get(index..))
        .unwrap_or_default()
}
