//! `lake_pseudonymise(text, length)`: a keyed HMAC-SHA-256 in SQL, whose key is never in SQL.
//!
//! A plain hash of an e-mail address is guessed by hashing all addresses one knows; without the
//! key this one is not. The key is the UTF-8 bytes of the configured text; the result is the first
//! `length` lower-case hexadecimal digits. NULL stays NULL.

use std::sync::Arc;

use duckdb::ffi;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::assign::assign_text;
use crate::bridge::{Failures, drop_boxed};
use crate::error::{EngineError, SqlErrorKind};
use crate::raw::{Connection, LogicalType, c_text_lossy, string_bytes};

/// The function's name in SQL.
pub(crate) const NAME: &str = "lake_pseudonymise";
/// Hexadecimal digits of a whole HMAC-SHA-256.
const MAX_LENGTH: i32 = 64;

struct Keyed {
    /// After the key's block, so that each row pays for its own text only.
    state: Hmac<Sha256>,
    failures: Arc<Failures>,
}

/// Adds the function to the session.
pub(crate) fn register(
    connection: &Connection,
    key: &str,
    failures: Arc<Failures>,
) -> Result<(), EngineError> {
    let state = Hmac::<Sha256>::new_from_slice(key.as_bytes()).map_err(|_| {
        EngineError::refused(
            "the pseudonym key cannot be used",
            "use a text of at least 32 bytes",
        )
    })?;
    let name = c_text_lossy(NAME);
    // SAFETY: handles are live until destroyed; the engine frees the extra information.
    let state = unsafe {
        let mut function = ffi::duckdb_create_scalar_function();
        ffi::duckdb_scalar_function_set_name(function, name.as_ptr());
        let text = LogicalType(ffi::duckdb_create_logical_type(
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR,
        ));
        let length = LogicalType(ffi::duckdb_create_logical_type(
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTEGER,
        ));
        ffi::duckdb_scalar_function_add_parameter(function, text.0);
        ffi::duckdb_scalar_function_add_parameter(function, length.0);
        ffi::duckdb_scalar_function_set_return_type(function, text.0);
        let keyed = Box::into_raw(Box::new(Keyed { state, failures }));
        ffi::duckdb_scalar_function_set_extra_info(
            function,
            keyed.cast(),
            Some(drop_boxed::<Keyed>),
        );
        ffi::duckdb_scalar_function_set_function(function, Some(pseudonymise));
        let state = ffi::duckdb_register_scalar_function(connection.handle(), function);
        ffi::duckdb_destroy_scalar_function(&mut function);
        state
    };
    if state == ffi::DuckDBSuccess {
        Ok(())
    } else {
        Err(EngineError::from_engine(
            SqlErrorKind::Internal,
            "the engine takes no function `lake_pseudonymise`",
        ))
    }
}

unsafe extern "C" fn pseudonymise(
    info: ffi::duckdb_function_info,
    input: ffi::duckdb_data_chunk,
    output: ffi::duckdb_vector,
) {
    // SAFETY: the engine passes the extra information of `register`, a flat chunk of two columns
    // and a result vector with room for as many rows.
    unsafe {
        let keyed = &*ffi::duckdb_scalar_function_get_extra_info(info).cast::<Keyed>();
        if let Err(message) = keyed.failures.contain(|| keyed.pseudonyms(input, output)) {
            ffi::duckdb_scalar_function_set_error(info, c_text_lossy(&message).as_ptr());
        }
    }
}

impl Keyed {
    /// # Safety
    ///
    /// `input` is a live, flat chunk of a text and an integer column; `output` is a live text
    /// vector with room for as many rows.
    unsafe fn pseudonyms(
        &self,
        input: ffi::duckdb_data_chunk,
        output: ffi::duckdb_vector,
    ) -> Result<(), String> {
        // SAFETY: as this function's own contract says; rows stay below the chunk's size.
        unsafe {
            let rows = ffi::duckdb_data_chunk_get_size(input) as usize;
            let texts = ffi::duckdb_data_chunk_get_vector(input, 0);
            let lengths = ffi::duckdb_data_chunk_get_vector(input, 1);
            let text_data = ffi::duckdb_vector_get_data(texts).cast::<ffi::duckdb_string_t>();
            let length_data = ffi::duckdb_vector_get_data(lengths).cast::<i32>();
            let masks = [
                ffi::duckdb_vector_get_validity(texts),
                ffi::duckdb_vector_get_validity(lengths),
            ];
            let mut result_mask: *mut u64 = std::ptr::null_mut();
            let mut digits = [0_u8; MAX_LENGTH as usize];
            for row in 0..rows {
                if masks
                    .iter()
                    .any(|mask| !mask.is_null() && (*mask.add(row / 64) >> (row % 64)) & 1 == 0)
                {
                    if result_mask.is_null() {
                        ffi::duckdb_vector_ensure_validity_writable(output);
                        result_mask = ffi::duckdb_vector_get_validity(output);
                    }
                    *result_mask.add(row / 64) &= !(1 << (row % 64));
                    continue;
                }
                let length = *length_data.add(row);
                if !(1..=MAX_LENGTH).contains(&length) {
                    return Err(format!(
                        "`{NAME}` gives 1 to {MAX_LENGTH} characters, not {length}"
                    ));
                }
                let mut state = self.state.clone();
                state.update(string_bytes(text_data, row));
                for (pair, byte) in digits
                    .chunks_exact_mut(2)
                    .zip(state.finalize().into_bytes())
                {
                    pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
                    pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
                }
                assign_text(output, row as u64, &digits[..length as usize]);
            }
            Ok(())
        }
    }
}
