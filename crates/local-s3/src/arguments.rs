//! The command line, and what follows from it.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use clap::Parser;

use crate::start::StartError;

const AFTER_HELP: &str = "\
Environment:
  AWS_ACCESS_KEY_ID      the only access key that is accepted (required)
  AWS_SECRET_ACCESS_KEY  its secret (required); neither is ever printed

Clients need path-style addressing (`LAKE_S3_PATH_STYLE=true`) when they call the server
`localhost` instead of 127.0.0.1.

The folder can be read directly: DIR/<bucket>/<key> is a link to the object's bytes, so
`read_parquet('DIR/gold/sales/daily_revenue/**/*.parquet')` works. Write through the server
only. Keys that cannot be file names are escaped with `%`; a key below another key (`a` and
`a/b`) is refused.

Exit codes:
  0  stopped by SIGTERM or SIGINT
  2  refused to start: the message says why
  70 a bug, or the machine failed while serving";

/// An S3 server for development: one folder, one machine, the loopback interface only.
///
/// Writes are atomic, conditional writes (If-None-Match, If-Match) have one winner, checksums
/// are verified, listings walk only their prefix. It has no versions, no access rules, no TLS
/// and no replication: it is not for production.
#[derive(Debug, Parser)]
#[command(name = "lake-local-s3", version, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Folder that keeps the data; created if it does not exist
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,

    /// Loopback address to listen on; port 0 takes any free port
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9000")]
    pub address: String,

    /// File that receives the port once the server answers; written in one step
    #[arg(long, value_name = "FILE")]
    pub port_file: Option<PathBuf>,

    /// Buckets to create at start where they do not exist, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub buckets: Vec<String>,

    /// Flush every object to the disk before it is acknowledged (slower; survives a power cut)
    #[arg(long)]
    pub fsync: bool,

    /// Log every request to standard error
    #[arg(long)]
    pub verbose: bool,
}

/// The key pair that clients must sign with.
pub(crate) struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
}

impl Credentials {
    /// Takes the pair from the environment; an empty value counts as missing.
    pub fn from_environment(get: impl Fn(&str) -> Option<String>) -> Result<Self, StartError> {
        let value = |name: &'static str| {
            get(name)
                .filter(|text| !text.is_empty())
                .ok_or(StartError::CredentialMissing { name })
        };
        Ok(Self {
            access_key_id: value("AWS_ACCESS_KEY_ID")?,
            secret_access_key: value("AWS_SECRET_ACCESS_KEY")?,
        })
    }
}

/// Resolves the address and refuses every interface but the loopback.
pub(crate) fn loopback_address(text: &str) -> Result<SocketAddr, StartError> {
    let mut resolved = text
        .to_socket_addrs()
        .map_err(|source| StartError::AddressInvalid {
            address: text.to_owned(),
            source,
        })?
        .peekable();
    let first = resolved.peek().copied();
    match first {
        Some(first) if resolved.all(|address| address.ip().is_loopback()) => Ok(first),
        _ => Err(StartError::AddressNotLoopback {
            address: text.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_are_accepted() {
        assert!(loopback_address("127.0.0.1:0").is_ok());
        assert!(loopback_address("127.8.8.8:9000").is_ok());
        assert!(loopback_address("[::1]:9000").is_ok());
        for refused in [
            "0.0.0.0:9000",
            "[::]:9000",
            "192.168.1.7:9000",
            "10.0.0.1:0",
        ] {
            assert!(
                matches!(
                    loopback_address(refused),
                    Err(StartError::AddressNotLoopback { .. })
                ),
                "{refused}"
            );
        }
        for invalid in ["", "127.0.0.1", "127.0.0.1:port", ":9000"] {
            assert!(loopback_address(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn both_credentials_are_needed_and_empty_is_missing() {
        let with = |pairs: &'static [(&str, &str)]| {
            Credentials::from_environment(move |name| {
                pairs
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| (*value).to_owned())
            })
        };
        assert!(with(&[("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")]).is_ok());
        for pairs in [
            &[][..],
            &[("AWS_ACCESS_KEY_ID", "a")],
            &[("AWS_SECRET_ACCESS_KEY", "b")],
            &[("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "b")],
        ] {
            assert!(matches!(
                with(pairs),
                Err(StartError::CredentialMissing { .. })
            ));
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }
}
