//! What a connection says of a PostgreSQL server.

use std::time::Duration;

use lakehouse_stage::StageError;
use lakehouse_stage::connection::Connection;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};

use super::tls::{self, Tls};

const PARAMETERS: [&str; 13] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "connect_timeout",
    "application_name",
    "target_session_attrs",
    "statement_timeout_secs",
    "lock_timeout_secs",
    "connections",
    "attempts",
    "row_security",
    "role",
];
const DEFAULT_PORT: u16 = 5432;
const DAY_SECS: u64 = 86_400;

/// How to reach a server, and how to behave there.
pub(super) struct Settings {
    pub config: tokio_postgres::Config,
    pub tls: tokio_postgres_rustls::MakeRustlsConnect,
    /// Whom messages name: `user@host:port/database`.
    pub address: String,
    pub user: String,
    pub database: String,
    /// How many connections read at once.
    pub connections: usize,
    /// How often the source is tried.
    pub attempts: u32,
    pub statement_timeout_secs: u64,
    pub lock_timeout_secs: u64,
    pub row_security: bool,
    pub role: Option<String>,
}

impl Settings {
    /// Judges a connection.
    ///
    /// # Errors
    /// It is for something else, or it says what is not known: 2.
    pub fn new(mut connection: Connection, threads: usize) -> Result<Self, StageError> {
        if !["postgresql", "postgres"].contains(&connection.scheme.as_str()) {
            return Err(connection.wrong(
                "it is not for PostgreSQL: its URL begins with `postgresql://`, its type is `postgres`",
            ));
        }
        let mut config = tokio_postgres::Config::new();
        let user = connection
            .user
            .clone()
            .ok_or_else(|| connection.wrong("it names no user"))?;
        let database = connection
            .database
            .clone()
            .ok_or_else(|| connection.wrong("it names no database"))?;
        config.user(&user).dbname(&database);
        if let Some(password) = &connection.password {
            config.password(password.expose());
        }
        for host in &connection.hosts {
            match host.name.starts_with('/') {
                true => config.host_path(&host.name),
                false => config.host(&host.name),
            };
            config.port(host.port.unwrap_or(DEFAULT_PORT));
        }
        let tls = Tls {
            mode: connection
                .choice("sslmode", &tls::MODES)?
                .unwrap_or_default(),
            root: connection.parameter("sslrootcert"),
            certificate: connection.parameter("sslcert"),
            key: connection.parameter("sslkey"),
        };
        config.ssl_mode(match tls.mode {
            tls::Mode::Disable => SslMode::Disable,
            tls::Mode::Prefer => SslMode::Prefer,
            _ => SslMode::Require,
        });
        let application = connection.parameter("application_name");
        config.application_name(application.as_deref().unwrap_or("lake-extract"));
        let attrs = [
            ("any", TargetSessionAttrs::Any),
            ("read-write", TargetSessionAttrs::ReadWrite),
            ("read-only", TargetSessionAttrs::ReadOnly),
        ];
        if let Some(attrs) = connection.choice("target_session_attrs", &attrs)? {
            config.target_session_attrs(attrs);
        }
        let connect_timeout = connection.number("connect_timeout", 1..=600)?;
        config
            .connect_timeout(Duration::from_secs(connect_timeout.unwrap_or(10)))
            // A server that is gone without a word is noticed within a minute.
            .keepalives_idle(Duration::from_secs(30))
            .keepalives_interval(Duration::from_secs(10))
            .keepalives_retries(3);
        let connections = connection.number("connections", 1..=64)?;
        let settings = Self {
            tls: tls.connector(&connection)?,
            address: format!("{user}@{}/{database}", connection.servers()),
            user,
            database,
            connections: match connections {
                Some(connections) => usize::try_from(connections).unwrap_or(1),
                None => threads.clamp(1, 4),
            },
            attempts: match connection.number("attempts", 1..=100)? {
                Some(attempts) => u32::try_from(attempts).unwrap_or(1),
                None => 3,
            },
            statement_timeout_secs: connection
                .number("statement_timeout_secs", 0..=30 * DAY_SECS)?
                .unwrap_or(0),
            lock_timeout_secs: connection
                .number("lock_timeout_secs", 0..=30 * DAY_SECS)?
                .unwrap_or(30),
            row_security: connection
                .choice("row_security", &[("on", true), ("off", false)])?
                .unwrap_or(false),
            role: connection.parameter("role"),
            config,
        };
        connection.finish(&PARAMETERS)?;
        Ok(settings)
    }
}
