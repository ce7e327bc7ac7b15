//! What a load puts where, and that it does not depend on the order of loads.

use lakehouse_testkit::Server;
use lakehouse_tests::Lake;

use crate::fixture::{DAYS, Reader, deliver, everything, file, files, load, publish, rows, shop};

const TILLS: &str = "SELECT run_date, till, receipts FROM tills ORDER BY ALL";

#[test]
fn lake_run_loads_a_range_and_the_next_run_has_nothing_to_load() {
    let server = Server::local_s3();
    let lake = shop(&server, "");
    let outcome = lake.lake(&["run", "till", "--from", DAYS[0], "--to", DAYS[3]]);
    outcome.expect_code(0);
    // Three tills on four days, and the totals of the last.
    assert_eq!(outcome.report()["rows_loaded"], 15, "{outcome}");
    assert_eq!(files(&lake), ["analytics.duckdb"]);
    let reader = Reader::open(&file(&lake));
    assert_eq!(reader.rows(TILLS).len(), 12);
    assert_eq!(reader.rows(TILLS)[0], "2024-03-01 A 2");
    assert_eq!(
        reader.rows("SELECT till, days, last_day FROM totals ORDER BY ALL")[0],
        "A 4 2024-03-05"
    );
    assert_eq!(
        reader.rows("SELECT table_name, run_date, pipeline, mart, load, row_count, length(sha256) FROM lake_loads ORDER BY ALL"),
        [
            "tills 2024-03-01 till per_till day 3 64",
            "tills 2024-03-02 till per_till day 3 64",
            "tills 2024-03-03 till per_till day 3 64",
            "tills 2024-03-05 till per_till day 3 64",
            "totals 2024-03-05 till so_far whole 3 64",
        ]
    );
    assert_eq!(
        reader.rows("SELECT table_name, comment FROM duckdb_tables() WHERE comment IS NOT NULL"),
        ["tills What each till took on a day."]
    );
    assert_eq!(
        reader.rows("SELECT table_name, column_name, comment FROM duckdb_columns() WHERE comment IS NOT NULL AND database_name = 'warehouse' ORDER BY ALL"),
        [
            "tills revenue In euros; it's net.",
            "tills run_date The run date of the partition that the row came from.",
        ]
    );
    assert_eq!(
        reader.rows("SELECT tags['storage_version'] FROM duckdb_databases() WHERE database_name = 'warehouse'"),
        ["v1.4.0+"]
    );
    drop(reader);

    let before = std::fs::metadata(file(&lake)).unwrap().modified().unwrap();
    let again = load(&lake, DAYS[3], &["--from", DAYS[0]]);
    again.expect_code(99);
    assert_eq!(
        again.report()["warehouses"]["analytics"]["outcome"],
        "nothing"
    );
    let again = lake.lake(&["run", "till", "--from", DAYS[0], "--to", DAYS[3]]);
    again.expect_code(0);
    assert_eq!(again.report()["rows_loaded"], 0, "{again}");
    let after = std::fs::metadata(file(&lake)).unwrap().modified().unwrap();
    assert_eq!(before, after);
    assert!(lake.workspaces().is_empty());
}

#[test]
fn a_day_that_ran_again_replaces_its_rows_and_what_looked_at_it() {
    let server = Server::local_s3();
    let lake = shop(&server, "");
    lake.lake(&["run", "till", "--from", DAYS[0], "--to", DAYS[3]])
        .expect_code(0);
    let old = Reader::open(&file(&lake));
    let before = old.rows(TILLS);
    lake.env.write(
        "till/2024-03-02/two.jsonl",
        lakehouse_tests::receipt(77, "z", "9.00"),
    );
    // Held open by this process through the load of another one.
    let outcome = lake.lake(&["run", "till", "--from", DAYS[1]]);
    outcome.expect_code(0);
    assert_eq!(old.rows(TILLS), before);
    assert_eq!(
        old.rows("SELECT count(*) FROM totals WHERE till = 'Z'"),
        ["0"]
    );
    let new = Reader::open(&file(&lake));
    let after = new.rows(TILLS);
    assert_eq!(after.len(), before.len() + 1);
    assert!(after.contains(&"2024-03-02 Z 1".to_owned()), "{after:?}");
    // The totals are those of the last day, which was built anew because of the second.
    assert_eq!(
        new.rows("SELECT till, days, last_day FROM totals WHERE till = 'Z'"),
        ["Z 1 2024-03-02"]
    );
    assert_eq!(
        new.rows("SELECT run_date FROM lake_loads WHERE table_name = 'totals'"),
        ["2024-03-05"]
    );
    assert_eq!(files(&lake), ["analytics.duckdb"]);
}

#[test]
fn the_order_of_loads_does_not_show() {
    let server = Server::local_s3();
    let serial = shop(&server, "");
    publish(&serial, &DAYS);
    load(&serial, DAYS[3], &["--from", DAYS[0]]).expect_code(0);
    let expected = everything(&file(&serial));
    assert_eq!(expected.len(), 12 + 3 + 5);

    let again = |order: &[usize]| {
        std::fs::remove_file(file(&serial)).unwrap();
        for day in order {
            load(&serial, DAYS[*day], &[]).expect_code(0);
        }
        assert_eq!(everything(&file(&serial)), expected, "{order:?}");
    };
    again(&[3, 2, 1, 0]);
    again(&[1, 3, 0, 2]);
    again(&[0, 1, 2, 3]);
    // What a dropped table had is loaded again by whoever looks for what is missing.
    std::fs::remove_file(file(&serial)).unwrap();
    load(&serial, DAYS[0], &["--stale"]).expect_code(0);
    assert_eq!(everything(&file(&serial)), expected);
}

#[test]
fn an_old_day_never_replaces_a_whole_table() {
    let server = Server::local_s3();
    let lake = shop(&server, "");
    publish(&lake, &DAYS[..2]);
    load(&lake, DAYS[1], &["--from", DAYS[0]]).expect_code(0);
    deliver(&lake, DAYS[0], 9);
    publish(&lake, &DAYS[..1]);
    let outcome = load(&lake, DAYS[0], &[]);
    outcome.expect_code(0);
    let tables = &outcome.report()["warehouses"]["analytics"]["tables"];
    assert!(
        tables["totals"].is_null() && tables["tills"]["rows_loaded"] == 3,
        "{outcome}"
    );
    assert_eq!(
        rows(&file(&lake), "SELECT DISTINCT last_day FROM totals"),
        ["2024-03-02"]
    );
    // Its own date is loaded again once it was built again.
    lake.stage("gold", "till", DAYS[1], &["--stale"])
        .expect_code(0);
    load(&lake, DAYS[0], &[]).expect_code(0);
    assert_eq!(
        rows(&file(&lake), "SELECT sum(revenue) FROM totals"),
        rows(&file(&lake), "SELECT sum(revenue) FROM tills")
    );
}

#[test]
fn a_pipeline_without_a_warehouse_and_a_day_without_gold_are_nothing_to_do() {
    let server = Server::local_s3();
    let lake = shop(&server, "");
    load(&lake, DAYS[0], &[]).expect_code(99);
    assert!(files(&lake).is_empty());
    let mut other = Lake::beside(&server, "other");
    lakehouse_tests::till(&mut other, &[]);
    other.stage("load", "till", DAYS[0], &[]).expect_code(99);
}

#[test]
fn a_dry_run_says_what_it_would_do_and_touches_nothing() {
    let server = Server::local_s3();
    let lake = shop(&server, "");
    publish(&lake, &DAYS[..1]);
    let outcome = load(&lake, DAYS[0], &["--dry-run"]);
    outcome.expect_code(0);
    let report = outcome.report();
    assert_eq!(
        report["would_read"].as_array().unwrap().len(),
        2,
        "{outcome}"
    );
    assert_eq!(
        report["would_write"][0].as_str(),
        file(&lake).to_str(),
        "{outcome}"
    );
    assert!(files(&lake).is_empty());
}

#[test]
fn a_table_grows_with_its_mart() {
    let server = Server::local_s3();
    let lake = shop(&server, "");
    publish(&lake, &DAYS[..1]);
    load(&lake, DAYS[0], &[]).expect_code(0);
    let mart = lakehouse_tests::MART.replace(
        "count(*) as receipts",
        "cast(count(*) as hugeint)::decimal(38,0) as receipts, max(amount) as largest",
    );
    // A column more, and one more between the others.
    let mart = mart.replace("::decimal(38,0)", "::bigint");
    lake.env.write("pipelines/till/marts/per_till.sql", mart);
    publish(&lake, &DAYS[1..2]);
    load(&lake, DAYS[1], &[]).expect_code(0);
    assert_eq!(
        rows(
            &file(&lake),
            "SELECT run_date, count(largest), count(*) FROM tills GROUP BY 1 ORDER BY 1"
        ),
        ["2024-03-01 0 3", "2024-03-02 3 3"]
    );
    // An old day with its old partition still loads.
    load(&lake, DAYS[0], &["--rebuild", "tills"]).expect_code(0);
    assert_eq!(
        rows(&file(&lake), "SELECT count(*), count(largest) FROM tills"),
        ["6 3"]
    );
}
