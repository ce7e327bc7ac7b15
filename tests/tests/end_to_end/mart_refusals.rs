//! Marts that are refused: their grain, values that are not finite, values that cannot be computed
//! with. Every mart of the day is tried, and nothing of the day is published.

use lakehouse_testkit::{Outcome, Server};
use lakehouse_tests::{DATE, Lake, error_of, receipt, till};

const DECLARED: &str =
    "  per_till: {reads: {silver.receipts: day}, grain: [till], formats: [parquet, csv]}\n";

/// A day of receipts in silver, and these marts beside `per_till`: name, what they read, SELECT.
fn lake(server: &Server, prefix: &str, marts: &[(&str, &str, &str)]) -> Lake {
    let mut lake = Lake::beside(server, prefix);
    let declared: String = marts
        .iter()
        .map(|(name, reads, _)| {
            format!("  {name}: {{reads: {{{reads}: day}}, grain: [till], formats: [csv, json]}}\n")
        })
        .collect();
    till(&mut lake, &[(DECLARED, &format!("{DECLARED}{declared}"))]);
    for (name, _, select) in marts {
        write_mart(&lake, name, select);
    }
    let receipts: String = [
        receipt(1, "a", "900.00"),
        receipt(2, "b", "1.50"),
        receipt(3, "b", "2.50"),
    ]
    .concat();
    lake.env.write(&format!("till/{DATE}/one.jsonl"), receipts);
    for stage in ["bronze", "silver", "check"] {
        lake.stage(stage, "till", DATE, &[]).expect_code(0);
    }
    lake
}

fn write_mart(lake: &Lake, name: &str, select: &str) {
    lake.env
        .write(&format!("pipelines/till/marts/{name}.sql"), select);
}

fn gold(lake: &Lake) -> Outcome {
    lake.stage("gold", "till", DATE, &[])
}

#[test]
fn every_mart_is_tried_and_a_failed_audit_publishes_nothing_of_the_day() {
    let server = Server::local_s3();
    let lake = lake(
        &server,
        "tried",
        &[
            (
                "each",
                "silver.receipts",
                "select till, amount from silver.receipts",
            ),
            (
                "misses",
                "silver.receipts",
                "select nullif(till, 'A') as till, count(*) as receipts from silver.receipts group by till",
            ),
            (
                "reads_each",
                "gold.each",
                "select till from gold.each group by till",
            ),
            (
                "reads_that",
                "gold.reads_each",
                "select till from gold.reads_each",
            ),
        ],
    );
    let outcome = gold(&lake);
    outcome.expect_code(1);
    let error = error_of(&outcome);
    for words in [
        "2 of 2 failed: `each`, `misses`",
        "mart `each` of 2024-03-01 was refused",
        "1 values of its grain (till) occur more than once",
        "mart `misses` of 2024-03-01 was refused",
        "1 rows have a null in its grain (till)",
        "marts/each.sql",
        "mart `per_till` of 2024-03-01 was not published, because another mart of this date failed",
        "mart `reads_each` of 2024-03-01 was not computed, because its input `gold.each` of 2024-03-01 failed",
        "mart `reads_that` of 2024-03-01 was not computed, because its input `gold.reads_each`",
    ] {
        assert!(error.contains(words), "no `{words}` in\n{error}");
    }
    assert!(lake.list("gold").is_empty(), "{:?}", lake.list("gold"));
    let report = outcome.report();
    for mart in ["each", "misses", "per_till", "reads_each", "reads_that"] {
        let entry = &report["marts"][mart];
        assert_eq!(entry["outcome"], "refused", "{mart}: {entry}");
        assert_eq!(entry["exit_code"], 1, "{mart}: {entry}");
        assert!(entry["error"]["message"].as_str().unwrap().contains(mart));
    }

    // Corrected, all are there; and a later failure leaves them as they were.
    write_mart(
        &lake,
        "each",
        "select till, sum(amount) as amount from silver.receipts group by till",
    );
    write_mart(
        &lake,
        "misses",
        "select till from silver.receipts group by till",
    );
    let report = gold(&lake).expect_code(0).report();
    assert_eq!(report["marts"]["each"]["outcome"], "done");
    assert_eq!(report["marts"]["each"]["rows_published"], 2);
    let before = lake.list("gold");
    for mart in ["each", "misses", "per_till", "reads_each", "reads_that"] {
        assert!(
            before
                .keys()
                .any(|key| key.starts_with(&format!("till/{mart}/")))
        );
    }
    write_mart(&lake, "misses", "select till from silver.receipts");
    gold(&lake).expect_code(1);
    assert_eq!(lake.list("gold"), before);
}

#[test]
fn values_that_are_not_finite_are_refused_at_any_depth() {
    let server = Server::local_s3();
    let lake = lake(
        &server,
        "finite",
        &[(
            "average",
            "silver.receipts",
            "select till from silver.receipts",
        )],
    );
    // One of the two tills has one receipt.
    let division = "sum(amount) / (count(*) - 1)";
    let of =
        |value: &str| format!("select till, {value} as average from silver.receipts group by till");
    for value in [
        division.to_owned(),
        format!("-({division})"),
        format!("0 * ({division})"),
        format!("cast({division} as float)"),
        format!("[1.5, {division}]"),
        format!("cast([{division}] as double[1])"),
        format!("{{'of one': {{'deep': [{division}]}}}}"),
        format!("map{{till: {division}}}"),
        format!("[map{{till: {{'x': {division}}}}}]"),
        format!("row(till, {division})"),
        format!("to_json([{division}])"),
        "case till when 'A' then cast('infinity' as date) end".to_owned(),
        "[case till when 'A' then cast('-infinity' as timestamp) end]".to_owned(),
    ] {
        write_mart(&lake, "average", &of(&value));
        let outcome = gold(&lake);
        outcome.expect_code(1);
        let error = error_of(&outcome);
        for words in [
            "mart `average` of 2024-03-01 was refused",
            "column `average` has NaN or an infinity in 1 rows",
        ] {
            assert!(error.contains(words), "{value}: no `{words}` in\n{error}");
        }
        assert!(lake.list("gold").is_empty(), "{value}");
    }
    // Texts that only look so, and values that are there, are none of it.
    for (value, expected) in [
        (
            "sum(amount) / nullif(count(*) - 1, 0)".to_owned(),
            serde_json::json!([null, 4.0]),
        ),
        (
            "to_json({'name': 'NaN \"inf\" -Infinity'})".to_owned(),
            serde_json::json!([{"name": "NaN \"inf\" -Infinity"}, {"name": "NaN \"inf\" -Infinity"}]),
        ),
        (
            "[cast(count(*) as double)]".to_owned(),
            serde_json::json!([[1.0], [2.0]]),
        ),
    ] {
        write_mart(&lake, "average", &of(&value));
        gold(&lake).expect_code(0);
        let key = "till/average/year=2024/month=03/day=01/data.json";
        let rows: serde_json::Value =
            serde_json::from_str(&lake.objects.text(&lake.place("gold", key))).unwrap();
        let found: Vec<&serde_json::Value> = rows
            .as_array()
            .unwrap()
            .iter()
            .map(|row| &row["average"])
            .collect();
        assert_eq!(serde_json::json!(found), expected, "{value}");
    }
}

#[test]
fn values_that_cannot_be_computed_with_refuse_the_mart_and_name_it() {
    let server = Server::local_s3();
    let lake = lake(
        &server,
        "computed",
        &[(
            "average",
            "silver.receipts",
            "select till from silver.receipts",
        )],
    );
    for (what, value) in [
        ("a sum of three", "(select sum(n) from (select cast('99999999999999999999999999999999999999' as decimal(38,0)) as n from silver.receipts))".to_owned()),
        ("a cast", "cast(sum(amount) as tinyint)".to_owned()),
        ("a whole division", "count(*) // (count(*) - 1)".to_owned()),
        ("an addition", "cast(9223372036854775807 as bigint) + count(*)".to_owned()),
        ("several rows for one", "(select amount from silver.receipts)".to_owned()),
    ] {
        write_mart(
            &lake,
            "average",
            &format!("select till, {value} as average from silver.receipts group by till"),
        );
        let outcome = gold(&lake);
        assert_eq!(outcome.code, Some(1), "{what}: {outcome}");
        let error = error_of(&outcome);
        for words in [
            "mart `average` of 2024-03-01 cannot be computed from its data",
            "marts/average.sql",
            "mart `per_till` of 2024-03-01 was not published",
        ] {
            assert!(error.contains(words), "{what}: no `{words}` in\n{error}");
        }
        assert_eq!(outcome.report()["marts"]["average"]["exit_code"], 1);
        assert!(lake.list("gold").is_empty(), "{what}");
    }
}
