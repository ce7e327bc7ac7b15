//! Which kept states are worth their place: gold keeps no others of a range, and cleanup leaves no
//! others.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Datelike as _;
use lakehouse_contract::RunDate;

/// The newest dates whose states are kept.
const NEWEST: usize = 7;

/// Of these dates those whose states are kept: the last seven, and the last of each month, so that
/// a late day costs a month's partitions at most.
#[must_use]
pub fn worth_keeping(dates: &BTreeSet<RunDate>) -> BTreeSet<RunDate> {
    let last_of_months: BTreeMap<(i32, u32), RunDate> = dates
        .iter()
        .map(|date| ((date.date().year(), date.date().month()), *date))
        .collect();
    let newest = dates.iter().rev().take(NEWEST);
    newest
        .copied()
        .chain(last_of_months.into_values())
        .collect()
}

#[cfg(test)]
mod tests {
    use lakehouse_contract::RunDate;

    use super::worth_keeping;

    #[test]
    fn the_last_seven_and_one_a_month_are_kept() {
        let first: RunDate = "2024-01-15".parse().unwrap();
        let last: RunDate = "2024-04-03".parse().unwrap();
        let missing: RunDate = "2024-02-29".parse().unwrap();
        let dates = first
            .through(last)
            .filter(|date| *date != missing)
            .collect();
        let kept: Vec<String> = worth_keeping(&dates)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            kept,
            [
                "2024-01-31",
                "2024-02-28",
                "2024-03-28",
                "2024-03-29",
                "2024-03-30",
                "2024-03-31",
                "2024-04-01",
                "2024-04-02",
                "2024-04-03"
            ]
        );
        assert!(worth_keeping(&[].into()).is_empty());
    }
}
