//! Long texts, which are kept beside the engine: in its tables stand their beginnings.
//!
//! The engine works on 2,048 rows at a time and sorts whole rows, so that a few texts of some
//! kilobytes each would take all of its memory. A text longer than [`LONG_TEXT_BYTES`] is written
//! to a file while rows are read, and is represented by its beginning (at most that many bytes),
//! the first 32 hexadecimal digits of its SHA-256, and its place in that file (24 digits). A value
//! is such a representation exactly when it is longer than [`LONG_TEXT_BYTES`].
//!
//! So long texts are ordered by their beginnings and then by their digests, which is a total order
//! of what they say; where they stand in the file is none, and is taken off wherever values are
//! compared.

use super::name;
use crate::ColumnType;
use crate::contract::{Column, Contract};
use crate::quote;

/// A longer text is kept beside the engine.
pub const LONG_TEXT_BYTES: usize = 256;
/// Hexadecimal digits of a long text's SHA-256 behind its beginning.
pub const DIGEST_CHARACTERS: usize = 32;
/// Hexadecimal digits that say where a long text stands: 16 of the offset, 8 of the length.
pub const PLACE_CHARACTERS: usize = 24;

/// Whether long texts may be among the published values: without any, every value is its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LongTexts {
    Absent,
    Present,
}

impl LongTexts {
    /// What a column is compared by; `of` is the table's name and a dot, or nothing.
    pub(super) fn compared(self, of: &str, column: &Column) -> String {
        let value = format!("{of}{}", name(column));
        if self == Self::Absent || column.column_type != ColumnType::Text {
            return value;
        }
        shortened(&value, PLACE_CHARACTERS)
    }

    /// What a column of this name is compared by.
    pub(super) fn compared_by_name(self, of: &str, contract: &Contract, column: &str) -> String {
        match contract.columns.iter().find(|known| known.name == column) {
            Some(known) => self.compared(of, known),
            None => quote::identifier(column),
        }
    }

    /// A list of what columns are compared by.
    pub(super) fn compared_list<'a>(
        self,
        contract: &Contract,
        columns: impl IntoIterator<Item = &'a String>,
    ) -> String {
        let terms: Vec<String> = columns
            .into_iter()
            .map(|column| self.compared_by_name("", contract, column))
            .collect();
        terms.join(", ")
    }
}

/// The beginning of a text: all of it, unless it is long.
pub(super) fn beginning(value: &str) -> String {
    shortened(value, DIGEST_CHARACTERS + PLACE_CHARACTERS)
}

fn shortened(value: &str, characters: usize) -> String {
    format!(
        "CASE WHEN strlen({value}) > {LONG_TEXT_BYTES} THEN left({value}, length({value}) - {characters}) ELSE {value} END"
    )
}

/// A column as it is kept in `judged`.
pub(super) fn kept(column: &Column) -> String {
    calling("lake_keep_text", column)
}

/// A column of `judged` as it is published.
pub(super) fn restored(column: &Column) -> String {
    calling("lake_kept_text", column)
}

fn calling(function: &str, column: &Column) -> String {
    let value = name(column);
    if column.column_type != ColumnType::Text {
        return value;
    }
    format!(
        "CASE WHEN strlen({value}) > {LONG_TEXT_BYTES} THEN {function}({value}) ELSE {value} END AS {value}"
    )
}
