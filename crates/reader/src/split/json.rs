//! Arrays and concatenated objects: a block ends between two elements, which only the brackets
//! and strings before it can tell.

use std::io;

use super::{Cut, Limits, Window};
use crate::error::Unreadable;
use crate::json::string_stop_within;

/// What a scanner found on the top level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// The comma at this place (array).
    Comma(usize),
    /// The bracket at this place closes the array.
    ArrayEnd(usize),
    /// A value ends behind its bracket, which is before this place (concatenated).
    ValueEnd(usize),
    /// Something that has no business here.
    Stray(usize),
}

impl Mark {
    fn at(self) -> usize {
        match self {
            Self::Comma(at) | Self::ArrayEnd(at) | Self::ValueEnd(at) | Self::Stray(at) => at,
        }
    }
}

/// Finds where elements end, and nothing else: whether they are JSON is not its business.
#[derive(Debug, Default)]
pub(crate) struct ElementScanner {
    concatenated: bool,
    at: usize,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl ElementScanner {
    pub(crate) fn new(concatenated: bool) -> Self {
        Self {
            concatenated,
            ..Self::default()
        }
    }

    /// The next mark; `None` when the bytes have no more. The next call may bring more bytes
    /// behind the same ones.
    pub(crate) fn next(&mut self, bytes: &[u8]) -> Option<Mark> {
        while let Some(&byte) = bytes.get(self.at) {
            let at = self.at;
            if self.in_string {
                if self.escaped {
                    self.escaped = false;
                    self.at += 1;
                } else {
                    let stop = string_stop_within(bytes, at);
                    let stopped_by = bytes.get(stop).copied();
                    self.in_string = stopped_by != Some(b'"');
                    self.escaped = stopped_by == Some(b'\\');
                    self.at = (stop + 1).min(bytes.len());
                }
                continue;
            }
            self.at += 1;
            // Within an element only strings and brackets tell anything.
            if self.depth > 0 && !matches!(byte, b'"' | b'{' | b'}' | b'[' | b']') {
                continue;
            }
            match byte {
                b'"' if self.depth > 0 || !self.concatenated => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth > 0 => {
                    self.depth -= 1;
                    if self.depth == 0 && self.concatenated {
                        return Some(Mark::ValueEnd(self.at));
                    }
                }
                b']' if !self.concatenated => return Some(Mark::ArrayEnd(at)),
                b'}' => return Some(Mark::Stray(at)),
                b',' if self.depth == 0 && !self.concatenated => return Some(Mark::Comma(at)),
                _ if self.depth == 0 && self.concatenated && !is_space(byte) => {
                    return Some(Mark::Stray(at));
                }
                _ => {}
            }
        }
        None
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().copied().all(is_space)
}

const CUT_OFF: &str = "the file ends in the middle";

/// Reads up to behind the bracket that opens the array.
pub(super) fn find_array(
    window: &mut Window<'_>,
    limits: Limits,
) -> io::Result<Result<usize, Unreadable>> {
    Ok(match first_visible(window, 0, limits)? {
        Ok(Some(at)) if window.bytes()[at] == b'[' => Ok(at + 1),
        Ok(Some(at)) => Err(window.broken(
            at,
            at,
            0,
            "the file is not an array: it does not begin with `[`",
        )),
        Ok(None) => {
            let end = window.bytes().len();
            Err(window.broken(end, end, 0, "the file is empty, which is not an array"))
        }
        Err(unreadable) => Err(unreadable),
    })
}

/// Behind the array there may be white space, and nothing else.
pub(super) fn check_tail(
    window: &mut Window<'_>,
    position: u64,
    limits: Limits,
) -> io::Result<Cut> {
    Ok(match first_visible(window, position, limits)? {
        Ok(None) => Cut::End,
        Ok(Some(at)) => Cut::Unreadable(window.broken(
            at,
            at,
            position,
            "something follows the end of the array",
        )),
        Err(unreadable) => Cut::Unreadable(unreadable),
    })
}

/// The first byte that is not white space. There may be as much of that as of a record.
fn first_visible(
    window: &mut Window<'_>,
    position: u64,
    limits: Limits,
) -> io::Result<Result<Option<usize>, Unreadable>> {
    window.fill(limits.block_bytes.min(64 << 10))?;
    loop {
        let bytes = window.bytes();
        let found = bytes.iter().position(|byte| !is_space(*byte));
        if found.unwrap_or(bytes.len()) > limits.max_record_bytes {
            return Ok(Err(window.too_long(0, position, limits.max_record_bytes)));
        }
        if found.is_some() || window.at_end() {
            return Ok(Ok(found));
        }
        window.grow(limits.max_record_bytes)?;
    }
}

/// Cuts elements of an array off, commas included. Returns how many, and what is behind the
/// bracket that closes the array if it was met.
///
/// A failure is only told when nothing whole is left before it: first comes what can be read, so
/// that a failure in there is met first.
pub(super) fn cut_array(
    window: &mut Window<'_>,
    position: u64,
    is_first: bool,
    limits: Limits,
) -> io::Result<(Cut, u64, Option<usize>)> {
    window.fill(limits.block_bytes)?;
    let mut scanner = ElementScanner::new(false);
    let mut elements = 0;
    let mut start = 0;
    let failure = loop {
        let bytes = window.bytes();
        let failing = position + elements + 1;
        match scanner.next(bytes) {
            Some(mark) if mark.at() - start > limits.max_record_bytes => {
                break window.too_long(start, failing, limits.max_record_bytes);
            }
            Some(Mark::Comma(at)) => {
                elements += 1;
                start = at + 1;
            }
            Some(Mark::ArrayEnd(at)) => {
                if !is_blank(&bytes[start..at]) {
                    return Ok((Cut::Block(at), elements + 1, Some(at + 1)));
                }
                if is_first && elements == 0 {
                    return Ok((Cut::End, 0, Some(at + 1)));
                }
                break window.broken(start, at, failing, "an element is missing behind a comma");
            }
            Some(Mark::Stray(at) | Mark::ValueEnd(at)) => {
                break window.broken(start, at, failing, "not JSON");
            }
            None if elements > 0 => break window.broken(start, start, failing, CUT_OFF),
            None if bytes.len() > limits.max_record_bytes => {
                break window.too_long(start, failing, limits.max_record_bytes);
            }
            None if window.at_end() => break window.broken(start, bytes.len(), failing, CUT_OFF),
            None => window.grow(limits.max_record_bytes)?,
        }
    };
    Ok(if elements > 0 {
        (Cut::Block(start), elements, None)
    } else {
        (Cut::Unreadable(failure), 0, None)
    })
}

/// Cuts whole values off. Returns how many.
pub(super) fn cut_concatenated(
    window: &mut Window<'_>,
    position: u64,
    limits: Limits,
) -> io::Result<(Cut, u64)> {
    window.fill(limits.block_bytes)?;
    let mut scanner = ElementScanner::new(true);
    let mut elements = 0;
    let mut start = 0;
    let failure = loop {
        let bytes = window.bytes();
        let failing = position + elements + 1;
        match scanner.next(bytes) {
            Some(mark) if mark.at() - start > limits.max_record_bytes => {
                break window.too_long(start, failing, limits.max_record_bytes);
            }
            Some(Mark::ValueEnd(at)) => {
                elements += 1;
                start = at;
            }
            Some(Mark::Stray(at) | Mark::Comma(at) | Mark::ArrayEnd(at)) => {
                break window.broken(start, at, failing, "neither an object nor an array");
            }
            None if elements > 0 => break window.broken(start, start, failing, CUT_OFF),
            None if window.at_end() && is_blank(&bytes[start..]) => return Ok((Cut::End, 0)),
            None if bytes.len() > limits.max_record_bytes => {
                break window.too_long(start, failing, limits.max_record_bytes);
            }
            None if window.at_end() => break window.broken(start, bytes.len(), failing, CUT_OFF),
            None => window.grow(limits.max_record_bytes)?,
        }
    };
    Ok(if elements > 0 {
        (Cut::Block(start), elements)
    } else {
        (Cut::Unreadable(failure), 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(concatenated: bool, text: &str) -> Vec<Mark> {
        let mut whole = ElementScanner::new(concatenated);
        let expected: Vec<_> = std::iter::from_fn(|| whole.next(text.as_bytes()))
            .take(20)
            .collect();
        // Byte by byte it finds the same.
        let mut scanner = ElementScanner::new(concatenated);
        let mut found = Vec::new();
        for length in 0..=text.len() {
            while let Some(mark) = scanner.next(&text.as_bytes()[..length]) {
                found.push(mark);
            }
        }
        assert_eq!(found, expected, "{text}");
        expected
    }

    #[test]
    fn arrays() {
        assert_eq!(
            marks(false, r#"{"a":[1,2]},5]"#),
            [Mark::Comma(11), Mark::ArrayEnd(13)]
        );
        assert_eq!(
            marks(false, r#""a,]\"]","b\\"]"#),
            [Mark::Comma(8), Mark::ArrayEnd(14)]
        );
        assert_eq!(marks(false, "1}"), [Mark::Stray(1)]);
        assert_eq!(marks(false, r#"{"a":"#), []);
    }

    #[test]
    fn concatenated() {
        assert_eq!(
            marks(true, r#"{"a":{}} [1]{}"#),
            [Mark::ValueEnd(8), Mark::ValueEnd(12), Mark::ValueEnd(14)]
        );
        assert_eq!(
            marks(true, "{},{}"),
            [Mark::ValueEnd(2), Mark::Stray(2), Mark::ValueEnd(5)]
        );
        assert_eq!(
            marks(true, "\"a\""),
            [Mark::Stray(0), Mark::Stray(1), Mark::Stray(2)]
        );
    }
}
