//! What a load refuses, and that the file is then as it was.

use lakehouse_testkit::Server;
use lakehouse_tests::{Lake, MART, error_of};

use crate::fixture::{
    DAYS, WAREHOUSE, everything, file, files, load, publish, rows, shop, shop_with,
};

/// A refused load: its exit, what it says, and a file that is as it was.
#[track_caller]
fn refused(lake: &Lake, day: &str, code: i32, words: &[&str]) {
    let before = std::fs::read(file(lake)).unwrap();
    let outcome = load(lake, day, &[]);
    outcome.expect_code(code);
    let text = error_of(&outcome);
    for word in words {
        assert!(text.contains(word), "no `{word}` in\n{text}");
    }
    assert!(
        std::fs::read(file(lake)).unwrap() == before,
        "the file changed"
    );
    let left: Vec<String> = files(lake)
        .into_iter()
        .filter(|name| name.starts_with('.'))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

fn write_mart(lake: &Lake, from: &str, to: &str) {
    assert!(MART.contains(from));
    lake.env
        .write("pipelines/till/marts/per_till.sql", MART.replace(from, to));
}

#[test]
fn a_change_that_would_lose_data_is_refused_until_the_table_is_made_anew() {
    let server = Server::local_s3();
    let lake = shop(&server, "");
    publish(&lake, &DAYS[..2]);
    load(&lake, DAYS[1], &["--from", DAYS[0]]).expect_code(0);
    // Another type, and a column that is gone.
    write_mart(
        &lake,
        "    sum(amount) as revenue,\n    count(*) as receipts",
        "    cast(sum(amount) as varchar) as revenue",
    );
    lake.env.write(
        "pipelines/till/marts/so_far.sql",
        "select till, count(*) as days, max(date) as last_day, sum(cast(revenue as decimal(18,2))) as revenue from gold.per_till group by till\n",
    );
    let yaml = std::fs::read_to_string(lake.env.path("pipelines/till/pipeline.yaml")).unwrap();
    publish(&lake, &DAYS[2..3]);
    refused(
        &lake,
        DAYS[2],
        2,
        &[
            "table `tills` cannot follow its mart `per_till` without losing data",
            "the mart no longer returns the column `receipts`",
            "column `revenue` is DECIMAL(38,2) in the table and VARCHAR in the mart",
            "--rebuild tills",
        ],
    );
    assert_eq!(
        rows(
            &file(&lake),
            "SELECT DISTINCT run_date FROM tills ORDER BY 1"
        ),
        [DAYS[0], DAYS[1]]
    );
    assert_eq!(yaml.matches("warehouses:").count(), 1);
    // The old days were made by another definition: they are told, and built anew.
    let early = load(&lake, DAYS[2], &["--rebuild", "tills"]);
    early.expect_code(2);
    assert!(error_of(&early).contains("--stale"), "{early}");
    lake.stage("gold", "till", DAYS[2], &["--stale"])
        .expect_code(0);
    load(&lake, DAYS[2], &["--rebuild", "tills"]).expect_code(0);
    assert_eq!(
        rows(
            &file(&lake),
            "SELECT count(*), min(typeof(revenue)) FROM tills"
        ),
        ["9 VARCHAR"]
    );
}

#[test]
fn a_key_that_two_rows_share_refuses_the_load() {
    let server = Server::local_s3();
    let key = WAREHOUSE.replace("key: [run_date, till]", "key: [till]");
    let lake = shop_with(&server, "", &key);
    publish(&lake, &DAYS[..2]);
    load(&lake, DAYS[0], &[]).expect_code(0);
    refused(
        &lake,
        DAYS[1],
        1,
        &[
            "3 values of the key `till` are in more than one row",
            "run_date",
        ],
    );
}

#[test]
fn tables_of_others_are_left_alone() {
    let server = Server::local_s3();
    let lake = shop(&server, "");
    publish(&lake, &DAYS[..2]);
    load(&lake, DAYS[0], &[]).expect_code(0);
    // Another pipeline that loads the same table.
    let mut other = shop(&server, "other");
    let yaml = std::fs::read_to_string(other.env.path("pipelines/till/pipeline.yaml")).unwrap();
    other.env.write(
        "pipelines/kiosk/pipeline.yaml",
        yaml.replace("name: till", "name: kiosk"),
    );
    for name in [
        "contracts/receipts.odcs.yaml",
        "marts/per_till.sql",
        "marts/so_far.sql",
    ] {
        let text = std::fs::read(other.env.path(&format!("pipelines/till/{name}"))).unwrap();
        other.env.write(&format!("pipelines/kiosk/{name}"), text);
    }
    let folder = lake.env.path("warehouse").to_string_lossy().into_owned();
    other.env.set("LAKE_WAREHOUSE_DIR", folder);
    for stage in ["bronze", "silver", "check", "gold"] {
        other.stage(stage, "kiosk", DAYS[0], &[]).expect_code(0);
    }
    let outcome = other.stage("load", "kiosk", DAYS[0], &[]);
    outcome.expect_code(2);
    assert!(
        error_of(&outcome).contains("table `tills` is loaded by the pipeline `till`"),
        "{outcome}"
    );
    // It can be known before.
    let outcome = other.lake(&["validate", "kiosk"]);
    outcome.expect_code(2);
    for words in [
        "kiosk/pipeline.yaml:25:21: warehouse `analytics`: the pipeline `till` loads the table `tills` of the same file",
        "loads the table `totals` of the same file",
        "kiosk: 2 problems",
    ] {
        assert!(outcome.stdout.contains(words), "no `{words}` in {outcome}");
    }
    // Sharing a file without sharing a table is fine, and nobody's rows are touched.
    let yaml = std::fs::read_to_string(other.env.path("pipelines/kiosk/pipeline.yaml")).unwrap();
    other.env.write(
        "pipelines/kiosk/pipeline.yaml",
        yaml.replace("      tills:", "      kiosk_tills:")
            .replace("      totals:", "      kiosk_totals:"),
    );
    let before = everything(&file(&lake));
    other.lake(&["validate", "kiosk"]).expect_code(0);
    other.stage("load", "kiosk", DAYS[0], &[]).expect_code(0);
    assert_eq!(
        rows(&file(&lake), "SELECT count(*) FROM kiosk_tills"),
        ["3"]
    );
    let after = everything(&file(&lake));
    assert_eq!(after[..6], before[..6]);
}

#[test]
fn a_file_that_is_no_warehouse_is_left_alone() {
    let server = Server::local_s3();
    let lake = shop(&server, "");
    publish(&lake, &DAYS[..1]);
    std::fs::write(file(&lake), vec![7; 20_000]).unwrap();
    refused(
        &lake,
        DAYS[0],
        2,
        &["cannot be read as a DuckDB database", "--stale"],
    );
    // What somebody wrote by hand and has not closed would be lost.
    std::fs::remove_file(file(&lake)).unwrap();
    load(&lake, DAYS[0], &[]).expect_code(0);
    lake.env.write("warehouse/analytics.duckdb.wal", "x");
    publish(&lake, &DAYS[1..2]);
    let before = std::fs::read(file(&lake)).unwrap();
    let outcome = load(&lake, DAYS[1], &[]);
    outcome.expect_code(75);
    assert!(error_of(&outcome).contains("read-only"), "{outcome}");
    assert!(std::fs::read(file(&lake)).unwrap() == before);
}

#[test]
fn what_is_configured_wrong_is_told_before_anything_is_touched() {
    let server = Server::local_s3();
    let mut lake = shop(&server, "");
    publish(&lake, &DAYS[..1]);
    let says = |lake: &Lake, more: &[&str], words: &str| {
        let outcome = load(lake, DAYS[0], more);
        outcome.expect_code(2);
        assert!(
            error_of(&outcome).contains(words),
            "no `{words}` in {outcome}"
        );
    };
    says(&lake, &["--warehouse", "other"], "has no warehouse `other`");
    says(&lake, &["--rebuild", "other"], "has a table `other`");
    says(&lake, &["--from", DAYS[3]], "is after --date");
    lake.env.set("LAKE_WAREHOUSE_DIR", "/nowhere/at/all");
    says(&lake, &[], "the folder of the warehouse must exist");
    lake.env.remove("LAKE_WAREHOUSE_DIR");
    says(&lake, &[], "`LAKE_WAREHOUSE_DIR` is not set");
}

#[test]
fn validate_holds_tables_against_their_marts() {
    let server = Server::local_s3();
    let warehouse = WAREHOUSE
        .replace("key: [run_date, till]", "key: [tilll]")
        .replace(
            "{from: gold.so_far, load: whole, key: [till]}",
            "{from: gold.per_till, load: day}",
        );
    let lake = shop_with(&server, "", &warehouse);
    write_mart(
        &lake,
        "run_date() as date",
        "run_date() as run_date, run_date() as date",
    );
    let outcome = lake.lake(&["validate", "till"]);
    outcome.expect_code(2);
    for words in [
        "pipeline.yaml:25:52: warehouse `analytics`: table `tills`: the key names `tilll`, which the mart `per_till` does not return",
        "pipeline.yaml:25:21: warehouse `analytics`: table `tills`: the mart has a column `run_date`, where `load: day` puts the run date",
        "pipeline.yaml:26:22: warehouse `analytics`: table `totals`: the mart has a column `run_date`",
        "3 problems",
    ] {
        assert!(outcome.stdout.contains(words), "no `{words}` in {outcome}");
    }
}
