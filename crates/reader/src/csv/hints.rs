//! Why a header may lack what the contract reads: what the file probably is instead.

use super::CsvSyntax;
use super::header::names;
use crate::names::{folded, looks_like_name};

/// Names of a header that a message shows.
const SHOWN_NAMES: usize = 10;
/// Lines below the header among which the real one is looked for.
const PREAMBLE_LINES: usize = 50;

/// A header, and what follows it in the file as far as that is in memory.
pub(crate) struct HeaderText<'file> {
    pub(crate) record: &'file [u8],
    pub(crate) behind: &'file [u8],
    /// The line that the header begins in, from 1.
    pub(crate) line: u64,
}

/// "; it has `a`, `b`", with what does not look like a name only counted: a file without a header
/// has data there.
pub(super) fn what_it_has(names: &[String]) -> String {
    let shown: Vec<String> = names
        .iter()
        .filter(|name| looks_like_name(name))
        .take(SHOWN_NAMES)
        .map(|name| format!("`{name}`"))
        .collect();
    let others = names.len() - shown.len();
    match (shown.is_empty(), others) {
        (true, 1) => "; it has one name, which does not look like one and is not shown".to_owned(),
        (true, _) => {
            format!("; it has {others} names, which do not look like names and are not shown")
        }
        (false, 0) => format!("; it has {}", shown.join(", ")),
        (false, _) => format!("; it has {} and {others} more", shown.join(", ")),
    }
}

/// What no header of text has, whatever the contract reads of it.
pub(super) fn certain_cause(record: &[u8]) -> Option<&'static str> {
    if record.contains(&0) {
        return Some("the header looks like UTF-16; declare `encoding: utf-16`");
    }
    let line = record.trim_ascii_end();
    let mut returns = memchr::memchr_iter(b'\r', line);
    returns.any(|at| line[at + 1] != b'\n').then_some(
        "the lines end with a carriage return alone; end them with a line feed at the source",
    )
}

/// What is probably wrong with the file, to complete "…: ".
pub(super) fn probable_cause(
    header: &HeaderText<'_>,
    syntax: CsvSyntax,
    wanted: &[String],
) -> Option<String> {
    let record = header.record;
    if record.starts_with(b"\x1f") {
        return Some("it looks like gzip data; declare `compression: gzip`".to_owned());
    }
    let line = record.trim_ascii_end();
    if line.len() == 5 && line[..4].eq_ignore_ascii_case(b"sep=") {
        return Some(format!(
            "the first line is `sep={}`, which only spreadsheets read; remove it at the source",
            char::from(line[4])
        ));
    }
    let finds = |record: &[u8], syntax: CsvSyntax| -> usize {
        let Ok(names) = names(record, syntax) else {
            return 0;
        };
        let names: Vec<String> = names.iter().map(|name| folded(name)).collect();
        let wanted = wanted.iter().filter(|path| names.contains(&folded(path)));
        wanted.count()
    };
    let here = finds(record, syntax);
    for (delimiter, written) in [(b',', ","), (b';', ";"), (b'\t', "\\t"), (b'|', "|")] {
        let other = CsvSyntax {
            delimiter,
            ..syntax
        };
        if delimiter != syntax.delimiter && delimiter != syntax.quote && finds(record, other) > here
        {
            return Some(format!(
                "its fields look separated by another character; declare `delimiter: \"{written}\"`"
            ));
        }
    }
    let lines = header.behind.split_inclusive(|byte| *byte == b'\n');
    let below = lines
        .take(PREAMBLE_LINES)
        .position(|line| std::str::from_utf8(line).is_ok() && finds(line, syntax) > here)?;
    let record_lines = record.iter().filter(|byte| **byte == b'\n').count() as u64;
    Some(format!(
        "line {} looks like the header; remove the lines above it at the source",
        header.line + record_lines + below as u64
    ))
}
