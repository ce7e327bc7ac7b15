//! `lake_pseudonymise(text, length)`: a keyed HMAC-SHA-256 in SQL, whose key is never in SQL.
//!
//! A plain hash of an e-mail address is guessed by hashing all addresses one knows; without the
//! key this one is not. The key is the UTF-8 bytes of the configured text; the result is the first
//! `length` lower-case hexadecimal digits. NULL stays NULL.

use duckdb::ffi;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::assign::assign_text;
use crate::error::EngineError;
use crate::raw::string_bytes;
use crate::scalar::ScalarFunction;

/// Hexadecimal digits of a whole HMAC-SHA-256.
const MAX_LENGTH: i32 = 64;

/// The function, with a key.
pub(crate) struct Pseudonyms {
    /// After the key's block, so that each row pays for its own text only.
    state: Hmac<Sha256>,
}

impl Pseudonyms {
    pub(crate) fn new(key: &str) -> Result<Self, EngineError> {
        let state = Hmac::<Sha256>::new_from_slice(key.as_bytes()).map_err(|_| {
            EngineError::refused(
                "the pseudonym key cannot be used",
                "use a text of at least 32 bytes",
            )
        })?;
        Ok(Self { state })
    }
}

impl ScalarFunction for Pseudonyms {
    const NAME: &'static str = "lake_pseudonymise";
    const PARAMETERS: &'static [ffi::duckdb_type] = &[
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR,
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTEGER,
    ];
    const ANSWER: ffi::duckdb_type = ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR;
    const VOLATILE: bool = false;

    unsafe fn answer(
        &self,
        input: ffi::duckdb_data_chunk,
        output: ffi::duckdb_vector,
    ) -> Result<(), String> {
        // SAFETY: as the trait says; rows stay below the chunk's size.
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
                        "`{}` gives 1 to {MAX_LENGTH} characters, not {length}",
                        Self::NAME
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
