//! What became of each file.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Unreadable;
use crate::names::looks_like_name;

/// Under this name [`FileOutcome::discarded`] counts what it has no place to name.
pub const OTHER_COLUMNS: &str = "(others)";

/// Names that are counted one by one: the first in the order of their bytes, so that the same
/// file has the same counts whichever worker met which name first.
pub const NAMED_COLUMNS: usize = 100;
/// Keys that are almost one of the plan's, of which one is told.
const ALMOST_KEYS: usize = 16;

/// What became of a file. Final once all workers have ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileOutcome {
    /// The index that the file was given.
    pub index: i32,
    /// Its rows, the broken ones included; 0 when it is unreadable.
    pub records: u64,
    /// Why none of its rows count. They may have been in batches all the same: drop them by
    /// `_lake_file`.
    pub unreadable: Option<Unreadable>,
    /// Dotted names of columns that the plan does not know, and in how many rows they were;
    /// not counting rows that are broken as a whole. Under `unknownColumns: fail` any entry
    /// refuses the day. What does not look like a name (see [`crate::looks_like_name`]) may be
    /// data, and is counted under [`OTHER_COLUMNS`].
    pub discarded: BTreeMap<String, u64>,
    /// Columns of the plan that are NULL in every row because the CSV header lacks them, or no
    /// record of the file has the first key of their path; a text as `source.<path>`. In the
    /// order of the plan.
    pub absent: Vec<String>,
}

/// The keys that came by in some records.
#[derive(Debug, Default)]
pub(crate) struct KeysMet {
    pub(crate) unknown: UnknownCounts,
    /// Which of the plan's first keys occurred, a bit each.
    pub(crate) occurred: Vec<u64>,
    /// Unknown keys that are almost one of the plan's first keys, by its index.
    almost: BTreeSet<(u32, String)>,
}

impl KeysMet {
    pub(crate) fn add_almost(&mut self, planned: u32, name: &str) {
        self.almost.insert((planned, name.to_owned()));
        if self.almost.len() > ALMOST_KEYS {
            self.almost.pop_last();
        }
    }

    fn merge(&mut self, other: Self) {
        self.unknown.merge(other.unknown);
        if self.occurred.len() < other.occurred.len() {
            self.occurred.resize(other.occurred.len(), 0);
        }
        for (word, occurred) in self.occurred.iter_mut().zip(other.occurred) {
            *word |= occurred;
        }
        for (planned, name) in other.almost {
            self.add_almost(planned, &name);
        }
    }

    fn has(&self, key: usize) -> bool {
        let word = self.occurred.get(key / 64);
        word.is_some_and(|word| word & (1 << (key % 64)) != 0)
    }
}

/// Counts by name, bounded.
#[derive(Debug, Default)]
pub(crate) struct UnknownCounts {
    named: BTreeMap<String, u64>,
    others: u64,
}

impl UnknownCounts {
    pub(crate) fn add(&mut self, name: String, rows: u64) {
        if !looks_like_name(&name) {
            self.others += rows;
            return;
        }
        *self.named.entry(name).or_default() += rows;
        // The last in order goes first. One of the first hundred of a whole file is among the
        // first hundred of any part of it, so it is never dropped, and its count is whole.
        if self.named.len() > NAMED_COLUMNS
            && let Some((_, rows)) = self.named.pop_last()
        {
            self.others += rows;
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.others += other.others;
        for (name, rows) in other.named {
            self.add(name, rows);
        }
    }

    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        let mut counts = self.named.clone();
        if self.others > 0 {
            *counts.entry(OTHER_COLUMNS.to_owned()).or_default() += self.others;
        }
        counts
    }
}

/// What is known of a file so far.
#[derive(Debug, Default)]
pub(crate) struct FileProgress {
    pub(crate) records: u64,
    pub(crate) unreadable: Option<Unreadable>,
    pub(crate) met: KeysMet,
    /// Of a CSV file: the columns that its header lacks.
    pub(crate) absent: Vec<String>,
}

impl FileProgress {
    /// Notes a failure; of several the first in the file stays, whoever met it when.
    pub(crate) fn fail(&mut self, unreadable: Unreadable) {
        if self
            .unreadable
            .as_ref()
            .is_none_or(|known| unreadable < *known)
        {
            self.unreadable = Some(unreadable);
        }
    }

    pub(crate) fn add(&mut self, records: u64, met: KeysMet) {
        self.records += records;
        self.met.merge(met);
    }

    /// `first_keys` are those of a plan that reads JSON, each with the columns under it.
    pub(crate) fn outcome(&self, index: i32, first_keys: &[FirstKey]) -> FileOutcome {
        let mut outcome = FileOutcome {
            index,
            records: 0,
            unreadable: self.unreadable.clone(),
            discarded: BTreeMap::new(),
            absent: Vec::new(),
        };
        if outcome.unreadable.is_some() {
            return outcome;
        }
        let mut absent: Vec<(usize, &String)> = Vec::new();
        if self.records > 0 {
            for (index, key) in first_keys.iter().enumerate() {
                if self.met.has(index) {
                    continue;
                }
                if let Some((_, name)) = self
                    .met
                    .almost
                    .iter()
                    .find(|(key, _)| *key as usize == index)
                {
                    outcome.unreadable = Some(key.almost(name));
                    return outcome;
                }
                absent.extend(key.columns.iter().map(|(place, label)| (*place, label)));
            }
        }
        absent.sort_unstable();
        let labels = absent.into_iter().map(|(_, label)| label.clone());
        outcome.absent = self.absent.iter().cloned().chain(labels).collect();
        outcome.records = self.records;
        outcome.discarded = self.met.unknown.counts();
        outcome
    }
}

/// A first key of the plan's paths.
#[derive(Debug)]
pub(crate) struct FirstKey {
    pub(crate) name: String,
    /// The columns whose paths begin with it: place in the plan, label.
    pub(crate) columns: Vec<(usize, String)>,
}

impl FirstKey {
    /// The file has no such key, and one that a person would take for it.
    fn almost(&self, found: &str) -> Unreadable {
        let reason = if crate::names::folded(found) == crate::names::folded(&self.name) {
            format!(
                "no record has the key `{}`, and there is a key {found:?}: they differ only in \
                 case or blanks; write `sourcePath` exactly as the file has it",
                self.name
            )
        } else {
            format!(
                "no record has the key `{}`, and there is a key {found:?}: its dots are part of \
                 one key, and a path with dots leads through objects; write `sourcePath` as a \
                 list of keys: [{found:?}]",
                self.name
            )
        };
        Unreadable {
            byte_offset: 0,
            position: 0,
            reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_names_are_counted_the_same_in_any_order() {
        let names: Vec<String> = (0..3_000)
            .map(|number| format!("{:04}", number * 7 % 3_000))
            .chain(["ada@example.org".to_owned()])
            .collect();
        let mut whole = UnknownCounts::default();
        for name in &names {
            whole.add(name.clone(), 2);
        }
        let mut parts = UnknownCounts::default();
        for chunk in names.rchunks(700) {
            let mut part = UnknownCounts::default();
            for name in chunk.iter().rev() {
                part.add(name.clone(), 1);
                part.add(name.clone(), 1);
            }
            parts.merge(part);
        }
        assert_eq!(whole.counts(), parts.counts());
        assert_eq!(whole.counts().len(), NAMED_COLUMNS + 1);
        assert_eq!(whole.counts()[OTHER_COLUMNS], 2 * 2_901);
        assert_eq!(whole.counts()["0099"], 2);
    }

    #[test]
    fn the_first_failure_stays() {
        let failure = |byte_offset| Unreadable {
            position: 1,
            byte_offset,
            reason: "broken".to_owned(),
        };
        let mut file = FileProgress {
            records: 3,
            ..FileProgress::default()
        };
        for byte_offset in [50, 20, 90] {
            file.fail(failure(byte_offset));
        }
        let outcome = file.outcome(7, &[]);
        assert_eq!(
            (outcome.index, outcome.records, outcome.unreadable),
            (7, 0, Some(failure(20)))
        );
    }
}
