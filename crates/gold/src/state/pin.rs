//! How a mart pins the partitions of a state or a history: exactly, and in one line.
//!
//! A state of changes may be made of thousands of partitions. What pins them is a digest that
//! begins with the rule and takes in one partition after the other, date and SHA-256: a late
//! partition, one that was written anew and one that was removed all change it. As it grows with
//! the list, the digests of all beginnings of a list cost no more than that of the whole, and a state
//! that was kept for an earlier date is known by the digest of its beginning.

use lakehouse_contract::{Input, RunDate, StateRule, Window};
use lakehouse_store::sha256_of_bytes;
use serde_json::{Value, json};

/// The digest of each beginning of a list of partitions, the whole list last; `begin` is what
/// besides the list decides what is made of it.
#[must_use]
pub fn pinned_digests(begin: &str, partitions: &[(RunDate, String)]) -> Vec<String> {
    let mut digest = sha256_of_bytes(begin.as_bytes());
    partitions
        .iter()
        .map(|(date, sha256)| {
            digest = sha256_of_bytes(format!("{digest}\n{date} {sha256}").as_bytes());
            digest.clone()
        })
        .collect()
}

/// What a mart's data file says of an input that it read as a state or a history; nothing where
/// there was no partition.
#[must_use]
pub fn pin_json(
    input: &Input,
    window: Window,
    rule: Option<&StateRule>,
    partitions: &[(RunDate, String)],
) -> Option<Value> {
    let ((first, _), (last, sha256)) = (partitions.first()?, partitions.last()?);
    let input = input.to_string();
    let read_as = window.to_string();
    if let (Window::State(_), Some(StateRule::Newest)) = (window, rule) {
        return Some(json!({
            "input": input,
            "as": read_as,
            "date": last.to_string(),
            "sha256": sha256,
        }));
    }
    let begin = match (window, rule) {
        (Window::State(_), Some(rule)) => rule.canonical(),
        _ => read_as.clone(),
    };
    let digest = pinned_digests(&begin, partitions).pop()?;
    Some(json!({
        "input": input,
        "as": read_as,
        "partitions": partitions.len(),
        "first": first.to_string(),
        "last": last.to_string(),
        "partitions_sha256": digest,
    }))
}

#[cfg(test)]
mod tests {
    use lakehouse_contract::{BeforeFirst, Input, RunDate, StateRule, Window};

    use super::{pin_json, pinned_digests};

    fn partitions(days: &[(&str, &str)]) -> Vec<(RunDate, String)> {
        days.iter()
            .map(|(date, sha256)| (date.parse().unwrap(), (*sha256).to_owned()))
            .collect()
    }

    fn rule(order_by: &str) -> StateRule {
        StateRule::Merged {
            key: vec!["id".to_owned()],
            order_by: vec![order_by.to_owned()],
            tombstone: None,
        }
    }

    fn pin(window: Window, rule: &StateRule, days: &[(&str, &str)]) -> Option<String> {
        let input = Input::Silver("users".parse().unwrap());
        pin_json(&input, window, Some(rule), &partitions(days)).map(|pin| pin.to_string())
    }

    const DAYS: [(&str, &str); 3] = [
        ("2024-03-01", "aa"),
        ("2024-03-02", "bb"),
        ("2024-03-05", "cc"),
    ];

    #[test]
    fn a_pin_says_what_was_seen() {
        let state = Window::State(BeforeFirst::Empty);
        let whole = pin(state, &rule("at"), &DAYS).unwrap();
        for part in [
            r#""as":"state""#,
            r#""partitions":3"#,
            r#""first":"2024-03-01""#,
            r#""last":"2024-03-05""#,
        ] {
            assert!(whole.contains(part), "{whole}");
        }
        assert_eq!(
            pin(state, &StateRule::Newest, &DAYS[2..]).unwrap(),
            r#"{"input":"silver.users","as":"state","date":"2024-03-05","sha256":"cc"}"#
        );
        assert_eq!(pin(state, &rule("at"), &[]), None);
    }

    #[test]
    fn whatever_changes_a_state_changes_its_pin() {
        let state = Window::State(BeforeFirst::Empty);
        let whole = pin(state, &rule("at"), &DAYS);
        let late = [DAYS[0], DAYS[1], ("2024-03-03", "dd"), DAYS[2]];
        let rewritten = [DAYS[0], ("2024-03-02", "b0"), DAYS[2]];
        let moved = [DAYS[0], ("2024-03-03", "bb"), DAYS[2]];
        let swapped = [("2024-03-01", "bb"), ("2024-03-02", "aa"), DAYS[2]];
        let removed = [DAYS[0], DAYS[2]];
        for other in [&late[..], &rewritten, &moved, &swapped, &removed] {
            assert_ne!(pin(state, &rule("at"), other), whole, "{other:?}");
        }
        assert_ne!(pin(state, &rule("version"), &DAYS), whole, "another order");
        assert_ne!(pin(Window::History, &rule("at"), &DAYS), whole, "history");
        let first = Window::State(BeforeFirst::First);
        assert_eq!(pin(first, &rule("at"), &DAYS), whole, "the same versions");
    }

    #[test]
    fn a_beginning_has_the_digest_of_its_own_list() {
        let digests = pinned_digests("rule", &partitions(&DAYS));
        assert_eq!(
            digests[..2],
            pinned_digests("rule", &partitions(&DAYS[..2]))
        );
        assert_ne!(
            digests[0],
            pinned_digests("other", &partitions(&DAYS[..1]))[0]
        );
    }
}
