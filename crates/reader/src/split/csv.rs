//! CSV: a block ends at the end of a record, which is the end of a line outside of quotes.

use std::io;

use memchr::{memchr, memchr2, memrchr};

use super::{Cut, Limits, Window};
use crate::csv::{CsvSyntax, Header, HeaderText};
use crate::error::Unreadable;

/// How the record at the begin of some bytes ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordEnd {
    /// Behind this end of a line.
    At(usize),
    /// Not within the bytes.
    Open,
    /// Not within the bytes, and a quote is still open.
    OpenQuote,
}

/// Finds the end of the record that begins at `start`. A quote opens a quoted part only where a
/// field begins; anywhere else it is a character as any other.
pub(crate) fn record_end(bytes: &[u8], start: usize, syntax: CsvSyntax) -> RecordEnd {
    let mut at = start;
    loop {
        let Some(found) = memchr2(b'\n', syntax.quote, &bytes[at..]) else {
            return RecordEnd::Open;
        };
        at += found;
        if bytes[at] == b'\n' {
            return RecordEnd::At(at + 1);
        }
        let opens = at == start || bytes[at - 1] == syntax.delimiter;
        at += 1;
        if opens {
            loop {
                let Some(found) = memchr(syntax.quote, &bytes[at..]) else {
                    return RecordEnd::OpenQuote;
                };
                at += found + 1;
                if bytes.get(at) != Some(&syntax.quote) {
                    break;
                }
                at += 1;
            }
        }
    }
}

const OPEN_QUOTE: &str = "a quote is not closed before the file ends";

/// Reads the header: the first line that is not empty. Returns its length and its lines too.
pub(super) fn cut_header(
    window: &mut Window<'_>,
    syntax: CsvSyntax,
    limits: Limits,
    make_header: impl FnOnce(&HeaderText<'_>) -> Result<Header, String>,
) -> io::Result<Result<(Header, usize, u64), Unreadable>> {
    window.fill(limits.block_bytes.min(64 << 10))?;
    loop {
        let bytes = window.bytes();
        let start = bytes
            .iter()
            .position(|byte| !matches!(byte, b'\n' | b'\r'))
            .unwrap_or(bytes.len());
        let position = window.lines(start) + 1;
        let end = record_end(bytes, start, syntax);
        let known = if let RecordEnd::At(end) = end {
            end
        } else {
            bytes.len()
        };
        if known - start > limits.max_record_bytes {
            return Ok(Err(window.too_long(
                start,
                position,
                limits.max_record_bytes,
            )));
        }
        let end = match end {
            RecordEnd::At(end) => Some(end),
            _ if !window.at_end() => None,
            RecordEnd::Open if start < bytes.len() => Some(bytes.len()),
            RecordEnd::Open => {
                let reason = "the file is empty, and a CSV file needs a header";
                return Ok(Err(window.broken(start, bytes.len(), 0, reason)));
            }
            RecordEnd::OpenQuote => {
                return Ok(Err(window.broken(start, bytes.len(), position, OPEN_QUOTE)));
            }
        };
        let Some(end) = end else {
            window.grow(limits.max_record_bytes.saturating_add(start))?;
            continue;
        };
        let record = &bytes[start..end];
        if std::str::from_utf8(record).is_err() {
            return Ok(Err(window.broken(start, end, position, "invalid UTF-8")));
        }
        let text = HeaderText {
            record,
            behind: &bytes[end..],
            line: position,
        };
        return Ok(match make_header(&text) {
            Ok(header) => Ok((header, end, window.lines(end))),
            Err(reason) => Err(Unreadable {
                position,
                byte_offset: window.offset_of(start),
                reason,
            }),
        });
    }
}

pub(super) fn cut(
    window: &mut Window<'_>,
    position: u64,
    syntax: CsvSyntax,
    limits: Limits,
) -> io::Result<Cut> {
    window.fill(limits.block_bytes)?;
    loop {
        let bytes = window.bytes();
        if bytes.is_empty() {
            return Ok(Cut::End);
        }
        let (end, quote_is_open) = last_record_end(bytes, syntax);
        if end > 0 && (quote_is_open || !window.at_end()) {
            return Ok(Cut::Block(end));
        }
        if quote_is_open || !window.at_end() {
            if bytes.len() > limits.max_record_bytes {
                let unreadable = window.too_long(0, position + 1, limits.max_record_bytes);
                return Ok(Cut::Unreadable(unreadable));
            }
            if window.at_end() {
                let unreadable = window.broken(0, bytes.len(), position + 1, OPEN_QUOTE);
                return Ok(Cut::Unreadable(unreadable));
            }
            window.grow(limits.max_record_bytes)?;
        } else {
            return Ok(Cut::Block(bytes.len()));
        }
    }
}

/// Behind the last whole record, and whether a quote is open in what follows it.
fn last_record_end(bytes: &[u8], syntax: CsvSyntax) -> (usize, bool) {
    let Some(first_quote) = memchr(syntax.quote, bytes) else {
        return (memrchr(b'\n', bytes).map_or(0, |at| at + 1), false);
    };
    let mut end = memrchr(b'\n', &bytes[..first_quote]).map_or(0, |at| at + 1);
    loop {
        match record_end(bytes, end, syntax) {
            RecordEnd::At(next) => end = next,
            RecordEnd::Open => return (end, false),
            RecordEnd::OpenQuote => return (end, true),
        }
    }
}
