//! `lake_seen(hash)`: whether this hash, or another one that shares its bit, came before.
//!
//! Deduplication first asks which keys occur twice at all: almost none do. Grouping a day by its
//! keys to find out costs a tenth of silver's time, and for a large day more memory than its table.
//! One bit per key answers it well enough: only the first of equal hashes is told `false`, and
//! `true` may be wrong where two hashes share a bit, so the rows it names are looked at again.

use std::sync::atomic::{AtomicU64, Ordering};

use duckdb::ffi;

use crate::scalar::{Rows, ScalarFunction};

/// The function, with its table of bits.
pub(crate) struct SeenFilter {
    words: Box<[AtomicU64]>,
}

impl SeenFilter {
    /// A table of at most so many bytes, and at least one word.
    pub(crate) fn new(table_bytes: u64) -> Self {
        // A power of two, so that some of the hash's bits choose the word.
        let word_count = 1_usize << (table_bytes / 8).max(1).ilog2();
        Self {
            words: (0..word_count).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Notes a hash, and returns whether its bit was set already. Of equal hashes, on however many
    /// threads, exactly one is told `false`.
    fn note(&self, hash: u64) -> bool {
        let bit = 1_u64 << (hash & 63);
        let word = &self.words[(hash >> 6) as usize & (self.words.len() - 1)];
        word.fetch_or(bit, Ordering::Relaxed) & bit != 0
    }
}

impl ScalarFunction for SeenFilter {
    const NAME: &'static str = "lake_seen";
    const PARAMETERS: &'static [ffi::duckdb_type] = &[ffi::DUCKDB_TYPE_DUCKDB_TYPE_UBIGINT];
    const RETURN_TYPE: ffi::duckdb_type = ffi::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN;
    const VOLATILE: bool = true;

    unsafe fn call(&self, rows: &mut Rows) -> Result<(), String> {
        for row in 0..rows.count() {
            // SAFETY: as the trait says; rows stay below their number. A hash is never NULL.
            unsafe {
                let is_seen = self.note(rows.fixed(0, row));
                rows.set(row, is_seen);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::SeenFilter;

    #[test]
    fn the_first_of_equal_hashes_alone_is_new() {
        let seen = SeenFilter::new(1 << 20);
        for hash in [0, 1, 63, 64, u64::MAX, 0x9e37_79b9_7f4a_7c15] {
            assert!(!seen.note(hash), "{hash}");
            assert!(seen.note(hash), "{hash}");
        }
    }

    #[test]
    fn of_threads_that_note_the_same_one_is_first() {
        let seen = SeenFilter::new(1 << 20);
        let first: usize = std::thread::scope(|scope| {
            let note = || (0..1000).filter(|hash| !seen.note(*hash)).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(note)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        assert_eq!(first, 1000);
    }

    #[test]
    fn the_table_is_as_large_as_told() {
        let bytes = |told| SeenFilter::new(told).words.len() * 8;
        assert_eq!(bytes(1 << 24), 1 << 24);
        assert_eq!(bytes(3 << 23), 1 << 24);
        assert_eq!(bytes(0), 8);
    }
}
