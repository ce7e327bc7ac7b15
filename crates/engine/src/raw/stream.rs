//! The rows of a SELECT, fetched while it runs, on a connection of its own.

use std::ptr;
use std::sync::Arc;

use duckdb::ffi;

use super::decode::chunk_values;
use super::{Connection, LogicalType, ResultHandle, c_text};
use crate::error::{EngineError, SqlErrorKind};
use crate::value::Value;

/// A connection beside the session's own.
pub(crate) struct Lane {
    connection: ffi::duckdb_connection,
    /// Keeps the database open.
    _database: Arc<Connection>,
}

// SAFETY: the engine's handles may be used from any thread, by one at a time.
unsafe impl Send for Lane {}

impl Lane {
    /// Connects once more to the database.
    pub(crate) fn open(database: &Arc<Connection>) -> Result<Self, EngineError> {
        let mut lane = Self {
            connection: ptr::null_mut(),
            _database: Arc::clone(database),
        };
        // SAFETY: the database is open; the handle is closed when the lane is dropped.
        let state = unsafe { ffi::duckdb_connect(database.database, &mut lane.connection) };
        if state != ffi::DuckDBSuccess {
            return Err(EngineError::from_engine(
                SqlErrorKind::Internal,
                "the engine gave no connection",
            ));
        }
        Ok(lane)
    }

    /// Runs a statement without rows.
    pub(crate) fn run(&self, sql: &str) -> Result<(), EngineError> {
        let sql = c_text(sql)?;
        // SAFETY: an all-zero result is what the engine expects to fill.
        let mut result = ResultHandle(unsafe { std::mem::zeroed() });
        // SAFETY: connection and text are valid; the result is destroyed by its handle.
        let state = unsafe { ffi::duckdb_query(self.connection, sql.as_ptr(), &mut result.0) };
        if state == ffi::DuckDBSuccess {
            Ok(())
        } else {
            Err(result.error())
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        // SAFETY: the handle is null or open, and is not used again.
        unsafe { ffi::duckdb_disconnect(&mut self.connection) };
    }
}

/// A running SELECT. The engine computes only a few chunks ahead of what is taken.
pub(crate) struct Stream {
    result: ResultHandle,
    statement: ffi::duckdb_prepared_statement,
    types: Vec<LogicalType>,
    chunk: ffi::duckdb_data_chunk,
    /// The last field: it is closed after what runs on it.
    lane: Lane,
}

// SAFETY: the engine's handles may be used from any thread, by one at a time.
unsafe impl Send for Stream {}

impl Stream {
    /// Starts a SELECT beside what the session's own connection runs.
    pub(crate) fn start(lane: Lane, select: &str) -> Result<Self, EngineError> {
        let sql = c_text(select)?;
        let mut stream = Self {
            // SAFETY: an all-zero result is what the engine expects to fill.
            result: ResultHandle(unsafe { std::mem::zeroed() }),
            statement: ptr::null_mut(),
            types: Vec::new(),
            chunk: ptr::null_mut(),
            lane,
        };
        // SAFETY: the database is open; handles are destroyed when the stream is dropped.
        unsafe {
            if ffi::duckdb_prepare(stream.lane.connection, sql.as_ptr(), &mut stream.statement)
                != ffi::DuckDBSuccess
            {
                let text = ffi::duckdb_prepare_error(stream.statement);
                let message = if text.is_null() {
                    "the engine failed without saying why".to_owned()
                } else {
                    std::ffi::CStr::from_ptr(text)
                        .to_string_lossy()
                        .into_owned()
                };
                return Err(EngineError::from_engine(SqlErrorKind::Other, &message));
            }
            if ffi::duckdb_execute_prepared_streaming(stream.statement, &mut stream.result.0)
                != ffi::DuckDBSuccess
            {
                return Err(stream.result.error());
            }
            stream.types = (0..ffi::duckdb_column_count(&mut stream.result.0))
                .map(|column| {
                    LogicalType(ffi::duckdb_column_logical_type(
                        &mut stream.result.0,
                        column,
                    ))
                })
                .collect();
        }
        Ok(stream)
    }

    /// Fetches the next chunk in place of the last one; returns its rows, 0 at the end.
    pub(crate) fn advance(&mut self) -> Result<usize, EngineError> {
        loop {
            self.let_go();
            // SAFETY: the result is live.
            unsafe {
                self.chunk = ffi::duckdb_fetch_chunk(self.result.0);
                if self.chunk.is_null() {
                    let text = ffi::duckdb_result_error(&mut self.result.0);
                    if !text.is_null() && *text != 0 {
                        return Err(self.result.error());
                    }
                    return Ok(0);
                }
                let rows = ffi::duckdb_data_chunk_get_size(self.chunk) as usize;
                if rows > 0 {
                    return Ok(rows);
                }
            }
        }
    }

    /// A column of the current chunk.
    ///
    /// # Panics
    ///
    /// When there is no chunk.
    pub(crate) fn vector(&self, column: usize) -> ffi::duckdb_vector {
        assert!(!self.chunk.is_null(), "a column of no chunk");
        // SAFETY: the chunk is live, and the engine checks the column.
        unsafe { ffi::duckdb_data_chunk_get_vector(self.chunk, column as u64) }
    }

    /// The rows of the next chunk; none at the end.
    pub(crate) fn rows(&mut self) -> Result<Vec<Vec<Value>>, EngineError> {
        if self.advance()? == 0 {
            return Ok(Vec::new());
        }
        // SAFETY: the chunk is live and has these columns.
        unsafe { chunk_values(self.chunk, &self.types) }
    }

    fn let_go(&mut self) {
        // SAFETY: the chunk is null or live, and is not used again.
        unsafe { ffi::duckdb_destroy_data_chunk(&mut self.chunk) };
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.let_go();
        // SAFETY: handles are null or live, and are not used again. The result goes before the
        // connection that computes it.
        unsafe {
            ffi::duckdb_destroy_result(&mut self.result.0);
            self.result.0 = std::mem::zeroed();
            ffi::duckdb_destroy_prepare(&mut self.statement);
        }
    }
}
