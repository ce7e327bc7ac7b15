//! What `warehouses` may say, what is refused, and whether the refusal helps.

use lakehouse_contract::{Load, Name, Pipeline, StorageVersion, WarehouseDatabase};

const PIPELINE: &str = r#"name: shop
environment: [SHOP_DIR]
datasets:
  orders:
    contract: contracts/orders.odcs.yaml
    from: "${SHOP_DIR}"
    files: "{date:%Y-%m-%d}.csv"
    format: {csv: {}}
marts:
  per_day:
    reads: {silver.orders: day}
    grain: [order_id]
    description: Orders of a day.
    columns: {amount: In euros.}
  so_far: {reads: {gold.per_day: all}, grain: [x], materialised: snapshot}
"#;

const WAREHOUSE: &str = r#"warehouses:
  analytics:
    duckdb: {path: "${LAKE_WAREHOUSE_DIR}/analytics.duckdb", storage_version: v1.5.0}
    tables:
      orders: {from: gold.per_day, load: day, key: [order_id]}
      totals: {from: gold.so_far, load: whole}
"#;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

#[test]
fn a_warehouse_is_read() {
    let pipeline = Pipeline::parse(&format!("{PIPELINE}{WAREHOUSE}")).unwrap();
    let warehouse = &pipeline.warehouses[&name("analytics")];
    let WarehouseDatabase::DuckDb(file) = &warehouse.database;
    assert_eq!(file.path, "${LAKE_WAREHOUSE_DIR}/analytics.duckdb");
    assert_eq!(file.storage_version, StorageVersion::V1_5);
    let orders = &warehouse.tables[&name("orders")];
    assert_eq!(
        (orders.mart.as_str(), orders.load, orders.key.as_slice()),
        ("per_day", Load::Day, ["order_id".to_owned()].as_slice())
    );
    assert_eq!(warehouse.tables[&name("totals")].load, Load::Whole);
    let mart = &pipeline.marts[&name("per_day")];
    assert_eq!(mart.description.as_deref(), Some("Orders of a day."));
    assert_eq!(mart.columns["amount"].text, "In euros.");

    let s3 = WAREHOUSE
        .replace("${LAKE_WAREHOUSE_DIR}/", "s3://warehouse/")
        .replace(", storage_version: v1.5.0", "");
    let pipeline = Pipeline::parse(&format!("{PIPELINE}{s3}")).unwrap();
    let WarehouseDatabase::DuckDb(file) = &pipeline.warehouses[&name("analytics")].database;
    assert_eq!(file.storage_version, StorageVersion::V1_4);
}

/// The problems of the pipeline with a replacement in its warehouse.
fn problems(from: &str, to: &str) -> Vec<(String, String)> {
    assert!(WAREHOUSE.contains(from), "`{from}` is not there");
    let text = format!("{PIPELINE}{}", WAREHOUSE.replace(from, to));
    let (_, problems) = Pipeline::judge(&text);
    problems
        .iter()
        .map(|error| {
            (
                error.to_string(),
                error.hint().unwrap_or_default().to_owned(),
            )
        })
        .collect()
}

#[track_caller]
fn refused(from: &str, to: &str, message: &str, hint: &str) {
    let found = problems(from, to);
    let [(told, told_hint)] = found.as_slice() else {
        panic!("expected one problem, found {found:#?}");
    };
    assert_eq!(told, message);
    assert!(told_hint.contains(hint), "no `{hint}` in `{told_hint}`");
}

#[test]
fn what_cannot_be_loaded_is_refused_where_it_is() {
    refused(
        "gold.per_day",
        "gold.per_dai",
        "warehouse `analytics`: table `orders`: it is loaded from `gold.per_dai`, but there is no mart `per_dai` (line 20, column 22)",
        "did you mean `per_day`?",
    );
    refused(
        "gold.per_day",
        "silver.orders",
        "warehouse `analytics`: table `orders`: a warehouse cannot be loaded from `silver.orders`: it reads gold, never silver (line 20, column 22)",
        "from: gold.<mart>",
    );
    refused(
        "load: whole",
        "load: day",
        "warehouse `analytics`: table `totals`: `load: day` of the snapshot mart `gold.so_far` would add the whole state again every day (line 21, column 22)",
        "load: whole",
    );
    refused(
        "load: day",
        "load: daily",
        "warehouse `analytics`: table `orders`: `daily` is not a value of `load` (line 20, column 42)",
        "`day`, `whole`",
    );
    refused(
        "key: [order_id]",
        "key: [order_id, ORDER_ID]",
        "warehouse `analytics`: table `orders`: `key` lists `ORDER_ID` twice (line 20, column 52)",
        "once",
    );
    refused(
        "key: [order_id]",
        "key: []",
        "warehouse `analytics`: table `orders`: `key` is empty (line 20, column 52)",
        "leave `key` out",
    );
    refused(
        "      totals:",
        "      lake_loads:",
        "warehouse `analytics`: table `lake_loads`: `lake_loads` is reserved: what begins with `lake_` belongs to the lake, such as `lake_loads` (line 21, column 19)",
        "another name",
    );
    refused(
        "      totals:",
        "      orders:",
        "the key `orders` is given twice (line 21, column 7)",
        "keep one of the two",
    );
    refused(
        "v1.5.0",
        "v1.3.0",
        "warehouse `analytics`: `v1.3.0` is not a value of `storage_version` (line 18, column 79)",
        "`v1.4.0`",
    );
}

#[test]
fn where_a_warehouse_cannot_be_is_refused() {
    for (path, message) in [
        (
            "${LAKE_WAREHOUSE_DIR}/analytics.db",
            "`${LAKE_WAREHOUSE_DIR}/analytics.db` is not the path of a file that ends in `.duckdb`",
        ),
        (
            "${LAKE_WAREHOUSE_DIR}/.duckdb",
            "`${LAKE_WAREHOUSE_DIR}/.duckdb` is not the path of a file that ends in `.duckdb`",
        ),
        (
            "https://host/a.duckdb",
            "a warehouse cannot be at `https://`",
        ),
        (
            "${OTHER_DIR}/a.duckdb",
            "`path` needs the variable `OTHER_DIR`, which `environment` does not declare",
        ),
    ] {
        refused(
            "${LAKE_WAREHOUSE_DIR}/analytics.duckdb",
            path,
            &format!("warehouse `analytics`: {message} (line 18, column 20)"),
            "",
        );
    }
    // What the pipeline declares is as good.
    let declared = problems("${LAKE_WAREHOUSE_DIR}", "${SHOP_DIR}");
    assert_eq!(declared, []);
}

#[test]
fn what_is_not_there_yet_says_so() {
    refused(
        "duckdb: {path: \"${LAKE_WAREHOUSE_DIR}/analytics.duckdb\", storage_version: v1.5.0}",
        "postgres: {connection: shop, schema: analytics}",
        "warehouse `analytics`: a PostgreSQL warehouse is not supported yet (line 18, column 15)",
        "duckdb:",
    );
    refused(
        "    tables:",
        "    views: warehouse/views\n    tables:",
        "warehouse `analytics`: `views` is not supported yet (line 19, column 12)",
        "leave `views` out",
    );
    refused(
        "    duckdb: {path: \"${LAKE_WAREHOUSE_DIR}/analytics.duckdb\", storage_version: v1.5.0}\n",
        "",
        "warehouse `analytics`: it does not say which database it is (line 18, column 5)",
        "duckdb:",
    );
}

#[test]
fn one_file_is_one_warehouse_and_all_problems_are_told() {
    let text = format!(
        "{PIPELINE}{WAREHOUSE}  more:\n    duckdb: {{path: \"${{LAKE_WAREHOUSE_DIR}}/analytics.duckdb\"}}\n    \
         tables:\n      a: {{from: gold.nothing, load: day}}\n      b: {{from: gold.so_far, load: day}}\n"
    );
    let (_, problems) = Pipeline::judge(&text);
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "warehouse `more`: it is the same file as the warehouse `analytics` (line 23, column 20)",
            "warehouse `more`: table `a`: it is loaded from `gold.nothing`, but there is no mart `nothing` (line 25, column 17)",
            "warehouse `more`: table `b`: `load: day` of the snapshot mart `gold.so_far` would add the whole state again every day (line 26, column 17)",
        ]
    );
}
