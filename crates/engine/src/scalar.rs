//! Functions of SQL that Rust answers, a chunk of rows at a time.

use std::sync::Arc;

use duckdb::ffi;

use crate::assign::assign_text;
use crate::bridge::{Failures, drop_boxed};
use crate::error::{EngineError, SqlErrorKind};
use crate::raw::{Connection, LogicalType, c_text_lossy, string_bytes};

/// A function of SQL, and what all of its calls share.
pub(crate) trait ScalarFunction: Send + Sync + Sized + 'static {
    /// Its name in SQL.
    const NAME: &'static str;
    /// The types of its arguments.
    const PARAMETERS: &'static [ffi::duckdb_type];
    /// The type of its result.
    const RETURN_TYPE: ffi::duckdb_type;
    /// Whether each call counts, so that none may be folded, shared or left out.
    const VOLATILE: bool;
    /// Whether an error means that a value of the data is wrong, as the engine's own conversion
    /// errors do, and not that the program is. `TRY` in SQL makes such a value NULL.
    const ERRORS_ARE_DATA: bool = false;

    /// Computes all rows of a chunk; an error is that of the statement.
    ///
    /// # Safety
    ///
    /// `rows` has columns of [`Self::PARAMETERS`], and a result of [`Self::RETURN_TYPE`].
    unsafe fn call(&self, rows: &mut Rows) -> Result<(), String>;
}

/// The rows of one call: the arguments' columns, and the column that takes the results.
pub(crate) struct Rows {
    count: usize,
    arguments: Vec<Argument>,
    output: ffi::duckdb_vector,
    /// Null until the first NULL among the results.
    output_validity: *mut u64,
}

struct Argument {
    data: *const std::ffi::c_void,
    /// Null where no value is NULL.
    validity: *const u64,
}

impl Rows {
    /// # Safety
    ///
    /// `input` is a live, flat chunk; `output` is a live vector with room for as many rows that
    /// nobody else uses.
    unsafe fn new(input: ffi::duckdb_data_chunk, output: ffi::duckdb_vector) -> Self {
        // SAFETY: the chunk is live and has these columns.
        unsafe {
            let arguments = (0..ffi::duckdb_data_chunk_get_column_count(input))
                .map(|column| {
                    let vector = ffi::duckdb_data_chunk_get_vector(input, column);
                    Argument {
                        data: ffi::duckdb_vector_get_data(vector),
                        validity: ffi::duckdb_vector_get_validity(vector),
                    }
                })
                .collect();
            Self {
                count: ffi::duckdb_data_chunk_get_size(input) as usize,
                arguments,
                output,
                output_validity: std::ptr::null_mut(),
            }
        }
    }

    /// How many rows there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Whether one of the row's arguments is NULL.
    ///
    /// # Safety
    ///
    /// There is such a row.
    pub(crate) unsafe fn has_null(&self, row: usize) -> bool {
        self.arguments.iter().any(|argument| {
            // SAFETY: a mask that is there has a bit for each row.
            !argument.validity.is_null()
                && unsafe { (*argument.validity.add(row / 64) >> (row % 64)) & 1 == 0 }
        })
    }

    /// The bytes of an argument that is a text and not NULL.
    ///
    /// # Safety
    ///
    /// There is such a column of texts and such a row.
    pub(crate) unsafe fn text(&self, column: usize, row: usize) -> &[u8] {
        // SAFETY: as promised.
        unsafe { string_bytes(self.arguments[column].data.cast(), row) }
    }

    /// An argument of fixed width that is not NULL.
    ///
    /// # Safety
    ///
    /// There is such a column of values of `T` and such a row.
    pub(crate) unsafe fn fixed<T: Copy>(&self, column: usize, row: usize) -> T {
        // SAFETY: as promised.
        unsafe { *self.arguments[column].data.cast::<T>().add(row) }
    }

    /// Makes the row's result NULL.
    ///
    /// # Safety
    ///
    /// There is such a row.
    pub(crate) unsafe fn set_null(&mut self, row: usize) {
        // SAFETY: the vector is live; once asked for, its mask has a bit for each row.
        unsafe {
            if self.output_validity.is_null() {
                ffi::duckdb_vector_ensure_validity_writable(self.output);
                self.output_validity = ffi::duckdb_vector_get_validity(self.output);
            }
            *self.output_validity.add(row / 64) &= !(1 << (row % 64));
        }
    }

    /// Writes a result of fixed width.
    ///
    /// # Safety
    ///
    /// There is such a row, and results are of type `T`.
    pub(crate) unsafe fn set<T: Copy>(&mut self, row: usize, value: T) {
        // SAFETY: as promised; the vector has room for all rows.
        unsafe {
            ffi::duckdb_vector_get_data(self.output)
                .cast::<T>()
                .add(row)
                .write(value);
        }
    }

    /// Writes a result that is a text.
    ///
    /// # Safety
    ///
    /// There is such a row, and results are texts.
    pub(crate) unsafe fn set_text(&mut self, row: usize, text: &[u8]) {
        // SAFETY: as promised.
        unsafe { assign_text(self.output, row as u64, text) }
    }
}

/// What the engine keeps for a function.
struct Registered<F> {
    function: F,
    failures: Arc<Failures>,
}

/// Adds a function to the session.
pub(crate) fn register<F: ScalarFunction>(
    connection: &Connection,
    function: F,
    failures: Arc<Failures>,
) -> Result<(), EngineError> {
    let name = c_text_lossy(F::NAME);
    // SAFETY: handles are live until destroyed; the engine frees the extra information.
    let state = unsafe {
        let mut handle = ffi::duckdb_create_scalar_function();
        ffi::duckdb_scalar_function_set_name(handle, name.as_ptr());
        for parameter in F::PARAMETERS {
            let parameter = LogicalType(ffi::duckdb_create_logical_type(*parameter));
            ffi::duckdb_scalar_function_add_parameter(handle, parameter.0);
        }
        let return_type = LogicalType(ffi::duckdb_create_logical_type(F::RETURN_TYPE));
        ffi::duckdb_scalar_function_set_return_type(handle, return_type.0);
        if F::VOLATILE {
            ffi::duckdb_scalar_function_set_volatile(handle);
        }
        let registered = Box::into_raw(Box::new(Registered { function, failures }));
        ffi::duckdb_scalar_function_set_extra_info(
            handle,
            registered.cast(),
            Some(drop_boxed::<Registered<F>>),
        );
        ffi::duckdb_scalar_function_set_function(handle, Some(call::<F>));
        let state = ffi::duckdb_register_scalar_function(connection.handle(), handle);
        ffi::duckdb_destroy_scalar_function(&mut handle);
        state
    };
    if state == ffi::DuckDBSuccess {
        Ok(())
    } else {
        Err(EngineError::from_engine(
            SqlErrorKind::Internal,
            &format!("the engine does not accept the function `{}`", F::NAME),
        ))
    }
}

unsafe extern "C" fn call<F: ScalarFunction>(
    info: ffi::duckdb_function_info,
    input: ffi::duckdb_data_chunk,
    output: ffi::duckdb_vector,
) {
    // SAFETY: the engine passes the extra information of `register`, and a flat chunk and a vector
    // of the types that were told it.
    unsafe {
        let registered = &*ffi::duckdb_scalar_function_get_extra_info(info).cast::<Registered<F>>();
        let compute = || registered.function.call(&mut Rows::new(input, output));
        let outcome = if F::ERRORS_ARE_DATA {
            registered.failures.contain_panics(compute)
        } else {
            registered
                .failures
                .contain(|| compute().map_err(EngineError::from))
        };
        if let Err(message) = outcome {
            ffi::duckdb_scalar_function_set_error(info, c_text_lossy(&message).as_ptr());
        }
    }
}
