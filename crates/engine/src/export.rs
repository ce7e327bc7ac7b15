//! Writing a SELECT as a Parquet, CSV or JSON file.
//!
//! The same rows in the same order give the same bytes, whatever the threads, the memory and the
//! order in which the rows were loaded: `docs/adr/0003-engine.md` has what was measured. It takes
//! a SELECT that ends in an ORDER BY over a total order.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use lakehouse_contract::quote;

use crate::error::EngineError;
use crate::session::{Session, bare_select, path_text};

/// Rows of a row group unless said otherwise.
pub const DEFAULT_ROWS_PER_GROUP: u64 = 122_880;
/// The engine's vectors, of which row groups are made.
const ROWS_PER_VECTOR: u64 = 2_048;
/// What a row group may hold in memory: each thread works on one, and one waits to be written.
const ROW_GROUP_BYTES: u64 = 32 * 1024 * 1024;

/// How a Parquet file is laid out. All of it becomes part of the bytes.
#[derive(Debug, Clone)]
pub struct ParquetOptions {
    /// Rows of a row group; rounded up to the engine's vectors of 2,048.
    pub rows_per_group: u64,
}

impl Default for ParquetOptions {
    fn default() -> Self {
        Self {
            rows_per_group: DEFAULT_ROWS_PER_GROUP,
        }
    }
}

/// Rows per group for rows of which `rows` take `total_bytes`: fewer where rows are long.
///
/// A row group is built in memory. It must not be sized by the memory there is, or the bytes would
/// depend on the machine; so it is sized by the data. Both numbers must follow from the input
/// alone, such as the bytes and records of the source files.
#[must_use]
pub fn rows_per_group(total_bytes: u64, rows: u64) -> u64 {
    let row_bytes = total_bytes.checked_div(rows).unwrap_or(0).max(1);
    (ROW_GROUP_BYTES / row_bytes / ROWS_PER_VECTOR * ROWS_PER_VECTOR)
        .clamp(ROWS_PER_VECTOR, DEFAULT_ROWS_PER_GROUP)
}

impl Session {
    /// Writes the rows of `select` as a Parquet file (zstd) with these key-values in its footer.
    /// Returns the number of rows.
    ///
    /// # Errors
    ///
    /// What the engine reports, a full disk among it.
    pub fn write_parquet(
        &self,
        select: &str,
        path: &Path,
        key_values: &BTreeMap<String, String>,
    ) -> Result<u64, EngineError> {
        self.write_parquet_with(select, path, key_values, &ParquetOptions::default())
    }

    /// As [`write_parquet`](Self::write_parquet), with a layout.
    ///
    /// # Errors
    ///
    /// What the engine reports, a full disk among it.
    pub fn write_parquet_with(
        &self,
        select: &str,
        path: &Path,
        key_values: &BTreeMap<String, String>,
        options: &ParquetOptions,
    ) -> Result<u64, EngineError> {
        let mut format = format!(
            "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, ROW_GROUP_SIZE {}",
            options.rows_per_group.max(1)
        );
        if !key_values.is_empty() {
            let pairs: Vec<String> = key_values
                .iter()
                .map(|(key, value)| format!("{}: {}", quote::literal(key), quote::literal(value)))
                .collect();
            let _ = write!(format, ", KV_METADATA {{{}}}", pairs.join(", "));
        }
        self.copy(select, path, &format)
    }

    /// Writes the rows of `select` as CSV: UTF-8, a header, commas, lines ending in LF, quotes
    /// (doubled inside) where a value needs them. NULL is nothing, the empty text is `""`.
    /// Returns the number of rows.
    ///
    /// # Errors
    ///
    /// What the engine reports, a full disk among it.
    pub fn write_csv(&self, select: &str, path: &Path) -> Result<u64, EngineError> {
        self.copy(select, path, "FORMAT csv, HEADER true, DELIMITER ',', QUOTE '\"', ESCAPE '\"', NULLSTR '', COMPRESSION none")
    }

    /// Writes the rows of `select` as one JSON array of objects, an object a line. Returns the
    /// number of rows.
    ///
    /// # Errors
    ///
    /// What the engine reports, a full disk among it.
    pub fn write_json(&self, select: &str, path: &Path) -> Result<u64, EngineError> {
        self.copy(select, path, "FORMAT json, ARRAY true, COMPRESSION none")
    }

    fn copy(&self, select: &str, path: &Path, format: &str) -> Result<u64, EngineError> {
        self.execute(&format!(
            "COPY (\n{}\n) TO {} ({format}, PRESERVE_ORDER true, USE_TMP_FILE false)",
            bare_select(select),
            quote::literal(path_text(path)?)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_rows_make_small_groups() {
        assert_eq!(rows_per_group(0, 0), DEFAULT_ROWS_PER_GROUP);
        assert_eq!(rows_per_group(222, 1), DEFAULT_ROWS_PER_GROUP);
        assert_eq!(rows_per_group(1024, 1), 32_768);
        assert_eq!(rows_per_group(10 * 1024 * 1024, 1), ROWS_PER_VECTOR);
        assert_eq!(rows_per_group(u64::MAX, 1), ROWS_PER_VECTOR);
    }
}
