//! Source files as typed, judged columns.
//!
//! A [`Reader`] cuts local, decoded files into blocks of whole records; its workers, one per
//! thread, parse them, cast each source text by a pure function ([`cast`]), and hand out batches
//! of columns: typed values, what broke, and where each row was. Nothing is guessed and nothing
//! is rounded; what a text means is in `docs/reading.md`.
//!
//! ```
//! use std::sync::Arc;
//! use lakehouse_contract::{ColumnType, Compression, Format, JsonLayout, OnInvalid, SourceFormat, UnknownColumns};
//! use lakehouse_reader::{Field, ReadPlan, Reader, ReaderOptions, SourceFile};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("sales.jsonl");
//! std::fs::write(&path, "{\"amount\": 12.50}\n{\"amount\": \"2.555\"}\n")?;
//!
//! let amount = Field {
//!     name: "amount".to_owned(),
//!     path: vec!["amount".to_owned()],
//!     column_type: ColumnType::Decimal { precision: 18, scale: 2 },
//!     format: SourceFormat::default(),
//!     on_invalid: OnInvalid::Reject,
//!     required: true,
//! };
//! let plan = ReadPlan::new(vec![amount], vec![], UnknownColumns::Discard)?;
//! let format = Format::Json(JsonLayout::Lines, Compression::None);
//! let reader = Arc::new(Reader::new(plan, vec![SourceFile { path, index: 0 }], ReaderOptions::new(format)));
//!
//! let mut worker = reader.worker();
//! let batch = worker.next_batch()?.ok_or("no rows")?;
//! assert_eq!(batch.rows(), 2);
//! let broken = 4;
//! assert_eq!(batch.text(broken, 0), None);
//! assert_eq!(batch.text(broken, 1), Some(r#"[{"column":"amount","rule":"type"}]"#));
//! # Ok(())
//! # }
//! ```

mod batch;
pub mod cast;
mod csv;
mod decode;
mod error;
mod json;
mod model;
mod names;
mod outcome;
mod plan;
mod reader;
mod rows;
mod source_texts;
mod split;
mod worker;

pub use batch::{BATCH_ROWS, Batch, ColumnData, TextSpan, Validity, Values};
pub use decode::{Decoded, decode};
pub use error::{DecodeError, PlanError, ReadError, Unreadable};
pub use names::looks_like_name;
pub use outcome::{FileOutcome, NAMED_COLUMNS, OTHER_COLUMNS};
pub use plan::{
    BROKEN_COLUMN, FILE_COLUMN, Field, OFFSET_COLUMN, POSITION_COLUMN, REPAIRED_COLUMN, ReadPlan,
    split_path,
};
pub use reader::{Reader, ReaderOptions, SourceFile};
pub use source_texts::{Fault, SourceTexts};
pub use worker::Worker;
