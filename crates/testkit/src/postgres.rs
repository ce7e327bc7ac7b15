//! A real PostgreSQL, where there is one.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tempfile::TempDir;

use crate::say;

/// A PostgreSQL server in a temporary folder. It ends when the last of its users is dropped.
#[derive(Debug)]
pub struct Postgres {
    folder: TempDir,
    url: String,
}

/// The server that is running, for tests of one process.
static RUNNING: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());

/// A PostgreSQL server, shared by the tests that run at the same time. Without one, says loudly
/// that `what` is skipped and returns nothing.
///
/// # Panics
/// Without one when `CI=true`: there, nothing is skipped. And when it does not start.
#[must_use]
pub fn postgres_or_skip(what: &str) -> Option<Arc<Postgres>> {
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = running.upgrade() {
        return Some(server);
    }
    if !run(&["bin"]).0 {
        let reason = "there is no PostgreSQL, and none could be fetched (scripts/postgres.sh bin)";
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "{what} must run with CI=true, but {reason}"
        );
        say(&format!("SKIPPED: {what}: {reason}"));
        return None;
    }
    let server = Arc::new(Postgres::start());
    *running = Arc::downgrade(&server);
    Some(server)
}

impl Postgres {
    /// A server that nobody else uses, so that it can be stopped.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("lake-postgres-")
            .tempdir()
            .expect("a temporary folder");
        let path = folder.path().to_string_lossy().into_owned();
        let (started, said) = run(&["start", &path]);
        assert!(started, "PostgreSQL does not start: {said}");
        let environment =
            std::fs::read_to_string(folder.path().join("environment")).expect("an environment");
        let url = environment
            .lines()
            .find_map(|line| line.strip_prefix("export LAKE_POSTGRES_URL="))
            .expect("an address")
            .to_owned();
        Self { folder, url }
    }

    /// `postgresql://postgres:password@127.0.0.1:port/postgres`, of its superuser.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its port on 127.0.0.1.
    ///
    /// # Panics
    /// Never, but for a bug.
    #[must_use]
    pub fn port(&self) -> u16 {
        let (_, behind) = self.url.rsplit_once(':').expect("a port");
        let (port, _) = behind.split_once('/').expect("a path");
        port.parse().expect("a number")
    }

    /// Stops it at once, as a crash does.
    pub fn stop(&self) {
        run(&["stop", &self.folder.path().to_string_lossy()]);
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs `scripts/postgres.sh`; what it said on standard error.
fn run(arguments: &[&str]) -> (bool, String) {
    let script = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../scripts/postgres.sh"
    ));
    // Its output goes to a file: a pipe would be held open by the server.
    let output = tempfile::tempfile().expect("a file");
    let mut errors = tempfile::tempfile().expect("a file");
    let status = Command::new("bash")
        .arg(&script)
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .stdout(output)
        .stderr(errors.try_clone().expect("a file"))
        .status()
        .unwrap_or_else(|error| panic!("cannot run {}: {error}", script.display()));
    let mut said = String::new();
    let read = std::io::Seek::rewind(&mut errors)
        .and_then(|()| std::io::Read::read_to_string(&mut errors, &mut said));
    if let Err(error) = read {
        said = error.to_string();
    }
    (status.success(), said)
}
