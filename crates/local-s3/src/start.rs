//! From the command line to a listening server, and how a refusal reads.

use std::error::Error;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use crate::arguments::{Arguments, Credentials, loopback_address};
use crate::server;
use crate::service;
use crate::storage::{Backend, Options, StorageError};

/// Why the server did not start, or stopped other than by a signal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("the environment variable `{name}` is not set")]
    CredentialMissing { name: &'static str },
    #[error("`{address}` is not an address of the form HOST:PORT")]
    AddressInvalid { address: String, source: io::Error },
    #[error("`{address}` is not a loopback address")]
    AddressNotLoopback { address: String },
    #[error("cannot listen on `{address}`")]
    Listen {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("cannot use the data folder `{}`", folder.display())]
    DataFolder {
        folder: PathBuf,
        source: StorageError,
    },
    #[error("cannot make the bucket `{bucket}`")]
    Bucket {
        bucket: String,
        source: StorageError,
    },
    #[error("cannot write the port file `{}`", path.display())]
    PortFile { path: PathBuf, source: io::Error },
    #[error("the server failed")]
    Serve { source: io::Error },
}

impl StartError {
    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::CredentialMissing { .. } => {
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to the values that the clients use"
            }
            Self::AddressInvalid { .. } => "for example: --address 127.0.0.1:9000",
            Self::AddressNotLoopback { .. } => {
                "this server is for development on one machine: listen on 127.0.0.1, and run a \
                 real S3 store for others to reach"
            }
            Self::Listen { .. } => "port 0 takes any free port; see --port-file",
            Self::DataFolder {
                source: StorageError::FolderLocked,
                ..
            } => "stop the other server, or give this one a folder of its own with --data-dir",
            Self::DataFolder {
                source: StorageError::FolderForeign,
                ..
            } => "--data-dir takes a new or empty folder, or one that this server made",
            Self::Bucket { .. } => {
                "bucket names have 3 to 63 small letters, digits, dots and hyphens"
            }
            Self::DataFolder { .. } | Self::PortFile { .. } | Self::Serve { .. } => return None,
        })
    }

    fn exit_code(&self) -> ExitCode {
        ExitCode::from(if matches!(self, Self::Serve { .. }) {
            70
        } else {
            2
        })
    }
}

/// Runs the server as the command line says, until SIGTERM or SIGINT.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nothing can be done about a closed stdout or stderr.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&describe(&error));
            error.exit_code()
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), StartError> {
    let credentials = Credentials::from_environment(|name| std::env::var(name).ok())?;
    let address = loopback_address(&arguments.address)?;
    // A waiting test must not read the port of the server before this one.
    if let Some(path) = &arguments.port_file
        && let Err(source) = std::fs::remove_file(path)
        && source.kind() != io::ErrorKind::NotFound
    {
        return Err(StartError::PortFile {
            path: path.clone(),
            source,
        });
    }
    log_to_stderr(arguments.verbose);

    let folder = &arguments.data_dir;
    let backend = Backend::open(
        folder,
        Options {
            fsync: arguments.fsync,
        },
    )
    .map_err(|source| StartError::DataFolder {
        folder: folder.clone(),
        source,
    })?;
    for bucket in &arguments.buckets {
        match backend.create_bucket(bucket) {
            Ok(()) | Err(StorageError::BucketExists(_)) => {}
            Err(source) => {
                return Err(StartError::Bucket {
                    bucket: bucket.clone(),
                    source,
                });
            }
        }
    }
    let service = service::build(
        Arc::new(backend),
        credentials.access_key_id,
        credentials.secret_access_key,
    );

    let listen = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).map_err(listen)?;
    listener.set_nonblocking(true).map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(64)
        .build()
        .map_err(|source| StartError::Serve { source })?;
    runtime.block_on(async {
        let signals = server::Signals::listen().map_err(|source| StartError::Serve { source })?;
        // The kernel already takes connections: whoever reads the file now is served.
        if let Some(path) = &arguments.port_file {
            write_port_file(path, address.port()).map_err(|source| StartError::PortFile {
                path: path.clone(),
                source,
            })?;
        }
        say(&format!(
            "listening on http://{address}, data in {}",
            folder.display()
        ));
        server::serve(listener, service, signals)
            .await
            .map_err(|source| StartError::Serve { source })
    })
}

fn write_port_file(path: &Path, port: u16) -> io::Result<()> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".{}", std::process::id()));
    std::fs::write(&aside, format!("{port}\n"))?;
    std::fs::rename(&aside, path)
}

/// Own events only: the protocol library logs headers, and signatures with them.
fn log_to_stderr(verbose: bool) {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;

    let level = if verbose {
        LevelFilter::DEBUG
    } else {
        LevelFilter::WARN
    };
    let format = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_target(false);
    // Fails only where a subscriber is set already, and then that one is used.
    let _ = tracing_subscriber::registry()
        .with(format)
        .with(Targets::new().with_target("lake_local_s3", level))
        .try_init();
}

fn describe(error: &StartError) -> String {
    let mut text = format!("error: {error}");
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(&format!("\n  Caused by: {source}"));
        cause = source.source();
    }
    if let Some(hint) = error.hint() {
        text.push_str(&format!("\nhint: {hint}"));
    }
    text
}

#[expect(
    clippy::print_stderr,
    reason = "the one place where the server speaks to a person"
)]
fn say(text: &str) {
    eprintln!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_cause_and_remedy() {
        let error = StartError::DataFolder {
            folder: PathBuf::from("/data"),
            source: StorageError::FolderLocked,
        };
        assert_eq!(
            describe(&error),
            "error: cannot use the data folder `/data`\n  \
             Caused by: another server is using it\n\
             hint: stop the other server, or give this one a folder of its own with --data-dir"
        );
    }
}
