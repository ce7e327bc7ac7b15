//! How a dataset divides the stage's memory.

use lakehouse_contract::{Contract, Dedupe};

/// What one of the reader's threads has in hand besides its longest record: its blocks.
const READER_THREAD_BYTES: u64 = 4 << 20;
/// The reader gets no more than this share.
const READER_LARGEST_SHARE: u64 = 8;
/// The table of keys that have been seen gets this share. At 1 GiB it has 2^27 bits: of ten million
/// rows one in twenty-five is looked at again.
const SEEN_SHARE: u64 = 64;
const SEEN_LEAST_BYTES: u64 = 1 << 20;
const SEEN_MOST_BYTES: u64 = 64 << 20;
/// What the engine needs for a key that it holds in a hash table: 5 M of them did not fit into 190
/// MB beside a table of 20 M rows.
const HELD_KEY_BYTES: u64 = 64;
/// A day that does not fit into the engine's memory leaves it this share of what the limit has above
/// a small one. The engine counts its buffers, and what it needs to spill and merge comes on top: on
/// 20 M rows (4.6 GB), processes with a limit of 1 GB peaked at 1.14 to 1.21 GB without this, where
/// 150 MB more are allowed, and at 0.99 to 1.08 with an eighth of the limit. A small limit shows
/// no such surplus, and has none to give: 10 M rows need all of 256 MB.
const SPILLING_SHARE: u64 = 6;
const SMALL_LIMIT_BYTES: u64 = 256 << 20;
/// Rows that the engine's sort has in one piece on each thread, and where rows are long.
const PIECE_ROWS: u64 = 122_880;
const SMALL_PIECE_ROWS: u64 = 2_048;
/// What a thread of the engine needs besides its piece of a sort.
const ENGINE_THREAD_BYTES: u64 = 24 << 20;
/// Longer records are sorted in small pieces and written a few at a time.
const LONG_RECORD_BYTES: u64 = 1 << 10;
/// What fits into any limit needs no care.
const SMALL_DAY_BYTES: u64 = 32 << 20;
/// So many bytes of long texts are restored by the engine; with more, rows are written a few at a
/// time.
const FEW_LONG_TEXT_BYTES: u64 = 32 << 20;
/// The engine does not start with less, whatever the limit is.
const ENGINE_LEAST_BYTES: u64 = 64 << 20;

/// The parts of the stage's memory. Every byte kept from the engine is one that a large day spills
/// to disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// For the reader: what it can hold at once, as far as there is room.
    pub reader_bytes: u64,
    /// For the keys that have been seen; none where no two rows can be the same.
    pub seen_bytes: Option<u64>,
    /// For the engine's tables.
    pub engine_bytes: u64,
    /// As many threads as memory has room for.
    pub threads: usize,
    /// Whether the sort works on small pieces.
    pub small_pieces: bool,
}

/// A day as far as its memory is concerned. It follows from the source files alone, so what is
/// decided by it alone is the same on every machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// The bytes of all decoded files.
    pub source_bytes: u64,
    /// The mean length of some of its records.
    pub record_bytes: u64,
}

impl Day {
    /// Whether records are long and many.
    #[must_use]
    pub fn has_long_records(&self) -> bool {
        self.source_bytes > SMALL_DAY_BYTES && self.record_bytes > LONG_RECORD_BYTES
    }

    /// Whether rows must be written a few at a time. This decides how row groups are cut.
    #[must_use]
    pub fn is_written_in_order(&self, long_text_bytes: u64) -> bool {
        self.has_long_records() || long_text_bytes > FEW_LONG_TEXT_BYTES
    }
}

/// What a budget is made for.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// `LAKE_MEMORY_LIMIT`.
    pub memory_bytes: u64,
    /// `LAKE_THREADS`.
    pub threads: u64,
    /// `LAKE_MAX_RECORD_BYTES`.
    pub max_record_bytes: u64,
}

impl Budget {
    /// How many keys the engine may hold at once besides its tables: an eighth of its memory.
    #[must_use]
    pub fn few_keys(&self) -> u64 {
        self.engine_bytes / 8 / HELD_KEY_BYTES
    }

    /// Divides a limit for a day.
    #[must_use]
    pub fn of(limits: Limits, contract: &Contract, day: Day) -> Self {
        let small_pieces = day.has_long_records();
        // Of a long record the engine's tables have only the beginnings of texts.
        let (piece_rows, row_bytes) = if small_pieces {
            (
                SMALL_PIECE_ROWS,
                day.record_bytes.min(4 * LONG_RECORD_BYTES),
            )
        } else {
            (PIECE_ROWS, day.record_bytes)
        };
        // A piece has rows and their keys, which in a total order are as long.
        let piece_bytes = piece_rows * 2 * row_bytes;
        let of = |threads| Self::with_threads(limits, contract, day, threads, small_pieces);
        let thread_bytes = ENGINE_THREAD_BYTES + piece_bytes;
        // Each thread takes from the engine what the reader needs for it.
        let fits = |threads: &u64| of(*threads).engine_bytes / thread_bytes >= *threads;
        of((1..=limits.threads).rev().find(fits).unwrap_or(1))
    }

    /// The least that can be done with: one thread and small pieces.
    #[must_use]
    pub fn least(limits: Limits, contract: &Contract, day: Day) -> Self {
        Self::with_threads(limits, contract, day, 1, true)
    }

    fn with_threads(
        limits: Limits,
        contract: &Contract,
        day: Day,
        threads: u64,
        small_pieces: bool,
    ) -> Self {
        let limit_bytes = limits.memory_bytes;
        let reader_bytes = (threads * (READER_THREAD_BYTES + limits.max_record_bytes))
            .min(limit_bytes / READER_LARGEST_SHARE);
        let seen_bytes = (contract.dedupe != Dedupe::None)
            .then(|| (limit_bytes / SEEN_SHARE).clamp(SEEN_LEAST_BYTES, SEEN_MOST_BYTES));
        let others_bytes = reader_bytes + seen_bytes.unwrap_or_default();
        let mut engine_bytes = limit_bytes.saturating_sub(others_bytes);
        if day.source_bytes > engine_bytes {
            engine_bytes -= limit_bytes.saturating_sub(SMALL_LIMIT_BYTES) / SPILLING_SHARE;
        }
        Self {
            reader_bytes,
            seen_bytes,
            engine_bytes: engine_bytes.max(ENGINE_LEAST_BYTES),
            threads: usize::try_from(threads).unwrap_or(usize::MAX),
            small_pieces,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, Day, Limits};
    use lakehouse_contract::{Contract, Dedupe};

    const MIB: u64 = 1 << 20;

    fn contract(dedupe: Dedupe) -> Contract {
        let text = include_str!("../../../pipelines/sales/contracts/transactions.odcs.yaml");
        let mut contract = Contract::parse(text).unwrap();
        contract.dedupe = dedupe;
        contract
    }

    const SALES_RECORD_BYTES: u64 = 229;

    fn budget(limit_mib: u64, threads: u64, record_mib: u64, dedupe: Dedupe, day: Day) -> Budget {
        let limits = Limits {
            memory_bytes: limit_mib * MIB,
            threads,
            max_record_bytes: record_mib * MIB,
        };
        Budget::of(limits, &contract(dedupe), day)
    }

    fn day(source_bytes: u64, record_bytes: u64) -> Day {
        Day {
            source_bytes,
            record_bytes,
        }
    }

    #[test]
    fn the_parts_are_the_whole() {
        for limit in [128, 256, 512, 1024, 2048, 65_536] {
            for threads in [1, 2, 16] {
                let of = |source_bytes| {
                    let day = day(source_bytes, SALES_RECORD_BYTES);
                    budget(limit, threads, 16, Dedupe::ByRow, day)
                };
                let parts = of(0);
                let sum = parts.reader_bytes + parts.seen_bytes.unwrap() + parts.engine_bytes;
                assert_eq!(sum, limit * MIB, "{parts:?}");
                let spilling = of(u64::MAX);
                assert!(spilling.engine_bytes >= limit * MIB * 2 / 3, "{spilling:?}");
            }
        }
    }

    #[test]
    fn a_day_that_spills_leaves_room_for_what_the_engine_does_not_count() {
        let engine_mib = |limit_mib, source_mib| {
            let day = day(source_mib * MIB, SALES_RECORD_BYTES);
            budget(limit_mib, 2, 1, Dedupe::ByRow, day).engine_bytes / MIB
        };
        assert_eq!(engine_mib(1024, 900), 1024 - 10 - 16);
        assert_eq!(engine_mib(1024, 1000), 1024 - 10 - 16 - 128);
        assert_eq!(engine_mib(256, 1000), 256 - 10 - 4);
    }

    #[test]
    fn threads_follow_from_memory_and_from_the_length_of_records() {
        let threads = |limit_mib, record_bytes| {
            let day = day(3 * limit_mib * MIB, record_bytes);
            budget(limit_mib, 16, 16, Dedupe::ByRow, day).threads
        };
        assert_eq!(threads(256, SALES_RECORD_BYTES), 2);
        assert_eq!(threads(1024, SALES_RECORD_BYTES), 9);
        assert_eq!(threads(4096, SALES_RECORD_BYTES), 16);
        assert_eq!(threads(256, 1_000), 1);
        // In small pieces there is room for more.
        assert_eq!(threads(256, 4_000), 5);
        assert_eq!(threads(256, 50_000), 5);
    }

    #[test]
    fn what_shapes_the_file_does_not_depend_on_the_machine() {
        assert!(!day(u64::MAX, SALES_RECORD_BYTES).is_written_in_order(0));
        assert!(day(u64::MAX, SALES_RECORD_BYTES).is_written_in_order(u64::MAX));
        assert!(day(100 * MIB, 4_000).is_written_in_order(0));
        assert!(!day(MIB, 4_000).is_written_in_order(MIB));
    }

    #[test]
    fn keys_that_are_held_take_an_eighth_of_the_engines_memory() {
        let parts = Budget {
            engine_bytes: 512 * MIB,
            ..budget(512, 1, 1, Dedupe::ByRow, day(0, 0))
        };
        assert_eq!(parts.few_keys(), 64 * MIB / 64);
    }

    #[test]
    fn where_every_row_is_its_own_no_keys_are_kept() {
        let parts = budget(1024, 2, 16, Dedupe::None, day(0, 0));
        assert_eq!(parts.seen_bytes, None);
        assert_eq!(parts.reader_bytes + parts.engine_bytes, 1024 * MIB);
    }
}
