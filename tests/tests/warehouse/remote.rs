//! A warehouse file in the store.

use std::time::Duration;

use lakehouse_testkit::Server;
use lakehouse_tests::{Lake, error_of};

use crate::fixture::{DAYS, WAREHOUSE, everything, load, publish, shop_with};

fn at_s3(server: &Server, prefix: &str, path: &str) -> Lake {
    let warehouse = WAREHOUSE.replace("${LAKE_WAREHOUSE_DIR}/analytics.duckdb", path);
    shop_with(server, prefix, &warehouse)
}

fn content(lake: &Lake) -> Vec<String> {
    let path = lake.env.path("downloaded.duckdb");
    let bytes = lake
        .objects
        .get("warehouse/shop/analytics.duckdb")
        .expect("a warehouse");
    std::fs::write(&path, bytes).unwrap();
    everything(&path)
}

#[test]
fn loads_at_once_are_all_in_the_object() {
    let server = Server::local_s3();
    let mut lake = at_s3(&server, "", "s3://warehouse/shop/analytics.duckdb");
    publish(&lake, &DAYS);
    lake.env.set("LAKE_CREATE_BUCKETS", "false");
    let missing = load(&lake, DAYS[0], &[]);
    missing.expect_code(2);
    assert!(
        error_of(&missing).contains("bucket `warehouse` does not exist"),
        "{missing}"
    );
    lake.env.set("LAKE_CREATE_BUCKETS", "true");
    load(&lake, DAYS[3], &["--from", DAYS[0]]).expect_code(0);
    load(&lake, DAYS[3], &["--from", DAYS[0]]).expect_code(99);
    let expected = content(&lake);
    assert_eq!(expected.len(), 12 + 3 + 5);
    lake.objects.delete("warehouse/shop/analytics.duckdb");
    let mut loads: Vec<_> = DAYS
        .iter()
        .map(|day| {
            lake.env.spawn(
                "lake-load",
                &["--pipeline", "till", "--date", day, "--run-id", "manual__2"],
            )
        })
        .collect();
    for process in &mut loads {
        let status = process.wait_for(Duration::from_secs(120)).expect("an end");
        assert!(status.success(), "{status}");
    }
    assert_eq!(content(&lake), expected);
    assert!(lake.workspaces().is_empty());
    let shown = lake.lake(&["show", "till", "--warehouse"]);
    shown.expect_code(0);
    assert!(
        shown
            .stdout
            .contains("analytics: s3://warehouse/shop/analytics.duckdb"),
        "{shown}"
    );
}

#[test]
fn a_warehouse_inside_one_of_the_places_is_refused() {
    let server = Server::local_s3();
    let lake = at_s3(&server, "", "s3://gold/analytics.duckdb");
    publish(&lake, &DAYS[..1]);
    let outcome = load(&lake, DAYS[0], &[]);
    outcome.expect_code(2);
    assert!(error_of(&outcome).contains("is inside gold"), "{outcome}");
}
