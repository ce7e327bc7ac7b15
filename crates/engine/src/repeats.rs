//! `lake_seen(hash)`: whether this hash, or another one with the same place, came before.
//!
//! Deduplication first asks which keys occur twice at all: almost none do. To group a day by its
//! keys for that costs a tenth of silver's time, and for a large day more memory than its table.
//! One bit a key answers it well enough: `false` is certain of the first of equal hashes alone, and
//! `true` may be an error of the few bits, so whoever asks looks at those rows again.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use duckdb::ffi;

use crate::bridge::drop_boxed;
use crate::error::{EngineError, SqlErrorKind};
use crate::raw::{Connection, LogicalType, c_text_lossy};

const NAME: &str = "lake_seen";
/// The table's part of the engine's memory. At 1 GiB it has 2^27 bits: of ten million rows one in
/// twenty-five is looked at again.
const MEMORY_SHARE: u64 = 64;
const LEAST_BYTES: u64 = 1 << 20;
const MOST_BYTES: u64 = 64 << 20;

/// A bit for each of the places that a hash can have. Made when it is first asked.
struct Seen {
    words: OnceLock<Box<[AtomicU64]>>,
    word_count: usize,
}

impl Seen {
    fn new(memory_limit_bytes: u64) -> Self {
        let bytes = (memory_limit_bytes / MEMORY_SHARE).clamp(LEAST_BYTES, MOST_BYTES);
        // A power of two, so that a place is some of the hash's bits.
        let word_count = 1_usize << (bytes / 8).ilog2();
        Self {
            words: OnceLock::new(),
            word_count,
        }
    }

    fn words(&self) -> &[AtomicU64] {
        self.words
            .get_or_init(|| (0..self.word_count).map(|_| AtomicU64::new(0)).collect())
    }

    /// Notes a hash; whether its place was taken. Of equal hashes on any threads one alone is told
    /// `false`.
    fn note(words: &[AtomicU64], hash: u64) -> bool {
        let bit = 1_u64 << (hash & 63);
        let word = &words[(hash >> 6) as usize & (words.len() - 1)];
        word.fetch_or(bit, Ordering::Relaxed) & bit != 0
    }
}

/// Adds the function to the session.
pub(crate) fn register(
    connection: &Connection,
    memory_limit_bytes: u64,
) -> Result<(), EngineError> {
    let name = c_text_lossy(NAME);
    // SAFETY: handles are live until destroyed; the engine frees the extra information.
    let state = unsafe {
        let mut function = ffi::duckdb_create_scalar_function();
        ffi::duckdb_scalar_function_set_name(function, name.as_ptr());
        let hash = LogicalType(ffi::duckdb_create_logical_type(
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_UBIGINT,
        ));
        let answer = LogicalType(ffi::duckdb_create_logical_type(
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN,
        ));
        ffi::duckdb_scalar_function_add_parameter(function, hash.0);
        ffi::duckdb_scalar_function_set_return_type(function, answer.0);
        // Each call counts: none may be folded, shared or left out.
        ffi::duckdb_scalar_function_set_volatile(function);
        let seen = Box::into_raw(Box::new(Seen::new(memory_limit_bytes)));
        ffi::duckdb_scalar_function_set_extra_info(function, seen.cast(), Some(drop_boxed::<Seen>));
        ffi::duckdb_scalar_function_set_function(function, Some(seen_before));
        let state = ffi::duckdb_register_scalar_function(connection.handle(), function);
        ffi::duckdb_destroy_scalar_function(&mut function);
        state
    };
    if state == ffi::DuckDBSuccess {
        Ok(())
    } else {
        Err(EngineError::from_engine(
            SqlErrorKind::Internal,
            "the engine takes no function `lake_seen`",
        ))
    }
}

unsafe extern "C" fn seen_before(
    info: ffi::duckdb_function_info,
    input: ffi::duckdb_data_chunk,
    output: ffi::duckdb_vector,
) {
    // SAFETY: the engine passes the extra information of `register`, a flat chunk of one column of
    // 64-bit numbers and a result vector of booleans with room for as many rows. A hash is never
    // NULL. Nothing in here panics: the table's length is a power of two and never zero.
    unsafe {
        let seen = &*ffi::duckdb_scalar_function_get_extra_info(info).cast::<Seen>();
        let words = seen.words();
        let rows = ffi::duckdb_data_chunk_get_size(input) as usize;
        let hashes =
            ffi::duckdb_vector_get_data(ffi::duckdb_data_chunk_get_vector(input, 0)).cast::<u64>();
        let answers = ffi::duckdb_vector_get_data(output).cast::<bool>();
        for row in 0..rows {
            answers.add(row).write(Seen::note(words, *hashes.add(row)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LEAST_BYTES, MOST_BYTES, Seen};

    #[test]
    fn the_first_of_equal_hashes_alone_is_new() {
        let seen = Seen::new(0);
        for hash in [0, 1, 63, 64, u64::MAX, 0x9e37_79b9_7f4a_7c15] {
            assert!(!Seen::note(seen.words(), hash), "{hash}");
            assert!(Seen::note(seen.words(), hash), "{hash}");
        }
    }

    #[test]
    fn of_threads_that_note_the_same_one_is_first() {
        let seen = Seen::new(0);
        let first: usize = std::thread::scope(|scope| {
            let note = || {
                (0..1000)
                    .filter(|hash| !Seen::note(seen.words(), *hash))
                    .count()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(note)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        assert_eq!(first, 1000);
    }

    #[test]
    fn the_table_is_bounded() {
        assert_eq!(Seen::new(0).word_count as u64 * 8, LEAST_BYTES);
        assert_eq!(Seen::new(1 << 30).word_count, 1 << 21);
        assert_eq!(Seen::new(3 << 28).word_count, 1 << 20);
        assert_eq!(Seen::new(u64::MAX).word_count as u64 * 8, MOST_BYTES);
    }
}
