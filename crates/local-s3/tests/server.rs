//! The executable: how it starts, refuses, answers and stops.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const SECRET: &str = "the-secret-of-this-test";

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lake-local-s3"));
    command
        .env_clear()
        .env("AWS_ACCESS_KEY_ID", "tester")
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .arg("--data-dir")
        .arg(folder)
        .args(["--address", "127.0.0.1:0"]);
    command
}

struct Server {
    child: Child,
    port: u16,
    first_line: String,
}

impl Server {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let port_file = folder.with_extension("port");
        let mut child = command(folder)
            .args(arguments)
            .arg("--port-file")
            .arg(&port_file)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first_line = String::new();
        BufReader::new(child.stderr.as_mut().unwrap())
            .read_line(&mut first_line)
            .unwrap();
        let port = fs::read_to_string(&port_file)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        Self {
            child,
            port,
            first_line,
        }
    }

    /// Sends a request as it is written and returns the answer.
    fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(
            stream,
            "{request}\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name])
            .arg(self.child.id().to_string())
            .status();
        assert!(sent.unwrap().success());
    }

    fn stop(mut self, signal: &str) {
        self.signal(signal);
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{signal}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn refused(mut command: Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    assert_eq!(status.code(), Some(2));
    assert!(stdout.is_empty());
    String::from_utf8(stderr).unwrap()
}

#[test]
fn it_says_where_it_listens_and_stops_at_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for signal in ["TERM", "INT"] {
        let server = Server::start(&data, &["--buckets", "bronze,silver"]);
        assert_eq!(
            server.first_line,
            format!(
                "listening on http://127.0.0.1:{}, data in {}\n",
                server.port,
                data.display()
            )
        );
        assert!(data.join("bronze").is_dir() && data.join("silver").is_dir());
        // An idle connection does not keep it.
        let _idle = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        let begun = Instant::now();
        server.stop(signal);
        // Requests that run get ten seconds: any less shows that it was not waited for.
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn it_lets_nobody_in_without_a_signature() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(
        &folder.path().join("data"),
        &["--buckets", "bronze", "--verbose"],
    );
    for request in [
        "GET / HTTP/1.1",
        "GET /bronze/a HTTP/1.1",
        "DELETE /bronze/a HTTP/1.1",
    ] {
        let answer = server.ask(request);
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
        assert!(answer.contains("AccessDenied"), "{answer}");
    }
}

#[test]
fn it_refuses_to_start_without_credentials() {
    let folder = tempfile::tempdir().unwrap();
    for (missing, other) in [
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
    ] {
        let mut without = command(folder.path());
        without.env_remove(missing);
        let message = refused(without);
        assert!(
            message.starts_with(&format!(
                "error: the environment variable `{missing}` is not set\n"
            )),
            "{message}"
        );
        assert!(message.contains("hint: ") && message.contains(other));
        assert!(!message.contains(SECRET));
    }
}

#[test]
fn it_refuses_every_interface_but_the_loopback() {
    let folder = tempfile::tempdir().unwrap();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:9000"] {
        let mut open = Command::new(env!("CARGO_BIN_EXE_lake-local-s3"));
        open.env("AWS_ACCESS_KEY_ID", "tester")
            .env("AWS_SECRET_ACCESS_KEY", SECRET);
        open.arg("--data-dir")
            .arg(folder.path().join("data"))
            .args(["--address", address]);
        let message = refused(open);
        assert!(
            message.starts_with(&format!("error: `{address}` is not a loopback address\n")),
            "{message}"
        );
    }
    assert!(
        !folder.path().join("data").exists(),
        "refused before anything is made"
    );
}

#[test]
fn it_refuses_a_folder_in_use_a_port_in_use_and_a_wrong_bucket() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data, &[]);
    let message = refused(command(&data));
    assert!(
        message.contains("Caused by: another server is using it"),
        "{message}"
    );

    let mut same_port = Command::new(env!("CARGO_BIN_EXE_lake-local-s3"));
    same_port
        .env("AWS_ACCESS_KEY_ID", "tester")
        .env("AWS_SECRET_ACCESS_KEY", SECRET);
    same_port.arg("--data-dir").arg(folder.path().join("other"));
    same_port.args(["--address", &format!("127.0.0.1:{}", server.port)]);
    let message = refused(same_port);
    assert!(
        message.starts_with("error: cannot listen on `127.0.0.1:"),
        "{message}"
    );
    server.stop("TERM");

    let mut bucket = command(&data);
    bucket.args(["--buckets", "Not_A_Bucket"]);
    let message = refused(bucket);
    assert!(
        message.contains("`Not_A_Bucket` is not a valid bucket name"),
        "{message}"
    );
}

#[test]
fn help_and_version_need_no_environment() {
    for (argument, expected) in [
        ("--version", env!("CARGO_PKG_VERSION")),
        ("--help", "it is not for production"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_lake-local-s3"))
            .env_clear()
            .arg(argument)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(String::from_utf8(output.stdout).unwrap().contains(expected));
    }
}

/// One round trip through the whole protocol; the conformance suite of `store` does the rest.
#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn a_signed_client_puts_gets_lists_and_deletes() {
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("SKIPPED a_signed_client_puts_gets_lists_and_deletes: there is no curl here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data, &["--buckets", "bronze"]);
    let curl = |secret: &str, path: &str, arguments: &[&str]| {
        let output = Command::new("curl")
            .args([
                "--silent",
                "--show-error",
                "--aws-sigv4",
                "aws:amz:us-east-1:s3",
            ])
            .args(["--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD"])
            .args([
                "--write-out",
                "%{http_code}",
                "--user",
                &format!("tester:{secret}"),
            ])
            .args(arguments)
            .arg(format!("http://127.0.0.1:{}{path}", server.port))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    let big = folder.path().join("big");
    fs::write(&big, vec![b'x'; 3_000_000]).unwrap();
    let upload = ["--upload-file", big.to_str().unwrap()];
    assert_eq!(curl(SECRET, "/bronze/a/big", &upload), "200");
    assert_eq!(
        fs::read(data.join("bronze/a/big")).unwrap(),
        fs::read(&big).unwrap()
    );
    let body = curl(SECRET, "/bronze/a/big", &[]);
    assert_eq!(body.len(), 3_000_003);
    assert_eq!(
        curl(SECRET, "/bronze/a/big", &["--range", "0-4"]),
        "xxxxx206"
    );
    let listing = curl(SECRET, "/bronze?list-type=2", &[]);
    assert!(listing.contains("<Key>a/big</Key>") && listing.contains("<Size>3000000</Size>"));
    let wrong = curl("wrong", "/bronze/a/big", &[]);
    assert!(
        wrong.contains("SignatureDoesNotMatch") && wrong.ends_with("403"),
        "{wrong}"
    );
    let many = "<Delete><Object><Key>a/big</Key></Object></Delete>";
    let since = "If-Modified-Since: Fri, 01 Jan 2027 00:00:00 GMT";
    for (path, arguments) in [
        ("/bronze?versioning=", &[][..]),
        ("/bronze/a/big?uploadId=x", &[]),
        ("/bronze?delete=", &["--request", "POST", "--data", many]),
        ("/bronze/a/big", &["--header", since]),
    ] {
        let unknown = curl(SECRET, path, arguments);
        assert!(
            unknown.contains("NotImplemented") && unknown.ends_with("501"),
            "{path}: {unknown}"
        );
    }
    let digest = [
        "--upload-file",
        big.to_str().unwrap(),
        "--header",
        "Content-MD5: AAAAAAAAAAAAAAAAAAAAAA==",
    ];
    let corrupt = curl(SECRET, "/bronze/a/big", &digest);
    assert!(
        corrupt.contains("BadDigest") && corrupt.ends_with("400"),
        "{corrupt}"
    );
    assert_eq!(
        curl(SECRET, "/bronze/a/big", &["--request", "DELETE"]),
        "204"
    );
    assert!(curl(SECRET, "/bronze/a/big", &[]).contains("NoSuchKey"));
    assert!(!data.join("bronze/a").exists());
}
