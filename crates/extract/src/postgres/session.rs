//! A connection in one transaction that only reads.

use lakehouse_contract::{quote, suggest};
use lakehouse_stage::StageError;
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow};

use super::error::stage_error;
use super::settings::Settings;

/// A connection. When it is dropped, the server ends what it does for it.
pub(super) struct Session<'a> {
    pub client: Client,
    pub settings: &'a Settings,
    driver: tokio::task::JoinHandle<()>,
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl<'a> Session<'a> {
    /// Connects.
    ///
    /// # Errors
    /// 2 for the connection, 75 for a server that does not answer.
    pub async fn connect(settings: &'a Settings) -> Result<Self, StageError> {
        let connected = settings.config.connect(settings.tls.clone()).await;
        let (client, connection) = match connected {
            Ok(connected) => connected,
            Err(error) => {
                let mut stage_error = stage_error(settings, &error);
                if error.code() == Some(&tokio_postgres::error::SqlState::INVALID_CATALOG_NAME) {
                    stage_error = with_databases(settings, stage_error).await;
                }
                return Err(stage_error);
            }
        };
        let driver = tokio::spawn(async move {
            // Whoever waits for an answer is told what broke.
            if let Err(error) = connection.await {
                tracing::debug!(error = %error, "a connection has ended");
            }
        });
        Ok(Self {
            client,
            settings,
            driver,
        })
    }

    /// Begins a transaction that only reads, as of a snapshot of another one where there is one.
    /// What is set is set for the transaction alone, so that poolers that share connections by
    /// transaction will do.
    ///
    /// # Errors
    /// What the server says.
    pub async fn begin(&self, snapshot: Option<&str>) -> Result<(), StageError> {
        let settings = self.settings;
        let mut statements = vec!["BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY".to_owned()];
        if let Some(snapshot) = snapshot {
            statements.push(format!(
                "SET TRANSACTION SNAPSHOT {}",
                quote::literal(snapshot)
            ));
        }
        if let Some(role) = &settings.role {
            statements.push(format!("SET LOCAL ROLE {}", quote::identifier(role)));
        }
        let mut set = |name: &str, value: &str| {
            statements.push(format!("SET LOCAL {name} = '{value}'"));
        };
        set("client_encoding", "UTF8");
        set("timezone", "UTC");
        set("datestyle", "ISO, YMD");
        set("intervalstyle", "iso_8601");
        set("extra_float_digits", "1");
        set("bytea_output", "hex");
        set("standard_conforming_strings", "on");
        // The order of rows must not depend on who else reads, or on how many cores there are.
        set("synchronize_seqscans", "off");
        set("max_parallel_workers_per_gather", "0");
        set("idle_in_transaction_session_timeout", "0");
        if settings.statement_timeout_secs > 0 {
            set(
                "statement_timeout",
                &format!("{}s", settings.statement_timeout_secs),
            );
        }
        set("lock_timeout", &format!("{}s", settings.lock_timeout_secs));
        // A policy would leave rows out in silence: without it the server refuses.
        set(
            "row_security",
            if settings.row_security { "on" } else { "off" },
        );
        self.execute(&statements.join("; ")).await
    }

    /// Ends the transaction: only when the server has answered, what was read is believed.
    ///
    /// # Errors
    /// What the server says, and 75 where it is gone.
    pub async fn commit(&self) -> Result<(), StageError> {
        self.execute("COMMIT").await
    }

    /// Runs statements that answer nothing.
    ///
    /// # Errors
    /// What the server says.
    pub async fn execute(&self, statements: &str) -> Result<(), StageError> {
        self.client
            .batch_execute(statements)
            .await
            .map_err(|error| self.failed(&error))
    }

    /// The rows of a query, as texts.
    ///
    /// # Errors
    /// What the server says.
    pub async fn rows(&self, query: &str) -> Result<Vec<SimpleQueryRow>, StageError> {
        let messages = self
            .client
            .simple_query(query)
            .await
            .map_err(|error| self.failed(&error))?;
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        Ok(rows.collect())
    }

    /// What the server said, as an error of the stage.
    pub fn failed(&self, error: &tokio_postgres::Error) -> StageError {
        stage_error(self.settings, error)
    }
}

/// A text of a row; empty for NULL.
pub(super) fn text(row: &SimpleQueryRow, column: usize) -> &str {
    row.get(column).unwrap_or_default()
}

/// The error for a database that does not exist, with those that there are, where the server
/// tells.
async fn with_databases(settings: &Settings, error: StageError) -> StageError {
    let mut config = settings.config.clone();
    config.dbname("postgres");
    let Ok((client, connection)) = config.connect(settings.tls.clone()).await else {
        return error;
    };
    let driver = tokio::spawn(connection);
    let query = "select datname from pg_database where datallowconn and not datistemplate order by 1 limit 30";
    let messages = client.simple_query(query).await.unwrap_or_default();
    driver.abort();
    let names: Vec<String> = messages
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        })
        .collect();
    if names.is_empty() {
        return error;
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    error.hint(suggest::hint(&settings.database, &names, "databases"))
}
