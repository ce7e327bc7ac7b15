//! The exact text of every rule and statement. What the statements do is shown where an engine is:
//! they are run on hostile rows by the tests of silver.

use super::*;
use crate::Contract;

/// A contract of one dataset, from its custom properties and its columns.
pub(super) fn contract(custom: &[&str], columns: &[&str]) -> Contract {
    let mut text = String::from(
        "apiVersion: v3.2.0\nkind: DataContract\nid: test\nversion: 1.0.0\nschema:\n- name: test\n",
    );
    if !custom.is_empty() {
        text.push_str("  customProperties:\n");
    }
    for property in custom {
        let (name, value) = property.split_once(": ").unwrap();
        let _ = writeln!(
            text,
            "  - {{property: {name}, vendor: lakehouse, value: {value}}}"
        );
    }
    text.push_str("  properties:\n");
    for column in columns {
        let _ = writeln!(text, "  - {{{column}}}");
    }
    Contract::parse(&text).unwrap()
}

pub(super) fn sql(contract: &Contract) -> SilverSql {
    silver_sql(
        contract,
        "rows()",
        &"2024-03-31".parse().unwrap(),
        &chrono_tz::Europe::Berlin,
    )
}

/// Every rule of the columns, as `column rule: condition`.
fn rules_of(custom: &[&str], columns: &[&str]) -> Vec<String> {
    let date = "2024-03-31".parse().unwrap();
    rules::all(
        &contract(custom, columns),
        &date,
        &chrono_tz::Europe::Berlin,
    )
    .into_iter()
    .map(|rule| format!("{} {}: {}", rule.column, rule.name, rule.condition))
    .collect()
}

#[test]
fn every_rule_has_its_condition() {
    for (column, rules) in [
        ("name: a, logicalType: string", vec![]),
        (
            "name: a, logicalType: string, required: true",
            vec!["a required: \"a\" IS NULL"],
        ),
        (
            "name: 'a\"b', logicalType: string, required: true",
            vec!["a\"b required: \"a\"\"b\" IS NULL"],
        ),
        (
            "name: a, logicalType: string, enum: [{value: x}, {value: \"it's\"}]",
            vec!["a enum: \"a\" NOT IN ('x', 'it''s')"],
        ),
        (
            "name: a, logicalType: integer, enum: [{value: 1}, {value: 2}]",
            vec!["a enum: \"a\" NOT IN (CAST('1' AS INTEGER), CAST('2' AS INTEGER))"],
        ),
        (
            "name: a, logicalType: number, physicalType: 'DECIMAL(18,2)', logicalTypeOptions: {minimum: 0.10, maximum: 99}",
            vec![
                "a minimum: \"a\" < CAST('0.10' AS DECIMAL(18,2))",
                "a maximum: \"a\" > CAST('99' AS DECIMAL(18,2))",
            ],
        ),
        (
            "name: a, logicalType: integer, logicalTypeOptions: {format: i64, exclusiveMinimum: -1, exclusiveMaximum: 10}",
            vec![
                "a exclusiveMinimum: \"a\" <= CAST('-1' AS BIGINT)",
                "a exclusiveMaximum: \"a\" >= CAST('10' AS BIGINT)",
            ],
        ),
        (
            "name: a, logicalType: date, logicalTypeOptions: {minimum: '2015-01-01'}",
            vec!["a minimum: \"a\" < CAST('2015-01-01' AS DATE)"],
        ),
        (
            "name: a, logicalType: timestamp, logicalTypeOptions: {maximum: '2015-01-01T02:00:00+02:00'}",
            vec!["a maximum: \"a\" > CAST('2015-01-01 00:00:00.000000' AS TIMESTAMP)"],
        ),
        (
            "name: a, logicalType: string, logicalTypeOptions: {minLength: 2, maxLength: 5, pattern: \"^o'\"}",
            vec![
                "a minLength: length(\"a\") < 2",
                "a maxLength: length(\"a\") > 5",
                "a pattern: NOT regexp_matches(\"a\", '^o''')",
            ],
        ),
        (
            "name: a, logicalType: string, required: true, transformLogic: trim(a)",
            vec![
                "a transform: _lake_failed_1",
                "a required: (\"a\" IS NULL AND NOT _lake_failed_1)",
            ],
        ),
        (
            "name: a, logicalType: number, physicalType: DOUBLE, transformLogic: ln(a)",
            vec!["a transform: _lake_failed_1", "a type: NOT isfinite(\"a\")"],
        ),
    ] {
        assert_eq!(rules_of(&[], &[column]), rules);
    }
}

#[test]
fn another_day_is_one_in_the_schedules_zone() {
    let column = "name: at, logicalType: timestamp";
    // Berlin's day had 23 hours.
    assert_eq!(
        rules_of(&["eventTime: at", "onOtherDay: quarantine"], &[column]),
        [
            "at otherDay: (\"at\" < CAST('2024-03-30 23:00:00' AS TIMESTAMP) \
          OR \"at\" >= CAST('2024-03-31 22:00:00' AS TIMESTAMP))"
        ]
    );
    assert!(rules_of(&["eventTime: at"], &[column]).is_empty());
}

#[test]
fn without_rules_only_the_reader_breaks_a_row() {
    let contract = contract(&[], &["name: a, logicalType: string"]);
    assert_eq!(
        sql(&contract).load,
        r#"CREATE TABLE judged AS
SELECT CASE WHEN strlen("a") > 256 THEN lake_keep_text("a") ELSE "a" END AS "a", _lake_file, _lake_position, _lake_offset, _lake_repaired,
  CASE WHEN _lake_broken IS NOT NULL
  THEN coalesce(_lake_read, CAST([] AS STRUCT("column" VARCHAR, "rule" VARCHAR)[]))
  END AS _lake_reasons
FROM (
  SELECT "a",
    _lake_file, _lake_position, _lake_offset, _lake_broken, _lake_repaired,
    CASE WHEN _lake_broken IS NOT NULL THEN from_json(_lake_broken, '[{"column":"VARCHAR","rule":"VARCHAR"}]') END AS _lake_read,
    CASE WHEN _lake_broken IS NOT NULL THEN list_transform(from_json(_lake_broken, '[{"column":"VARCHAR","rule":"VARCHAR"}]'), lambda reason: coalesce(reason."column", '')) END AS _lake_read_columns
  FROM (
    SELECT "a",
      _lake_file, _lake_position, _lake_offset, _lake_broken, _lake_repaired
    FROM (
      SELECT "a", _lake_file, _lake_position, _lake_offset, _lake_broken, _lake_repaired
      FROM rows()) AS _lake_row) AS _lake_row) AS _lake_row"#
    );
}

#[test]
fn transforms_see_columns_and_texts_but_not_one_another() {
    let contract = contract(
        &[],
        &[
            "name: a, logicalType: string, transformLogic: trim(a)",
            "name: b, logicalType: string, transformLogic: 'a || source.\"x.y\"'",
            "name: c, logicalType: number, physicalType: DOUBLE",
            "name: d, logicalType: string, classification: secret, customProperties: [{property: pseudonymise, vendor: lakehouse, value: {algorithm: hmac-sha-256, length: 16}}]",
        ],
    );
    let load = sql(&contract).load;
    for part in [
        "  SELECT _lake_computed_1.\"value\" AS \"a\", _lake_computed_2.\"value\" AS \"b\", \
         \"c\" + CAST(0 AS DOUBLE) AS \"c\", lake_pseudonymise(\"d\", 16) AS \"d\", \
         _lake_computed_1 IS NULL AS _lake_failed_1, _lake_computed_2 IS NULL AS _lake_failed_2,\n",
        "    SELECT TRY(CASE WHEN _lake_file IS NOT NULL THEN {'value': (\ntrim(a)\n)} END) AS _lake_computed_1, \
         TRY(CASE WHEN _lake_file IS NOT NULL THEN {'value': (\na || source.\"x.y\"\n)} END) AS _lake_computed_2, \"c\", \"d\",\n",
        "      SELECT \"a\", \"c\", \"d\", {'x.y': \"source.x.y\"} AS \"source\", _lake_file,",
    ] {
        assert!(load.contains(part), "{part}\n---\n{load}");
    }
}

#[test]
fn a_whole_contract_is_this_text() {
    let text = include_str!("../../tests/fixtures/everything.odcs.yaml");
    let contract = Contract::parse(text).unwrap();
    let sql = silver_sql(
        &contract,
        "rows()",
        &"2024-03-01".parse().unwrap(),
        &chrono_tz::UTC,
    );
    let mut all = vec![sql.load.clone(), sql.drop_files(&[0])];
    for published in [sql.published, sql.published_with_long_texts] {
        let repeated = published.repeated.unwrap();
        all.extend([repeated.seen_rows, repeated.of_seen, repeated.of_all]);
        all.extend(published.deduplicate);
        all.extend([published.select, published.profile]);
    }
    all.extend([sql.counts, sql.rules, sql.repairs, sql.column_statistics]);
    let all = all.join(";\n\n") + ";\n";
    let path = "tests/fixtures/everything.silver.sql";
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(path, &all).unwrap();
    }
    assert_eq!(
        all,
        std::fs::read_to_string(path).unwrap(),
        "UPDATE_EXPECTED=1 accepts the new text"
    );
}
