//! One record: an object whose known keys go to their columns.

use std::sync::Arc;

use super::keys::{Key, KeyMemory, Tree};
use super::scan::{number_end, skip_space, string_stop, unescape, value_end, word_end};
use crate::cast::Kind;
use crate::model::UnknownColumns;
use crate::outcome::KeysMet;
use crate::rows::{RecordRule, Rows};

/// What a value at the place of a record was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordOutcome {
    /// A record; it ends here.
    Row(usize),
    /// A value that ends here, but breaks a rule of records.
    Broken(RecordRule, usize),
    /// Not JSON, from here on.
    Syntax(usize),
}

/// Why reading a record stopped before its end.
enum ParseStop {
    Syntax(usize),
    DuplicateKey,
    TooManyKeys,
}

/// Parses records. One per worker: it learns the order of keys.
#[derive(Debug)]
pub(crate) struct JsonParser {
    tree: Arc<Tree>,
    state: State,
    met: KeysMet,
}

#[derive(Debug)]
struct State {
    memories: Vec<KeyMemory>,
    unknown_columns: UnknownColumns,
    /// Unknown keys of the current record: level and index.
    unknown: Vec<(usize, usize)>,
    /// Which keys of the record's level any record had, a bit each.
    occurred: Vec<u64>,
    /// More unknown keys came by than are remembered.
    overfull: bool,
    /// The library's buffer for unescaping.
    tape: Vec<u8>,
    key: Vec<u8>,
    /// Where the record must have ended.
    limit: usize,
}

impl JsonParser {
    pub(crate) fn new(tree: Arc<Tree>, unknown_columns: UnknownColumns) -> Self {
        let memories = tree.levels.iter().map(KeyMemory::new).collect();
        let state = State {
            memories,
            unknown_columns,
            unknown: Vec::new(),
            occurred: vec![0; tree.first_keys().len() / 64 + 1],
            overfull: false,
            tape: Vec::new(),
            key: Vec::new(),
            limit: 0,
        };
        Self {
            tree,
            state,
            met: KeysMet::default(),
        }
    }

    /// The next byte that is not white space.
    #[inline]
    pub(crate) fn skip_space<const LINES: bool>(block: &[u8], at: usize) -> usize {
        skip_space::<LINES>(block, at)
    }

    /// Where the value at `at` ends, or where it breaks.
    pub(crate) fn value_end<const LINES: bool>(
        &mut self,
        block: &[u8],
        at: usize,
        limit: usize,
    ) -> Result<usize, usize> {
        value_end::<LINES>(block, at, limit, &mut self.state.tape)
    }

    /// Reads the value at `at` into the current row, which the caller then finishes. `limit` is
    /// where the file, the block or the line ends.
    #[inline]
    pub(crate) fn record<const LINES: bool>(
        &mut self,
        block: &[u8],
        at: usize,
        limit: usize,
        rows: &mut Rows,
    ) -> RecordOutcome {
        self.state.limit = limit;
        if self.state.overfull {
            self.forget();
        }
        if block[at] == b'{' {
            match self
                .state
                .object::<LINES>(&self.tree, 0, block, at + 1, rows)
            {
                Ok(end) if self.state.unknown.is_empty() => RecordOutcome::Row(end),
                Ok(end) => self.state.judge_unknown(end),
                Err(stop) => self.broken::<LINES>(block, at, limit, stop),
            }
        } else {
            match self.value_end::<LINES>(block, at, limit) {
                Ok(end) => RecordOutcome::Broken(RecordRule::Record, end),
                Err(at) => RecordOutcome::Syntax(at),
            }
        }
    }

    /// A record that breaks a rule may also not be JSON, which outweighs it.
    #[cold]
    fn broken<const LINES: bool>(
        &mut self,
        block: &[u8],
        at: usize,
        limit: usize,
        stop: ParseStop,
    ) -> RecordOutcome {
        self.state.unknown.clear();
        let rule = match stop {
            ParseStop::Syntax(at) => return RecordOutcome::Syntax(at),
            ParseStop::DuplicateKey => RecordRule::DuplicateKey,
            ParseStop::TooManyKeys => RecordRule::Record,
        };
        match self.value_end::<LINES>(block, at, limit) {
            Ok(end) => RecordOutcome::Broken(rule, end),
            Err(at) => RecordOutcome::Syntax(at),
        }
    }

    /// Why the record at `at` is broken as a whole, and by which byte; `None` where it is not. It is
    /// one of JSON Lines where `LINES` says so: then what follows in its line counts too.
    pub(crate) fn fault<const LINES: bool>(
        &mut self,
        block: &[u8],
        at: usize,
        limit: usize,
        rows: &mut Rows,
    ) -> Option<(usize, &'static str)> {
        const NOT_JSON: &str = "not JSON";
        let mut next = match self.record::<LINES>(block, at, limit, rows) {
            RecordOutcome::Row(end) => end,
            RecordOutcome::Syntax(at) => return Some((at, NOT_JSON)),
            RecordOutcome::Broken(RecordRule::DuplicateKey, _) => {
                return Some((at, "a key is given twice"));
            }
            RecordOutcome::Broken(..) if block[at] == b'{' => {
                return Some((at, "an object with more than 10,000 unknown keys"));
            }
            RecordOutcome::Broken(..) => return Some((at, "not an object")),
        };
        if !LINES {
            return None;
        }
        loop {
            next = skip_space::<LINES>(block, next);
            if next >= limit || block[next] == b'\n' {
                return None;
            }
            match self.value_end::<LINES>(block, next, limit) {
                Ok(end) => next = end,
                Err(at) => return Some((at, NOT_JSON)),
            }
        }
    }

    /// Hands over which keys came by since the last time, and in how many rows the unknown ones
    /// were.
    pub(crate) fn take_met(&mut self) -> KeysMet {
        self.forget();
        self.met.occurred.clone_from(&self.state.occurred);
        self.state.occurred.fill(0);
        std::mem::take(&mut self.met)
    }

    #[cold]
    fn forget(&mut self) {
        self.state.overfull = false;
        for (level, memory) in self.tree.levels.iter().zip(&mut self.state.memories) {
            memory.drain(&level.prefix, &mut self.met);
        }
    }
}

impl State {
    #[cold]
    fn judge_unknown(&mut self, end: usize) -> RecordOutcome {
        if matches!(self.unknown_columns, UnknownColumns::Quarantine) {
            self.unknown.clear();
            return RecordOutcome::Broken(RecordRule::UnknownColumns, end);
        }
        for (level, index) in self.unknown.drain(..) {
            self.memories[level].count(index);
        }
        RecordOutcome::Row(end)
    }

    /// Reads an object of the plan, from behind its brace.
    fn object<const LINES: bool>(
        &mut self,
        tree: &Tree,
        level: usize,
        block: &[u8],
        at: usize,
        rows: &mut Rows,
    ) -> Result<usize, ParseStop> {
        let mut at = skip_space::<LINES>(block, at);
        if block[at] == b'}' {
            return Ok(at + 1);
        }
        if self.memories[level].seen.len() > 1 {
            self.memories[level].seen.fill(0);
        }
        let keys = &tree.levels[level].keys[..];
        let mut seen = 0_u64;
        let mut previous = 0;
        loop {
            let (mut index, length) = self.memories[level].predict(previous, block, at);
            at += length;
            if length == 0 {
                (index, at) = self.find_key(tree, level, previous, block, at)?;
            }
            previous = index + 1;
            if index < 64 {
                let bit = 1 << index;
                if seen & bit != 0 {
                    return Err(ParseStop::DuplicateKey);
                }
                seen |= bit;
            } else {
                self.note_seen(level, index)?;
            }
            if block[at] != b':' {
                at = skip_space::<LINES>(block, at);
                if block[at] != b':' {
                    return Err(ParseStop::Syntax(at));
                }
            }
            at = skip_space::<LINES>(block, at + 1);
            at = match keys.get(index) {
                Some(key) => self.value::<LINES>(tree, key, block, at, rows)?,
                None => {
                    self.unknown.push((level, index));
                    value_end::<LINES>(block, at, self.limit, &mut self.tape)
                        .map_err(ParseStop::Syntax)?
                }
            };
            if block[at] != b',' {
                at = skip_space::<LINES>(block, at);
                match block[at] {
                    b',' => {}
                    b'}' => {
                        if level == 0 {
                            self.note_occurred(seen);
                        }
                        return Ok(at + 1);
                    }
                    _ => return Err(ParseStop::Syntax(at)),
                }
            }
            at = skip_space::<LINES>(block, at + 1);
        }
    }

    /// Reads a key that was not the expected one.
    #[inline(never)]
    fn find_key(
        &mut self,
        tree: &Tree,
        level: usize,
        previous: usize,
        block: &[u8],
        at: usize,
    ) -> Result<(usize, usize), ParseStop> {
        if block[at] != b'"' {
            return Err(ParseStop::Syntax(at));
        }
        let stop = string_stop(block, at + 1);
        let found = if block[stop] == b'"' {
            self.memories[level]
                .find(&tree.levels[level], previous, &block[at + 1..stop])
                .map(|index| (index, stop + 1))
        } else {
            self.key.clear();
            let end = unescape(block, at, self.limit, &mut self.tape, &mut self.key)
                .map_err(ParseStop::Syntax)?;
            self.memories[level]
                .find(&tree.levels[level], previous, &self.key)
                .map(|index| (index, end))
        };
        self.overfull |= self.memories[level].is_overfull();
        found.ok_or(ParseStop::TooManyKeys)
    }

    /// Notes which keys the record had that ends here.
    #[inline]
    fn note_occurred(&mut self, seen: u64) {
        self.occurred[0] |= seen;
        let beyond = self.memories[0].seen.iter().skip(1);
        for (word, seen) in self.occurred.iter_mut().skip(1).zip(beyond) {
            *word |= seen;
        }
    }

    #[cold]
    fn note_seen(&mut self, level: usize, index: usize) -> Result<(), ParseStop> {
        let word = &mut self.memories[level].seen[index / 64];
        let bit = 1 << (index % 64);
        if *word & bit != 0 {
            return Err(ParseStop::DuplicateKey);
        }
        *word |= bit;
        Ok(())
    }

    /// Reads the value of a key of the plan.
    #[inline]
    fn value<const LINES: bool>(
        &mut self,
        tree: &Tree,
        key: &Key,
        block: &[u8],
        at: usize,
        rows: &mut Rows,
    ) -> Result<usize, ParseStop> {
        let (kind, end) = match block[at] {
            b'"' => {
                let stop = string_stop(block, at + 1);
                if block[stop] != b'"' {
                    return self.escaped(key, block, at, rows);
                }
                for target in &key.targets {
                    rows.set(*target, Kind::Text, block, at + 1, stop);
                }
                if key.child.is_some() {
                    misshapen(key, rows);
                }
                return Ok(stop + 1);
            }
            b'-' | b'0'..=b'9' | b'N' | b'I' => (
                Kind::Number,
                number_end(block, at).map_err(ParseStop::Syntax)?,
            ),
            b'{' => {
                if let Some(child) = key.child {
                    let end = self.object::<LINES>(tree, child, block, at + 1, rows)?;
                    for target in &key.targets {
                        rows.set(*target, Kind::Structure, block, at, end);
                    }
                    return Ok(end);
                }
                (
                    Kind::Structure,
                    value_end::<LINES>(block, at, self.limit, &mut self.tape)
                        .map_err(ParseStop::Syntax)?,
                )
            }
            b'n' => return word_end(block, at, b"null").map_err(ParseStop::Syntax),
            b't' => (
                Kind::Word,
                word_end(block, at, b"true").map_err(ParseStop::Syntax)?,
            ),
            b'f' => (
                Kind::Word,
                word_end(block, at, b"false").map_err(ParseStop::Syntax)?,
            ),
            b'[' => (
                Kind::Structure,
                value_end::<LINES>(block, at, self.limit, &mut self.tape)
                    .map_err(ParseStop::Syntax)?,
            ),
            _ => return Err(ParseStop::Syntax(at)),
        };
        for target in &key.targets {
            rows.set(*target, kind, block, at, end);
        }
        if key.child.is_some() {
            misshapen(key, rows);
        }
        Ok(end)
    }

    fn escaped(
        &mut self,
        key: &Key,
        block: &[u8],
        at: usize,
        rows: &mut Rows,
    ) -> Result<usize, ParseStop> {
        let start = rows.arena.len();
        let end = unescape(block, at, self.limit, &mut self.tape, &mut rows.arena)
            .map_err(ParseStop::Syntax)?;
        for target in &key.targets {
            rows.set_from_arena(*target, start, rows.arena.len());
        }
        if key.child.is_some() {
            misshapen(key, rows);
        }
        Ok(end)
    }
}

/// The plan reads within this key, and its value is neither an object nor null.
#[cold]
fn misshapen(key: &Key, rows: &mut Rows) {
    for target in &key.below {
        rows.set_misshapen(*target);
    }
}
