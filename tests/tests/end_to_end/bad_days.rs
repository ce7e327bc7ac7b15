//! Days that silver stages and check refuses: exit 1, evidence kept, the published day untouched.

use lakehouse_tests::{DATE, Lake, error_of, receipt, till};

const LINES: &str = "format: {json: lines}";
const CSV: &str = "format: {csv: {delimiter: \",\"}}";

/// Publishes a good day, then delivers a bad one in its place.
#[track_caller]
fn refuses(format: &str, good: &str, bad: &str, words: &[&str]) {
    let mut lake = Lake::new();
    till(&mut lake, &[(LINES, format)]);
    lake.env.write(&format!("till/{DATE}/one"), good);
    lake.run_day("till", DATE);
    let before = (lake.list("silver"), lake.list("gold"));
    let quarantine = lake.list("quarantine");

    lake.env.write(&format!("till/{DATE}/one"), bad);
    lake.stage("bronze", "till", DATE, &["--prune"])
        .expect_code(0);
    let silver = lake.stage("silver", "till", DATE, &[]);
    silver.expect_code(0);
    let outcome = lake.stage("check", "till", DATE, &[]);
    outcome.expect_code(1);
    let error = error_of(&outcome);
    for word in words.iter().chain(&["/refused/", "nothing was published"]) {
        assert!(error.contains(word), "no `{word}` in\n{error}");
    }
    let report = outcome.report();
    let entry = &report["datasets"]["receipts"];
    assert_eq!(entry["accepted"], false);
    for field in ["evidence_quarantine", "evidence_quality"] {
        let place = entry[field]
            .as_str()
            .unwrap()
            .strip_prefix("s3://")
            .unwrap();
        assert!(lake.objects.get(place).is_some(), "{place}");
    }
    assert_eq!((lake.list("silver"), lake.list("gold")), before);
    for (key, etag) in quarantine {
        assert_eq!(lake.list("quarantine").get(&key), Some(&etag), "{key}");
    }

    // Corrected, the day is published and the evidence is swept like the rest, later.
    lake.env.write(&format!("till/{DATE}/one"), good);
    lake.lake(&["run", "till", "--from", DATE, "--prune"])
        .expect_code(0);
    assert_eq!((lake.list("silver"), lake.list("gold")), before);
}

#[test]
fn a_file_of_only_a_header() {
    let good = "receipt,till,amount\n1,a,1.00\n";
    refuses(
        CSV,
        good,
        "receipt,till,amount\n",
        &["allowEmpty", "measured 0"],
    );
}

#[test]
fn an_empty_array() {
    let format = "format: {json: array}";
    let good = format!("[{}]", receipt(1, "a", "1.00"));
    refuses(format, &good, "[]", &["allowEmpty", "measured 0"]);
}

#[test]
fn more_quarantined_than_allowed() {
    let good = receipt(1, "a", "1.00");
    let bad = format!(
        "{}{}{}",
        receipt(1, "a", "1.00"),
        receipt(2, "a", "1.00"),
        receipt(3, "a", "\"much\"")
    );
    refuses(
        LINES,
        &good,
        &bad,
        &["maxQuarantined", "33.333 % (1 of 3)", "25 %"],
    );
}

#[test]
fn a_failed_rule() {
    let good = receipt(1, "a", "1.00");
    let bad = format!("{}{}", receipt(1, "a", "1.00"), receipt(2, "a", "-1.00"));
    refuses(LINES, &good, &bad, &["no_refunds", "measured 1"]);
}

#[test]
fn a_day_that_never_had_a_file() {
    let mut lake = Lake::new();
    till(&mut lake, &[]);
    std::fs::create_dir_all(lake.env.path("till")).unwrap();
    for stage in ["bronze", "silver", "check", "gold"] {
        lake.stage(stage, "till", DATE, &[]).expect_code(99);
    }
    // Nothing to do is a good day of a range, and leaves nothing but reports.
    let report = lake.run_day("till", DATE);
    assert_eq!(report["days_nothing_to_do"], 1);
    assert!(
        lake.everything()
            .keys()
            .all(|key| key.starts_with("staging/_reports/")),
        "{:?}",
        lake.everything()
    );

    till(&mut lake, &[("whenMissing: skip", "whenMissing: fail")]);
    let outcome = lake.stage("bronze", "till", DATE, &[]);
    outcome.expect_code(1);
    assert!(error_of(&outcome).contains("receipts"), "{outcome}");
    lake.lake(&["run", "till", "--from", DATE]).expect_code(1);
}
