//! Looking for the ends of tokens, in a block that is followed by zeros.
//!
//! No token contains a zero, so none of these looks for the end of the block.

use jiter::{Jiter, Peek};
use memchr::memchr;

#[cfg(any(not(target_arch = "x86_64"), test))]
const LOW: u64 = 0x0101_0101_0101_0101;
#[cfg(any(not(target_arch = "x86_64"), test))]
const HIGH: u64 = 0x8080_8080_8080_8080;

#[inline]
pub(crate) fn word_at(block: &[u8], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&block[at..at + 8]);
    u64::from_le_bytes(bytes)
}

/// Sixteen bytes of a block; zeros where there are no more.
#[inline]
pub(super) fn chunk_at(block: &[u8], at: usize) -> [u8; 16] {
    let chunk = block.get(at..).and_then(<[u8]>::first_chunk);
    chunk.copied().unwrap_or_default()
}

/// Where the first quote, backslash or control character is, at or after `at`.
#[inline]
pub(super) fn string_stop(block: &[u8], mut at: usize) -> usize {
    loop {
        let stops = string_stops(chunk_at(block, at));
        if stops != 0 {
            return at + stops.trailing_zeros() as usize;
        }
        at += 16;
    }
}

/// The same in bytes that no zeros follow; their length if there is none.
#[inline]
pub(crate) fn string_stop_within(bytes: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let stops = string_stops(*chunk);
        if stops != 0 {
            return at + stops.trailing_zeros() as usize;
        }
        at += 16;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    let stop = rest
        .iter()
        .position(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\'));
    stop.map_or(bytes.len(), |stop| at + stop)
}

/// A bit for each quote, backslash or control character.
#[cfg(target_arch = "x86_64")]
#[inline]
fn string_stops(chunk: [u8; 16]) -> u32 {
    use std::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x,
        _mm_set1_epi8,
    };

    #[inline]
    #[target_feature(enable = "sse2")]
    fn stops(low: i64, high: i64) -> u32 {
        let bytes = _mm_set_epi64x(high, low);
        let quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"' as i8));
        let slashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\' as i8));
        let controls = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
        _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quotes, slashes), controls)) as u32
    }

    let [low, high] = [word_at(&chunk, 0), word_at(&chunk, 8)].map(|word| word as i64);
    // SAFETY: SSE2 is part of x86_64: there is no such processor without it.
    unsafe { stops(low, high) }
}

/// A bit for each quote, backslash or control character.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn string_stops(chunk: [u8; 16]) -> u32 {
    word_stops(word_at(&chunk, 0)) | word_stops(word_at(&chunk, 8)) << 8
}

/// A bit for each quote, backslash or control character, exact up to the lowest.
///
/// In each of the three tests a carry can mark a byte above the first true one, never one below,
/// so the lowest mark is always right.
#[cfg(any(not(target_arch = "x86_64"), test))]
fn word_stops(word: u64) -> u32 {
    let quotes = word ^ (LOW * b'"' as u64);
    let slashes = word ^ (LOW * b'\\' as u64);
    let marks = (quotes.wrapping_sub(LOW) & !quotes)
        | (slashes.wrapping_sub(LOW) & !slashes)
        | (word.wrapping_sub(LOW * 0x20) & !word);
    // The top bit of each byte, gathered in the lowest byte.
    ((((marks & HIGH) >> 7).wrapping_mul(0x0102_0408_1020_4080)) >> 56) as u32
}

/// The next byte that is not white space. In JSON Lines the end of a line is not white space:
/// no record goes on behind it.
#[inline]
pub(super) fn skip_space<const LINES: bool>(block: &[u8], mut at: usize) -> usize {
    loop {
        let byte = block[at];
        if byte > b' ' {
            return at;
        }
        match byte {
            b' ' | b'\t' | b'\r' => at += 1,
            b'\n' if !LINES => at += 1,
            _ => return at,
        }
    }
}

/// Where the number that begins at `at` ends, or where it breaks JSON's grammar. Python and
/// others write `NaN` and `Infinity`; they pass as numbers here so that the cast refuses them by
/// the name of their column.
#[inline]
pub(super) fn number_end(block: &[u8], start: usize) -> Result<usize, usize> {
    let mut at = start;
    if block[at] == b'-' {
        at += 1;
    }
    match block[at] {
        b'0' => at += 1,
        b'1'..=b'9' => at = digits_end(block, at + 1),
        _ => return word_number_end(block, start),
    }
    if block[at] == b'.' {
        let decimals = at + 1;
        at = digits_end(block, decimals);
        if at == decimals {
            return Err(at);
        }
    }
    if matches!(block[at], b'e' | b'E') {
        at += 1;
        if matches!(block[at], b'+' | b'-') {
            at += 1;
        }
        let exponent = at;
        at = digits_end(block, exponent);
        if at == exponent {
            return Err(at);
        }
    }
    Ok(at)
}

#[inline]
fn digits_end(block: &[u8], mut at: usize) -> usize {
    while block[at].is_ascii_digit() {
        at += 1;
    }
    at
}

#[cold]
fn word_number_end(block: &[u8], start: usize) -> Result<usize, usize> {
    [&b"NaN"[..], b"Infinity", b"-Infinity"]
        .into_iter()
        .find(|word| block[start..].starts_with(word))
        .map(|word| start + word.len())
        .ok_or(start)
}

/// Where a word such as `true` ends.
#[inline]
pub(super) fn word_end(block: &[u8], at: usize, word: &[u8]) -> Result<usize, usize> {
    if block[at..].starts_with(word) {
        Ok(at + word.len())
    } else {
        Err(at)
    }
}

/// Where the value at `at` ends, or where it breaks. Objects and arrays go to the library: they
/// may be nested up to 200 deep.
pub(super) fn value_end<const LINES: bool>(
    block: &[u8],
    at: usize,
    limit: usize,
    tape: &mut Vec<u8>,
) -> Result<usize, usize> {
    match block[at] {
        b'"' => {
            let end = string_stop(block, at + 1);
            if block[end] == b'"' {
                Ok(end + 1)
            } else {
                skip::<LINES>(block, at, limit, tape)
            }
        }
        b'-' | b'0'..=b'9' | b'N' | b'I' => number_end(block, at),
        b't' => word_end(block, at, b"true"),
        b'f' => word_end(block, at, b"false"),
        b'n' => word_end(block, at, b"null"),
        b'{' | b'[' => skip::<LINES>(block, at, limit, tape),
        _ => Err(at),
    }
}

fn skip<const LINES: bool>(
    block: &[u8],
    at: usize,
    limit: usize,
    tape: &mut Vec<u8>,
) -> Result<usize, usize> {
    // To the library the end of a line is white space like any other.
    let line_end = if LINES {
        memchr(b'\n', &block[at..limit])
    } else {
        None
    };
    let limit = line_end.map_or(limit, |length| at + length);
    let mut parser = Jiter::with_tape(&block[at..limit], std::mem::take(tape)).with_allow_inf_nan();
    let result = parser.known_skip(Peek::new(block[at]));
    let end = match result {
        Ok(()) => Ok(at + parser.current_index()),
        Err(error) => Err(at + error.index),
    };
    *tape = parser.into_tape();
    end
}

/// Unescapes the string at `at` onto the end of `output`; returns where it ends.
pub(super) fn unescape(
    block: &[u8],
    at: usize,
    limit: usize,
    tape: &mut Vec<u8>,
    output: &mut Vec<u8>,
) -> Result<usize, usize> {
    let mut parser = Jiter::with_tape(&block[at..limit], std::mem::take(tape));
    let result = match parser.known_str() {
        Ok(text) => {
            output.extend_from_slice(text.as_bytes());
            Ok(())
        }
        Err(error) => Err(at + error.index),
    };
    let end = result.map(|()| at + parser.current_index());
    *tape = parser.into_tape();
    end
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::batch::PADDING;

    fn padded(text: &[u8]) -> Vec<u8> {
        let mut block = text.to_vec();
        block.extend_from_slice(&[0; PADDING]);
        block
    }

    #[test]
    fn numbers() {
        for (text, end) in [
            ("0,", Ok(1)),
            ("-0}", Ok(2)),
            ("12.50 ", Ok(5)),
            ("1e3", Ok(3)),
            ("1E-10]", Ok(5)),
            ("01", Ok(1)),
            ("1.", Err(2)),
            ("1.e3", Err(2)),
            ("1e", Err(2)),
            ("1e+", Err(3)),
            ("-", Err(0)),
            ("-x", Err(0)),
            ("NaN,", Ok(3)),
            ("Infinity", Ok(8)),
            ("-Infinity", Ok(9)),
            ("nan", Err(0)),
        ] {
            assert_eq!(number_end(&padded(text.as_bytes()), 0), end, "{text}");
        }
    }

    proptest! {
        #[test]
        fn string_stop_is_the_first_stop(text in proptest::collection::vec(prop_oneof![any::<u8>(), 0x1e_u8..0x24, 0x5a_u8..0x60], 0..40), start in 0_usize..40) {
            let block = padded(&text);
            let start = start.min(text.len());
            let expected = (start..).find(|at| block[*at] < 0x20 || matches!(block[*at], b'"' | b'\\')).unwrap();
            prop_assert_eq!(string_stop(&block, start), expected);
            prop_assert_eq!(string_stop_within(&text, start), expected);
            // The way of other processors.
            let words = (start..).step_by(8).map(|at| (at, word_stops(word_at(&block, at))));
            let stop = words.filter(|(_, stops)| *stops != 0).map(|(at, stops)| at + stops.trailing_zeros() as usize).next();
            prop_assert_eq!(stop, Some(expected));
        }

        #[test]
        fn numbers_are_those_of_the_library(text in "[-+0-9.eE]{1,12}") {
            let block = padded(text.as_bytes());
            let expected = serde_json::from_str::<serde_json::Value>(&text).is_ok()
                // The model's doubles overflow; a text does not.
                || text.parse::<f64>().is_ok_and(f64::is_infinite) && number_end(&block, 0) == Ok(text.len());
            prop_assert_eq!(number_end(&block, 0) == Ok(text.len()), expected);
        }
    }
}
