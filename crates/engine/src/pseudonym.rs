//! `lake_pseudonymise(text, length)`: a keyed HMAC-SHA-256 in SQL, whose key is never in SQL.
//!
//! A plain hash of an e-mail address is guessed by hashing all addresses one knows; without the
//! key this one is not. The key is the UTF-8 bytes of the configured text; the result is the first
//! `length` lowercase hexadecimal digits. NULL stays NULL.

use duckdb::ffi;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::error::EngineError;
use crate::scalar::{Rows, ScalarFunction};

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
    const RETURN_TYPE: ffi::duckdb_type = ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR;
    const VOLATILE: bool = false;

    unsafe fn call(&self, rows: &mut Rows) -> Result<(), String> {
        let mut digits = [0_u8; MAX_LENGTH as usize];
        for row in 0..rows.count() {
            // SAFETY: as the trait says; rows stay below their number.
            unsafe {
                if rows.has_null(row) {
                    rows.set_null(row);
                    continue;
                }
                let length: i32 = rows.fixed(1, row);
                if !(1..=MAX_LENGTH).contains(&length) {
                    return Err(format!(
                        "`{}` gives 1 to {MAX_LENGTH} characters, not {length}",
                        Self::NAME
                    ));
                }
                let mut state = self.state.clone();
                state.update(rows.text(0, row));
                for (pair, byte) in digits
                    .chunks_exact_mut(2)
                    .zip(state.finalize().into_bytes())
                {
                    pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
                    pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
                }
                rows.set_text(row, &digits[..length as usize]);
            }
        }
        Ok(())
    }
}
