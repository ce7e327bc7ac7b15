//! The memory of an upload, in a process of its own (`examples/upload_probe.rs`), does not depend
//! on its size.
//!
//! `LAKE_TEST_UPLOAD_BYTES=1000000000,8000000000` measures other sizes than the default ones.

use std::process::{Command, Stdio};

use lakehouse_testkit::{Server, say};

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
    let test = std::env::current_exe().expect("this program");
    let release = test.ancestors().nth(2).expect("its build folder");
    let status = Command::new(release.join("examples/upload_probe"))
        .arg(AT_ONCE.to_string())
        .env("MEASURED_ENDPOINT", server.endpoint())
        .env("MEASURED_KEY", server.access_key_id())
        .env("MEASURED_SECRET", server.secret_access_key())
        .env("MEASURED_FOLDER", folder.path())
        .stdout(Stdio::null())
        .status()
        .expect("examples/upload_probe, which a build with --examples makes");
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
