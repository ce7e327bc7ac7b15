//! The audit itself: schema, identity, conservation, quality rules.

use crate::fixture::{GOOD, Ledger, Staged, unreadable};

#[test]
fn a_day_that_keeps_its_contract_is_published_as_it_was_staged() {
    let ledger = Ledger::new();
    ledger.stage(&Staged::default());
    let staged = ledger.get(&ledger.staged(lakehouse_store::StagedFile::Data));
    let outcome = ledger.check();
    outcome.expect_code(0);
    assert_eq!(ledger.get(&ledger.published()), staged);
    let entry = outcome.report()["datasets"]["entries"].clone();
    assert_eq!(entry["outcome"], "done");
    assert_eq!(entry["accepted"], true);
    assert_eq!(entry["rows_published"], 2);
    // What it was made of, and what was made of it.
    let inputs = entry["inputs"].as_array().unwrap();
    let outputs = entry["outputs"].as_array().unwrap();
    assert_eq!((inputs.len(), outputs.len()), (3, 3), "{entry}");
    let data = &outputs[2];
    assert_eq!(data["address"], ledger.published().to_string());
    assert_eq!(data["rows"], 2);
    assert_eq!(data["bytes"], staged.as_ref().unwrap().len());
    assert_eq!(
        data["sha256"],
        lakehouse_store::sha256_of_bytes(&staged.unwrap())
    );
    assert_eq!(data["sha256"], inputs[0]["sha256"]);
}

#[test]
fn a_column_that_the_contract_does_not_name_is_refused() {
    let select = GOOD.replace("SELECT *", "SELECT *, 'ada@example.com' AS e_mail");
    Ledger::new().refuses(
        &Staged {
            data: select,
            ..Staged::default()
        },
        &[
            "schema: column e_mail",
            "VARCHAR",
            "the contract does not name it",
        ],
    );
}

#[test]
fn a_column_that_is_absent_or_of_another_type_is_refused() {
    let ledger = Ledger::new();
    let staged = Staged {
        data: format!("SELECT entry, CAST(amount AS DOUBLE) AS amount FROM ({GOOD})"),
        ..Staged::default()
    };
    ledger.refuses(
        &staged,
        &[
            "`schema: column amount` failed: measured DOUBLE, allowed DECIMAL(18,2)",
            "`schema: column note` failed: measured absent, allowed VARCHAR",
        ],
    );
}

#[test]
fn columns_in_another_order_are_refused() {
    let staged = Staged {
        data: format!("SELECT amount, entry, note FROM ({GOOD})"),
        ..Staged::default()
    };
    Ledger::new().refuses(
        &staged,
        &[
            "schema: order of columns",
            "measured amount, entry, note, allowed entry, amount, note",
        ],
    );
}

#[test]
fn objects_that_do_not_belong_together_are_refused() {
    for (key, value) in [
        ("lake.pipeline", "other"),
        ("lake.dataset", "other"),
        ("lake.date", "2024-01-16"),
        // Staged under an earlier version of the contract.
        ("lake.contract_sha256", "0000"),
        ("lake.quarantine", "0000.parquet"),
    ] {
        let staged = Staged {
            key_values: vec![(key, value)],
            ..Staged::default()
        };
        let rule = format!("identity of the staged objects: {key}");
        Ledger::new().refuses(&staged, &[&rule, &format!("measured {value}")]);
    }
    let staged = Staged {
        replace_quality: true,
        ..Staged::default()
    };
    Ledger::new().refuses(&staged, &["identity of the staged objects: lake.quality"]);
}

#[test]
fn rows_that_are_not_accounted_for_are_refused() {
    let with = |change: fn(&mut Staged)| {
        let mut staged = Staged::default();
        change(&mut staged);
        staged
    };
    Ledger::new().refuses(
        &with(|staged| staged.quality.counts.rows_read = 4),
        &[
            "conservation: rows published, quarantined and duplicate",
            "measured 3, allowed 4",
        ],
    );
    Ledger::new().refuses(
        &with(|staged| staged.data.push_str(" LIMIT 1")),
        &[
            "conservation: rows of data.parquet",
            "measured 1, allowed 2",
        ],
    );
    Ledger::new().refuses(
        &with(|staged| staged.quarantine_rows = 0),
        &[
            "conservation: rows of quarantine.parquet",
            "measured 0, allowed 1",
        ],
    );
    // A file that could not be read has a row in the quarantine file too.
    Ledger::new().refuses(
        &with(|staged| staged.quality.unreadable_files.push(unreadable())),
        &[
            "conservation: rows of quarantine.parquet",
            "measured 1, allowed 2",
        ],
    );
}

#[test]
fn a_failed_rule_is_refused_with_the_files_and_rules_that_may_explain_it() {
    let mut staged = Staged {
        data: GOOD.replace("1.50", "-1.50"),
        quarantine_rows: 2,
        ..Staged::default()
    };
    staged.quality.unreadable_files.push(unreadable());
    let ledger = Ledger::new();
    ledger.refuses(
        &staged,
        &["`quality rule no_debts` failed: measured 1, allowed = 0"],
    );
    let outcome = ledger.check();
    let report = outcome.report();
    let reasons = &report["datasets"]["entries"]["reasons"];
    assert_eq!(
        *reasons,
        serde_json::json!([
            "`2024-01-15-b.csv:7` cannot be read: not valid UTF-8",
            "1 row broke `type` of column `amount`, the first at `2024-01-15.csv:4`",
        ])
    );
    // Evidence is named once.
    for field in ["evidence_quarantine", "evidence_quality"] {
        let address = report["datasets"]["entries"][field].as_str().unwrap();
        assert_eq!(
            report["error"].to_string().matches(address).count(),
            1,
            "{report}"
        );
    }
}

#[test]
fn a_warning_is_said_and_refuses_nothing() {
    let ledger = Ledger::new();
    ledger.stage(&Staged {
        data: GOOD.replace("'rent'", "'a note that is long'"),
        ..Staged::default()
    });
    let outcome = ledger.check();
    outcome.expect_code(0);
    let warnings = outcome.report()["datasets"]["entries"]["warnings"].clone();
    assert_eq!(warnings.as_array().unwrap().len(), 1, "{warnings}");
    assert_eq!(warnings[0]["rule"], "quality rule notes_are_short");
    assert_eq!(warnings[0]["measured"], "19");
    assert!(outcome.stderr.contains("notes_are_short"), "{outcome}");
    assert!(ledger.get(&ledger.published()).is_some());
}
