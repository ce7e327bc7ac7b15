//! Values that are not finite are found at any depth, whatever the type.

use lakehouse_engine::{Session, SessionOptions, Value, non_finite_condition};

#[test]
fn values_that_are_not_finite_are_found_at_any_depth() {
    let folder = tempfile::tempdir().unwrap();
    let session = Session::open(&SessionOptions {
        workspace: folder.path().to_owned(),
        memory_limit_bytes: 256 << 20,
        threads: 1,
        pseudonym_key: None,
    })
    .unwrap();
    // Each of them with `x`, which is 1, NaN, an infinity and missing.
    for value in [
        "x",
        "cast(x as float)",
        "[x]",
        "[[1.0], [x, 2.0]]",
        "cast([x, 2.0] as double[2])",
        "{'a': x}",
        "{'an \"odd\", (name)': [x], 'b': 1}",
        "{'a': {'b': [{'c': x}]}}",
        "map{'key': x}",
        "map{coalesce(x, 0): 'value'}",
        "map{'key': [{'a': x}]}",
        "union_value(a := x)",
        "to_json({'a': [x], 'b': 'inf \"nan'})",
        "cast(x as variant)",
    ] {
        session
            .execute(&format!(
                "CREATE OR REPLACE TABLE t AS SELECT {value} AS \"the value\" FROM \
                 (VALUES (cast(1 as double)), ('nan'), ('-inf'), ('inf'), (NULL)) AS v(x)"
            ))
            .unwrap();
        let path = folder.path().join("t.parquet");
        session
            .write_parquet("SELECT * FROM t", &path, &std::collections::BTreeMap::new())
            .unwrap();
        let schema = session.parquet_schema(&path).unwrap();
        let (name, sql_type) = &schema[0];
        let condition = non_finite_condition(name, sql_type)
            .unwrap_or_else(|| panic!("{value}: no condition for {sql_type}"));
        let rows = session
            .query(&format!(
                "SELECT count(*) FILTER (WHERE {condition}) FROM read_parquet('{}')",
                path.display()
            ))
            .unwrap_or_else(|error| panic!("{value}: {error} in {condition}"));
        assert_eq!(rows[0], [Value::Int(3)], "{value}: {sql_type}: {condition}");
    }
    for value in [
        "cast('infinity' as date)",
        "cast('-infinity' as timestamp)",
        "cast('infinity' as timestamp_ms)",
        "cast('infinity' as timestamp_s)",
    ] {
        let described = session.describe(&format!("SELECT {value} AS v")).unwrap();
        let condition = non_finite_condition("v", &described[0].1).unwrap();
        let rows = session
            .query(&format!("SELECT {condition} FROM (SELECT {value} AS v)"))
            .unwrap();
        assert_eq!(rows[0], [Value::Bool(true)], "{value}");
    }
}

#[test]
fn json_that_other_parsers_refuse_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let session = Session::open(&SessionOptions {
        workspace: folder.path().to_owned(),
        memory_limit_bytes: 256 << 20,
        threads: 1,
        pseudonym_key: None,
    })
    .unwrap();
    let path = folder.path().join("rows.json");
    let error = session
        .write_json("SELECT cast('nan' as double) AS x", &path)
        .unwrap_err();
    assert!(error.is_caused_by_values(), "{error:?}");
    assert!(error.to_string().contains("as JSON"), "{error}");
    for select in [
        "SELECT 1 AS x WHERE false",
        "SELECT 1.50 AS x, '\u{1}\"\\' AS text, [NULL] AS list, {'a': 1} AS struct",
    ] {
        session.write_json(select, &path).unwrap();
    }
}
