//! Long texts beside the engine: written to a file while rows are read, and read from it when they
//! are published. `lakehouse_contract::silver_sql` says why, and what stands in their place.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use duckdb::ffi;
use lakehouse_contract::silver_sql::{DIGEST_CHARACTERS, LONG_TEXT_BYTES, PLACE_CHARACTERS};
use sha2::{Digest as _, Sha256};

use crate::scalar::{Rows, ScalarFunction};

/// Texts are gathered to pieces of so many bytes before they are written.
const PIECE_BYTES: usize = 256 << 10;

/// The file, and how much is in it.
#[derive(Debug)]
pub(crate) struct LongTexts {
    file: File,
    bytes: AtomicU64,
}

impl LongTexts {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(path)?;
        Ok(Self {
            file,
            bytes: AtomicU64::new(0),
        })
    }

    /// The bytes of all texts that were kept.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Keeps a text and calls back with what stands for it.
    fn keep(&self, texts: &[&[u8]], mut took: impl FnMut(usize, &[u8])) -> io::Result<()> {
        let total: usize = texts.iter().map(|text| text.len()).sum();
        let mut offset = self.bytes.fetch_add(total as u64, Ordering::Relaxed);
        let mut piece = Vec::new();
        let mut piece_offset = offset;
        let mut value = Vec::with_capacity(LONG_TEXT_BYTES + DIGEST_CHARACTERS + PLACE_CHARACTERS);
        for (row, text) in texts.iter().enumerate() {
            if text.len() >= PIECE_BYTES || piece.len() + text.len() > PIECE_BYTES {
                self.file.write_all_at(&piece, piece_offset)?;
                piece.clear();
                piece_offset = offset;
            }
            if text.len() >= PIECE_BYTES {
                self.file.write_all_at(text, offset)?;
                piece_offset = offset + text.len() as u64;
            } else {
                piece.extend_from_slice(text);
            }
            represent(text, offset, &mut value);
            took(row, &value);
            offset += text.len() as u64;
        }
        self.file.write_all_at(&piece, piece_offset)
    }

    /// The text that a value stands for: the value itself, unless it is long.
    pub(crate) fn restore<'a>(
        &self,
        value: &'a [u8],
        buffer: &'a mut Vec<u8>,
    ) -> io::Result<&'a [u8]> {
        if value.len() <= LONG_TEXT_BYTES {
            return Ok(value);
        }
        let broken = || io::Error::new(io::ErrorKind::InvalidData, "not the place of a long text");
        let digits = value
            .len()
            .checked_sub(PLACE_CHARACTERS)
            .and_then(|from| std::str::from_utf8(&value[from..]).ok())
            .ok_or_else(broken)?;
        let (offset, length) = digits
            .is_ascii()
            .then(|| digits.split_at(16))
            .ok_or_else(broken)?;
        let offset = u64::from_str_radix(offset, 16).map_err(|_| broken())?;
        let length = usize::from_str_radix(length, 16).map_err(|_| broken())?;
        buffer.clear();
        buffer.resize(length, 0);
        self.file.read_exact_at(buffer, offset)?;
        Ok(buffer)
    }
}

/// What stands for a text: its beginning, its digest, its place.
fn represent(text: &[u8], offset: u64, value: &mut Vec<u8>) {
    use std::io::Write as _;
    let mut end = LONG_TEXT_BYTES.min(text.len());
    // A character is not cut.
    while end > 0 && end < text.len() && text[end] & 0b1100_0000 == 0b1000_0000 {
        end -= 1;
    }
    value.clear();
    value.extend_from_slice(&text[..end]);
    for byte in &Sha256::digest(text)[..DIGEST_CHARACTERS / 2] {
        let _ = write!(value, "{byte:02x}");
    }
    let _ = write!(value, "{offset:016x}{:08x}", text.len());
}

/// `lake_keep_text(text)`: keeps a text, and is what stands for it.
pub(crate) struct KeepText(pub(crate) Arc<LongTexts>);

/// `lake_kept_text(value)`: the text that a value stands for.
pub(crate) struct KeptText(pub(crate) Arc<LongTexts>);

impl ScalarFunction for KeepText {
    const NAME: &'static str = "lake_keep_text";
    const PARAMETERS: &'static [ffi::duckdb_type] = &[ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR];
    const RETURN_TYPE: ffi::duckdb_type = ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR;
    const VOLATILE: bool = true;

    unsafe fn call(&self, rows: &mut Rows) -> Result<(), String> {
        // SAFETY: as the trait says; rows stay below their number.
        unsafe {
            let numbers = rows_with_text(rows);
            // The values are written to the result while the texts are read from the argument.
            let mut values = Vec::with_capacity(numbers.len());
            {
                let texts: Vec<&[u8]> = numbers.iter().map(|row| rows.text(0, *row)).collect();
                self.0
                    .keep(&texts, |_, value| values.push(value.to_vec()))
                    .map_err(|error| format!("cannot keep long texts in the workspace: {error}"))?;
            }
            for (row, value) in numbers.into_iter().zip(values) {
                rows.set_text(row, &value);
            }
        }
        Ok(())
    }
}

impl ScalarFunction for KeptText {
    const NAME: &'static str = "lake_kept_text";
    const PARAMETERS: &'static [ffi::duckdb_type] = &[ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR];
    const RETURN_TYPE: ffi::duckdb_type = ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR;
    const VOLATILE: bool = false;

    unsafe fn call(&self, rows: &mut Rows) -> Result<(), String> {
        let mut buffer = Vec::new();
        let mut text = Vec::new();
        // SAFETY: as the trait says; rows stay below their number.
        unsafe {
            for row in rows_with_text(rows) {
                text.clear();
                text.extend_from_slice(self.0.restore(rows.text(0, row), &mut buffer).map_err(
                    |error| format!("cannot read long texts from the workspace: {error}"),
                )?);
                rows.set_text(row, &text);
            }
        }
        Ok(())
    }
}

/// The numbers of the rows whose text is there; the results of the others become NULL.
///
/// # Safety
///
/// The only argument is a column of texts.
unsafe fn rows_with_text(rows: &mut Rows) -> Vec<usize> {
    let mut found = Vec::with_capacity(rows.count());
    for row in 0..rows.count() {
        // SAFETY: there is such a row.
        unsafe {
            if rows.has_null(row) {
                rows.set_null(row);
            } else {
                found.push(row);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_and_are_told_apart_by_what_they_say() {
        let folder = tempfile::tempdir().unwrap();
        let kept = LongTexts::create(&folder.path().join("texts")).unwrap();
        // Of every size around a piece's, with characters that a beginning must not cut.
        let texts: Vec<String> = [
            257,
            258,
            300,
            5_000,
            PIECE_BYTES - 1,
            PIECE_BYTES,
            600_000,
            257,
        ]
        .into_iter()
        .map(|bytes| format!("{}{}", "ü".repeat(100), "€".repeat(bytes)))
        .collect();
        let bytes: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
        let mut values = Vec::new();
        kept.keep(&bytes, |_, value| values.push(value.to_vec()))
            .unwrap();
        let mut buffer = Vec::new();
        for (text, value) in texts.iter().zip(&values) {
            assert!(value.len() > LONG_TEXT_BYTES && value.len() < 320);
            assert!(std::str::from_utf8(value).is_ok());
            assert_eq!(kept.restore(value, &mut buffer).unwrap(), text.as_bytes());
        }
        let compared = |at: usize| &values[at][..values[at].len() - PLACE_CHARACTERS];
        assert_eq!(compared(0), compared(7));
        assert_ne!(compared(0), compared(1));
        assert_ne!(values[0], values[7]);
        assert_eq!(kept.restore(b"short", &mut buffer).unwrap(), b"short");
        assert!(kept.restore(&[b'x'; 400], &mut buffer).is_err());
    }
}
