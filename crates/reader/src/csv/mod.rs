//! CSV: fields by the header's order, empty ones told apart from empty texts.
//!
//! Not by the crate `csv`, which the tests hold this against: it copies every field, and tells
//! neither `,,` from `,"",` nor a quoted field with something behind its quote from a whole one.

mod header;
mod hints;
mod record;

pub(crate) use header::Header;
pub(crate) use hints::HeaderText;
pub(crate) use record::{CsvOutcome, read_record, record_fault};

/// What separates and encloses fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CsvSyntax {
    pub(crate) delimiter: u8,
    pub(crate) quote: u8,
}
