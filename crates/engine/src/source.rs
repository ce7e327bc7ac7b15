//! Where rows come from: the trait that a reader of source files is wrapped in.

/// The type of a column of a [`RowSource`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnKind {
    /// VARCHAR.
    Text,
    /// BOOLEAN, filled as `bool`.
    Boolean,
    /// INTEGER, filled as `i32`.
    Int32,
    /// BIGINT, filled as `i64`.
    Int64,
    /// DECIMAL, filled as `i16`, `i32`, `i64` or `i128` for up to 4, 9, 18 or 38 digits.
    Decimal {
        /// Digits in all, 1 to 38.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// DOUBLE, filled as `f64`.
    Double,
    /// DATE, filled as `i32`: days since 1970-01-01.
    Date,
    /// TIMESTAMP, filled as `i64`: microseconds since 1970-01-01 00:00 UTC.
    Timestamp,
    /// UUID, filled as `i128`: its bits with the first one turned.
    Uuid,
}

/// Rows for the engine: `SELECT * FROM name()` reads them with several threads at once.
///
/// A source is read once: a second scan starts new workers, which see what is left.
pub trait RowSource: Send + Sync + 'static {
    /// Names and types of the columns.
    fn columns(&self) -> Vec<(String, ColumnKind)>;
    /// A worker; each of the engine's threads asks for one of its own.
    fn worker(&self) -> Box<dyn RowWorker>;
    /// How many workers may run at once.
    fn max_threads(&self) -> usize;
}

/// One thread's part of a [`RowSource`].
pub trait RowWorker: Send {
    /// Fills the chunk from its first row and returns the number of rows, at most
    /// [`Chunk::capacity`](crate::Chunk::capacity); 0 means that this worker is done.
    ///
    /// # Errors
    ///
    /// An error ends the query, and is what the session reports; a text becomes
    /// [`EngineError::Source`](crate::EngineError::Source).
    /// A panic ends it too, as [`EngineError::Panic`](crate::EngineError::Panic).
    fn fill(&mut self, chunk: &mut crate::Chunk<'_>) -> Result<usize, crate::EngineError>;
}
