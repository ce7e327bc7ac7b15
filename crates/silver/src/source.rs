//! The reader as a table function of the engine.
//!
//! Reader and engine do not know each other: here a batch of the one is copied into a chunk of
//! the other, fixed-width columns as slices, text once, from the block it was read in.

use std::sync::Arc;

use lakehouse_engine::{Chunk, ColumnKind, EngineError, RowSource, RowWorker};
use lakehouse_reader::{Batch, ColumnData, ReadError, Reader, Values, Worker};

/// A [`Reader`] that the engine can select from.
pub struct ReaderSource {
    reader: Arc<Reader>,
    threads: usize,
}

impl ReaderSource {
    /// Offers `reader` to at most `threads` of the engine's threads.
    #[must_use]
    pub fn new(reader: Arc<Reader>, threads: usize) -> Self {
        Self { reader, threads }
    }
}

/// The engine's name for a contract's type.
#[must_use]
pub fn column_kind(column_type: lakehouse_contract::ColumnType) -> ColumnKind {
    use lakehouse_contract::ColumnType;
    match column_type {
        ColumnType::Text => ColumnKind::Text,
        ColumnType::Boolean => ColumnKind::Boolean,
        ColumnType::Int32 => ColumnKind::Int32,
        ColumnType::Int64 => ColumnKind::Int64,
        ColumnType::Decimal { precision, scale } => ColumnKind::Decimal { precision, scale },
        ColumnType::Double => ColumnKind::Double,
        ColumnType::Date => ColumnKind::Date,
        ColumnType::Timestamp => ColumnKind::Timestamp,
        ColumnType::Uuid => ColumnKind::Uuid,
    }
}

impl RowSource for ReaderSource {
    fn columns(&self) -> Vec<(String, ColumnKind)> {
        self.reader
            .columns()
            .iter()
            .map(|(name, column_type)| (name.clone(), column_kind(*column_type)))
            .collect()
    }

    fn worker(&self) -> Box<dyn RowWorker> {
        Box::new(ReaderWorker(self.reader.worker()))
    }

    fn max_threads(&self) -> usize {
        self.threads
    }
}

struct ReaderWorker(Worker);

impl RowWorker for ReaderWorker {
    fn fill(&mut self, chunk: &mut Chunk<'_>) -> Result<usize, EngineError> {
        let next = self.0.next_batch().map_err(|error| match &error {
            // The disk's fault, not the program's.
            ReadError::Io { path, source } => {
                EngineError::from_io(&format!("cannot read `{}`", path.display()), source)
            }
            other => EngineError::from(other.to_string()),
        });
        let Some(batch) = next? else {
            return Ok(0);
        };
        for (index, column) in batch.columns().iter().enumerate() {
            copy_column(chunk, index, column, batch);
        }
        Ok(batch.rows())
    }
}

fn copy_column(chunk: &mut Chunk<'_>, index: usize, column: &ColumnData, batch: &Batch) {
    let rows = batch.rows();
    match column.values() {
        Values::Boolean(values) => {
            chunk.column_mut::<bool>(index)[..rows].copy_from_slice(&values[..rows])
        }
        Values::Int16(values) => {
            chunk.column_mut::<i16>(index)[..rows].copy_from_slice(&values[..rows])
        }
        Values::Int32(values) => {
            chunk.column_mut::<i32>(index)[..rows].copy_from_slice(&values[..rows])
        }
        Values::Int64(values) => {
            chunk.column_mut::<i64>(index)[..rows].copy_from_slice(&values[..rows])
        }
        Values::Int128(values) => {
            chunk.column_mut::<i128>(index)[..rows].copy_from_slice(&values[..rows])
        }
        Values::Double(values) => {
            chunk.column_mut::<f64>(index)[..rows].copy_from_slice(&values[..rows])
        }
        Values::Text(spans) => {
            if column.validity().none_valid(rows) {
                return chunk.set_validity(index, column.validity().words());
            }
            for (row, span) in spans[..rows].iter().enumerate() {
                if column.validity().is_valid(row) {
                    chunk.set_str(index, row, batch.resolve(*span));
                }
            }
        }
    }
    if !column.validity().all_valid(rows) {
        chunk.set_validity(index, column.validity().words());
    }
}
