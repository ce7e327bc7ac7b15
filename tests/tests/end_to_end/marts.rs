//! Several datasets and several marts: what is absent, what depends on what, what is stale.

use std::collections::BTreeMap;

use lakehouse_testkit::{Outcome, Server};
use lakehouse_tests::{CONTRACT, Lake, PIPELINE, receipt};
use serde_json::{Value, json};

const DAYS: [&str; 3] = ["2024-03-01", "2024-03-02", "2024-03-03"];
const MARTS: &str = "marts:
  per_till: {reads: {silver.receipts: day}, grain: [till]}
  balance: {reads: {silver.receipts: day, silver.refunds: day}, grain: [till], formats: [json]}
  refunded: {reads: {silver.refunds: day}, grain: [till]}
  total: {reads: {gold.per_till: day}, grain: [date], formats: [parquet]}
  so_far: {reads: {gold.per_till: all}, grain: [till], materialised: snapshot}
";

/// Two datasets, receipts and refunds, and five marts.
fn lake(server: &Server, prefix: &str) -> Lake {
    let mut lake = Lake::beside(server, prefix);
    let (head, _) = PIPELINE.split_once("marts:").unwrap();
    let refunds = "  refunds:\n    contract: contracts/refunds.odcs.yaml\n    from: \"${TILL_DIR}\"\n    \
                   files: \"refunds/{date:%Y-%m-%d}/*\"\n    format: {json: lines}\n    whenMissing: skip\n";
    let pipeline = format!("{head}{refunds}{MARTS}");
    lake.env.write("pipelines/till/pipeline.yaml", pipeline);
    for dataset in ["receipts", "refunds"] {
        let contract = CONTRACT
            .replace("- name: receipts", &format!("- name: {dataset}"))
            .replace("till-receipts", dataset);
        let path = format!("pipelines/till/contracts/{dataset}.odcs.yaml");
        lake.env.write(&path, contract);
    }
    let sum = |table: &str| {
        format!("select run_date() as date, till, sum(amount) as amount from {table} group by till")
    };
    for (mart, select) in [
        ("per_till", sum("silver.receipts")),
        ("refunded", sum("silver.refunds")),
        (
            "balance",
            "select till, sum(amount) as amount, list(receipt order by receipt) as receipts, run_date() as date, \
             'said \"so\"\n' || till as note from (select till, amount, receipt from silver.receipts \
             union all select till, -amount, receipt from silver.refunds) group by till"
                .to_owned(),
        ),
        (
            "total",
            "select run_date() as date, sum(amount) as amount from gold.per_till".to_owned(),
        ),
        ("so_far", sum("gold.per_till")),
    ] {
        let path = format!("pipelines/till/marts/{mart}.sql");
        lake.env.write(&path, select);
    }
    let folder = lake.env.path("till").to_string_lossy().into_owned();
    lake.env.set("TILL_DIR", folder);
    lake
}

fn deliver(lake: &Lake, day: &str, amount: &str) {
    let receipts = [receipt(1, "a", amount), receipt(2, "b", "2.00")].concat();
    lake.env.write(&format!("till/{day}/one.jsonl"), receipts);
    let refunds = receipt(7, "a", "0.50");
    lake.env
        .write(&format!("till/refunds/{day}/one.jsonl"), refunds);
}

/// Brings a day as far as silver.
fn silver(lake: &Lake, day: &str) {
    for stage in ["bronze", "silver", "check"] {
        lake.stage(stage, "till", day, &[]).expect_code(0);
    }
}

fn gold(lake: &Lake, day: &str, more: &[&str]) -> Outcome {
    lake.stage("gold", "till", day, more)
}

/// What is published in gold, by mart and day.
fn published(lake: &Lake) -> BTreeMap<String, String> {
    lake.list("gold")
}

fn key(mart: &str, day: &str) -> String {
    let mut parts = day.split('-');
    let mut next = || parts.next().unwrap();
    format!(
        "till/{mart}/year={}/month={}/day={}/data.parquet",
        next(),
        next(),
        next()
    )
}

/// The instances that differ between two states of gold.
fn changed(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    after
        .iter()
        .filter(|(name, etag)| name.ends_with(".parquet") && before.get(*name) != Some(etag))
        .map(|(name, _)| name.clone())
        .collect()
}

#[test]
fn json_is_what_the_data_file_holds() {
    let server = Server::local_s3();
    let lake = lake(&server, "json");
    deliver(&lake, DAYS[0], "1.10");
    silver(&lake, DAYS[0]);
    gold(&lake, DAYS[0], &[]).expect_code(0);
    let place = |key: &str| lake.place("gold", key);
    let text = lake
        .objects
        .text(&place("till/balance/year=2024/month=03/day=01/data.json"));
    let rows: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        rows,
        json!([
            {"till": "A", "amount": 0.6, "receipts": ["1", "7"], "date": "2024-03-01", "note": "said \"so\"\nA"},
            {"till": "B", "amount": 2.0, "receipts": ["2"], "date": "2024-03-01", "note": "said \"so\"\nB"},
        ])
    );
    // Money keeps its digits.
    assert!(text.contains("\"amount\":0.60"), "{text}");
    let dated = lake
        .objects
        .text(&place("till/balance/balance_20240301T000000.json"));
    assert_eq!(dated, text);
    assert!(!lake.list("gold").keys().any(|key| key.ends_with(".csv")));
}

#[test]
fn an_absent_input_is_said_and_a_mart_without_any_has_nothing_to_do() {
    let server = Server::local_s3();
    let lake = lake(&server, "absent");
    let day = DAYS[0];
    lake.env
        .write(&format!("till/{day}/one.jsonl"), receipt(1, "a", "1.00"));
    silver(&lake, day);
    let outcome = gold(&lake, day, &[]);
    outcome.expect_code(0);
    let report = outcome.report();
    let marts = &report["marts"];
    assert_eq!(marts["balance"]["absent_inputs"], json!(["silver.refunds"]));
    assert_eq!(marts["balance"]["outcome"], "done");
    assert!(marts["per_till"]["absent_inputs"].is_null());
    assert_eq!(marts["refunded"]["outcome"], "nothing");
    assert_eq!(marts["refunded"]["exit_code"], 99);
    assert!(
        outcome.stderr.contains("inputs have nothing for this date")
            && outcome.stderr.contains("silver.refunds"),
        "{outcome}"
    );
    let list = published(&lake);
    assert!(!list.contains_key(&key("refunded", day)));
    let said = lake.objects.query(
        &lake.place("gold", &key("balance", day)),
        "select decode(value) from parquet_kv_metadata('{path}') where decode(key) = 'lake.absent_inputs'",
    );
    assert_eq!(said, [[r#"["silver.refunds"]"#]]);

    // Nothing at all is 99, as before.
    let outcome = gold(&lake, DAYS[1], &[]);
    outcome.expect_code(99);
    assert_eq!(outcome.report()["marts"]["per_till"]["outcome"], "nothing");
}

#[test]
fn dependents_are_named_and_built_on_request() {
    let server = Server::local_s3();
    let lake = lake(&server, "dependents");
    for day in &DAYS[..2] {
        deliver(&lake, day, "1.00");
        silver(&lake, day);
        // The first build of a mart takes what reads it along.
        if *day == DAYS[0] {
            let report = gold(&lake, day, &["--mart", "per_till", "--with-dependents"])
                .expect_code(0)
                .report();
            for mart in ["per_till", "total", "so_far"] {
                assert_eq!(report["marts"][mart]["outcome"], "done", "{mart}");
            }
            assert!(report["marts"]["balance"].is_null());
        }
        gold(&lake, day, &[]).expect_code(0);
    }
    let outcome = gold(&lake, DAYS[0], &["--mart", "per_till"]);
    assert!(outcome.expect_code(0).report()["stale_dependents"].is_null());

    // The first day comes again.
    deliver(&lake, DAYS[0], "5.00");
    silver(&lake, DAYS[0]);
    let outcome = gold(&lake, DAYS[0], &["--mart", "per_till"]);
    let report = outcome.expect_code(0).report();
    assert_eq!(
        report["stale_dependents"],
        json!({"so_far": [DAYS[0], DAYS[1]], "total": [DAYS[0]]})
    );
    assert!(
        outcome.stderr.contains("--with-dependents") && outcome.stderr.contains("so_far, total"),
        "{outcome}"
    );
    let before = published(&lake);
    let plan = gold(
        &lake,
        DAYS[0],
        &["--mart", "per_till", "--with-dependents", "--dry-run"],
    );
    let would_write = plan.expect_code(0).report()["would_write"].to_string();
    for instance in [
        key("per_till", DAYS[0]),
        key("total", DAYS[0]),
        key("so_far", DAYS[1]),
    ] {
        assert!(would_write.contains(&instance), "{would_write}");
    }
    assert_eq!(published(&lake), before);
    let report = gold(&lake, DAYS[0], &["--mart", "per_till", "--with-dependents"])
        .expect_code(0)
        .report();
    assert_eq!(
        changed(&before, &published(&lake)),
        [
            key("so_far", DAYS[0]),
            key("so_far", DAYS[1]),
            key("total", DAYS[0])
        ]
    );
    assert_eq!(
        report["marts"]["so_far"]["dates"][DAYS[1]]["outcome"],
        "done"
    );
    // Only `balance` and `refunded` are left of the day.
    let left = gold(&lake, DAYS[0], &["--stale"]).expect_code(0).report();
    assert_eq!(left["stale"], 1, "{left}");
    gold(&lake, DAYS[0], &["--stale"]).expect_code(99);

    // A mart that fails takes those that read it along.
    deliver(&lake, DAYS[0], "6.00");
    silver(&lake, DAYS[0]);
    let before = published(&lake);
    lake.env.write(
        "pipelines/till/marts/per_till.sql",
        "select run_date() as date, 'a' as till, amount from silver.receipts",
    );
    let outcome = gold(&lake, DAYS[0], &["--mart", "per_till", "--with-dependents"]);
    let report = outcome.expect_code(1).report();
    for mart in ["total", "so_far"] {
        let message = report["marts"][mart]["error"]["message"].as_str().unwrap();
        assert!(message.contains("was not computed"), "{message}");
    }
    assert_eq!(published(&lake), before);
}

#[test]
fn stale_covers_every_mart_and_every_part_of_its_definition() {
    let server = Server::local_s3();
    let lake = lake(&server, "stale");
    for day in &DAYS[..2] {
        deliver(&lake, day, "1.00");
        silver(&lake, day);
        gold(&lake, day, &[]).expect_code(0);
    }
    let stale = |expected: &[String]| {
        let before = published(&lake);
        let outcome = gold(&lake, DAYS[2], &["--stale"]);
        if expected.is_empty() {
            outcome.expect_code(99);
        } else {
            outcome.expect_code(0);
        }
        assert_eq!(changed(&before, &published(&lake)), expected, "{outcome}");
    };
    stale(&[]);
    deliver(&lake, DAYS[0], "5.00");
    silver(&lake, DAYS[0]);
    stale(&[
        key("balance", DAYS[0]),
        key("per_till", DAYS[0]),
        key("so_far", DAYS[0]),
        key("so_far", DAYS[1]),
        key("total", DAYS[0]),
    ]);
    stale(&[]);

    let pipeline = std::fs::read_to_string(lake.env.path("pipelines/till/pipeline.yaml")).unwrap();
    for (from, to) in [
        (
            "grain: [date], formats: [parquet]",
            "grain: [date], formats: [parquet, csv]",
        ),
        ("grain: [date], formats", "grain: [date, amount], formats"),
    ] {
        assert!(pipeline.contains(from));
        lake.env
            .write("pipelines/till/pipeline.yaml", pipeline.replace(from, to));
        stale(&[key("total", DAYS[0]), key("total", DAYS[1])]);
        stale(&[]);
        lake.env.write("pipelines/till/pipeline.yaml", &pipeline);
        stale(&[key("total", DAYS[0]), key("total", DAYS[1])]);
    }
    let csv = key("total", DAYS[0]).replace(".parquet", ".csv");
    assert!(published(&lake).contains_key(&csv));

    // What outlived its inputs stays.
    let gone = "till/refunds/year=2024/month=03/day=01/data.parquet";
    lake.objects.delete(&lake.place("silver", gone));
    let before = published(&lake);
    let outcome = gold(&lake, DAYS[2], &["--stale"]);
    outcome.expect_code(99);
    assert!(outcome.stderr.contains("no longer published"), "{outcome}");
    assert_eq!(published(&lake), before);
    // A day that never had its marts is not filled in: that is a run of the day.
    deliver(&lake, DAYS[2], "1.00");
    silver(&lake, DAYS[2]);
    stale(&[]);
}
