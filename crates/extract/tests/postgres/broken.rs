//! Servers that break off: nothing short is ever named by a manifest.

use std::sync::Arc;
use std::time::Duration;

use lakehouse_testkit::{CuttingProxy, Postgres, postgres_or_skip};

use crate::fixture::{Shop, yesterday};

const ROWS: u64 = 60_000;

/// A table of many rows in one range.
fn large(shop: &Shop) {
    shop.sql(&format!(
        "insert into users select n, repeat('x', 100), 'x' from generate_series(10, {}) n",
        ROWS + 6
    ));
}

#[test]
fn a_cut_in_the_middle_is_read_again_from_the_start() {
    let Some(mut shop) = Shop::new("connections that are cut") else {
        return;
    };
    large(&shop);
    let date = yesterday();
    for connections in [1, 2] {
        let upstream = ([127, 0, 0, 1], shop.postgres.port()).into();
        let proxy = CuttingProxy::in_front_of(upstream);
        let parameters = format!("sslmode=disable&connections={connections}");
        shop.connect_at(proxy.address().port(), &parameters);
        proxy.cut(1, 1 << 20);
        let report = shop.done(&date, &["--refresh"]);
        assert_eq!(proxy.cuts_left(), 0, "nothing was cut");
        assert_eq!(report["datasets"]["users"]["rows"], ROWS, "{report}");
        assert_eq!(shop.csv("users", &date).lines().count() as u64, ROWS + 1);
        // Cut each time, it is given up as transient, and what was there stays.
        proxy.cut(1_000, 1 << 20);
        let before = shop.manifest("users", &date);
        shop.connect_at(proxy.address().port(), &format!("{parameters}&attempts=2"));
        let outcome = shop.extract(&date, &["--refresh"]);
        outcome.expect_code(75);
        assert_eq!(shop.manifest("users", &date), before);
    }
}

#[test]
fn a_backend_that_is_ended_is_transient() {
    let Some(mut shop) = Shop::new("backends that are ended") else {
        return;
    };
    // Slow enough to be met in the middle.
    shop.sql(&format!(
        "create view slow as select id, user_id, amount, note, created_at, pg_sleep(0.2)::text as pg_sleep from orders, generate_series(1, 50) n; \
         grant select on slow to {}",
        shop.reader
    ));
    shop.connect("attempts=1&connections=1&application_name=victim");
    shop.pipeline(&crate::fixture::PIPELINE.replace("table: orders", "table: slow"));
    shop.write_contract(
        "orders",
        &[
            ("id", "logicalType: integer"),
            ("pg_sleep", "logicalType: string"),
        ],
    );
    let mut child = shop.env.spawn(
        "lake-extract",
        &[
            "--pipeline",
            "shop",
            "--date",
            "2025-11-02",
            "--dataset",
            "orders",
        ],
    );
    let end = "do $$ begin for i in 1..200 loop \
         if exists (select from pg_stat_activity where application_name = 'victim' and query like 'COPY%') then \
         perform pg_terminate_backend(pid) from pg_stat_activity where application_name = 'victim'; return; end if; \
         perform pg_sleep(0.1); perform pg_stat_clear_snapshot(); end loop; raise 'there was none'; end $$";
    shop.sql(end);
    let status = child.wait_for(Duration::from_secs(60)).expect("an end");
    let said = std::fs::read_to_string(shop.env.path("lake-extract.stderr")).unwrap();
    assert_eq!(status.code(), Some(75), "{said}");
    assert!(said.contains("57P01"), "{said}");
    assert!(
        !shop
            .partition("orders", "2025-11-02")
            .contains_key("_manifest.json")
    );
}

#[test]
fn timeouts_and_locks_name_their_setting() {
    let Some(mut shop) = Shop::new("time-outs of statements") else {
        return;
    };
    shop.sql(&format!(
        "create view slow as select id, user_id, amount, note, created_at, pg_sleep(3)::text as slept from orders; \
         grant select on slow to {}",
        shop.reader
    ));
    shop.pipeline(&crate::fixture::PIPELINE.replace("table: orders", "table: slow"));
    shop.write_contract(
        "orders",
        &[
            ("id", "logicalType: integer"),
            ("slept", "logicalType: string"),
        ],
    );
    shop.connect("attempts=1&statement_timeout_secs=1");
    let outcome = shop.extract("2025-11-02", &["--dataset", "orders"]);
    outcome.expect_code(75);
    assert!(
        outcome.stderr.contains("`statement_timeout_secs` (1 s)"),
        "{outcome}"
    );
}

#[test]
fn a_server_that_is_down_is_transient_and_one_that_comes_back_is_read() {
    if postgres_or_skip("servers that are down").is_none() {
        return;
    }
    let postgres = Arc::new(Postgres::start());
    let mut shop = Shop::at(Arc::clone(&postgres));
    postgres.stop();
    shop.connect("attempts=1");
    let outcome = shop.extract("2025-11-02", &["--dataset", "orders"]);
    outcome.expect_code(75);
    assert!(
        outcome.stderr.contains("there is no connection to"),
        "{outcome}"
    );
    assert!(!outcome.stderr.contains(&shop.password), "{outcome}");
}
