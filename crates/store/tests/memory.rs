//! The memory of an upload does not depend on its size.
//!
//! `LAKE_TEST_UPLOAD_BYTES=1000000000,8000000000` measures other sizes than the default ones.

use std::process::{Command, Stdio};

use lakehouse_store::{ObjectAddress, ObjectStore, PutOptions, Secret, StoreSettings};
use lakehouse_testkit::{Server, resident_bytes, say};

const MEBIBYTE: u64 = 1024 * 1024;
/// What the whole process of an upload may need, and how far two sizes may be apart.
const LIMIT_BYTES: u64 = 64 * MEBIBYTE;
const DIFFERENCE_BYTES: u64 = 5 * MEBIBYTE;
/// Uploads that run at once in the measured process.
const AT_ONCE: u64 = 4;

#[test]
fn memory_does_not_grow_with_the_file() {
    if !cfg!(target_os = "linux") {
        say("SKIPPED: the memory of uploads is measured on Linux only");
        return;
    }
    let sizes =
        std::env::var("LAKE_TEST_UPLOAD_BYTES").unwrap_or_else(|_| "67108864,536870912".to_owned());
    let sizes: Vec<u64> = sizes
        .split(',')
        .map(|size| size.parse().expect("a number of bytes"))
        .collect();
    let server = Server::local_s3();
    let peaks: Vec<u64> = sizes
        .iter()
        .map(|size| peak_bytes(&server, *size))
        .collect();
    for (size, peak) in sizes.iter().zip(&peaks) {
        assert!(
            *peak <= LIMIT_BYTES,
            "{size} bytes need {peak} bytes of memory"
        );
    }
    let (least, most) = (
        peaks.iter().min().expect("sizes"),
        peaks.iter().max().expect("sizes"),
    );
    assert!(
        most - least <= DIFFERENCE_BYTES,
        "memory grows with the file: {peaks:?} for {sizes:?}"
    );
}

/// Uploads a file of this size in a process of its own, several times at once, and tells the
/// most memory that the process had.
fn peak_bytes(server: &Server, size_bytes: u64) -> u64 {
    let start = std::time::Instant::now();
    let folder = tempfile::tempdir().expect("a folder");
    let file = std::fs::File::create(folder.path().join("file")).expect("a file");
    // A hole is as long as data, for the uploader.
    file.set_len(size_bytes).expect("room");
    let status = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "the_measured_process", "--ignored", "--quiet"])
        .env("MEASURED_ENDPOINT", server.endpoint())
        .env("MEASURED_KEY", server.access_key_id())
        .env("MEASURED_SECRET", server.secret_access_key())
        .env("MEASURED_FOLDER", folder.path())
        .stdout(Stdio::null())
        .status()
        .expect("the measured process");
    assert!(status.success(), "the measured process failed");
    let peak = std::fs::read_to_string(folder.path().join("peak")).expect("a peak");
    let peak = peak.parse().expect("a number");
    say(&format!(
        "{AT_ONCE} uploads of {size_bytes} bytes together: {} MiB at most, {:.1} s",
        peak / MEBIBYTE,
        start.elapsed().as_secs_f64()
    ));
    peak
}

#[test]
#[ignore = "started by the other test in a process of its own"]
fn the_measured_process() {
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let folder = std::path::PathBuf::from(variable("MEASURED_FOLDER"));
    let settings = StoreSettings {
        endpoint: Some(variable("MEASURED_ENDPOINT")),
        access_key_id: Secret::new(variable("MEASURED_KEY")),
        secret_access_key: Secret::new(variable("MEASURED_SECRET")),
        path_style: true,
        create_buckets: true,
        ..StoreSettings::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let store = ObjectStore::connect(settings)
            .await
            .expect("settings that work");
        store.ensure_bucket("memory").await.expect("a bucket");
        let uploads = (0..AT_ONCE).map(|number| {
            let (store, path) = (store.clone(), folder.join("file"));
            tokio::spawn(async move {
                let address = ObjectAddress {
                    bucket: "memory".into(),
                    key: format!("file-{number}"),
                };
                store
                    .put_file(&address, &path, &PutOptions::default())
                    .await
                    .expect("a write");
                store.delete(&address).await.expect("a delete");
            })
        });
        for upload in uploads.collect::<Vec<_>>() {
            upload.await.expect("no panic");
        }
    });
    let peak = resident_bytes(std::process::id()).expect("resident memory");
    std::fs::write(folder.join("peak"), peak.to_string()).expect("a file");
}
