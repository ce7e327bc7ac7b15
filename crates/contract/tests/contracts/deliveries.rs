//! Deliveries: what each needs, and what is refused.

use lakehouse_contract::{Contract, Delivery, StateRule};

use super::{A, KEY, contract, refused};

const AT: &str = "name: at, logicalType: timestamp";
const GONE: &str = "name: gone, logicalType: boolean";
const LATEST: &str = "{by: key, keep: latest, orderBy: [at]}";

fn properties(entries: &[(&str, &str)]) -> String {
    let mut text = "  customProperties:\n".to_owned();
    for (property, value) in entries {
        text.push_str(&format!(
            "  - {{property: {property}, vendor: lakehouse, value: {value}}}\n"
        ));
    }
    text
}

fn with(entries: &[(&str, &str)], columns: &[&str]) -> String {
    contract("", &properties(entries), columns)
}

#[test]
fn every_delivery_is_read() {
    let event = Contract::parse(&contract("", "", &[A])).unwrap();
    assert_eq!(event.delivery, Delivery::Event);
    assert_eq!(event.state_rule(), None);
    assert!(!event.allow_empty);

    // A snapshot needs nothing besides, not even a key.
    let snapshot = Contract::parse(&with(&[("delivery", "snapshot")], &[A])).unwrap();
    assert_eq!(snapshot.delivery, Delivery::Snapshot);
    assert_eq!(snapshot.state_rule(), Some(StateRule::Newest));
    assert!(
        !snapshot.allow_empty,
        "a table that is suddenly empty is suspicious"
    );

    let changes = Contract::parse(&with(
        &[
            ("delivery", "changes"),
            ("dedupe", LATEST),
            ("tombstone", "Gone"),
        ],
        &[KEY, AT, GONE],
    ))
    .unwrap();
    assert_eq!(changes.delivery, Delivery::Changes);
    assert!(
        changes.allow_empty,
        "a day on which nothing changed is a day"
    );
    assert_eq!(
        changes.state_rule(),
        Some(StateRule::Merged {
            key: vec!["k".to_owned()],
            order_by: vec!["at".to_owned()],
            tombstone: Some("gone".to_owned()),
        })
    );
    let strict = with(
        &[
            ("delivery", "changes"),
            ("dedupe", LATEST),
            ("allowEmpty", "false"),
        ],
        &[KEY, AT],
    );
    assert!(!Contract::parse(&strict).unwrap().allow_empty);
}

#[test]
fn a_contract_that_says_nothing_keeps_its_fingerprint() {
    let plain = Contract::parse(&contract("", "", &[KEY, AT])).unwrap();
    let said = Contract::parse(&with(&[("delivery", "event")], &[KEY, AT])).unwrap();
    assert_eq!(plain.sha256, said.sha256);
    let snapshot = Contract::parse(&with(&[("delivery", "snapshot")], &[KEY, AT])).unwrap();
    assert_ne!(plain.sha256, snapshot.sha256);
}

#[test]
fn what_does_not_fit_a_delivery_is_refused() {
    let changes = ("delivery", "changes");
    for (entries, columns, message, hint) in [
        (
            &[("delivery", "change")][..],
            &[A][..],
            "`change` is not a value of `delivery`",
            "did you mean `changes`?",
        ),
        (
            &[changes],
            &[A, AT],
            "`delivery: changes` without a key",
            "`primaryKey: true`",
        ),
        (
            &[changes],
            &[KEY, AT],
            "does not say which version of a key is the newest",
            "orderBy: [<column>]",
        ),
        (
            &[changes, ("dedupe", "{by: key}")],
            &[KEY, AT],
            "does not say which version of a key is the newest",
            "orderBy: [<column>]",
        ),
        (
            &[changes, ("dedupe", "{by: key, orderBy: [k]}")],
            &[KEY, AT],
            "`orderBy` names columns of the key alone",
            "orderBy: [<column>]",
        ),
        (
            &[changes, ("dedupe", "{by: key, keep: first, orderBy: [at]}")],
            &[KEY, AT],
            "`delivery: changes` with `keep: first`",
            "keep: latest",
        ),
        (
            &[changes, ("dedupe", "{by: row}")],
            &[KEY, AT],
            "needs `dedupe` by key",
            "{by: key",
        ),
        (
            &[changes, ("dedupe", "none")],
            &[KEY, AT],
            "needs `dedupe` by key",
            "{by: key",
        ),
        (
            &[changes, ("dedupe", LATEST), ("tombstone", "at")],
            &[KEY, AT],
            "`tombstone` is `at`, a column of type TIMESTAMP",
            "`logicalType: boolean`",
        ),
        (
            &[changes, ("dedupe", LATEST), ("tombstone", "deleted")],
            &[KEY, AT, GONE],
            "`tombstone` names `deleted`, which is not a column",
            "`gone`",
        ),
        (
            &[changes, ("dedupe", LATEST), ("tombstone", "k")],
            &["name: k, logicalType: boolean, primaryKey: true", AT],
            "a column of the key",
            "outside of the key",
        ),
        (
            &[("tombstone", "gone")],
            &[KEY, AT, GONE],
            "`tombstone` without `delivery: changes`",
            "declare `delivery: changes`",
        ),
        (
            &[("delivery", "snapshot"), ("tombstone", "gone")],
            &[KEY, AT, GONE],
            "`tombstone` without `delivery: changes`",
            "leave `tombstone` out",
        ),
        (
            &[
                ("delivery", "snapshot"),
                ("eventTime", "at"),
                ("onOtherDay", "quarantine"),
            ],
            &[KEY, AT],
            "`onOtherDay: quarantine` with `delivery: snapshot`",
            "leave `onOtherDay` out",
        ),
    ] {
        let error = refused(&with(entries, columns));
        assert!(error.to_string().contains(message), "{error}");
        assert!(error.hint().unwrap().contains(hint), "{:?}", error.hint());
        assert!(error.line().is_some(), "{error}");
    }
}

#[test]
fn one_slip_is_one_problem() {
    // The key that `dedupe` misses is the one that the delivery misses.
    let text = with(&[("delivery", "changes"), ("dedupe", LATEST)], &[A, AT]);
    let all = Contract::judge(&text).unwrap_err();
    assert_eq!(all.len(), 1, "{all:?}");
}
