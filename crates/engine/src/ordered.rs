//! A SELECT written as a Parquet file by one thread, a few rows at a time.
//!
//! The engine's own way from a sort to a file holds 2,048 rows or more at once on every thread.
//! Here rows are numbered in their order and taken a page at a time, with long texts still
//! beside the engine, and are handed over in pieces of a few megabytes, so that memory does not
//! depend on how long rows are. Row groups are cut by bytes. The pieces follow from the rows alone,
//! and so do the bytes of the file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use duckdb::ffi;
use lakehouse_contract::quote;

use crate::chunk::Chunk;
use crate::error::EngineError;
use crate::long_texts::LongTexts;
use crate::raw::{Stream, string_bytes};
use crate::session::Session;
use crate::source::{ColumnKind, RowSource, RowWorker};

/// What a piece holds: a row that begins below this is still in it.
pub const PIECE_BYTES: usize = 2 << 20;

impl Session {
    /// Writes the rows of a source as a Parquet file, by one thread, in the source's order, with
    /// row groups that are cut by bytes. `select` reads the source and may compute with its
    /// columns, row by row. Returns the number of rows.
    ///
    /// # Errors
    ///
    /// What the engine or the source reports.
    pub fn write_parquet_in_order(
        &self,
        source: Arc<dyn RowSource>,
        select: impl FnOnce(&str) -> String,
        path: &Path,
        key_values: &BTreeMap<String, String>,
    ) -> Result<u64, EngineError> {
        let name = self.unused_source_name();
        self.register_source(&name, source)?;
        self.write_pieces(
            &select(&format!("{}()", quote::identifier(&name))),
            path,
            key_values,
        )
    }

    /// Writes the columns of a table or view, in which long texts stand as they are kept, in a total
    /// order as a Parquet file with the texts themselves. Returns the number of rows.
    ///
    /// # Errors
    ///
    /// What the engine reports, a full disk among it.
    pub fn write_parquet_with_long_texts(
        &self,
        table: &str,
        order: &str,
        columns: Vec<(String, ColumnKind)>,
        path: &Path,
        key_values: &BTreeMap<String, String>,
    ) -> Result<u64, EngineError> {
        let names: Vec<String> = columns
            .iter()
            .map(|(name, _)| quote::identifier(name))
            .collect();
        let sorted = Sorted {
            columns,
            rows: Mutex::new(Some(SortedRows {
                stream: self.stream(&names.join(", "), table, order)?,
                texts: self.long_texts.get().cloned(),
                rows: 0,
                row: 0,
                buffer: Vec::new(),
            })),
        };
        let everything = |source: &str| format!("SELECT * FROM {source}");
        self.write_parquet_in_order(Arc::new(sorted), everything, path, key_values)
    }
}

/// The rows of a SELECT as a source; one worker takes all of them.
struct Sorted {
    columns: Vec<(String, ColumnKind)>,
    rows: Mutex<Option<SortedRows>>,
}

struct SortedRows {
    stream: Stream,
    texts: Option<Arc<LongTexts>>,
    /// Rows of the stream's chunk, and the next one of them.
    rows: usize,
    row: usize,
    buffer: Vec<u8>,
}

impl RowSource for Sorted {
    fn columns(&self) -> Vec<(String, ColumnKind)> {
        self.columns.clone()
    }

    fn worker(&self) -> Box<dyn RowWorker> {
        let rows = self
            .rows
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        Box::new(SortedWorker(rows))
    }

    fn max_threads(&self) -> usize {
        1
    }
}

struct SortedWorker(Option<SortedRows>);

impl RowWorker for SortedWorker {
    fn fill(&mut self, chunk: &mut Chunk<'_>) -> Result<usize, EngineError> {
        let Some(rows) = &mut self.0 else {
            return Ok(0);
        };
        let (mut filled, mut bytes) = (0, 0);
        while filled < chunk.capacity() && bytes < PIECE_BYTES {
            if rows.row == rows.rows {
                rows.row = 0;
                rows.rows = rows.stream.advance()?;
                if rows.rows == 0 {
                    break;
                }
            }
            bytes += rows.copy_row(chunk, filled)?;
            rows.row += 1;
            filled += 1;
        }
        Ok(filled)
    }
}

impl SortedRows {
    /// Copies the next row; returns the bytes of its texts.
    fn copy_row(&mut self, chunk: &mut Chunk<'_>, to: usize) -> Result<usize, EngineError> {
        let mut bytes = 0;
        for column in 0..chunk.columns() {
            let vector = self.stream.vector(column);
            // SAFETY: the vector is flat and live until the stream advances, its kind is the one
            // that the source declared, and the row is one of the chunk's.
            unsafe {
                let mask = ffi::duckdb_vector_get_validity(vector);
                if !mask.is_null() && (*mask.add(self.row / 64) >> (self.row % 64)) & 1 == 0 {
                    chunk.set_null(column, to);
                    continue;
                }
                let data = ffi::duckdb_vector_get_data(vector);
                if chunk.kind(column) != ColumnKind::Text {
                    chunk.copy_fixed(column, to, data.cast(), self.row);
                    continue;
                }
                let value = string_bytes(data.cast::<ffi::duckdb_string_t>(), self.row);
                let text = match &self.texts {
                    Some(texts) => texts.restore(value, &mut self.buffer).map_err(|error| {
                        EngineError::from_io("cannot read long texts from the workspace", &error)
                    })?,
                    None => value,
                };
                bytes += text.len();
                chunk.set_text(column, to, text);
            }
        }
        Ok(bytes)
    }
}
