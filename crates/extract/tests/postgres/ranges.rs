//! Large tables in ranges of pages, several tables at one moment.

use crate::fixture::{PIPELINE, Shop, yesterday};

#[test]
fn a_large_table_is_read_in_ranges_and_every_row_once() {
    let Some(mut shop) = Shop::new("ranges of pages") else {
        return;
    };
    // More than two ranges of 16,384 pages, most of each page empty, so that it is made fast.
    shop.sql(
        "alter table users set (fillfactor = 10); alter table users alter column email set storage plain; \
         insert into users select n, repeat('x', 300), 'x' from generate_series(10, 80009) n",
    );
    // A right to some columns is none to the places of rows: the table is then read as one.
    let date = yesterday();
    shop.done(&date, &["--dataset", "users"]);
    let manifest = shop.manifest("users", &date);
    assert_eq!(manifest["files"].as_array().unwrap().len(), 1, "{manifest}");
    shop.sql(&format!("grant select on users to {}", shop.reader));
    let mut bytes = Vec::new();
    for connections in [1, 3] {
        shop.connect(&format!("connections={connections}"));
        let report = shop.done(&date, &["--dataset", "users", "--refresh"]);
        assert_eq!(report["datasets"]["users"]["rows"], 80_003, "{report}");
        let manifest = shop.manifest("users", &date);
        let files = manifest["files"].as_array().unwrap();
        assert!(files.len() >= 2, "{manifest}");
        let counted: u64 = files
            .iter()
            .map(|file| file["rows"].as_u64().unwrap())
            .sum();
        assert_eq!(counted, 80_003);
        let csv = shop.csv("users", &date);
        let mut ids: Vec<u64> = csv
            .lines()
            .filter_map(|line| line.split(',').next()?.parse().ok())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 80_003);
        bytes.push(csv);
    }
    // The number of connections changes no byte.
    assert!(bytes[0] == bytes[1]);
}

#[test]
fn partitions_of_a_table_are_read_as_one() {
    let Some(shop) = Shop::new("partitioned tables") else {
        return;
    };
    shop.sql(&format!(
        "drop table users; create table users (id bigint, email text) partition by hash (id); \
         create table users_a partition of users for values with (modulus 2, remainder 0); \
         create table users_b partition of users for values with (modulus 2, remainder 1); \
         insert into users select n, n::text from generate_series(1, 100) n; \
         grant select on users to {}",
        shop.reader
    ));
    let date = yesterday();
    shop.done(&date, &["--dataset", "users"]);
    assert_eq!(shop.csv("users", &date).lines().count(), 101);
}

#[test]
fn a_single_column_that_can_be_missing_gets_company() {
    let Some(shop) = Shop::new("tables of one column") else {
        return;
    };
    shop.write_contract("users", &[("email", "logicalType: string")]);
    let date = yesterday();
    shop.done(&date, &["--dataset", "users"]);
    let mut lines: Vec<String> = shop
        .csv("users", &date)
        .lines()
        .map(str::to_owned)
        .collect();
    lines[1..].sort();
    assert_eq!(
        lines,
        ["email,_", "\"\",\"\"", ",\"\"", "ada@example.org,\"\""]
    );
    let strict = crate::fixture::contract("users", &[("email", "logicalType: string")]).replace(
        "    customProperties:\n",
        "    customProperties:\n      - {property: unknownColumns, vendor: lakehouse, value: fail}\n",
    );
    shop.env
        .write("pipelines/shop/contracts/users.odcs.yaml", strict);
    let refused = shop.extract(&date, &["--dataset", "users", "--refresh"]);
    refused.expect_code(2);
    assert!(
        refused.stderr.contains("unknownColumns: discard"),
        "{refused}"
    );
}

#[test]
fn all_tables_are_of_one_moment() {
    let Some(mut shop) = Shop::new("one moment") else {
        return;
    };
    shop.sql(&format!(
        "create table log (id bigint primary key); grant select on log to {0}; \
         create view slow as select o.id, pg_sleep(0.5)::text as slept from orders o; grant select on slow to {0}",
        shop.reader
    ));
    shop.pipeline(&format!(
        "{}  log: {{contract: contracts/log.odcs.yaml, from: {{source: shop_pg, table: log}}, take: whole}}\n",
        PIPELINE.replace("table: orders}, take: {day: created_at}", "table: slow}, take: whole")
    ));
    shop.write_contract(
        "orders",
        &[
            ("id", "logicalType: integer"),
            ("slept", "logicalType: string"),
        ],
    );
    let file = "pipelines/shop/contracts/orders.odcs.yaml";
    let orders = std::fs::read_to_string(shop.env.path(file)).unwrap();
    shop.env
        .write(file, orders.replace("value: event", "value: snapshot"));
    shop.write_contract("log", &[("id", "logicalType: integer")]);
    shop.connect("connections=1");
    let date = yesterday();
    let mut child = shop
        .env
        .spawn("lake-extract", &["--pipeline", "shop", "--date", &date]);
    let mut added = 0;
    while child.try_wait().is_none() {
        added += 1;
        shop.sql(&format!(
            "insert into log values ({added}); insert into users values ({}, 'x', 'x')",
            added + 100
        ));
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let rows = |dataset: &str| shop.csv(dataset, &date).lines().count() - 1;
    assert!(added > 10, "{added}");
    // Each statement added a row to both: at one moment both have as many.
    assert_eq!(rows("log"), rows("users") - 3);
    assert!(rows("log") < added);
}
