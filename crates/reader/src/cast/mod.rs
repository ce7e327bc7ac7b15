//! What a source text means, per type: pure functions from bytes to values.
//!
//! Nothing is rounded, trimmed or guessed: a text either means exactly one value of the
//! declared type, or it means none. `docs/reading.md` has the table of cases for people, the
//! tests of each module have it for machines.

mod boolean;
mod decimal;
mod double;
mod integer;
mod iso;
mod pattern;
mod spelling;
mod uuid;
mod written;

use chrono_tz::Tz;

pub use boolean::boolean;
pub use decimal::decimal;
pub use double::double;
pub use integer::{int32, int64};
pub use iso::{date, timestamp};
pub use pattern::Pattern;
pub use uuid::uuid;
pub(crate) use written::{Bare, Written};

use crate::batch::Values;
use crate::model::{ColumnType, SourceFormat};

/// What kind of source text a value was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A CSV field, or a JSON string without its quotes and escapes.
    Text,
    /// A JSON number, as written.
    Number,
    /// JSON's `true` or `false`.
    Word,
    /// A JSON object or array, as written.
    Structure,
}

/// The cast of one column, prepared once.
#[derive(Debug, Clone)]
pub(crate) enum Cast {
    Text,
    Boolean {
        /// Instead of `true` and `false`, where there are any.
        true_texts: Vec<String>,
        false_texts: Vec<String>,
    },
    Int32,
    Int64,
    Decimal {
        precision: u8,
        scale: u8,
        separator: u8,
    },
    Double {
        separator: u8,
    },
    Date {
        patterns: Vec<Pattern>,
    },
    Timestamp {
        patterns: Vec<Pattern>,
        timezone: Tz,
    },
    Uuid,
}

impl Cast {
    /// Prepares the cast of a column.
    ///
    /// # Errors
    ///
    /// A message when a pattern or the decimal separator cannot be used.
    pub(crate) fn new(column_type: ColumnType, format: &SourceFormat) -> Result<Self, String> {
        let separator = match format.decimal_separator {
            '.' => b'.',
            ',' => b',',
            other => {
                return Err(format!(
                    "decimal separator `{other}` is neither `.` nor `,`"
                ));
            }
        };
        let patterns = || {
            format
                .patterns
                .iter()
                .map(|text| Pattern::new(text))
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(match column_type {
            ColumnType::Text => Self::Text,
            ColumnType::Boolean => Self::Boolean {
                true_texts: format.true_texts.clone(),
                false_texts: format.false_texts.clone(),
            },
            ColumnType::Int32 => Self::Int32,
            ColumnType::Int64 => Self::Int64,
            ColumnType::Decimal { precision, scale } => Self::Decimal {
                precision,
                scale,
                separator,
            },
            ColumnType::Double => Self::Double { separator },
            ColumnType::Date => Self::Date {
                patterns: patterns()?,
            },
            ColumnType::Timestamp => Self::Timestamp {
                patterns: patterns()?,
                timezone: format.timezone,
            },
            ColumnType::Uuid => Self::Uuid,
        })
    }

    /// Writes the value that the text means, or returns false where it means none. Texts do not
    /// come here: they are as they are.
    #[inline]
    pub(crate) fn write(&self, kind: Kind, bytes: &[u8], values: &mut Values, row: usize) -> bool {
        match (self, values) {
            (
                Self::Decimal {
                    precision,
                    scale,
                    separator,
                },
                values,
            ) => {
                let separator = match kind {
                    Kind::Number => b'.',
                    Kind::Text => *separator,
                    Kind::Word | Kind::Structure => return false,
                };
                decimal::write(bytes, *precision, *scale, separator, values, row)
            }
            (Self::Int32, Values::Int32(column)) => {
                is_scalar(kind) && put(int32(bytes), column, row)
            }
            (Self::Int64, Values::Int64(column)) => {
                is_scalar(kind) && put(int64(bytes), column, row)
            }
            (Self::Timestamp { patterns, timezone }, Values::Int64(column)) => {
                let value = if !is_scalar(kind) {
                    None
                } else if patterns.is_empty() {
                    timestamp(bytes, *timezone)
                } else {
                    patterns
                        .iter()
                        .find_map(|pattern| pattern.timestamp(bytes, *timezone))
                };
                put(value, column, row)
            }
            (Self::Date { patterns }, Values::Int32(column)) => {
                let value = if !is_scalar(kind) {
                    None
                } else if patterns.is_empty() {
                    date(bytes)
                } else {
                    patterns.iter().find_map(|pattern| pattern.date(bytes))
                };
                put(value, column, row)
            }
            (Self::Uuid, Values::Int128(column)) => put(uuid::stored(kind, bytes), column, row),
            (Self::Double { separator }, Values::Double(column)) => {
                let separator = if kind == Kind::Number {
                    b'.'
                } else {
                    *separator
                };
                is_scalar(kind) && put(double(bytes, separator), column, row)
            }
            (
                Self::Boolean {
                    true_texts,
                    false_texts,
                },
                Values::Boolean(column),
            ) => {
                let is_any = |texts: &[String]| texts.iter().any(|text| text.as_bytes() == bytes);
                let value = match kind {
                    Kind::Structure => None,
                    Kind::Text | Kind::Number if !true_texts.is_empty() => is_any(true_texts)
                        .then_some(true)
                        .or_else(|| is_any(false_texts).then_some(false)),
                    Kind::Number => None,
                    Kind::Text | Kind::Word => boolean(bytes),
                };
                put(value, column, row)
            }
            // Columns are made from their casts, so the two always agree.
            _ => false,
        }
    }
}

#[inline]
fn is_scalar(kind: Kind) -> bool {
    matches!(kind, Kind::Text | Kind::Number)
}

#[inline]
fn put<T>(value: Option<T>, column: &mut [T], row: usize) -> bool {
    match value {
        Some(value) => {
            column[row] = value;
            true
        }
        None => false,
    }
}
