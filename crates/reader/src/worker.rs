//! A worker: takes a block, parses it, hands out batches.

use std::sync::Arc;

use memchr::{memchr, memchr_iter};

use crate::batch::{Batch, PADDING};
use crate::csv::{CsvOutcome, CsvSyntax, Header, read_record};
use crate::error::{ReadError, Unreadable};
use crate::json::{JsonParser, RecordOutcome};
use crate::model::UnknownColumns;
use crate::outcome::KeysMet;
use crate::reader::Reader;
use crate::rows::{RecordRule, Rows};
use crate::split::{BlockPlace, ElementScanner, INVALID_UTF8, Layout};

/// Reads blocks of a [`Reader`]'s files, one after the other, on the thread that it is on.
#[derive(Debug)]
pub struct Worker {
    reader: Arc<Reader>,
    parser: JsonParser,
    batch: Batch,
    block: BlockState,
}

/// How far the worker is in its block.
#[derive(Debug, Default)]
struct BlockState {
    /// Which file, and its `_lake_file`.
    file: usize,
    index: i32,
    place: BlockPlace,
    /// The next byte.
    at: usize,
    /// Where reading ends: the end of the block, or its first invalid byte.
    limit: usize,
    /// Lines or elements of the block that are behind.
    position: u64,
    /// JSON Lines: where the current line began, if `at` is within one.
    line: Option<usize>,
    records: u64,
    /// CSV: rows that are not broken as a whole.
    whole_records: u64,
    /// Invalid UTF-8 at `limit`.
    invalid: Option<Unreadable>,
}

impl BlockState {
    fn unreadable(&self, at: usize, position: u64, reason: String) -> Unreadable {
        Unreadable {
            byte_offset: self.place.offset + at as u64,
            position: self.place.position + position,
            reason,
        }
    }

    fn too_long(&self, start: usize, position: u64, max_record_bytes: usize) -> Unreadable {
        let reason = format!("a record is longer than {max_record_bytes} bytes");
        self.unreadable(start + max_record_bytes, position, reason)
    }
}

impl Worker {
    pub(crate) fn new(reader: Arc<Reader>) -> Self {
        let parser = JsonParser::new(Arc::clone(&reader.tree), reader.plan.unknown_columns);
        let batch = Batch {
            block: Vec::new(),
            rows: Rows::new(Arc::clone(&reader.targets)),
        };
        Self {
            reader,
            parser,
            batch,
            block: BlockState::default(),
        }
    }

    /// The next rows; `None` when all files are read. The order of blocks is that in which
    /// workers take them, the order within a block is that of the file.
    ///
    /// # Errors
    ///
    /// A local file that cannot be opened or read. What is wrong with the data is in the rows
    /// or in [`Reader::outcome`].
    pub fn next_batch(&mut self) -> Result<Option<&Batch>, ReadError> {
        loop {
            self.batch.rows.clear();
            if self.block.at >= self.block.limit && !self.next_block()? {
                return Ok(None);
            }
            let read = match self.reader.layout.clone() {
                Layout::Lines => self.read_lines(),
                Layout::Array => self.read_elements::<true>(),
                Layout::Concatenated => self.read_elements::<false>(),
                Layout::Csv(syntax) => self.read_csv(syntax),
            };
            match read {
                Ok(()) => {
                    self.block.records += self.batch.rows.count as u64;
                    if self.block.at >= self.block.limit {
                        self.end_block();
                    }
                    if self.batch.rows.count > 0 {
                        return Ok(Some(&self.batch));
                    }
                }
                // What breaks where invalid UTF-8 begins, breaks because of that.
                Err(unreadable) => {
                    let unreadable = match self.block.invalid.take() {
                        Some(invalid) => invalid.min(unreadable),
                        None => unreadable,
                    };
                    self.reader.fail(self.block.file, unreadable);
                    self.block.at = self.block.limit;
                    // Their rows do not count; neither do their columns.
                    self.parser.take_met();
                }
            }
        }
    }

    fn next_block(&mut self) -> Result<bool, ReadError> {
        if self.batch.rows.arena.capacity() > self.reader.limits.block_bytes * 2 {
            // A long record made it grow.
            self.batch.rows.arena = Vec::new();
        }
        let Some((file, place)) = self.reader.claim(&mut self.batch.block)? else {
            return Ok(false);
        };
        let index = self.reader.files[file].index;
        let limit = place.length;
        self.block = BlockState {
            file,
            index,
            place,
            limit,
            ..BlockState::default()
        };
        // A block ends behind a record or with the file: a character that is cut is invalid too.
        if let Err(error) = std::str::from_utf8(&self.batch.block[..limit]) {
            let at = error.valid_up_to();
            self.block.invalid = Some(Unreadable {
                byte_offset: self.block.place.offset + at as u64,
                position: self.position_of(at),
                reason: INVALID_UTF8.to_owned(),
            });
            self.block.limit = at;
            self.batch.block[at..at + PADDING].fill(0);
        }
        Ok(true)
    }

    /// The line or element that a byte of the block belongs to.
    fn position_of(&self, at: usize) -> u64 {
        let before = &self.batch.block[..at];
        let complete = match self.reader.layout {
            Layout::Lines | Layout::Csv(_) => memchr_iter(b'\n', before).count(),
            Layout::Array | Layout::Concatenated => {
                let mut scanner =
                    ElementScanner::new(matches!(self.reader.layout, Layout::Concatenated));
                std::iter::from_fn(|| scanner.next(before)).count()
            }
        };
        self.block.place.position + complete as u64 + 1
    }

    fn end_block(&mut self) {
        if let Some(invalid) = self.block.invalid.take() {
            self.reader.fail(self.block.file, invalid);
            self.batch.rows.clear();
        }
        let mut met = self.parser.take_met();
        if let Some(header) = &self.block.place.header
            && !matches!(self.reader.plan.unknown_columns, UnknownColumns::Quarantine)
        {
            add_header(header, self.block.whole_records, &mut met);
        }
        self.reader.note(self.block.file, self.block.records, met);
    }

    fn read_lines(&mut self) -> Result<(), Unreadable> {
        let Self {
            reader,
            parser,
            batch: Batch { block: bytes, rows },
            block: state,
        } = self;
        let max_record_bytes = reader.limits.max_record_bytes;
        while state.at < state.limit && !rows.is_full() {
            let line = state.position + 1;
            let position = state.place.position + line;
            let is_first = state.line.is_none();
            let start = *state.line.get_or_insert(state.at);
            let at = JsonParser::skip_space::<true>(bytes, state.at);
            let offset = state.place.offset + at as u64;
            let mut next = at;
            if at < state.limit && bytes[at] != b'\n' {
                let outcome = parser.record::<true>(bytes, at, state.limit, rows);
                let ends = match outcome {
                    RecordOutcome::Row(end) | RecordOutcome::Broken(_, end) => {
                        next = JsonParser::skip_space::<true>(bytes, end);
                        next >= state.limit || bytes[next] == b'\n'
                    }
                    RecordOutcome::Syntax(_) => false,
                };
                match outcome {
                    RecordOutcome::Row(_) | RecordOutcome::Broken(..)
                        if !ends && is_first && !is_sequence(parser, bytes, next, state.limit) =>
                    {
                        next = line_end(bytes, next, state.limit);
                        rows.finish_broken(RecordRule::Record, state.index, position, offset);
                    }
                    RecordOutcome::Row(_) => rows.finish(state.index, position, offset),
                    RecordOutcome::Broken(rule, _) => {
                        rows.finish_broken(rule, state.index, position, offset)
                    }
                    RecordOutcome::Syntax(_) => {
                        next = line_end(bytes, at, state.limit);
                        rows.finish_broken(RecordRule::Record, state.index, position, offset);
                    }
                }
            }
            state.at = next;
            if next >= state.limit || bytes[next] == b'\n' {
                if next - start > max_record_bytes {
                    return Err(state.too_long(start, line, max_record_bytes));
                }
                state.at = (next + 1).min(state.limit);
                state.position += 1;
                state.line = None;
            }
        }
        Ok(())
    }

    fn read_elements<const ARRAY: bool>(&mut self) -> Result<(), Unreadable> {
        let Self {
            parser,
            batch: Batch { block: bytes, rows },
            block: state,
            ..
        } = self;
        while state.at < state.limit && !rows.is_full() {
            let element = state.position + 1;
            let at = JsonParser::skip_space::<false>(bytes, state.at);
            if at >= state.limit {
                state.at = state.limit;
                break;
            }
            let position = state.place.position + element;
            let offset = state.place.offset + at as u64;
            let not_json =
                |state: &BlockState, at| state.unreadable(at, element, "not JSON".to_owned());
            let end = match parser.record::<false>(bytes, at, state.limit, rows) {
                RecordOutcome::Row(end) => {
                    rows.finish(state.index, position, offset);
                    end
                }
                RecordOutcome::Broken(rule, end) => {
                    rows.finish_broken(rule, state.index, position, offset);
                    end
                }
                RecordOutcome::Syntax(at) => return Err(not_json(state, at)),
            };
            state.position = element;
            state.at = JsonParser::skip_space::<false>(bytes, end);
            if ARRAY && state.at < state.limit {
                if bytes[state.at] != b',' {
                    return Err(not_json(state, state.at));
                }
                state.at += 1;
            }
        }
        Ok(())
    }

    fn read_csv(&mut self, syntax: CsvSyntax) -> Result<(), Unreadable> {
        let Self {
            reader,
            batch: Batch { block: bytes, rows },
            block: state,
            ..
        } = self;
        let max_record_bytes = reader.limits.max_record_bytes;
        let header = state.place.header.clone().unwrap_or_default();
        let refuses = !header.unknown.is_empty()
            && matches!(reader.plan.unknown_columns, UnknownColumns::Quarantine);
        while state.at < state.limit && !rows.is_full() {
            let at = state.at;
            if bytes[at] == b'\n' || bytes[at] == b'\r' && bytes[at + 1] == b'\n' {
                state.at += if bytes[at] == b'\n' { 1 } else { 2 };
                state.position += 1;
                continue;
            }
            let line = state.position + 1;
            let (position, offset) = (state.place.position + line, state.place.offset + at as u64);
            let (outcome, end) = read_record(bytes, at, state.limit, syntax, &header, rows);
            if end - at > max_record_bytes {
                return Err(state.too_long(at, line, max_record_bytes));
            }
            match outcome {
                CsvOutcome::Row if refuses => {
                    rows.finish_broken(RecordRule::UnknownColumns, state.index, position, offset);
                }
                CsvOutcome::Row => {
                    state.whole_records += 1;
                    rows.finish(state.index, position, offset);
                }
                CsvOutcome::Broken(rule) => rows.finish_broken(rule, state.index, position, offset),
            }
            state.position += memchr_iter(b'\n', &bytes[at..end]).count() as u64;
            state.at = end;
        }
        Ok(())
    }
}

fn add_header(header: &Header, rows: u64, met: &mut KeysMet) {
    if rows > 0 {
        for name in &header.unknown {
            met.unknown.add(name.clone(), rows);
        }
    }
}

/// Whether the rest of the line is values, one behind the other. Asked once for a line with more
/// than one: a line that is broken anywhere is one broken row, not some rows and a rest.
#[cold]
fn is_sequence(parser: &mut JsonParser, bytes: &[u8], mut at: usize, limit: usize) -> bool {
    while at < limit && bytes[at] != b'\n' {
        match parser.value_end::<true>(bytes, at, limit) {
            Ok(end) => at = JsonParser::skip_space::<true>(bytes, end),
            Err(_) => return false,
        }
    }
    true
}

#[cold]
fn line_end(bytes: &[u8], at: usize, limit: usize) -> usize {
    memchr(b'\n', &bytes[at..limit]).map_or(limit, |length| at + length)
}
