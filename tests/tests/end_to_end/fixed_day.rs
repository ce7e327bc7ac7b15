//! A day is an island: what its stages read does not grow with the history beside it.

use chrono::{Days, NaiveDate};
use lakehouse_tests::{Lake, receipt, till};
use serde_json::Value;

const DAY: &str = "2024-12-31";

/// Runs the days from `first` to `last` (counted backwards from the fixed day) in parallel.
fn history(lake: &Lake, first: u64, last: u64) {
    let fixed: NaiveDate = DAY.parse().unwrap();
    let day = |ago: u64| (fixed - Days::new(ago)).to_string();
    for ago in last..=first {
        lake.env.write(
            &format!("till/{}/one.jsonl", day(ago)),
            receipt(ago, "a", "1.00"),
        );
    }
    let (from, to) = (day(first), day(last));
    let outcome = lake.lake(&["run", "till", "--from", &from, "--to", &to, "--jobs", "6"]);
    outcome.expect_code(0);
    assert_eq!(outcome.report()["days_done"], first - last + 1);
}

/// What each partition stage of the fixed day reads, by its run report.
fn reads(lake: &Lake) -> Vec<(String, Value)> {
    let partition = ["--materialised", "partition"];
    let mut reads = Vec::new();
    for (stage, more) in [
        ("bronze", &[][..]),
        ("silver", &[]),
        ("check", &[]),
        ("gold", &partition),
    ] {
        let outcome = lake.stage(stage, "till", DAY, more);
        outcome.expect_code(0);
        let report = outcome.report();
        for field in [
            "objects_read",
            "bytes_read",
            "listings",
            "objects_written",
            "bytes_written",
        ] {
            assert!(report[field].is_u64(), "{report}");
            reads.push((format!("{stage} {field}"), report[field].clone()));
        }
    }
    lake.stage("cleanup", "till", DAY, &[]).expect_code(0);
    reads
}

#[test]
fn a_fixed_day_reads_the_same_beside_a_month_and_beside_a_year() {
    let mut lake = Lake::new();
    till(&mut lake, &[]);
    let lines: String = (0..50).map(|number| receipt(number, "a", "1.00")).collect();
    lake.env.write(&format!("till/{DAY}/one.jsonl"), lines);
    // Once alone, so that both others find it published already.
    reads(&lake);
    let alone = reads(&lake);
    assert!(
        alone
            .iter()
            .any(|(what, count)| what == "silver objects_read" && *count != 0)
    );
    history(&lake, 30, 1);
    assert_eq!(reads(&lake), alone, "beside a month");
    history(&lake, 365, 31);
    assert_eq!(reads(&lake), alone, "beside a year");
}
