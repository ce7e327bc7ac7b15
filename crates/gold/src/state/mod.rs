//! The state of a dataset as of a date: which partitions it is made of, how a mart pins them, and
//! where it comes from without reading all of history again.

mod kept;
mod merge;
mod pin;
mod states;

use std::collections::BTreeSet;

use lakehouse_contract::{BeforeFirst, RunDate, StateRule, Window};

pub use merge::Versions;
pub use pin::{pin_json, pinned_digests};
pub use states::{Source, States, Wanted};

/// The partitions, of those that are published, that a mart sees on a date when it reads a state or
/// a history.
///
/// A history is every partition not after the date. So is what a state of changes is merged from; a
/// state of snapshots is the newest of them alone. Before the first partition there is none, or the
/// first one where the mart says so.
#[must_use]
pub fn partitions_seen(
    window: Window,
    rule: Option<&StateRule>,
    published: &BTreeSet<RunDate>,
    date: RunDate,
) -> BTreeSet<RunDate> {
    let seen: BTreeSet<RunDate> = published.range(..=date).copied().collect();
    match window {
        Window::State(before_first) => {
            let seen = match rule {
                Some(StateRule::Newest) => seen.last().copied().into_iter().collect(),
                _ => seen,
            };
            match (seen.is_empty(), before_first) {
                (true, BeforeFirst::First) => published.first().copied().into_iter().collect(),
                _ => seen,
            }
        }
        _ => seen,
    }
}

#[cfg(test)]
mod tests {
    use lakehouse_contract::{BeforeFirst, RunDate, StateRule, Window};

    use super::partitions_seen;

    fn merged() -> StateRule {
        StateRule::Merged {
            key: vec!["id".to_owned()],
            order_by: vec!["at".to_owned()],
            tombstone: None,
        }
    }

    fn seen(window: Window, rule: &StateRule, date: &str) -> Vec<String> {
        let published = ["2024-03-02", "2024-03-03", "2024-03-05"]
            .iter()
            .map(|day| day.parse().unwrap())
            .collect();
        let date: RunDate = date.parse().unwrap();
        partitions_seen(window, Some(rule), &published, date)
            .iter()
            .map(|date| date.to_string()[8..].to_owned())
            .collect()
    }

    #[test]
    fn nothing_after_the_date_is_seen() {
        let state = Window::State(BeforeFirst::Empty);
        assert_eq!(seen(state, &merged(), "2024-03-03"), ["02", "03"]);
        assert_eq!(seen(state, &merged(), "2024-03-04"), ["02", "03"]);
        assert_eq!(seen(state, &merged(), "2024-03-09"), ["02", "03", "05"]);
        assert_eq!(seen(Window::History, &merged(), "2024-03-04"), ["02", "03"]);
        assert_eq!(
            seen(Window::History, &StateRule::Newest, "2024-03-05"),
            ["02", "03", "05"]
        );
    }

    #[test]
    fn of_snapshots_the_newest_is_seen() {
        let state = Window::State(BeforeFirst::Empty);
        assert_eq!(seen(state, &StateRule::Newest, "2024-03-04"), ["03"]);
        assert_eq!(seen(state, &StateRule::Newest, "2024-03-05"), ["05"]);
    }

    #[test]
    fn before_the_first_partition_there_is_nothing_or_the_first() {
        for rule in [merged(), StateRule::Newest] {
            let empty = Window::State(BeforeFirst::Empty);
            let first = Window::State(BeforeFirst::First);
            assert!(seen(empty, &rule, "2024-03-01").is_empty());
            assert_eq!(seen(first, &rule, "2024-03-01"), ["02"]);
            assert_eq!(seen(first, &rule, "2024-03-02"), ["02"]);
        }
        assert!(seen(Window::History, &merged(), "2024-03-01").is_empty());
    }
}
