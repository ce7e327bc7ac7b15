//! The engine's C interface, made safe: a database with one connection, and its results.
//!
//! The `duckdb` crate's own connection hands results over as Arrow arrays and forgets the class
//! of an error. Here results are small (counts, metadata, schemas) and the class matters, so this
//! calls the C functions that the crate exports instead.

mod decode;
mod stream;

pub(crate) use decode::string_bytes;
pub(crate) use stream::{Lane, Stream};

use std::ffi::{CStr, CString, c_char};
use std::ptr;
use std::sync::Mutex;

use duckdb::ffi;

use crate::error::{EngineError, SqlErrorKind};
use crate::value::Value;

/// An in-memory database and its one connection.
pub(crate) struct Connection {
    database: ffi::duckdb_database,
    connection: ffi::duckdb_connection,
    /// One statement at a time: a result must be decoded before the next one runs.
    busy: Mutex<()>,
}

// SAFETY: the engine's handles may be used from any thread; statements are serialised by `busy`.
unsafe impl Send for Connection {}
// SAFETY: as above; `interrupt` is the one call made without the lock, and is meant for that.
unsafe impl Sync for Connection {}

impl Connection {
    /// Opens an in-memory database with settings that hold from its first moment.
    pub(crate) fn open(settings: &[(&str, String)]) -> Result<Self, EngineError> {
        let mut config = Config(ptr::null_mut());
        // SAFETY: `config` is a valid place for the handle, which `Config` destroys.
        unsafe { ffi::duckdb_create_config(&mut config.0) };
        for (name, value) in settings {
            let (c_name, c_value) = (c_text(name)?, c_text(value)?);
            // SAFETY: the handle is live and both texts are NUL-terminated.
            if unsafe { ffi::duckdb_set_config(config.0, c_name.as_ptr(), c_value.as_ptr()) }
                != ffi::DuckDBSuccess
            {
                return Err(EngineError::from_engine(
                    SqlErrorKind::Internal,
                    &format!("the engine does not take `{value}` for its setting `{name}`"),
                ));
            }
        }
        let mut opened = Self {
            database: ptr::null_mut(),
            connection: ptr::null_mut(),
            busy: Mutex::new(()),
        };
        let mut message: *mut c_char = ptr::null_mut();
        // SAFETY: all pointers are valid for the call; a null path means in memory.
        let state = unsafe {
            ffi::duckdb_open_ext(ptr::null(), &mut opened.database, config.0, &mut message)
        };
        if state != ffi::DuckDBSuccess {
            // SAFETY: on failure the engine hands out a text that the caller frees.
            let text = unsafe { take_text(message) };
            return Err(EngineError::from_engine(SqlErrorKind::Other, &text));
        }
        // SAFETY: the database is open.
        let state = unsafe { ffi::duckdb_connect(opened.database, &mut opened.connection) };
        if state != ffi::DuckDBSuccess {
            return Err(EngineError::from_engine(
                SqlErrorKind::Internal,
                "the engine gave no connection",
            ));
        }
        Ok(opened)
    }

    /// The handle, for registering functions.
    pub(crate) fn handle(&self) -> ffi::duckdb_connection {
        self.connection
    }

    /// Runs one or more statements; the result is the last one's.
    pub(crate) fn run(&self, sql: &str) -> Result<QueryResult, EngineError> {
        let sql = c_text(sql)?;
        let _busy = self
            .busy
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        // SAFETY: an all-zero result is what the engine expects to fill.
        let mut result = ResultHandle(unsafe { std::mem::zeroed() });
        // SAFETY: connection and text are valid; the result is destroyed by its handle.
        let state = unsafe { ffi::duckdb_query(self.connection, sql.as_ptr(), &mut result.0) };
        if state != ffi::DuckDBSuccess {
            return Err(result.error());
        }
        decode::answer(&mut result)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: both handles are null or open, and are not used again.
        unsafe {
            ffi::duckdb_disconnect(&mut self.connection);
            ffi::duckdb_close(&mut self.database);
        }
    }
}

/// The result of a statement, out of the engine's memory.
#[derive(Debug)]
pub(crate) struct QueryResult {
    /// Rows that the statement inserted, changed, deleted or copied.
    pub(crate) rows_changed: u64,
    /// The rows that it returned.
    pub(crate) rows: Vec<Vec<Value>>,
}

struct Config(ffi::duckdb_config);

impl Drop for Config {
    fn drop(&mut self) {
        // SAFETY: the handle is null or live, and is not used again.
        unsafe { ffi::duckdb_destroy_config(&mut self.0) };
    }
}

struct ResultHandle(ffi::duckdb_result);

impl ResultHandle {
    fn error(&mut self) -> EngineError {
        // SAFETY: the result is live; the text belongs to it and is copied.
        let (kind, message) = unsafe {
            let text = ffi::duckdb_result_error(&mut self.0);
            let message = if text.is_null() {
                "the engine failed without saying why".to_owned()
            } else {
                CStr::from_ptr(text).to_string_lossy().into_owned()
            };
            (ffi::duckdb_result_error_type(&mut self.0), message)
        };
        EngineError::from_engine(sql_error_kind(kind), &message)
    }
}

impl Drop for ResultHandle {
    fn drop(&mut self) {
        // SAFETY: the result is zeroed or live, and is not used again.
        unsafe { ffi::duckdb_destroy_result(&mut self.0) };
    }
}

/// A logical type that is destroyed when dropped.
pub(crate) struct LogicalType(pub(crate) ffi::duckdb_logical_type);

impl Drop for LogicalType {
    fn drop(&mut self) {
        // SAFETY: the handle is null or live, and is not used again.
        unsafe { ffi::duckdb_destroy_logical_type(&mut self.0) };
    }
}

/// A text for the engine. SQL cannot hold a NUL.
pub(crate) fn c_text(text: &str) -> Result<CString, EngineError> {
    CString::new(text).map_err(|error| {
        EngineError::refused(
            format!(
                "SQL, a name or a path holds a NUL character at byte {}",
                error.nul_position()
            ),
            "remove the NUL character",
        )
    })
}

/// A text for the engine that must not fail: what follows a NUL is lost.
pub(crate) fn c_text_lossy(text: &str) -> CString {
    let end = text.find('\0').unwrap_or(text.len());
    CString::new(&text[..end]).unwrap_or_default()
}

/// Copies a text that the engine allocated, and frees it.
///
/// # Safety
///
/// `text` is null, or NUL-terminated and allocated by the engine, and not used again.
unsafe fn take_text(text: *mut c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: as this function's own contract says.
    unsafe {
        let copy = CStr::from_ptr(text).to_string_lossy().into_owned();
        ffi::duckdb_free(text.cast());
        copy
    }
}

fn sql_error_kind(kind: ffi::duckdb_error_type) -> SqlErrorKind {
    match kind {
        ffi::duckdb_error_type_DUCKDB_ERROR_PARSER | ffi::duckdb_error_type_DUCKDB_ERROR_SYNTAX => {
            SqlErrorKind::Parser
        }
        ffi::duckdb_error_type_DUCKDB_ERROR_BINDER
        | ffi::duckdb_error_type_DUCKDB_ERROR_PLANNER
        | ffi::duckdb_error_type_DUCKDB_ERROR_EXPRESSION
        | ffi::duckdb_error_type_DUCKDB_ERROR_PARAMETER_NOT_RESOLVED
        | ffi::duckdb_error_type_DUCKDB_ERROR_PARAMETER_NOT_ALLOWED => SqlErrorKind::Binder,
        ffi::duckdb_error_type_DUCKDB_ERROR_CATALOG
        | ffi::duckdb_error_type_DUCKDB_ERROR_DEPENDENCY => SqlErrorKind::Catalog,
        ffi::duckdb_error_type_DUCKDB_ERROR_CONVERSION
        | ffi::duckdb_error_type_DUCKDB_ERROR_MISMATCH_TYPE
        | ffi::duckdb_error_type_DUCKDB_ERROR_INVALID_TYPE
        | ffi::duckdb_error_type_DUCKDB_ERROR_DECIMAL => SqlErrorKind::Conversion,
        ffi::duckdb_error_type_DUCKDB_ERROR_OUT_OF_RANGE
        | ffi::duckdb_error_type_DUCKDB_ERROR_DIVIDE_BY_ZERO => SqlErrorKind::OutOfRange,
        ffi::duckdb_error_type_DUCKDB_ERROR_INVALID_INPUT => SqlErrorKind::InvalidInput,
        ffi::duckdb_error_type_DUCKDB_ERROR_CONSTRAINT => SqlErrorKind::Constraint,
        ffi::duckdb_error_type_DUCKDB_ERROR_PERMISSION
        | ffi::duckdb_error_type_DUCKDB_ERROR_MISSING_EXTENSION
        | ffi::duckdb_error_type_DUCKDB_ERROR_AUTOLOAD => SqlErrorKind::Permission,
        ffi::duckdb_error_type_DUCKDB_ERROR_IO => SqlErrorKind::Io,
        ffi::duckdb_error_type_DUCKDB_ERROR_NOT_IMPLEMENTED => SqlErrorKind::NotImplemented,
        ffi::duckdb_error_type_DUCKDB_ERROR_INTERNAL
        | ffi::duckdb_error_type_DUCKDB_ERROR_FATAL => SqlErrorKind::Internal,
        _ => SqlErrorKind::Other,
    }
}
