//! Rows in their order, a page at a time, on a connection of their own.

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

    /// Runs a statement; its rows are in memory.
    fn query(&self, sql: &str) -> Result<ResultHandle, EngineError> {
        let sql = c_text(sql)?;
        // SAFETY: an all-zero result is what the engine expects to fill.
        let mut result = ResultHandle(unsafe { std::mem::zeroed() });
        // SAFETY: connection and text are valid; the result is destroyed by its handle.
        let state = unsafe { ffi::duckdb_query(self.connection, sql.as_ptr(), &mut result.0) };
        if state == ffi::DuckDBSuccess {
            Ok(result)
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

/// Rows of a page: enough to pay for a statement, few enough for long ones.
const PAGE_ROWS: u64 = 4_096;

/// The rows of a numbered table in the order of their numbers, a page at a time.
///
/// A result that is fetched while it is computed would need no table. But where the engine need not
/// keep the order in which rows were inserted it does not keep that of an ORDER BY either, once it
/// hands chunks over from several threads.
pub(crate) struct Stream {
    result: ResultHandle,
    types: Vec<LogicalType>,
    chunk: ffi::duckdb_data_chunk,
    /// The columns and the table, as SQL has them.
    select: String,
    number: String,
    next: u64,
    is_at_end: bool,
    lane: Lane,
}

// SAFETY: the engine's handles may be used from any thread, by one at a time.
unsafe impl Send for Stream {}

impl Stream {
    /// Reads `columns` of `table`, whose column `number` counts from 1 without a gap.
    pub(crate) fn new(lane: Lane, columns: &str, table: &str, number: &str) -> Self {
        Self {
            // SAFETY: an all-zero result is what the engine expects to fill, and to destroy.
            result: ResultHandle(unsafe { std::mem::zeroed() }),
            types: Vec::new(),
            chunk: ptr::null_mut(),
            select: format!("SELECT {columns} FROM {table}"),
            number: number.to_owned(),
            next: 1,
            is_at_end: false,
            lane,
        }
    }

    /// Fetches the next chunk in place of the last one; returns its rows, 0 at the end.
    pub(crate) fn advance(&mut self) -> Result<usize, EngineError> {
        let mut is_new_page = false;
        loop {
            self.let_go();
            if self.is_at_end {
                return Ok(0);
            }
            self.chunk = if self.types.is_empty() {
                ptr::null_mut()
            } else {
                // SAFETY: a page was asked for, so the result is live.
                unsafe { ffi::duckdb_fetch_chunk(self.result.0) }
            };
            if self.chunk.is_null() {
                if is_new_page {
                    self.is_at_end = true;
                } else {
                    self.next_page()?;
                    is_new_page = true;
                }
                continue;
            }
            // SAFETY: the chunk is live.
            let rows = unsafe { ffi::duckdb_data_chunk_get_size(self.chunk) } as usize;
            if rows > 0 {
                return Ok(rows);
            }
        }
    }

    fn next_page(&mut self) -> Result<(), EngineError> {
        let last = self.next + PAGE_ROWS - 1;
        let sql = format!(
            "{} WHERE {number} BETWEEN {} AND {last} ORDER BY {number}",
            self.select,
            self.next,
            number = self.number
        );
        self.result = self.lane.query(&sql)?;
        self.next = last + 1;
        // SAFETY: the result is live.
        unsafe {
            self.types = (0..ffi::duckdb_column_count(&mut self.result.0))
                .map(|column| {
                    LogicalType(ffi::duckdb_column_logical_type(&mut self.result.0, column))
                })
                .collect();
        }
        Ok(())
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
    }
}
