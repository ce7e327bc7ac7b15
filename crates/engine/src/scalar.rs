//! Functions of SQL that Rust answers, a chunk of rows at a time.

use std::sync::Arc;

use duckdb::ffi;

use crate::bridge::{Failures, drop_boxed};
use crate::error::{EngineError, SqlErrorKind};
use crate::raw::{Connection, LogicalType, c_text_lossy};

/// A function of SQL, and what all of its calls share.
pub(crate) trait ScalarFunction: Send + Sync + Sized + 'static {
    /// Its name in SQL.
    const NAME: &'static str;
    /// The types of its arguments.
    const PARAMETERS: &'static [ffi::duckdb_type];
    /// The type of its answer.
    const ANSWER: ffi::duckdb_type;
    /// Whether each call counts, so that none may be folded, shared or left out.
    const VOLATILE: bool;

    /// Answers all rows of a chunk; an error is that of the statement.
    ///
    /// # Safety
    ///
    /// `input` is a live, flat chunk of columns of [`Self::PARAMETERS`]; `output` is a live vector
    /// of [`Self::ANSWER`] with room for as many rows.
    unsafe fn answer(
        &self,
        input: ffi::duckdb_data_chunk,
        output: ffi::duckdb_vector,
    ) -> Result<(), String>;
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
        let answer = LogicalType(ffi::duckdb_create_logical_type(F::ANSWER));
        ffi::duckdb_scalar_function_set_return_type(handle, answer.0);
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
            &format!("the engine takes no function `{}`", F::NAME),
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
        if let Err(message) = registered
            .failures
            .contain(|| registered.function.answer(input, output))
        {
            ffi::duckdb_scalar_function_set_error(info, c_text_lossy(&message).as_ptr());
        }
    }
}
