//! What a person is told of a warehouse.

use lakehouse_testkit::Server;
use lakehouse_tests::Lake;

use crate::fixture::{DAYS, load, publish, shop};

#[test]
fn lake_show_tells_what_is_in_it_and_how_to_open_it() {
    let server = Server::local_s3();
    let lake = shop(&server, "");
    let empty = lake.lake(&["show", "till", "--warehouse"]);
    empty.expect_code(99);
    assert!(
        empty.stdout.contains("nothing has been loaded yet"),
        "{empty}"
    );
    publish(&lake, &DAYS[..3]);
    load(&lake, DAYS[2], &["--from", DAYS[0]]).expect_code(0);
    let shown = lake.lake(&["show", "till", "--warehouse"]);
    shown.expect_code(0);
    let lines: Vec<String> = shown
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    for expected in [
        "tills till gold.per_till day 3 2024-03-01 2024-03-03 9",
        "totals till gold.so_far whole 1 2024-03-03 2024-03-03 3",
    ] {
        assert!(
            lines.iter().any(|line| line == expected),
            "no `{expected}` in {shown}"
        );
    }
    assert!(shown.stdout.contains("DuckDB storage v1.4.0"), "{shown}");
    assert!(shown.stdout.contains("duckdb -readonly "), "{shown}");
    lake.lake(&["show", "till"]).expect_code(2);
    lake.lake(&["show", "till", "--warehouse", "--from", DAYS[0]])
        .expect_code(2);
    let described = lake.lake(&["describe", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&described.stdout).unwrap();
    assert_eq!(
        document["pipelines"][0]["warehouses"],
        serde_json::json!(["analytics"])
    );
}

#[test]
fn a_pipeline_without_one_says_so() {
    let mut lake = Lake::new();
    lakehouse_tests::till(&mut lake, &[]);
    let shown = lake.lake(&["show", "till", "--warehouse"]);
    shown.expect_code(99);
    assert!(shown.stdout.contains("`till` has no warehouse"), "{shown}");
}
