//! Real S3 servers on free ports, with data and credentials of their own.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::{ProcessGroup, executable, random_text};

/// How long a server may take to answer; a loaded machine is slow.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A running S3 server. It and its data are gone when this is dropped.
#[derive(Debug)]
pub struct Server {
    name: &'static str,
    port: u16,
    access_key_id: String,
    secret_access_key: String,
    // The process goes before its folder: fields are dropped in this order.
    process: Option<ProcessGroup>,
    folder: TempDir,
    program: PathBuf,
}

impl Server {
    /// Starts the embedded server, `lake-local-s3`.
    ///
    /// # Panics
    /// When it is not built or does not start.
    #[must_use]
    pub fn local_s3() -> Self {
        Self::start("lake-local-s3", executable("lake-local-s3"))
    }

    /// Starts a MinIO from its executable; [`crate::minio_or_skip`] finds one.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn minio(program: &Path) -> Self {
        Self::start("minio", program.to_owned())
    }

    fn start(name: &'static str, program: PathBuf) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("lake-test-s3-")
            .tempdir()
            .expect("a temporary folder");
        let mut server = Self {
            name,
            port: 0,
            access_key_id: format!("test-{}", random_text(6)),
            secret_access_key: random_text(20),
            process: None,
            folder,
            program,
        };
        server.launch();
        server
    }

    fn launch(&mut self) {
        for _ in 0..5 {
            // Between looking for a free port and taking it somebody else may have it: try again.
            let (command, port) = if self.name == "minio" {
                let port = if self.port == 0 {
                    free_port()
                } else {
                    self.port
                };
                (self.minio_command(port), Some(port))
            } else {
                (self.local_s3_command(), None)
            };
            let mut process = ProcessGroup::spawn(&mut { command });
            if let Some(port) = self.wait_until_ready(&mut process, port) {
                self.port = port;
                self.process = Some(process);
                return;
            }
        }
        panic!(
            "{} does not start; its log:\n{}",
            self.program.display(),
            self.log()
        );
    }

    fn local_s3_command(&self) -> Command {
        let _ = std::fs::remove_file(self.port_file());
        let mut command = self.command();
        command
            .arg("--data-dir")
            .arg(self.data_dir())
            .args(["--address", &format!("127.0.0.1:{}", self.port)])
            .arg("--port-file")
            .arg(self.port_file())
            .env("AWS_ACCESS_KEY_ID", &self.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &self.secret_access_key);
        command
    }

    fn minio_command(&self, port: u16) -> Command {
        let mut command = self.command();
        command
            .arg("server")
            .arg(self.data_dir())
            .args(["--quiet", "--address", &format!("127.0.0.1:{port}")])
            .env("MINIO_ROOT_USER", &self.access_key_id)
            .env("MINIO_ROOT_PASSWORD", &self.secret_access_key)
            .env("MINIO_BROWSER", "off")
            .env("MINIO_UPDATE", "off");
        command
    }

    fn command(&self) -> Command {
        std::fs::create_dir_all(self.data_dir()).expect("a folder for data");
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_file())
            .expect("a log file");
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("HOME", self.folder.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log);
        command
    }

    fn wait_until_ready(&self, process: &mut ProcessGroup, port: Option<u16>) -> Option<u16> {
        let start = Instant::now();
        while start.elapsed() < START_LIMIT {
            if process.try_wait().is_some() {
                return None;
            }
            let port = port.or_else(|| {
                std::fs::read_to_string(self.port_file())
                    .ok()?
                    .trim()
                    .parse()
                    .ok()
            });
            if let Some(port) = port
                && answers(
                    port,
                    if self.name == "minio" {
                        "/minio/health/ready"
                    } else {
                        "/"
                    },
                )
            {
                return Some(port);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }

    /// Which server it is.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// `http://127.0.0.1:port`
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.socket_address())
    }

    /// Where it listens.
    #[must_use]
    pub fn socket_address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// The id of its access key.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The secret of its access key.
    #[must_use]
    pub fn secret_access_key(&self) -> &str {
        &self.secret_access_key
    }

    /// The folder that it keeps its data in.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What it has said so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(ProcessGroup::id)
    }

    /// Kills it at once; its data stays.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again after [`kill`](Self::kill), on the same port with the same data.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        self.process = None;
        self.launch();
    }

    /// The variables that make a stage use it.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_ACCESS_KEY_ID", self.access_key_id.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.secret_access_key.clone()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("LAKE_S3_PATH_STYLE", "true".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    fn port_file(&self) -> PathBuf {
        self.folder.path().join("port")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }
}

/// A port that is free at this moment.
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port()
}

/// Whether a server answers a request; any answer but a 5xx will do.
fn answers(port: u16, path: &str) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else {
        return false;
    };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let mut status = [0; 12];
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_exact(&mut status).is_ok()
        && status.starts_with(b"HTTP/1.1 ")
        && status[9] < b'5'
}
