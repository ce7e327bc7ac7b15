//! A batch: up to 2048 rows in columns, whose texts lie where they were read.

use crate::cast::{Bare, Cast, Kind, Written};
use crate::rows::Rows;

/// Rows of a full batch; the engine's vectors are as long.
pub const BATCH_ROWS: usize = 2048;

/// Bytes that can be read beyond the end of a block, so that the parser compares eight bytes at
/// a time without asking how many are left. They are zero, which no token contains.
pub(crate) const PADDING: usize = 32;

/// Where a text lies: in the block, or in the batch's arena when it had to be unescaped.
#[derive(Debug, Clone, Copy, Default)]
pub struct TextSpan {
    start: u32,
    length: u32,
}

const IN_ARENA: u32 = 1 << 31;

impl TextSpan {
    #[inline]
    pub(crate) fn in_block(start: usize, end: usize) -> Self {
        // Blocks are at most 1 GiB: see `ReaderOptions::max_record_bytes`.
        debug_assert!(end < IN_ARENA as usize);
        Self {
            start: start as u32,
            length: (end - start) as u32,
        }
    }

    #[inline]
    pub(crate) fn in_arena(start: usize, end: usize) -> Self {
        // What is unescaped of a block is no longer than the block, and what names its broken
        // fields is shorter by far than the other half of the 2 GiB.
        debug_assert!(end < IN_ARENA as usize);
        Self {
            start: start as u32 | IN_ARENA,
            length: (end - start) as u32,
        }
    }

    /// A part of this text.
    fn part(self, skipped: usize, length: usize) -> Self {
        debug_assert!(skipped + length <= self.length as usize);
        Self {
            start: self.start + skipped as u32,
            length: length as u32,
        }
    }
}

/// The values of a column; those of NULL rows are left over from earlier batches.
#[derive(Debug)]
pub enum Values {
    /// Texts. Read them with [`Batch::text`].
    Text(Vec<TextSpan>),
    /// Booleans.
    Boolean(Vec<bool>),
    /// Decimals of up to 4 digits, as integers of 10^-scale.
    Int16(Vec<i16>),
    /// Integers, decimals of up to 9 digits, dates as days since 1970-01-01.
    Int32(Vec<i32>),
    /// Integers, decimals of up to 18 digits, timestamps as microseconds since 1970-01-01 UTC.
    Int64(Vec<i64>),
    /// Decimals of up to 38 digits.
    Int128(Vec<i128>),
    /// Doubles, finite.
    Double(Vec<f64>),
}

/// Which rows of a column have a value: bit `row % 64` of word `row / 64`.
#[derive(Debug, Clone)]
pub struct Validity {
    words: [u64; BATCH_ROWS / 64],
}

impl Validity {
    pub(crate) fn none() -> Self {
        Self {
            words: [0; BATCH_ROWS / 64],
        }
    }

    pub(crate) fn all() -> Self {
        Self {
            words: [u64::MAX; BATCH_ROWS / 64],
        }
    }

    #[inline]
    pub(crate) fn set(&mut self, row: usize) {
        self.words[row / 64] |= 1 << (row % 64);
    }

    #[inline]
    pub(crate) fn unset(&mut self, row: usize) {
        self.words[row / 64] &= !(1 << (row % 64));
    }

    pub(crate) fn clear(&mut self) {
        self.words = [0; BATCH_ROWS / 64];
    }

    /// Whether the row has a value.
    #[must_use]
    #[inline]
    pub fn is_valid(&self, row: usize) -> bool {
        self.words[row / 64] & (1 << (row % 64)) != 0
    }

    /// Whether the first `rows` rows all have a value.
    #[must_use]
    pub fn all_valid(&self, rows: usize) -> bool {
        let whole = rows / 64;
        let rest = (1_u64 << (rows % 64)) - 1;
        self.words[..whole].iter().all(|word| *word == u64::MAX)
            && (rest == 0 || self.words[whole] & rest == rest)
    }

    /// Whether none of the first `rows` rows has a value.
    #[must_use]
    pub fn none_valid(&self, rows: usize) -> bool {
        (0..rows).all(|row| !self.is_valid(row))
    }

    /// The bits; those beyond the batch's rows mean nothing.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.words
    }
}

/// One column of a batch.
#[derive(Debug)]
pub struct ColumnData {
    pub(crate) cast: Cast,
    /// What the source writes around its values, where the contract says so.
    pub(crate) written: Option<Box<Written>>,
    /// For what is left of such a text.
    pub(crate) bare: Vec<u8>,
    pub(crate) values: Values,
    pub(crate) validity: Validity,
}

impl ColumnData {
    /// Writes the value that a text means, or returns false where it means none. Of a text that
    /// means a missing value nothing is written, and that is right.
    #[inline]
    pub(crate) fn write(&mut self, kind: Kind, bytes: &[u8], span: TextSpan, row: usize) -> bool {
        if self.written.is_some() {
            return self.write_bare(kind, bytes, span, row);
        }
        // A text column takes anything as written.
        let is_value = if let Values::Text(spans) = &mut self.values {
            spans[row] = span;
            true
        } else {
            self.cast.write(kind, bytes, &mut self.values, row)
        };
        if is_value {
            self.validity.set(row);
        }
        is_value
    }

    #[cold]
    fn write_bare(&mut self, kind: Kind, bytes: &[u8], span: TextSpan, row: usize) -> bool {
        let Some(written) = &self.written else {
            return false;
        };
        let is_value = if let Values::Text(spans) = &mut self.values {
            match written.trimmed(kind, bytes) {
                Bare::Missing => return true,
                Bare::Invalid => false,
                Bare::Text(text) => {
                    // What is left is a part of the text.
                    let skipped = text.as_ptr() as usize - bytes.as_ptr() as usize;
                    spans[row] = span.part(skipped, text.len());
                    true
                }
            }
        } else {
            match written.bare(kind, bytes, &mut self.bare) {
                Bare::Missing => return true,
                Bare::Invalid => false,
                Bare::Text(text) => self.cast.write(kind, text, &mut self.values, row),
            }
        };
        if is_value {
            self.validity.set(row);
        }
        is_value
    }

    /// The values; a NULL row's is meaningless.
    #[must_use]
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// Which rows have a value.
    #[must_use]
    pub fn validity(&self) -> &Validity {
        &self.validity
    }
}

/// Up to [`BATCH_ROWS`] rows of one file.
#[derive(Debug)]
pub struct Batch {
    /// Whole records as the file has them, followed by [`PADDING`] zeros.
    pub(crate) block: Vec<u8>,
    pub(crate) rows: Rows,
}

impl Batch {
    /// Rows in this batch, at least one.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows.count
    }

    /// The columns, in the order of [`crate::Reader::columns`].
    #[must_use]
    pub fn columns(&self) -> &[ColumnData] {
        &self.rows.columns
    }

    /// The text of a row in a text column; `None` where it is NULL or the column has no texts.
    #[must_use]
    #[inline]
    pub fn text(&self, column: usize, row: usize) -> Option<&str> {
        let column = &self.rows.columns[column];
        match &column.values {
            Values::Text(spans) if column.validity.is_valid(row) => Some(self.resolve(spans[row])),
            _ => None,
        }
    }

    /// The text of a span of [`Values::Text`], for callers that walk over a column and have
    /// looked at its validity themselves.
    #[must_use]
    #[inline]
    pub fn resolve(&self, span: TextSpan) -> &str {
        let start = (span.start & !IN_ARENA) as usize;
        let store = if span.start & IN_ARENA == 0 {
            &self.block
        } else {
            &self.rows.arena
        };
        let text = &store[start..start + span.length as usize];
        // SAFETY: a worker checks each block as a whole before its first record is read, and reads
        // no further than what is UTF-8; spans begin and end at ASCII characters of the format, or
        // at the ends of a record. What is unescaped into the arena is made of such texts and of
        // characters. To check every value again took a twentieth of the time that reading takes.
        unsafe { std::str::from_utf8_unchecked(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validity_by_word_and_rest() {
        let mut validity = Validity::none();
        assert!(validity.all_valid(0) && validity.none_valid(BATCH_ROWS));
        for row in 0..70 {
            validity.set(row);
        }
        assert!(validity.all_valid(64) && validity.all_valid(70) && !validity.all_valid(71));
        validity.unset(3);
        assert!(!validity.all_valid(70) && !validity.is_valid(3) && validity.is_valid(4));
        assert!(Validity::all().all_valid(BATCH_ROWS));
    }
}
