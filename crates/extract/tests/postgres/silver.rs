//! What was written is what silver reads, value by value.

use crate::fixture::Shop;

const PIPELINE: &str = r#"
name: shop
sources: {shop_pg: {postgres: {}}}
datasets:
  orders: {contract: contracts/orders.odcs.yaml, from: {source: shop_pg, table: orders}, take: {day: at}, compression: zstd}
marts:
  seen: {reads: {silver.orders: day}, grain: [id], formats: [parquet, csv]}
"#;

#[test]
fn every_value_reaches_gold_as_it_is_in_the_database() {
    let Some(shop) = Shop::empty("values from PostgreSQL to gold") else {
        return;
    };
    shop.sql(&format!(
        "create table orders (id bigint primary key, flag boolean, price numeric(12,3), ratio double precision, \
         price_tag money, note text, at timestamptz, local timestamp, day date, took interval, tags text[], data jsonb, key uuid, raw bytea); \
         insert into orders values \
         (9223372036854775807, true, 123456789.125, 1e-7, '1234.50', E'a \"q\", \\n\\\\.', '2025-11-02 18:29:59.123456+02', \
          '2025-11-02 01:02:03.5', '2025-02-28', '1 day 1 s', array['a', null, 'b,c'], '{{\"a\": 1.50}}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\\x00ff'), \
         (-1, false, -0.001, -2.5, '-1', '', '2025-11-02 00:00:00+00', null, null, null, null, null, null, null), \
         (2, null, null, null, null, null, '2025-11-02 23:59:59.999999+00', null, null, null, null, null, null, null); \
         grant select on orders to {}",
        shop.reader
    ));
    shop.pipeline(PIPELINE);
    shop.write_contract(
        "orders",
        &[
            ("id", "logicalType: integer, logicalTypeOptions: {format: i64}, required: true, primaryKey: true, primaryKeyPosition: 1"),
            ("flag", "logicalType: boolean"),
            ("price", "logicalType: number, physicalType: 'DECIMAL(12,3)'"),
            ("ratio", "logicalType: number, physicalType: DOUBLE"),
            ("price_tag", "logicalType: number, physicalType: 'DECIMAL(12,2)'"),
            ("note", "logicalType: string"),
            ("at", "logicalType: timestamp, required: true"),
            ("local", "logicalType: timestamp"),
            ("on_day", "logicalType: date, customProperties: [{property: sourcePath, vendor: lakehouse, value: day}]"),
            ("took", "logicalType: integer"),
            ("tags", "logicalType: string"),
            ("data", "logicalType: string"),
            ("key", "logicalType: string"),
            ("raw", "logicalType: string"),
        ],
    );
    shop.env.write(
        "pipelines/shop/marts/seen.sql",
        "SELECT *, note IS NULL AS note_is_missing FROM silver.orders",
    );
    let run = [
        "--pipeline",
        "shop",
        "--date",
        "2025-11-02",
        "--run-id",
        "test",
    ];
    for stage in ["extract", "silver", "check", "gold"] {
        shop.env.stage(stage, &run).expect_code(0);
    }
    let folder = shop
        .server
        .data_dir()
        .join("gold/shop/seen/year=2025/month=11/day=02/data.csv");
    let csv = std::fs::read_to_string(folder).unwrap();
    assert_eq!(
        csv,
        "id,flag,price,ratio,price_tag,note,at,local,on_day,took,tags,data,key,raw,note_is_missing\n\
         -1,false,-0.001,-2.5,-1.00,\"\",2025-11-02 00:00:00,,,,,,,,false\n\
         2,,,,,,2025-11-02 23:59:59.999999,,,,,,,,true\n\
         9223372036854775807,true,123456789.125,1e-07,1234.50,\"a \"\"q\"\", \n\\.\",2025-11-02 16:29:59.123456,\
         2025-11-02 01:02:03.5,2025-02-28,86401,\"[\"\"a\"\", null, \"\"b,c\"\"]\",\"{\"\"a\"\": 1.50}\",\
         a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,00ff,false\n"
    );
    // Again: what is there is the same, and nothing is published anew.
    shop.env.stage("extract", &run).expect_code(0);
    let again = shop.env.stage("extract", &run).report();
    assert_eq!(again["objects_written"], 0, "{again}");
    // `lake run` knows which stage fills bronze.
    let lake = shop.env.run(
        "lake",
        &["run", "shop", "--from", "2025-11-02", "--to", "2025-11-03"],
    );
    lake.expect_code(1);
    assert!(
        lake.stderr.contains("orders"),
        "an empty day is refused: {lake}"
    );
}
