//! What became of each file.

use std::collections::BTreeMap;

use crate::error::Unreadable;

/// Under this name [`FileOutcome::discarded`] counts what it has no place to name.
pub const OTHER_COLUMNS: &str = "(others)";

/// Names that are counted one by one: the first in the order of their bytes, so that the same
/// file has the same counts whichever worker met which name first.
const NAMED_COLUMNS: usize = 1_000;
/// A longer name is counted with the others.
const MAX_NAME_BYTES: usize = 256;

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
    /// refuses the day.
    pub discarded: BTreeMap<String, u64>,
}

/// Counts by name, bounded.
#[derive(Debug, Default)]
pub(crate) struct UnknownCounts {
    named: BTreeMap<String, u64>,
    others: u64,
}

impl UnknownCounts {
    pub(crate) fn add(&mut self, name: String, rows: u64) {
        if name.len() > MAX_NAME_BYTES {
            self.others += rows;
            return;
        }
        *self.named.entry(name).or_default() += rows;
        // The last in order goes first. One of the first thousand of a whole file is among the
        // first thousand of any part of it, so it is never dropped, and its count is whole.
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
    pub(crate) unknown: UnknownCounts,
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

    pub(crate) fn outcome(&self, index: i32) -> FileOutcome {
        let readable = self.unreadable.is_none();
        FileOutcome {
            index,
            records: if readable { self.records } else { 0 },
            unreadable: self.unreadable.clone(),
            discarded: if readable {
                self.unknown.counts()
            } else {
                BTreeMap::new()
            },
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
        assert_eq!(whole.counts()[OTHER_COLUMNS], 4_000);
        assert_eq!(whole.counts()["0999"], 2);
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
        let outcome = file.outcome(7);
        assert_eq!(
            (outcome.index, outcome.records, outcome.unreadable),
            (7, 0, Some(failure(20)))
        );
    }
}
