//! Staging that is not what check needs.

use lakehouse_store::StagedFile;

use crate::fixture::{Ledger, Staged};

#[test]
fn a_day_without_a_manifest_is_nothing_to_do() {
    let outcome = Ledger::without_manifest().check();
    outcome.expect_code(99);
    assert_eq!(
        outcome.report()["datasets"]["entries"]["outcome"],
        "nothing"
    );
}

#[test]
fn staging_that_is_gone_says_from_where_to_start() {
    for gone in [
        StagedFile::Data,
        StagedFile::Quarantine,
        StagedFile::Quality,
    ] {
        let ledger = Ledger::new();
        ledger.stage(&Staged::default());
        ledger.delete(&ledger.staged(gone));
        let outcome = ledger.check();
        outcome.expect_code(2);
        for word in [
            "is not staged for run `manual__1`",
            "start again from silver",
        ] {
            assert!(outcome.stderr.contains(word), "no `{word}` in {outcome}");
        }
        assert!(ledger.list(&ledger.layout.silver).is_empty());
    }
}

#[test]
fn a_report_of_another_version_is_named() {
    let ledger = Ledger::new();
    ledger.stage(&Staged::default());
    let address = ledger.staged(StagedFile::Quality);
    ledger.put(
        &address,
        b"{\"pipeline\": \"ledger\", \"rows\": 1}".to_vec(),
        Default::default(),
    );
    let outcome = ledger.check();
    outcome.expect_code(2);
    assert!(outcome.stderr.contains(&address.to_string()), "{outcome}");
    assert!(outcome.stderr.contains("run silver again"), "{outcome}");
}
