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
}

impl Budget {
    /// How many keys the engine may hold at once besides its tables: an eighth of its memory.
    #[must_use]
    pub fn few_keys(&self) -> u64 {
        self.engine_bytes / 8 / HELD_KEY_BYTES
    }

    /// Divides a limit for a day whose decoded files have so many bytes.
    #[must_use]
    pub fn of(
        limit_bytes: u64,
        threads: u64,
        max_record_bytes: u64,
        contract: &Contract,
        source_bytes: u64,
    ) -> Self {
        let reader_bytes = (threads * (READER_THREAD_BYTES + max_record_bytes))
            .min(limit_bytes / READER_LARGEST_SHARE);
        let seen_bytes = (contract.dedupe != Dedupe::None)
            .then(|| (limit_bytes / SEEN_SHARE).clamp(SEEN_LEAST_BYTES, SEEN_MOST_BYTES));
        let others_bytes = reader_bytes + seen_bytes.unwrap_or_default();
        let mut engine_bytes = limit_bytes.saturating_sub(others_bytes);
        if source_bytes > engine_bytes {
            engine_bytes -= limit_bytes.saturating_sub(SMALL_LIMIT_BYTES) / SPILLING_SHARE;
        }
        let engine_bytes = engine_bytes.max(ENGINE_LEAST_BYTES);
        Self {
            reader_bytes,
            seen_bytes,
            engine_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Budget;
    use lakehouse_contract::{Contract, Dedupe};

    const MIB: u64 = 1 << 20;

    fn contract(dedupe: Dedupe) -> Contract {
        let text = include_str!("../../../pipelines/sales/contracts/transactions.odcs.yaml");
        let mut contract = Contract::parse(text).unwrap();
        contract.dedupe = dedupe;
        contract
    }

    #[test]
    fn the_parts_are_the_whole() {
        for limit in [128, 256, 512, 1024, 2048, 65_536] {
            for threads in [1, 2, 16] {
                let of = |source_bytes| {
                    let contract = contract(Dedupe::ByRow);
                    Budget::of(limit * MIB, threads, 16 * MIB, &contract, source_bytes)
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
            let contract = contract(Dedupe::ByRow);
            let parts = Budget::of(limit_mib * MIB, 2, MIB, &contract, source_mib * MIB);
            parts.engine_bytes / MIB
        };
        assert_eq!(engine_mib(1024, 900), 1024 - 10 - 16);
        assert_eq!(engine_mib(1024, 1000), 1024 - 10 - 16 - 128);
        assert_eq!(engine_mib(256, 1000), 256 - 10 - 4);
    }

    #[test]
    fn keys_that_are_held_take_an_eighth_of_the_engines_memory() {
        let parts = Budget {
            reader_bytes: 0,
            seen_bytes: None,
            engine_bytes: 512 * MIB,
        };
        assert_eq!(parts.few_keys(), 64 * MIB / 64);
    }

    #[test]
    fn where_every_row_is_its_own_no_keys_are_kept() {
        let parts = Budget::of(1024 * MIB, 2, 16 * MIB, &contract(Dedupe::None), 0);
        assert_eq!(parts.seen_bytes, None);
        assert_eq!(parts.reader_bytes + parts.engine_bytes, 1024 * MIB);
    }
}
