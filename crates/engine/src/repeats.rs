//! `lake_seen(hash)`: whether this hash, or another one with the same place, came before.
//!
//! Deduplication first asks which keys occur twice at all: almost none do. To group a day by its
//! keys for that costs a tenth of silver's time, and for a large day more memory than its table.
//! One bit a key answers it well enough: `false` is certain of the first of equal hashes alone, and
//! `true` may be an error of the few bits, so whoever asks looks at those rows again.

use std::sync::atomic::{AtomicU64, Ordering};

use duckdb::ffi;

use crate::scalar::ScalarFunction;

/// The function, with a bit for each of the places that a hash can have.
pub(crate) struct Seen {
    words: Box<[AtomicU64]>,
}

impl Seen {
    /// A table of at most so many bytes, and at least one word.
    pub(crate) fn new(table_bytes: u64) -> Self {
        // A power of two, so that a place is some of the hash's bits.
        let word_count = 1_usize << (table_bytes / 8).max(1).ilog2();
        Self {
            words: (0..word_count).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Notes a hash; whether its place was taken. Of equal hashes on any threads one alone is told
    /// `false`.
    fn note(&self, hash: u64) -> bool {
        let bit = 1_u64 << (hash & 63);
        let word = &self.words[(hash >> 6) as usize & (self.words.len() - 1)];
        word.fetch_or(bit, Ordering::Relaxed) & bit != 0
    }
}

impl ScalarFunction for Seen {
    const NAME: &'static str = "lake_seen";
    const PARAMETERS: &'static [ffi::duckdb_type] = &[ffi::DUCKDB_TYPE_DUCKDB_TYPE_UBIGINT];
    const ANSWER: ffi::duckdb_type = ffi::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN;
    const VOLATILE: bool = true;

    unsafe fn answer(
        &self,
        input: ffi::duckdb_data_chunk,
        output: ffi::duckdb_vector,
    ) -> Result<(), String> {
        // SAFETY: as the trait says; rows stay below the chunk's size. A hash is never NULL.
        unsafe {
            let rows = ffi::duckdb_data_chunk_get_size(input) as usize;
            let hashes = ffi::duckdb_vector_get_data(ffi::duckdb_data_chunk_get_vector(input, 0))
                .cast::<u64>();
            let answers = ffi::duckdb_vector_get_data(output).cast::<bool>();
            for row in 0..rows {
                answers.add(row).write(self.note(*hashes.add(row)));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Seen;

    #[test]
    fn the_first_of_equal_hashes_alone_is_new() {
        let seen = Seen::new(1 << 20);
        for hash in [0, 1, 63, 64, u64::MAX, 0x9e37_79b9_7f4a_7c15] {
            assert!(!seen.note(hash), "{hash}");
            assert!(seen.note(hash), "{hash}");
        }
    }

    #[test]
    fn of_threads_that_note_the_same_one_is_first() {
        let seen = Seen::new(1 << 20);
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
        let bytes = |told| Seen::new(told).words.len() * 8;
        assert_eq!(bytes(1 << 24), 1 << 24);
        assert_eq!(bytes(3 << 23), 1 << 24);
        assert_eq!(bytes(0), 8);
    }
}
