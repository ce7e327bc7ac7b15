//! Writing a SELECT as a Parquet, CSV or JSON file.
//!
//! The same rows in the same order give the same bytes, whatever the threads, the memory and the
//! order in which the rows were loaded: `docs/adr/0003-engine.md` has what was measured. It takes
//! a SELECT that ends in an ORDER BY over a total order.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use lakehouse_contract::{MartFormat, quote};
use serde::Deserialize as _;
use serde::de::IgnoredAny;

use crate::error::{EngineError, SqlErrorKind};
use crate::parquet::scan;
use crate::session::{Session, bare_select, path_text};

/// Rows of a row group unless said otherwise, and at most: what the engine's sort hands over in one
/// piece.
pub const DEFAULT_ROWS_PER_GROUP: u64 = 122_880;
/// Of zstd's levels the fastest. On a sorted day of sales it makes a file 1 % larger than the
/// engine's own choice, 3, for a tenth less of the time that writing takes.
const ZSTD_LEVEL: u32 = 1;
/// What a row group may hold in memory: each thread works on one, and one waits to be written.
const ROW_GROUP_BYTES: u64 = 32 * 1024 * 1024;
/// Bytes of a row group where rows are long.
const PIECES_GROUP_BYTES: u64 = 16 << 20;
/// The sizes that row groups may have: multiples of the engine's vectors (2,048 rows) that divide
/// the sort's pieces. With any other size a group may end at a piece's end or not, depending on
/// which thread came first, and so would the bytes.
const GROUP_SIZES: [u64; 12] = [
    2_048,
    4_096,
    6_144,
    8_192,
    10_240,
    12_288,
    20_480,
    24_576,
    30_720,
    40_960,
    61_440,
    DEFAULT_ROWS_PER_GROUP,
];

/// How a Parquet file is laid out. All of it becomes part of the bytes.
#[derive(Debug, Clone)]
pub struct ParquetOptions {
    /// Rows of a row group, at most; the largest size that the engine writes the same way every
    /// time is taken.
    pub rows_per_group: u64,
}

impl Default for ParquetOptions {
    fn default() -> Self {
        Self {
            rows_per_group: DEFAULT_ROWS_PER_GROUP,
        }
    }
}

/// A file in another format that was derived from a Parquet file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// Its format.
    pub format: MartFormat,
    /// Where it is: beside the Parquet file, with the format's extension.
    pub path: PathBuf,
}

/// Rows per group for rows of which `rows` take `total_bytes`: fewer where rows are long.
///
/// A row group is built in memory. It must not be sized by the memory there is, or the bytes would
/// depend on the machine; so it is sized by the data. Both numbers must follow from the input
/// alone, such as the bytes and records of the source files.
#[must_use]
pub fn rows_per_group(total_bytes: u64, rows: u64) -> u64 {
    let row_bytes = total_bytes.checked_div(rows).unwrap_or(0).max(1);
    group_size(ROW_GROUP_BYTES / row_bytes)
}

/// The largest allowed size that is not above the wanted one.
fn group_size(wanted: u64) -> u64 {
    GROUP_SIZES
        .into_iter()
        .rev()
        .find(|size| *size <= wanted)
        .unwrap_or(GROUP_SIZES[0])
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
        let group = format!("ROW_GROUP_SIZE {}", group_size(options.rows_per_group));
        self.copy_parquet(select, path, key_values, &group)
    }

    /// The same with row groups that are cut by bytes. Only where one thread writes are they cut
    /// the same way every time.
    pub(crate) fn write_pieces(
        &self,
        select: &str,
        path: &Path,
        key_values: &BTreeMap<String, String>,
    ) -> Result<u64, EngineError> {
        let group = format!(
            "ROW_GROUP_SIZE {DEFAULT_ROWS_PER_GROUP}, ROW_GROUP_SIZE_BYTES {PIECES_GROUP_BYTES}"
        );
        self.copy_parquet(select, path, key_values, &group)
    }

    fn copy_parquet(
        &self,
        select: &str,
        path: &Path,
        key_values: &BTreeMap<String, String>,
        group: &str,
    ) -> Result<u64, EngineError> {
        let mut format = format!(
            "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, COMPRESSION_LEVEL {ZSTD_LEVEL}, {group}"
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

    /// Derives files of other formats from a Parquet file, beside it and in its order. Parquet
    /// among the formats is the file itself, and is passed over.
    ///
    /// # Errors
    ///
    /// What the engine reports, a full disk among it; values that JSON cannot say.
    pub fn export(&self, data: &Path, formats: &[MartFormat]) -> Result<Vec<Export>, EngineError> {
        let select = format!("SELECT * FROM {}", scan(&[data.to_owned()])?);
        let mut exports = Vec::new();
        for format in formats {
            let path = data.with_extension(format.extension());
            match format {
                MartFormat::Parquet => continue,
                MartFormat::Csv => self.write_csv(&select, &path)?,
                MartFormat::Json => self.write_json(&select, &path)?,
            };
            exports.push(Export {
                format: *format,
                path,
            });
        }
        Ok(exports)
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

    /// Writes the rows of `select` as one JSON array of objects, an object a line, and reads it
    /// again with another parser: the engine writes `NaN`, which no JSON has. Returns the number
    /// of rows.
    ///
    /// # Errors
    ///
    /// What the engine reports, a full disk among it; values that JSON cannot say.
    pub fn write_json(&self, select: &str, path: &Path) -> Result<u64, EngineError> {
        let rows = self.copy(select, path, "FORMAT json, ARRAY true, COMPRESSION none")?;
        check_json(path)?;
        Ok(rows)
    }

    fn copy(&self, select: &str, path: &Path, format: &str) -> Result<u64, EngineError> {
        self.execute(&format!(
            "COPY (\n{}\n) TO {} ({format}, PRESERVE_ORDER true, USE_TMP_FILE false)",
            bare_select(select),
            quote::literal(path_text(path)?)
        ))
    }
}

/// Refuses a file that is not valid JSON.
fn check_json(path: &Path) -> Result<(), EngineError> {
    let invalid = |error: serde_json::Error| {
        let kind = match error.is_io() {
            true => SqlErrorKind::Io,
            false => SqlErrorKind::InvalidInput,
        };
        EngineError::Sql {
            kind,
            message: format!("the rows cannot be written as JSON: {error}"),
        }
    };
    let file = File::open(path).map_err(|error| invalid(serde_json::Error::io(error)))?;
    let mut parser = serde_json::Deserializer::from_reader(BufReader::new(file));
    // It passes over values without recursion, so their depth needs no bound.
    IgnoredAny::deserialize(&mut parser)
        .and_then(|_| parser.end())
        .map_err(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_rows_make_small_groups() {
        assert_eq!(rows_per_group(0, 0), DEFAULT_ROWS_PER_GROUP);
        assert_eq!(rows_per_group(222, 1), DEFAULT_ROWS_PER_GROUP);
        assert_eq!(rows_per_group(700, 1), 40_960);
        assert_eq!(rows_per_group(4_000, 1), 8_192);
        assert_eq!(rows_per_group(10 * 1024 * 1024, 1), 2_048);
        assert_eq!(rows_per_group(u64::MAX, 1), 2_048);
    }

    #[test]
    fn groups_divide_the_pieces_of_the_sort() {
        for size in GROUP_SIZES {
            assert_eq!(DEFAULT_ROWS_PER_GROUP % size, 0);
            assert_eq!(size % 2_048, 0);
            assert_eq!(group_size(size), size);
        }
        assert_eq!(group_size(0), 2_048);
        assert_eq!(group_size(100_000), 61_440);
        assert_eq!(group_size(1_000_000), DEFAULT_ROWS_PER_GROUP);
    }
}
