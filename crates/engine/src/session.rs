//! A session: one in-memory database of the engine, private to a workspace.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use chrono::NaiveDate;
use duckdb::ffi;
use lakehouse_contract::quote;

use crate::bridge::{self, Failures};
use crate::error::{EngineError, SqlErrorKind};
use crate::long_texts::{KeepText, KeptText, LongTexts};
use crate::pseudonym::Pseudonyms;
use crate::raw::{Connection, Lane, QueryResult, Stream};
use crate::scalar::{self, ScalarFunction};
use crate::seen::SeenFilter;
use crate::source::RowSource;
use crate::strict;
use crate::value::Value;

/// What a session may use.
#[derive(Clone)]
pub struct SessionOptions {
    /// The private directory: the engine spills into `engine-spill` below it, and a locked session
    /// sees no file outside it.
    pub workspace: PathBuf,
    /// What the engine may hold in memory before it spills. The process needs more: see
    /// `docs/adr/0003-engine.md`.
    pub memory_limit_bytes: u64,
    /// Threads that work on a statement.
    pub threads: usize,
    /// The key of `lake_pseudonymise`; without one, SQL that calls it does not bind.
    pub pseudonym_key: Option<String>,
}

impl fmt::Debug for SessionOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SessionOptions")
            .field("workspace", &self.workspace)
            .field("memory_limit_bytes", &self.memory_limit_bytes)
            .field("threads", &self.threads)
            .field("pseudonym_key", &self.pseudonym_key.as_ref().map(|_| "…"))
            .finish()
    }
}

/// An in-memory database of the engine.
///
/// It may be shared between threads; statements run one after another, each on many threads.
pub struct Session {
    pub(crate) connection: Arc<Connection>,
    /// Long texts, where [`Session::keep_long_texts`] was called.
    pub(crate) long_texts: OnceLock<Arc<LongTexts>>,
    /// How many tables of numbered rows there are.
    numbered: AtomicU64,
    failures: Arc<Failures>,
    /// Names of the registered sources: the engine would take a second one without a word.
    sources: Mutex<BTreeSet<String>>,
    workspace: PathBuf,
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Session")
            .field("workspace", &self.workspace)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Opens a session. The workspace must exist.
    ///
    /// # Errors
    ///
    /// When the workspace is not there, or the engine does not take the options.
    pub fn open(options: &SessionOptions) -> Result<Self, EngineError> {
        let workspace = options.workspace.canonicalize().map_err(|error| {
            EngineError::refused(
                format!(
                    "workspace `{}` cannot be used: {error}",
                    options.workspace.display()
                ),
                "create the directory before the session",
            )
        })?;
        let spill = path_text(&workspace.join("engine-spill"))?.to_owned();
        let connection = Connection::open(&[
            ("temp_directory", spill),
            ("memory_limit", format!("{}B", options.memory_limit_bytes)),
            ("threads", options.threads.max(1).to_string()),
            // Everything published is sorted by a total order. Without this, rows would be loaded
            // by one thread, to keep an order that a source read by many threads does not have.
            ("preserve_insertion_order", "false".to_owned()),
            ("autoinstall_known_extensions", "false".to_owned()),
            ("autoload_known_extensions", "false".to_owned()),
            ("allow_community_extensions", "false".to_owned()),
            ("allow_persistent_secrets", "false".to_owned()),
        ])?;
        let session = Self {
            connection: Arc::new(connection),
            long_texts: OnceLock::new(),
            numbered: AtomicU64::new(0),
            failures: Arc::default(),
            sources: Mutex::default(),
            workspace,
        };
        // Nothing here needs a time zone; where the extension for them is built in, its default
        // would be the machine's.
        match session.execute("SET TimeZone = 'UTC'") {
            Ok(_)
            | Err(EngineError::Sql {
                kind: SqlErrorKind::Catalog | SqlErrorKind::Permission,
                ..
            }) => {}
            Err(error) => return Err(error),
        }
        session.register(strict::DecimalText)?;
        session.register(strict::Integer)?;
        session.register(strict::Date)?;
        session.register(strict::Timestamp)?;
        session.execute(strict::DECIMAL_MACRO)?;
        if let Some(key) = &options.pseudonym_key {
            session.register(Pseudonyms::new(key)?)?;
        }
        Ok(session)
    }

    fn register(&self, function: impl ScalarFunction) -> Result<(), EngineError> {
        scalar::register(&self.connection, function, Arc::clone(&self.failures))
    }

    /// Makes `lake_seen(hash)` tell whether a hash may have come before, from a table of so many
    /// bytes, which the engine's memory limit does not count. For this project's own SQL: [`guard`]
    /// lets no other call it.
    ///
    /// # Errors
    ///
    /// Only when the engine fails.
    ///
    /// [`guard`]: crate::guard
    pub fn register_seen(&self, table_bytes: u64) -> Result<(), EngineError> {
        self.register(SeenFilter::new(table_bytes))
    }

    /// Makes `lake_keep_text(text)` keep a text in a file of the workspace, and
    /// `lake_kept_text(value)` the text again. For this project's own SQL, as [`register_seen`].
    ///
    /// # Errors
    ///
    /// When the file cannot be made, or there is one already.
    ///
    /// [`register_seen`]: Self::register_seen
    pub fn keep_long_texts(&self, path: &Path) -> Result<(), EngineError> {
        let texts = LongTexts::create(path)
            .map_err(|error| EngineError::from_io("cannot make the file of long texts", &error))?;
        let texts = Arc::clone(self.long_texts.get_or_init(|| Arc::new(texts)));
        self.register(KeepText(Arc::clone(&texts)))?;
        self.register(KeptText(texts))
    }

    /// The bytes of all long texts that were kept so far.
    #[must_use]
    pub fn long_text_bytes(&self) -> u64 {
        self.long_texts.get().map_or(0, |texts| texts.bytes())
    }

    fn unused_table_name(&self) -> String {
        let number = self.numbered.fetch_add(1, Ordering::Relaxed);
        format!("lake_numbered_{number}")
    }

    /// A name that no source has yet.
    pub(crate) fn unused_source_name(&self) -> String {
        let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        format!("lake_rows_{}", sources.len())
    }

    /// Makes `SELECT * FROM name()` read the source.
    ///
    /// # Errors
    ///
    /// When there is a function of this name already.
    pub fn register_source(
        &self,
        name: &str,
        source: Arc<dyn RowSource>,
    ) -> Result<(), EngineError> {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if !sources.insert(name.to_lowercase()) {
            return Err(EngineError::refused(
                format!("the session has a row source `{name}` already"),
                "give each source a name of its own",
            ));
        }
        bridge::register(&self.connection, name, source, Arc::clone(&self.failures))
    }

    /// Makes `run_date()` the given date.
    ///
    /// # Errors
    ///
    /// Only when the engine fails.
    pub fn define_run_date(&self, date: NaiveDate) -> Result<(), EngineError> {
        self.execute(&format!(
            "CREATE OR REPLACE MACRO run_date() AS CAST({} AS DATE)",
            quote::literal(&date.to_string())
        ))?;
        Ok(())
    }

    /// Runs statements; returns how many rows the last one inserted, changed, deleted or copied.
    ///
    /// # Errors
    ///
    /// What the engine, a row source or a function of this crate reports.
    pub fn execute(&self, sql: &str) -> Result<u64, EngineError> {
        Ok(self.run(sql)?.rows_changed)
    }

    /// Runs statements and returns all rows of the last one: for counts, metadata and small
    /// tables.
    ///
    /// # Errors
    ///
    /// What the engine, a row source or a function of this crate reports.
    pub fn query(&self, sql: &str) -> Result<Vec<Vec<Value>>, EngineError> {
        Ok(self.run(sql)?.rows)
    }

    /// Names and SQL types of a SELECT's columns. Binds it, and does not run it.
    ///
    /// # Errors
    ///
    /// When the SELECT does not bind.
    pub fn describe(&self, select: &str) -> Result<Vec<(String, String)>, EngineError> {
        let rows = self.query(&format!("DESCRIBE {}", bare_select(select)))?;
        Ok(rows
            .into_iter()
            .filter_map(|row| Some((row.first()?.to_string(), row.get(1)?.to_string())))
            .collect())
    }

    /// Takes the rows of `SELECT columns FROM table` in an order that leaves no two of them open, a
    /// few thousand at a time, while the session runs other statements. `columns` are names, as SQL
    /// has them.
    ///
    /// # Errors
    ///
    /// When it does not bind, and what the engine reports.
    pub fn rows(&self, columns: &str, table: &str, order: &str) -> Result<Rows, EngineError> {
        Ok(Rows(self.stream(columns, table, order)?))
    }

    pub(crate) fn stream(
        &self,
        columns: &str,
        table: &str,
        order: &str,
    ) -> Result<Stream, EngineError> {
        let name = self.unused_table_name();
        self.execute(&format!(
            "CREATE TABLE {name} AS SELECT row_number() OVER (ORDER BY {order}) AS _lake_number, {columns} FROM {table}"
        ))?;
        let lane = Lane::open(&self.connection)?;
        Ok(Stream::new(lane, columns, &name, "_lake_number"))
    }

    /// Lets sorts work on pieces of 2,048 rows instead of 122,880, for rows that are long. It costs
    /// time, and changes the row groups of [`Session::write_parquet`], but no row. Before the
    /// session is locked.
    ///
    /// # Errors
    ///
    /// When the session is locked.
    pub fn sort_small_pieces(&self) -> Result<(), EngineError> {
        self.execute("PRAGMA verify_parallelism")?;
        Ok(())
    }

    /// The workspace, without symbolic links.
    #[must_use]
    pub fn workspace(&self) -> &Path {
        &self.workspace
    }

    fn run(&self, sql: &str) -> Result<QueryResult, EngineError> {
        self.failures.take();
        let result = self.connection.run(sql);
        // What Rust code reported is more precise than what the engine made of it; and a `TRY`
        // around it must not hide that something is wrong with the program.
        match self.failures.take() {
            Some(failure) => Err(failure),
            None => result,
        }
    }
}

/// Rows in their order.
pub struct Rows(Stream);

impl Rows {
    /// The next rows, a few thousand at most; none at the end.
    ///
    /// # Errors
    ///
    /// What the engine reports.
    pub fn next_rows(&mut self) -> Result<Vec<Vec<Value>>, EngineError> {
        self.0.rows()
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Rows")
    }
}

/// The version of the engine, such as `v2.0.0`: part of the fingerprint of what is published.
#[must_use]
pub fn version() -> String {
    // SAFETY: the engine returns a static, NUL-terminated text.
    unsafe { std::ffi::CStr::from_ptr(ffi::duckdb_library_version()) }
        .to_string_lossy()
        .into_owned()
}

/// A SELECT that can be put into another statement: without what ends it.
///
/// Whoever puts it in brackets closes them on a new line, since it may end in a comment.
pub(crate) fn bare_select(select: &str) -> &str {
    select.trim().trim_end_matches(';').trim_end()
}

/// A path as text for SQL.
pub(crate) fn path_text(path: &Path) -> Result<&str, EngineError> {
    path.to_str()
        .ok_or_else(|| EngineError::Path(path.to_owned()))
}
