//! The same input gives the same bytes: on both servers, with any number of threads, in any
//! time zone, again, and in whatever order the files come.

use std::collections::BTreeMap;

use lakehouse_testkit::{Server, minio_or_skip};
use lakehouse_tests::{DATE, Lake, receipt, repository, till};

const DAYS: [&str; 3] = ["2011-08-11", "2011-08-12", "2011-11-29"];
const SALES_DATE: &str = "2025-11-01";

/// Names of objects that both of these hold with different bytes, or only one of them holds.
fn differences(one: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let mut names: Vec<String> = one
        .iter()
        .filter(|(name, bytes)| other.get(*name) != Some(*bytes))
        .map(|(name, _)| name.clone())
        .collect();
    names.extend(
        other
            .keys()
            .filter(|name| !one.contains_key(*name))
            .cloned(),
    );
    names
}

/// Both pipelines in this lake: three real days, and a generated one with flaws.
fn both_pipelines(lake: &mut Lake) -> BTreeMap<String, Vec<u8>> {
    lake.add_pipeline("online_retail");
    lake.add_pipeline("sales");
    let fixtures = repository().join("tests/fixtures/online-retail");
    lake.env
        .set("LAKE_ONLINE_RETAIL_DIR", fixtures.to_string_lossy());
    lake.generate_sales(SALES_DATE, 5_000, &["--corrupt-rate", "0.03"]);
    let outcome = lake.lake(&["run", "online_retail", "--from", DAYS[0], "--to", DAYS[2]]);
    outcome.expect_code(0);
    let report = outcome.report();
    assert_eq!(report["days_done"], 3);
    assert_eq!(report["days_failed"], 0);
    assert_eq!(report["rows_quarantined"], 2);
    let report = lake.run_day("sales", SALES_DATE);
    let count = |field: &str| report[field].as_u64().unwrap();
    assert!(
        count("rows_quarantined") > 0 && count("rows_duplicate") > 0,
        "{report}"
    );
    lake.published()
}

/// The figures of a real day, known from the published data set.
fn the_real_day_is_right(lake: &Lake) {
    let partition = "year=2011/month=11/day=29";
    let silver = format!("silver/online_retail/transactions/{partition}/data.parquet");
    assert_eq!(
        lake.objects.query(
            &silver,
            "SELECT count(*), sum(quantity * unit_price) FROM {file}"
        ),
        [["4238", "72008.090"]]
    );
    let gold = format!("gold/online_retail/daily_revenue/{partition}/data.parquet");
    assert_eq!(
        lake.objects.query(&gold, "SELECT sum(revenue) FROM {file}"),
        [["72008.090"]]
    );
}

#[test]
fn both_pipelines_give_the_same_bytes_on_both_servers() {
    let mut local = Lake::new();
    let on_local = both_pipelines(&mut local);
    the_real_day_is_right(&local);
    let Some(server) = minio_or_skip("both pipelines on MinIO") else {
        return;
    };
    let mut minio = Lake::on(server);
    let on_minio = both_pipelines(&mut minio);
    the_real_day_is_right(&minio);
    assert_eq!(differences(&on_local, &on_minio), [""; 0]);
    assert!(on_local.len() > 30, "{:?}", on_local.keys());
}

#[test]
fn threads_memory_time_zone_and_replays_do_not_show_in_the_bytes() {
    let server = Server::local_s3();
    let run = |prefix: &str, variables: &[(&str, &str)]| {
        let mut lake = Lake::beside(&server, prefix);
        lake.add_pipeline("sales");
        // Large enough for several blocks and batches in each thread.
        lake.generate_sales(
            SALES_DATE,
            60_000,
            &["--corrupt-rate", "0.03", "--seed", "7"],
        );
        for (name, value) in variables {
            lake.env.set(name, *value);
        }
        lake.run_day("sales", SALES_DATE);
        lake
    };
    let first = run("one", &[("LAKE_THREADS", "1")]);
    let expected = first.published();
    for (prefix, variables) in [
        ("two", [("LAKE_THREADS", "2"), ("TZ", "Asia/Kathmandu")]),
        ("four", [("LAKE_THREADS", "4"), ("TZ", "America/St_Johns")]),
        (
            "small",
            [("LAKE_THREADS", "2"), ("LAKE_MEMORY_LIMIT", "256MiB")],
        ),
    ] {
        let lake = run(prefix, &variables);
        assert_eq!(
            differences(&lake.published(), &expected),
            [""; 0],
            "{prefix}"
        );
    }
    // Again, in the same store.
    first.run_day("sales", SALES_DATE);
    assert_eq!(differences(&first.published(), &expected), [""; 0]);
}

#[test]
fn the_order_of_files_does_not_show_in_the_rows() {
    let server = Server::local_s3();
    let lines: Vec<String> = (0..600)
        // Every number comes twice with two amounts: which one is kept must not depend on order.
        .map(|number| {
            receipt(
                number % 300,
                "a",
                &format!("{}.{:02}", number, number % 100),
            )
        })
        .collect();
    let run = |prefix: &str, names: [&str; 3]| {
        let mut lake = Lake::beside(&server, prefix);
        till(&mut lake, &[]);
        for (name, part) in names.iter().zip(lines.chunks(200)) {
            lake.env
                .write(&format!("till/{DATE}/{name}"), part.concat());
        }
        let report = lake.run_day("till", DATE);
        assert_eq!(report["rows_published"], 300);
        assert_eq!(report["rows_duplicate"], 300);
        let rows = lake.objects.query(
            &lake.place(
                "silver",
                "till/receipts/year=2024/month=03/day=01/data.parquet",
            ),
            "SELECT receipt, till, amount FROM {file}",
        );
        let gold = lake
            .objects
            .text(&lake.place("gold", "till/per_till/year=2024/month=03/day=01/data.csv"));
        (rows, gold)
    };
    let expected = run("forward", ["1.jsonl", "2.jsonl", "3.jsonl"]);
    assert_eq!(expected.0.len(), 300);
    assert_eq!(run("backward", ["3.jsonl", "2.jsonl", "1.jsonl"]), expected);
    assert_eq!(run("turned", ["2.jsonl", "3.jsonl", "1.jsonl"]), expected);
}

/// An amount that becomes NULL where it is none.
const REPAIRED: (&str, &str) = (
    "{name: amount, logicalType: number, physicalType: \"DECIMAL(18,2)\", required: true}",
    "{name: amount, logicalType: number, physicalType: \"DECIMAL(18,2)\", customProperties: [{property: onInvalid, vendor: lakehouse, value: setNull}]}",
);

#[test]
fn which_of_equal_rows_was_repaired_does_not_depend_on_threads() {
    let server = Server::local_s3();
    // Each receipt twice, equal once published: one of the two was repaired. The first file has the
    // repaired one of every third.
    let lines = |file: u64| -> String {
        (0..20_000)
            .map(|number| {
                let repaired = (number % 3 == 0) == (file == 0);
                receipt(number, "a", if repaired { "\"none\"" } else { "null" })
            })
            .collect()
    };
    let run = |prefix: &str, threads: &str, backward: bool| {
        let mut lake = Lake::beside(&server, prefix);
        till(&mut lake, &[REPAIRED]);
        lake.env.set("LAKE_THREADS", threads);
        let mut files = [0, 1];
        if backward {
            files.reverse();
        }
        for file in files {
            lake.env
                .write(&format!("till/{DATE}/{file}.jsonl"), lines(file));
        }
        for stage in ["bronze", "silver", "check"] {
            lake.stage(stage, "till", DATE, &[]).expect_code(0);
        }
        lake.published()
    };
    let expected = run("one", "1", false);
    let report = expected
        .iter()
        .find(|(name, _)| name.ends_with(".json"))
        .map(|(_, bytes)| serde_json::from_slice::<serde_json::Value>(bytes).unwrap())
        .unwrap();
    assert_eq!(report["counts"]["rows_duplicate"], 20_000);
    assert_eq!(report["repairs"][0]["rows"], 20_000_u64.div_ceil(3));
    for (prefix, threads, backward) in [
        ("four", "4", false),
        ("back", "1", true),
        ("four-back", "4", true),
    ] {
        let published = run(prefix, threads, backward);
        assert_eq!(differences(&published, &expected), [""; 0], "{prefix}");
    }
}

#[test]
fn a_profile_changes_no_published_byte() {
    let mut lake = Lake::new();
    till(&mut lake, &[]);
    lake.env
        .write(&format!("till/{DATE}/one"), receipt(1, "a", "1.50"));
    lake.run_day("till", DATE);
    let without = lake.published();
    lake.lake(&["run", "till", "--from", DATE, "--profile"])
        .expect_code(0);
    let with = lake.published();
    let added: Vec<&String> = with
        .keys()
        .filter(|name| !without.contains_key(*name))
        .collect();
    assert_eq!(added.len(), 1, "{added:?}");
    let report = added[0].strip_suffix(".profile.json").unwrap();
    assert!(without.contains_key(&format!("{report}.json")), "{added:?}");
    assert_eq!(differences(&without, &with), [added[0].as_str()]);
    // A run without one leaves it: the report that it belongs to counts.
    lake.run_day("till", DATE);
    assert_eq!(differences(&lake.published(), &with), [""; 0]);
}
