//! The embedded store of one test case.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use lakehouse_stage::{Base, StageError};
use lakehouse_store::{Layout, Location};
use tokio::process::{Child, Command};

use crate::child;

/// How long the server may take to listen.
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// The store is on the loopback address, holds test data and is gone in seconds.
const ACCESS_KEY_ID: &str = "lake-test";
const BUCKETS: [&str; 5] = ["bronze", "staging", "silver", "quarantine", "gold"];

/// A running embedded store; ends with this value.
pub struct Server {
    endpoint: String,
    secret: String,
    folder: PathBuf,
    _child: Child,
}

impl Server {
    /// Starts a store with the five buckets.
    ///
    /// # Errors
    /// It is not installed, or does not listen in time.
    pub async fn start(base: &Base) -> Result<Self, StageError> {
        let folder = tempfile::Builder::new()
            .prefix("store-")
            .tempdir_in(base.workspace.path())
            .map_err(|error| {
                StageError::from_io("cannot make a folder for the test store", &error)
            })?
            .keep();
        let port_file = folder.join("port");
        let secret = secret();
        let mut command = Command::new(child::executable("lake-local-s3")?);
        command
            .arg("--data-dir")
            .arg(folder.join("data"))
            .args(["--address", "127.0.0.1:0", "--buckets", &BUCKETS.join(",")])
            .arg("--port-file")
            .arg(&port_file)
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
            .env("AWS_SECRET_ACCESS_KEY", &secret)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        child::die_with_parent(&mut command);
        let child = command
            .spawn()
            .map_err(|error| StageError::from_io("cannot start `lake-local-s3`", &error))?;
        let started = std::time::Instant::now();
        loop {
            if let Ok(port) = std::fs::read_to_string(&port_file)
                && let Ok(port) = port.trim().parse::<u16>()
            {
                return Ok(Self {
                    endpoint: format!("http://127.0.0.1:{port}"),
                    secret,
                    folder,
                    _child: child,
                });
            }
            if started.elapsed() > START_TIMEOUT {
                return Err(StageError::transient("the embedded store does not listen")
                    .hint("run `lake-local-s3` by hand to see why"));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// What a stage needs to use this store, and nothing of the person's own.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let mut environment = vec![
            ("AWS_ENDPOINT_URL".to_owned(), self.endpoint.clone()),
            ("AWS_ENDPOINT_URL_S3".to_owned(), self.endpoint.clone()),
            ("AWS_ACCESS_KEY_ID".to_owned(), ACCESS_KEY_ID.to_owned()),
            ("AWS_SECRET_ACCESS_KEY".to_owned(), self.secret.clone()),
            ("AWS_SESSION_TOKEN".to_owned(), String::new()),
            ("AWS_PROFILE".to_owned(), String::new()),
            ("AWS_REGION".to_owned(), "us-east-1".to_owned()),
            ("LAKE_S3_PATH_STYLE".to_owned(), "true".to_owned()),
        ];
        for bucket in BUCKETS {
            environment.push((
                format!("LAKE_{}_URL", bucket.to_uppercase()),
                format!("s3://{bucket}"),
            ));
        }
        environment
    }

    /// The server's private folder, gone with it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder with the buckets: objects can be read as files.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.folder.join("data")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The five places of a test store, each a bucket of its own.
///
/// # Errors
/// None in practice: the buckets are fixed and apart from one another.
pub fn layout() -> Result<Layout, StageError> {
    let place = |bucket: &str| {
        Location::new(bucket, "")
            .map_err(|error| StageError::from_error(lakehouse_stage::Exit::Bug, &error))
    };
    Ok(Layout::new(
        place("bronze")?,
        place("staging")?,
        place("silver")?,
        place("quarantine")?,
        place("gold")?,
    )?)
}

/// A secret that nobody needs to know: the process and the time, hashed.
fn secret() -> String {
    let seed = format!("{}-{:?}", std::process::id(), std::time::SystemTime::now());
    lakehouse_store::sha256_of_bytes(seed.as_bytes())
}
