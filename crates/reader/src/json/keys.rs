//! The keys that a plan reads, and those that come by.
//!
//! Records of one file have their keys in one order, mostly. So each worker remembers, per level,
//! which key followed which, and compares the bytes of the key it expects before it looks
//! anything up.

use std::collections::HashMap;

use super::scan::chunk_at;
use crate::names::folded;
use crate::outcome::KeysMet;
use crate::plan::ReadPlan;

/// Keys of one object that the plan reads, or reads within.
#[derive(Debug, Default)]
pub(crate) struct Level {
    /// Of the record's level: which key a name is almost, in case, blanks, or in dots that stand
    /// in one key instead of between two.
    almost: HashMap<String, u32>,
    /// The dotted path of this object with a dot at its end; nothing for the record itself.
    pub(super) prefix: String,
    pub(super) keys: Vec<Key>,
}

impl Level {
    fn index_of(&self, name: &str) -> Option<u32> {
        let index = self.keys.iter().position(|key| key.name == name)?;
        u32::try_from(index).ok()
    }
}

#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: String,
    /// Targets that take this key's value.
    pub(super) targets: Vec<u16>,
    /// The level of this key's object, where the plan reads within.
    pub(super) child: Option<usize>,
    /// All targets within.
    pub(super) below: Vec<u16>,
}

/// All levels of a plan; the first is the record.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(super) levels: Vec<Level>,
}

impl Tree {
    pub(crate) fn new(plan: &ReadPlan) -> Self {
        let mut tree = Self {
            levels: vec![Level::default()],
        };
        for (target, path) in plan.paths().enumerate() {
            tree.insert(path, target as u16);
        }
        let mut almost = HashMap::new();
        for path in plan.paths().filter(|path| path.len() > 1) {
            if let Some(index) = tree.levels[0].index_of(&path[0]) {
                almost.insert(folded(&path.join(".")), index);
            }
        }
        for (index, key) in (0..).zip(&tree.levels[0].keys) {
            almost.insert(folded(&key.name), index);
        }
        tree.levels[0].almost = almost;
        tree
    }

    /// The keys of a record that the plan reads, or reads within.
    pub(crate) fn first_keys(&self) -> &[Key] {
        &self.levels[0].keys
    }

    fn insert(&mut self, path: &[String], target: u16) {
        let mut level = 0;
        for (depth, name) in path.iter().enumerate() {
            let keys = &mut self.levels[level].keys;
            let index = keys
                .iter()
                .position(|key| key.name == *name)
                .unwrap_or_else(|| {
                    keys.push(Key {
                        name: name.clone(),
                        targets: Vec::new(),
                        child: None,
                        below: Vec::new(),
                    });
                    keys.len() - 1
                });
            if depth + 1 == path.len() {
                keys[index].targets.push(target);
                return;
            }
            keys[index].below.push(target);
            level = match keys[index].child {
                Some(child) => child,
                None => {
                    let child = self.levels.len();
                    self.levels[level].keys[index].child = Some(child);
                    let prefix = format!("{}.", path[..=depth].join("."));
                    self.levels.push(Level {
                        prefix,
                        ..Level::default()
                    });
                    child
                }
            };
        }
    }
}

/// A key as it is expected in the file: in quotes, without escapes.
#[derive(Debug)]
struct Expected {
    /// Its first sixteen bytes.
    head: u128,
    mask: u128,
    /// What is beyond them.
    rest: Box<[u8]>,
    /// Zero for a key that can only be written with escapes.
    length: usize,
}

impl Expected {
    fn new(name: &[u8]) -> Self {
        let needs_escapes = name
            .iter()
            .any(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\'));
        let quoted = if needs_escapes {
            Vec::new()
        } else {
            [b"\"", name, b"\""].concat()
        };
        let (mut head, mut mask) = ([0; 16], [0; 16]);
        for (index, byte) in quoted.iter().take(16).enumerate() {
            (head[index], mask[index]) = (*byte, 0xFF);
        }
        Self {
            head: u128::from_le_bytes(head),
            mask: u128::from_le_bytes(mask),
            rest: quoted.get(16..).unwrap_or_default().into(),
            length: quoted.len(),
        }
    }

    /// The length of this key, if it is what the block has at `at`; else 0.
    #[inline]
    fn match_length(&self, block: &[u8], at: usize) -> usize {
        let found = u128::from_le_bytes(chunk_at(block, at));
        if (found ^ self.head) & self.mask != 0
            || self.length > 16 && !block[at + 16..].starts_with(&self.rest)
        {
            return 0;
        }
        self.length
    }
}

/// More keys than this in one object that the contract does not know: not a record.
const MAX_UNKNOWN_KEYS: usize = 10_000;
/// Beyond these, what is known about unknown keys is handed over and forgotten.
const REMEMBERED_KEYS: usize = 2_048;
const REMEMBERED_BYTES: usize = 1 << 20;

/// What a worker knows about the keys of a level: those of the plan, then those that came by.
#[derive(Debug)]
pub(super) struct KeyMemory {
    planned: usize,
    expected: Vec<Expected>,
    lookup: HashMap<Box<[u8]>, u32>,
    /// Which key followed key `index - 1`; at 0, which came first.
    successors: Vec<u32>,
    /// Rows that had unknown key `index - planned`.
    rows: Vec<u64>,
    /// Which key of the plan unknown key `index - planned` almost is.
    almost: Vec<Option<u32>>,
    unknown_bytes: usize,
    /// Which of the keys from the 65th on the current object has had.
    pub(super) seen: Vec<u64>,
}

impl KeyMemory {
    pub(super) fn new(level: &Level) -> Self {
        let expected: Vec<_> = level
            .keys
            .iter()
            .map(|key| Expected::new(key.name.as_bytes()))
            .collect();
        let lookup = (0..)
            .zip(&level.keys)
            .map(|(index, key)| (key.name.as_bytes().into(), index))
            .collect();
        // The first guess is the order of the plan.
        let successors = (0..=expected.len())
            .map(|index| index.min(expected.len().saturating_sub(1)) as u32)
            .collect();
        Self {
            planned: expected.len(),
            seen: vec![0; expected.len() / 64 + 1],
            expected,
            lookup,
            successors,
            rows: Vec::new(),
            almost: Vec::new(),
            unknown_bytes: 0,
        }
    }

    /// The key that usually follows, and its length, if that is what the block has at `at`.
    #[inline(always)]
    pub(super) fn predict(&self, previous: usize, block: &[u8], at: usize) -> (usize, usize) {
        let index = self.successors[previous] as usize;
        match self.expected.get(index) {
            Some(expected) => (index, expected.match_length(block, at)),
            None => (0, 0),
        }
    }

    /// The index of a key by its name. `None` when there are too many.
    pub(super) fn find(&mut self, level: &Level, previous: usize, name: &[u8]) -> Option<usize> {
        let index = match self.lookup.get(name) {
            Some(index) => *index,
            None => {
                if self.rows.len() >= MAX_UNKNOWN_KEYS {
                    return None;
                }
                let index = self.expected.len() as u32;
                self.expected.push(Expected::new(name));
                self.lookup.insert(name.into(), index);
                self.successors.push(index);
                self.rows.push(0);
                self.almost.push(match level.almost.is_empty() {
                    true => None,
                    false => {
                        let name = folded(&String::from_utf8_lossy(name));
                        level.almost.get(&name).copied()
                    }
                });
                self.unknown_bytes += name.len();
                if self.expected.len() > self.seen.len() * 64 {
                    self.seen.push(0);
                }
                index
            }
        };
        self.successors[previous] = index;
        Some(index as usize)
    }

    #[inline]
    pub(super) fn count(&mut self, index: usize) {
        self.rows[index - self.planned] += 1;
    }

    pub(super) fn is_overfull(&self) -> bool {
        self.rows.len() > REMEMBERED_KEYS || self.unknown_bytes > REMEMBERED_BYTES
    }

    /// Hands over in how many rows each unknown key was.
    pub(super) fn drain(&mut self, prefix: &str, into: &mut KeysMet) {
        let overfull = self.is_overfull();
        for (name, index) in &self.lookup {
            let index = *index as usize;
            if index < self.planned {
                continue;
            }
            let rows = std::mem::take(&mut self.rows[index - self.planned]);
            if rows > 0 {
                let name = String::from_utf8_lossy(name);
                if let Some(planned) = self.almost[index - self.planned] {
                    into.add_almost(planned, &name);
                }
                into.unknown.add(format!("{prefix}{name}"), rows);
            }
        }
        if overfull {
            let planned = self.planned;
            self.lookup.retain(|_, index| (*index as usize) < planned);
            self.expected.truncate(planned);
            self.successors.truncate(planned + 1);
            self.seen.truncate(planned / 64 + 1);
            self.rows.clear();
            self.almost.clear();
            self.unknown_bytes = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::PADDING;

    #[test]
    fn expected_keys_of_every_length() {
        for length in 0..40 {
            let name = "k".repeat(length);
            let expected = Expected::new(name.as_bytes());
            let mut block = format!("\"{name}\": 1").into_bytes();
            block.extend_from_slice(&[0; PADDING]);
            assert_eq!(expected.match_length(&block, 0), length + 2);
            for at in 0..length + 2 {
                let mut other = block.clone();
                other[at] ^= 1;
                assert_eq!(
                    expected.match_length(&other, 0),
                    0,
                    "length {length}, byte {at}"
                );
            }
        }
        assert_eq!(Expected::new(b"a\"b").length, 0);
        assert_eq!(Expected::new(b"a\\b").length, 0);
    }
}
