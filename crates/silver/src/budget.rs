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

    /// Divides a limit.
    #[must_use]
    pub fn of(limit_bytes: u64, threads: u64, max_record_bytes: u64, contract: &Contract) -> Self {
        let reader_bytes = (threads * (READER_THREAD_BYTES + max_record_bytes))
            .min(limit_bytes / READER_LARGEST_SHARE);
        let seen_bytes = (contract.dedupe != Dedupe::None)
            .then(|| (limit_bytes / SEEN_SHARE).clamp(SEEN_LEAST_BYTES, SEEN_MOST_BYTES));
        let engine_bytes = limit_bytes
            .saturating_sub(reader_bytes + seen_bytes.unwrap_or_default())
            .max(ENGINE_LEAST_BYTES);
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
                let parts = Budget::of(limit * MIB, threads, 16 * MIB, &contract(Dedupe::ByRow));
                let sum = parts.reader_bytes + parts.seen_bytes.unwrap() + parts.engine_bytes;
                assert_eq!(sum, limit * MIB, "{parts:?}");
                assert!(parts.engine_bytes >= limit * MIB * 3 / 4, "{parts:?}");
            }
        }
    }

    #[test]
    fn where_every_row_is_its_own_no_keys_are_kept() {
        let parts = Budget::of(1024 * MIB, 2, 16 * MIB, &contract(Dedupe::None));
        assert_eq!(parts.seen_bytes, None);
        assert_eq!(parts.reader_bytes + parts.engine_bytes, 1024 * MIB);
    }
}
