//! DuckDB for the lakehouse: the one crate that links it.
//!
//! A [`Session`] is a private in-memory database that spills into its workspace. Rows come in
//! through a [`RowSource`], which the engine reads with many threads at once, or as views over
//! local Parquet files; they leave as Parquet, CSV or JSON files. Contract and mart SQL is looked
//! at by [`guard`] first and runs after [`Session::lock`], from where neither files outside the
//! workspace nor the process's environment can be reached.
//!
//! Everything here blocks: call it off the asynchronous threads.
//!
//! Timestamps are UTC in plain `TIMESTAMP` columns. The engine's time-zone extension (ICU) may or
//! may not be there, so nothing here uses it, and [`guard`] refuses what would.

mod assign;
mod attached;
mod bridge;
mod chunk;
mod error;
mod export;
mod finite;
pub mod guard;
mod lock;
mod long_texts;
mod ordered;
mod parquet;
mod pseudonym;
mod raw;
mod scalar;
mod seen;
mod session;
mod source;
mod strict;
mod value;

pub use attached::{ATTACHED, AttachError};
pub use chunk::{Chunk, Fixed};
pub use error::{EngineError, Failure, SqlErrorKind};
pub use export::{DEFAULT_ROWS_PER_GROUP, Export, ParquetOptions, rows_per_group};
pub use finite::non_finite_condition;
pub use ordered::PIECE_BYTES;
pub use session::{Rows, Session, SessionOptions, version};
pub use source::{ColumnKind, RowSource, RowWorker};
pub use value::Value;
