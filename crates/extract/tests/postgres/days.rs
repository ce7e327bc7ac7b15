//! Which rows are a day's, and when a table is taken.

use crate::fixture::{Shop, yesterday};

const FIRST: &str = "id,user_id,amount,note,created_at\n\
    1,1,12.50,\"a \"\"quoted\"\", text\",2025-11-02 00:00:00+00\n\
    2,1,,\"two\nlines\",2025-11-02 23:59:59.999999+00\n";
const SECOND: &str = "id,user_id,amount,note,created_at\n\
    3,2,0.10,\\.,2025-11-03 00:00:00+00\n\
    4,2,7.00,\"\",2025-11-03 12:00:00+00\n";

#[test]
fn a_days_rows_are_taken_at_any_time_and_are_the_same_bytes() {
    let Some(shop) = Shop::new("extraction of days") else {
        return;
    };
    let report = shop.done("2025-11-02", &["--dataset", "orders"]);
    let orders = &report["datasets"]["orders"];
    assert_eq!(orders["rows"], 2, "{report}");
    assert_eq!(orders["inputs"][0]["address"], "shop_pg: orders");
    assert_eq!(orders["outputs"][0]["rows"], 2);
    shop.done("2025-11-03", &["--dataset", "orders"]);
    assert_eq!(shop.csv("orders", "2025-11-02"), FIRST);
    assert_eq!(shop.csv("orders", "2025-11-03"), SECOND);
    let manifest = shop.manifest("orders", "2025-11-02");
    assert_eq!(manifest["files"][0]["rows"], 2);
    assert_eq!(manifest["files"][0]["source_name"], "part-00000-000.csv");
    // A table that was rewritten in another order gives the same bytes: nothing is written.
    shop.sql("update orders set note = note where id = 1");
    shop.sql("vacuum full orders");
    let before = shop.partition("orders", "2025-11-02");
    let again = shop.done("2025-11-02", &["--dataset", "orders"]);
    assert_eq!(again["datasets"]["orders"]["files_unchanged"], 1, "{again}");
    assert_eq!(again["objects_written"], 0, "{again}");
    assert_eq!(shop.partition("orders", "2025-11-02"), before);
    // A late row is found, and replaces what was there.
    shop.sql("insert into orders values (9, 1, 1, 'late', '2025-11-02 10:00:00+00')");
    shop.done("2025-11-02", &["--dataset", "orders"]);
    let csv = shop.csv("orders", "2025-11-02");
    assert_eq!(
        csv.lines().last(),
        Some("9,1,1.00,late,2025-11-02 10:00:00+00")
    );
    assert_eq!(
        shop.manifest("orders", "2025-11-02")["files"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_day_is_the_schedules_and_one_without_rows_is_a_header() {
    let Some(shop) = Shop::new("extraction of days in zones") else {
        return;
    };
    shop.pipeline(
        "name: shop\nschedule: {cron: '0 1 * * *', timezone: Asia/Tokyo, start: 2025-01-01}\n\
         sources: {shop_pg: {postgres: {}}}\ndatasets:\n  \
         orders: {contract: contracts/orders.odcs.yaml, from: {source: shop_pg, table: orders}, take: {day: created_at}}\n",
    );
    // 00:00 in Tokyo is 15:00 of the day before.
    shop.done("2025-11-03", &[]);
    let csv = shop.csv("orders", "2025-11-03");
    let ids: Vec<&str> = csv.lines().filter(|line| line.ends_with("+00")).collect();
    assert_eq!(ids.len(), 3, "{csv}");
    let report = shop.done("2025-11-01", &[]);
    assert_eq!(report["datasets"]["orders"]["rows"], 0);
    assert_eq!(
        shop.csv("orders", "2025-11-01"),
        "id,user_id,amount,note,created_at\n"
    );
}

#[test]
fn a_whole_table_is_taken_once_and_again_only_when_asked_for() {
    let Some(shop) = Shop::new("extraction of whole tables") else {
        return;
    };
    let date = yesterday();
    let users = ["--dataset", "users"];
    shop.done(&date, &users);
    let taken = "id,email\n1,ada@example.org\n2,\n3,\"\"\n";
    assert_eq!(shop.csv("users", &date), taken);
    shop.sql("insert into users values (4, 'bob@example.org', 'x')");
    let kept = shop.done(&date, &users);
    assert_eq!(kept["datasets"]["users"]["files_kept"], 1, "{kept}");
    assert_eq!(shop.csv("users", &date), taken);
    shop.done(&date, &["--dataset", "users", "--refresh"]);
    assert_eq!(
        shop.csv("users", &date),
        format!("{taken}4,bob@example.org\n")
    );
    // The past cannot be read, and a day that was never taken is nothing to do.
    shop.extract("2025-11-02", &users).expect_code(99);
    assert!(shop.partition("users", "2025-11-02").is_empty());
    let refused = shop.extract(&date, &["--dataset", "users", "--full"]);
    refused.expect_code(2);
}

#[test]
fn a_pipeline_of_files_is_nothing_to_do() {
    let Some(shop) = Shop::empty("a pipeline without tables") else {
        return;
    };
    shop.pipeline("name: shop\ndatasets: {orders: {contract: contracts/orders.odcs.yaml, from: /nowhere, files: '*', format: {csv: {}}}}\n");
    shop.extract("2025-11-02", &[]).expect_code(99);
}

#[test]
fn a_dry_run_says_what_is_expected_and_writes_nothing() {
    let Some(shop) = Shop::new("a dry run of extraction") else {
        return;
    };
    shop.sql("analyze");
    let report = shop.done(&yesterday(), &["--dry-run"]);
    assert_eq!(report["datasets"]["users"]["estimated_rows"], 3, "{report}");
    assert!(
        report["would_read"].to_string().contains("id, email"),
        "{report}"
    );
    assert!(
        report["would_write"].to_string().contains("users/year="),
        "{report}"
    );
    assert!(!shop.server.data_dir().join("bronze").exists());
}

#[test]
fn a_query_stands_in_for_a_table() {
    let Some(shop) = Shop::new("extraction of a query") else {
        return;
    };
    shop.pipeline(&crate::fixture::PIPELINE.replace("table: orders", "query: queries/orders.sql"));
    shop.env.write(
        "pipelines/shop/queries/orders.sql",
        "-- with :day_start in a comment\nselect o.*, 'of :day_end' as extra from orders o\n\
         where created_at >= :day_start - interval '1 day' and created_at < :day_end;\n",
    );
    shop.done("2025-11-02", &["--dataset", "orders"]);
    assert_eq!(shop.csv("orders", "2025-11-02"), FIRST);
    shop.env.write(
        "pipelines/shop/queries/orders.sql",
        "select * from orders; drop table orders",
    );
    let refused = shop.extract("2025-11-02", &["--dataset", "orders"]);
    refused.expect_code(2);
    assert!(
        refused.stderr.contains("orders.sql:1:23")
            && refused.stderr.contains("more than one statement"),
        "{refused}"
    );
}
