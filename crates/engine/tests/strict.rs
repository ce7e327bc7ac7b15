//! The strict functions: a text means one value by the reader's rules, or its row fails.

mod common;

use common::Lab;
use lakehouse_engine::{EngineError, SqlErrorKind};

#[test]
fn a_text_means_one_value_of_its_type() {
    let lab = Lab::new();
    for (expression, value, sql_type) in [
        ("lake_decimal('12.50', 18, 2)", "12.50", "DECIMAL(18,2)"),
        ("lake_decimal('-0.5', 4, 3)", "-0.500", "DECIMAL(4,3)"),
        ("lake_decimal('1e3', 9, 0)", "1000", "DECIMAL(9,0)"),
        ("lake_decimal('7', 1, 0)", "7", "DECIMAL(1,0)"),
        ("lake_decimal('.25', 2, 2)", "0.25", "DECIMAL(2,2)"),
        (
            "lake_decimal('-99999999999999999999999999999999999.999', 38, 3)",
            "-99999999999999999999999999999999999.999",
            "DECIMAL(38,3)",
        ),
        (
            "lake_integer('9223372036854775807')",
            "9223372036854775807",
            "BIGINT",
        ),
        ("lake_integer('-3')", "-3", "BIGINT"),
        ("lake_date('05.01.2026', '%d.%m.%Y')", "2026-01-05", "DATE"),
        (
            "lake_timestamp('05.01.2026 06:07:08', '%d.%m.%Y %H:%M:%S')",
            "2026-01-05 06:07:08",
            "TIMESTAMP",
        ),
        (
            "lake_timestamp('2026-01-05 06:07 +0200', '%Y-%m-%d %H:%M %z')",
            "2026-01-05 04:07:00",
            "TIMESTAMP",
        ),
    ] {
        assert_eq!(
            lab.one(&format!("SELECT {expression}")),
            value,
            "{expression}"
        );
        assert_eq!(
            lab.one(&format!("SELECT typeof({expression})")),
            sql_type,
            "{expression}"
        );
    }
    for missing in [
        "lake_decimal(NULL, 18, 2)",
        "lake_integer(NULL)",
        "lake_date(NULL, '%Y-%m-%d')",
        "lake_timestamp(NULL, '%Y-%m-%d')",
    ] {
        assert_eq!(lab.one(&format!("SELECT {missing}")), "NULL", "{missing}");
    }
}

#[test]
fn a_text_that_means_none_fails_its_own_row_and_is_not_shown() {
    let lab = Lab::new();
    for call in [
        "lake_decimal(x, 18, 2)",
        "lake_integer(x)",
        "lake_date(x, '%Y-%m-%d')",
        "lake_timestamp(x, '%Y-%m-%d %H:%M:%S')",
    ] {
        let texts = "('12.505'), ('2.5'), (''), (' 7'), ('epoch'), ('infinity'), ('0x1F'), ('1,5'), ('2026-1-5x')";
        let query = format!("SELECT {call} FROM (VALUES ('secret 12')) t(x)");
        let error = lab.session.query(&query).expect_err(call);
        assert!(
            matches!(
                error,
                EngineError::Sql {
                    kind: SqlErrorKind::InvalidInput,
                    ..
                }
            ),
            "{error:?}"
        );
        assert!(!error.to_string().contains("secret"), "{error}");
        let good = match call {
            "lake_decimal(x, 18, 2)" => 1, // '2.5'
            _ => 0,
        };
        assert_eq!(
            lab.one(&format!(
                "SELECT count(v.value) FROM (SELECT TRY({{'value': {call}}}) AS v FROM (VALUES {texts}) t(x))"
            )),
            good.to_string(),
            "{call}"
        );
    }
}

#[test]
fn of_many_rows_those_alone_fail_that_must() {
    let lab = Lab::new();
    lab.session
        .execute(
            "CREATE TABLE texts AS SELECT range AS n, CASE WHEN range % 5 = 0 THEN NULL WHEN range % 7 = 0 THEN range || '.005' \
             ELSE range || '.25' END AS text, CASE WHEN range % 2 = 0 THEN '2026-01-05' ELSE '05.01.2026' END AS day FROM range(20000)",
        )
        .expect("a table");
    let right =
        "CASE WHEN n % 5 = 0 OR n % 7 = 0 THEN NULL ELSE CAST(n AS DECIMAL(18,2)) + 0.25 END";
    assert_eq!(
        lab.one(&format!(
            "SELECT count(*) FROM (SELECT n, TRY(lake_decimal(text, 18, 2)) AS value FROM texts) WHERE value IS DISTINCT FROM ({right})"
        )),
        "0"
    );
    assert_eq!(
        lab.one("SELECT count(TRY(lake_date(day, '%d.%m.%Y'))) FROM texts"),
        "10000"
    );
    // The pattern may be another one on each row.
    assert_eq!(
        lab.one(
            "SELECT count(DISTINCT lake_date(day, CASE WHEN n % 2 = 0 THEN '%Y-%m-%d' ELSE '%d.%m.%Y' END)) FROM texts"
        ),
        "1"
    );
}
