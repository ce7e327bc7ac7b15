//! One record of fields.

use memchr::memchr;

use super::{CsvSyntax, Header};
use crate::cast::Kind;
use crate::rows::{RecordRule, Rows};

/// A field.
pub(super) enum Field {
    /// As it lies in the block.
    Plain {
        start: usize,
        end: usize,
        quoted: bool,
    },
    /// Put into the arena, because it has doubled quotes.
    Unquoted,
    /// A quoted field with something behind its quote.
    Malformed,
}

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Where the next delimiter, end of line or zero is. The block ends with zeros.
#[inline]
fn field_stop(block: &[u8], mut at: usize, delimiters: u64) -> usize {
    loop {
        let word = crate::json::word_at(block, at);
        let delimiter = word ^ delimiters;
        let line_end = word ^ (LOW * b'\n' as u64);
        let marks = (delimiter.wrapping_sub(LOW) & !delimiter)
            | (line_end.wrapping_sub(LOW) & !line_end)
            | (word.wrapping_sub(LOW) & !word);
        let marks = marks & HIGH;
        if marks != 0 {
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
}

/// Where reading goes on behind a field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) at: usize,
    /// The field was the last of its record.
    pub(super) ends_record: bool,
}

/// Reads the field at `at`.
#[inline]
pub(super) fn next_field(
    block: &[u8],
    at: usize,
    limit: usize,
    syntax: CsvSyntax,
    arena: &mut Vec<u8>,
) -> (Field, Step) {
    if block[at] == syntax.quote && at < limit {
        return quoted_field(block, at, limit, syntax, arena);
    }
    let (end, next) = plain_end(block, at, limit, syntax);
    (
        Field::Plain {
            start: at,
            end,
            quoted: false,
        },
        next,
    )
}

/// Where the plain text at `at` ends, and where the next field begins.
#[inline]
fn plain_end(block: &[u8], at: usize, limit: usize, syntax: CsvSyntax) -> (usize, Step) {
    let delimiters = LOW * u64::from(syntax.delimiter);
    let mut stop = field_stop(block, at, delimiters);
    // A zero within the file is a character of a field.
    while stop < limit && block[stop] == 0 && syntax.delimiter != 0 {
        stop = field_stop(block, stop + 1, delimiters);
    }
    if stop >= limit {
        (
            without_return(block, at, limit),
            Step {
                at: limit,
                ends_record: true,
            },
        )
    } else if block[stop] == b'\n' {
        (
            without_return(block, at, stop),
            Step {
                at: stop + 1,
                ends_record: true,
            },
        )
    } else {
        (
            stop,
            Step {
                at: stop + 1,
                ends_record: false,
            },
        )
    }
}

/// A line may end with a carriage return and a line feed.
#[inline]
fn without_return(block: &[u8], start: usize, end: usize) -> usize {
    if end > start && block[end - 1] == b'\r' {
        end - 1
    } else {
        end
    }
}

fn quoted_field(
    block: &[u8],
    at: usize,
    limit: usize,
    syntax: CsvSyntax,
    arena: &mut Vec<u8>,
) -> (Field, Step) {
    let start = at + 1;
    let mut part = start;
    let mut doubled = false;
    let close = loop {
        // Blocks are cut behind whole records, so every quote is closed; a file cut by hand ends.
        let close = memchr(syntax.quote, &block[part..limit]).map_or(limit, |found| part + found);
        if close + 1 < limit && block[close + 1] == syntax.quote {
            arena.extend_from_slice(&block[part..=close]);
            doubled = true;
            part = close + 2;
        } else {
            if doubled {
                arena.extend_from_slice(&block[part..close]);
            }
            break close;
        }
    };
    let behind = (close + 1).min(limit);
    let (end, next) = plain_end(block, behind, limit, syntax);
    if end != behind {
        return (Field::Malformed, next);
    }
    (
        if doubled {
            Field::Unquoted
        } else {
            Field::Plain {
                start,
                end: close,
                quoted: true,
            }
        },
        next,
    )
}

/// What a record was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CsvOutcome {
    Row,
    Broken(RecordRule),
}

/// Reads the record at `at` into the current row; returns where it ends. `limit` is where the
/// block ends. The caller has skipped empty lines.
pub(crate) fn read_record(
    block: &[u8],
    mut at: usize,
    limit: usize,
    syntax: CsvSyntax,
    header: &Header,
    rows: &mut Rows,
) -> (CsvOutcome, usize) {
    let mut malformed = false;
    let mut fields = 0;
    loop {
        let targets = header.columns.get(fields).map_or(&[][..], Vec::as_slice);
        let arena_start = rows.arena.len();
        let (field, next) = next_field(block, at, limit, syntax, &mut rows.arena);
        match field {
            Field::Plain { start, end, quoted } if start == end => {
                // Nothing at all is NULL, an empty text in quotes is an empty text.
                if quoted {
                    targets.iter().for_each(|target| rows.set_empty(*target));
                }
            }
            Field::Plain { start, end, .. } => {
                for target in targets {
                    rows.set(*target, Kind::Text, block, start, end);
                }
            }
            Field::Unquoted => {
                let arena_end = rows.arena.len();
                for target in targets {
                    rows.set_from_arena(*target, arena_start, arena_end);
                }
            }
            Field::Malformed => malformed = true,
        }
        fields += 1;
        at = next.at;
        if next.ends_record {
            break;
        }
    }
    let outcome = if malformed {
        CsvOutcome::Broken(RecordRule::Record)
    } else if fields != header.columns.len() {
        CsvOutcome::Broken(RecordRule::FieldCount)
    } else {
        CsvOutcome::Row
    };
    (outcome, at)
}

/// Why the record at `at` is broken as a whole, and by which byte; `None` where it is not.
pub(crate) fn record_fault(
    block: &[u8],
    mut at: usize,
    limit: usize,
    syntax: CsvSyntax,
    header: &Header,
) -> Option<(usize, String)> {
    let start = at;
    let mut unquoted = Vec::new();
    let mut fields = 0;
    loop {
        unquoted.clear();
        let (field, next) = next_field(block, at, limit, syntax, &mut unquoted);
        fields += 1;
        if let Field::Malformed = field {
            let reason = format!("field {fields} goes on behind its closing quote");
            return Some((at, reason));
        }
        at = next.at;
        if next.ends_record {
            break;
        }
    }
    let expected = header.columns.len();
    (fields != expected).then(|| {
        (
            start,
            format!("{fields} fields, and the header has {expected}"),
        )
    })
}
