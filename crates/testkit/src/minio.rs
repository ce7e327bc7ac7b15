//! The real MinIO, where there is one.

use std::io::Write as _;
use std::path::PathBuf;

use crate::Server;

/// Starts the MinIO that `LAKE_TEST_MINIO_BIN` names (`tests/scripts/minio.sh build` prints a
/// path). Without one, says loudly that `what` is skipped and returns nothing.
///
/// # Panics
/// Without one when `CI=true`: there, nothing is skipped. And when it does not start.
#[must_use]
pub fn minio_or_skip(what: &str) -> Option<Server> {
    match std::env::var_os("LAKE_TEST_MINIO_BIN").filter(|path| !path.is_empty()) {
        Some(path) => Some(Server::minio(&PathBuf::from(path))),
        None => {
            let reason =
                "LAKE_TEST_MINIO_BIN names no MinIO (build one: tests/scripts/minio.sh build)";
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "{what} must run with CI=true, but {reason}"
            );
            say(&format!("SKIPPED: {what}: {reason}"));
            None
        }
    }
}

/// Writes a line to standard error, even from a test that passes: the harness captures what
/// macros print, but not this.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
