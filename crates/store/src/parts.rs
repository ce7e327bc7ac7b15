//! How a large object is cut.

/// The size of a part, for every object that fits into 10,000 of them (78 GiB).
///
/// Small enough that a few parts in flight cost no memory worth naming, large enough that a
/// request's overhead is lost in it.
pub const PART_SIZE_BYTES: u64 = 8 * 1024 * 1024;

/// The most parts that S3 takes.
const MOST_PARTS: u64 = 10_000;

/// The size of the parts of an object of `size_bytes`: [`PART_SIZE_BYTES`], growing by whole
/// MiB so that there are never more than 10,000 parts.
///
/// ```
/// assert_eq!(lakehouse_store::part_size_bytes(50_000_000_000), 8 * 1024 * 1024);
/// assert_eq!(lakehouse_store::part_size_bytes(5 << 40), 525 * 1024 * 1024);
/// ```
#[must_use]
pub fn part_size_bytes(size_bytes: u64) -> u64 {
    const MEBIBYTE: u64 = 1024 * 1024;
    size_bytes
        .div_ceil(MOST_PARTS)
        .next_multiple_of(MEBIBYTE)
        .max(PART_SIZE_BYTES)
}

/// The number of parts of an object of `size_bytes`; the empty object has one, the empty part.
#[must_use]
pub fn part_count(size_bytes: u64) -> u64 {
    size_bytes.div_ceil(part_size_bytes(size_bytes)).max(1)
}

#[cfg(test)]
mod tests {
    use super::{PART_SIZE_BYTES, part_count, part_size_bytes};

    #[test]
    fn fifty_gigabytes_and_five_terabytes_fit_into_the_parts_that_s3_takes() {
        assert_eq!(part_size_bytes(50_000_000_000), PART_SIZE_BYTES);
        assert_eq!(part_count(50_000_000_000), 5_961);
        let five_tebibytes = 5 << 40;
        assert_eq!(part_size_bytes(five_tebibytes), 525 * 1024 * 1024);
        assert_eq!(part_count(five_tebibytes), 9_987);
        assert_eq!(part_count(5_000_000_000_000), 9_997);
    }

    #[test]
    fn no_size_needs_more_than_ten_thousand_parts_or_parts_above_five_gibibytes() {
        let edge = PART_SIZE_BYTES * 10_000;
        for size in [
            0,
            1,
            PART_SIZE_BYTES,
            PART_SIZE_BYTES + 1,
            edge - 1,
            edge,
            edge + 1,
            5 << 40,
        ] {
            assert!(part_count(size) <= 10_000, "{size}");
            assert!(part_size_bytes(size) <= 5 << 30, "{size}");
        }
        assert_eq!(
            (
                part_count(0),
                part_count(PART_SIZE_BYTES),
                part_count(PART_SIZE_BYTES + 1)
            ),
            (1, 1, 2)
        );
    }
}
