//! Parquet, CSV and JSON files, and views over Parquet.

mod common;

use std::collections::BTreeMap;

use common::{Lab, digest};
use lakehouse_contract::MartFormat;
use lakehouse_engine::{EngineError, ParquetOptions, Value};

fn columns(columns: &[(&str, &str)]) -> Vec<(String, String)> {
    columns
        .iter()
        .map(|(name, sql_type)| ((*name).to_owned(), (*sql_type).to_owned()))
        .collect()
}

#[test]
fn a_parquet_file_says_what_is_in_it() {
    let lab = Lab::new();
    let path = lab.path("it's here.parquet");
    let key_values: BTreeMap<String, String> = [
        ("lake.pipeline", "it's \"so\" {x: 1}"),
        ("lake.inputs", r#"[{"name":"a/ü.json","size":1}]"#),
        ("lake.empty", ""),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    let select = "SELECT 1::INTEGER AS \"n\", 2.5::DECIMAL(18,2) AS money, DATE '2011-11-29' AS day,
                  TIMESTAMP '2011-11-29 12:00:00' AS \"at time\", 'x' AS text, true AS yes, 1::BIGINT AS big, 0.1::DOUBLE AS ratio; -- end";
    let select = select.replace("; -- end", " -- a comment at the end");
    assert_eq!(
        lab.session
            .write_parquet(&select, &path, &key_values)
            .expect("a file"),
        1
    );
    assert_eq!(
        lab.session.parquet_key_values(&path).expect("key-values"),
        key_values
    );
    assert_eq!(lab.session.parquet_rows(&path).expect("rows"), 1);
    assert_eq!(
        lab.session.parquet_schema(&path).expect("schema"),
        columns(&[
            ("n", "INTEGER"),
            ("money", "DECIMAL(18,2)"),
            ("day", "DATE"),
            ("at time", "TIMESTAMP"),
            ("text", "VARCHAR"),
            ("yes", "BOOLEAN"),
            ("big", "BIGINT"),
            ("ratio", "DOUBLE"),
        ])
    );
}

#[test]
fn uuids_are_a_type_of_parquet_and_texts_elsewhere() {
    let lab = Lab::new();
    let path = lab.path("ids.parquet");
    let select = "SELECT UUID 'F1D0A9AC-0000-4000-8000-00000000000B' AS id UNION ALL SELECT NULL ORDER BY id NULLS LAST";
    lab.session
        .write_parquet(select, &path, &BTreeMap::new())
        .expect("a file");
    assert_eq!(
        lab.session.parquet_schema(&path).expect("schema"),
        columns(&[("id", "UUID")])
    );
    let logical = format!(
        "SELECT type || ' ' || type_length || ' ' || logical_type FROM parquet_schema('{}') WHERE name = 'id'",
        path.display()
    );
    assert_eq!(lab.one(&logical), "FIXED_LEN_BYTE_ARRAY 16 UUIDType()");
    let formats = [MartFormat::Csv, MartFormat::Json];
    let exports = lab.session.export(&path, &formats).expect("exports");
    let texts: Vec<String> = exports
        .iter()
        .map(|export| std::fs::read_to_string(&export.path).expect("UTF-8"))
        .collect();
    // A row with nothing in its one column is written so that it is no empty line.
    assert_eq!(texts[0].lines().next(), Some("id"));
    assert_eq!(
        texts[0].lines().nth(1),
        Some("f1d0a9ac-0000-4000-8000-00000000000b")
    );
    assert!(
        texts[1].contains("{\"id\":\"f1d0a9ac-0000-4000-8000-00000000000b\"}"),
        "{}",
        texts[1]
    );
}

#[test]
fn no_rows_make_a_file_with_columns() {
    let lab = Lab::new();
    let path = lab.path("empty.parquet");
    lab.session
        .write_parquet(
            "SELECT 1::INTEGER AS n WHERE false",
            &path,
            &BTreeMap::new(),
        )
        .expect("a file");
    assert_eq!(lab.session.parquet_rows(&path).expect("rows"), 0);
    assert_eq!(
        lab.session.parquet_schema(&path).expect("schema"),
        columns(&[("n", "INTEGER")])
    );
    assert_eq!(
        lab.session.parquet_key_values(&path).expect("none"),
        BTreeMap::new()
    );
}

#[test]
fn rows_per_group_are_as_asked() {
    let lab = Lab::new();
    let path = lab.path("groups.parquet");
    let options = ParquetOptions {
        rows_per_group: 4096,
    };
    lab.session
        .write_parquet_with(
            "SELECT range AS n FROM range(10000) ORDER BY n",
            &path,
            &BTreeMap::new(),
            &options,
        )
        .expect("a file");
    let groups = lab
        .session
        .query(&format!("SELECT DISTINCT row_group_id, row_group_num_rows FROM parquet_metadata('{}') ORDER BY 1", path.display()))
        .expect("metadata");
    let sizes: Vec<i64> = groups.iter().filter_map(|row| row[1].as_i64()).collect();
    assert_eq!(sizes, [4096, 4096, 1808]);
}

#[test]
fn a_view_has_the_columns_it_was_given() {
    let lab = Lab::new();
    let old = lab.path("year=2010").join("old.parquet");
    let new = lab.path("new.parquet");
    std::fs::create_dir(old.parent().expect("a folder")).expect("a folder");
    let none = BTreeMap::new();
    lab.session
        .write_parquet("SELECT 1 AS id, 'a' AS name, 'x' AS gone", &old, &none)
        .expect("a file");
    lab.session
        .write_parquet(
            "SELECT 2::BIGINT AS id, 'b' AS name, 2.5::DECIMAL(18,2) AS money",
            &new,
            &none,
        )
        .expect("a file");
    let wanted = columns(&[
        ("money", "DECIMAL(18,2)"),
        ("id", "BIGINT"),
        ("name", "VARCHAR"),
        ("added", "TIMESTAMP"),
    ]);

    lab.session
        .read_parquet_view("silver", "t", &[old.clone(), new.clone()], Some(&wanted))
        .expect("a view");
    assert_eq!(
        lab.session
            .describe("SELECT * FROM silver.t")
            .expect("types"),
        wanted
    );
    let text = |text: &str| Value::Text(text.into());
    assert_eq!(
        lab.session
            .query("SELECT * FROM silver.t ORDER BY id")
            .expect("rows"),
        [
            vec![Value::Null, Value::Int(1), text("a"), Value::Null],
            vec![text("2.50"), Value::Int(2), text("b"), Value::Null],
        ]
    );

    lab.session
        .read_parquet_view("silver", "t", &[], Some(&wanted))
        .expect("an empty view in its place");
    assert_eq!(
        lab.session
            .describe("SELECT * FROM silver.t")
            .expect("types"),
        wanted
    );
    assert_eq!(lab.one("SELECT count(*) FROM silver.t"), "0");

    lab.session
        .read_parquet_view("gold", "odd \"name\"", &[old], None)
        .expect("a view");
    assert_eq!(
        lab.session
            .describe("SELECT * FROM gold.\"odd \"\"name\"\"\"")
            .expect("types"),
        columns(&[("id", "INTEGER"), ("name", "VARCHAR"), ("gone", "VARCHAR")]),
        "the folder year=2010 is no column"
    );

    let error = lab
        .session
        .read_parquet_view("silver", "u", &[], None)
        .expect_err("nothing to go by");
    assert!(matches!(error, EngineError::Refused { .. }), "{error:?}");
    lab.session
        .read_parquet_view("silver", "u", &[lab.path("absent.parquet")], None)
        .expect_err("no such file");
}

#[test]
fn csv_is_quoted_where_it_must_be() {
    let lab = Lab::new();
    let path = lab.path("t.csv");
    let rows = lab
        .session
        .write_csv(
            "SELECT * FROM (VALUES (1, 'plain', 2.50::DECIMAL(18,2), DATE '2011-11-29'), (2, 'a,b', NULL, NULL),
             (3, 'say \"so\"', 0, NULL), (4, 'two\nlines', 0, NULL), (5, '', 0, NULL), (6, NULL, 0, NULL)) t(id, \"the text\", money, day) ORDER BY id",
            &path,
        )
        .expect("a file");
    assert_eq!(rows, 6);
    assert_eq!(
        std::fs::read_to_string(&path).expect("text"),
        "id,the text,money,day\n1,plain,2.50,2011-11-29\n2,\"a,b\",,\n3,\"say \"\"so\"\"\",0.00,\n4,\"two\nlines\",0.00,\n5,\"\",0.00,\n6,,0.00,\n"
    );
    lab.session
        .write_csv("SELECT 1 AS a WHERE false", &path)
        .expect("a file");
    assert_eq!(std::fs::read_to_string(&path).expect("text"), "a\n");
}

#[test]
fn json_is_an_array_of_objects() {
    let lab = Lab::new();
    let path = lab.path("t.json");
    let select = "SELECT * FROM (VALUES (1, 'ü \"q\"', 2.50::DECIMAL(18,2), TIMESTAMP '2011-11-29 12:00:00'), (2, NULL, NULL, NULL)) t(id, text, money, \"at\") ORDER BY id";
    assert_eq!(lab.session.write_json(select, &path).expect("a file"), 2);
    let text = std::fs::read_to_string(&path).expect("text");
    let parsed: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(
        parsed,
        serde_json::json!([
            {"id": 1, "text": "ü \"q\"", "money": 2.5, "at": "2011-11-29 12:00:00"},
            {"id": 2, "text": null, "money": null, "at": null}
        ])
    );
    assert_eq!(text.lines().count(), 4, "an object a line: {text}");
    lab.session
        .write_json("SELECT 1 AS a WHERE false", &path)
        .expect("a file");
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&std::fs::read_to_string(&path).expect("text"))
            .expect("JSON"),
        serde_json::json!([])
    );
}

#[test]
fn csv_and_json_are_the_same_whatever_the_threads() {
    let mut digests = Vec::new();
    for threads in [1, 2, 4] {
        let lab = Lab::with(threads, 1 << 30);
        lab.session
            .execute("CREATE TABLE t AS SELECT range AS n, 'row ' || range AS text FROM range(400000) ORDER BY hash(range)")
            .expect("a table");
        let (csv, json) = (lab.path("t.csv"), lab.path("t.json"));
        lab.session
            .write_csv("SELECT * FROM t ORDER BY n", &csv)
            .expect("a file");
        lab.session
            .write_json("SELECT * FROM t ORDER BY n", &json)
            .expect("a file");
        digests.push((digest(&csv), digest(&json)));
    }
    assert_eq!(digests[0], digests[1]);
    assert_eq!(digests[0], digests[2]);
}

#[test]
fn names_and_texts_come_back_as_they_were() {
    let lab = Lab::new();
    for text in [
        "it's",
        "say \"so\"",
        "'; DROP TABLE x; --",
        "a\\b",
        "ü\n\t",
        "$$",
        "%s {0}",
        "E'\\n'",
    ] {
        let (literal, identifier) = (
            lakehouse_contract::quote::literal(text),
            lakehouse_contract::quote::identifier(text),
        );
        let select = format!("SELECT {literal} AS {identifier}");
        assert_eq!(lab.one(&select), text);
        assert_eq!(lab.session.describe(&select).expect("types")[0].0, text);
    }
}
