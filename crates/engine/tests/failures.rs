//! Errors by class, and what their texts give away.

mod common;

use common::{Lab, Rows};
use lakehouse_engine::{EngineError, Failure, Session, SessionOptions, SqlErrorKind};

fn kind(lab: &Lab, sql: &str) -> (SqlErrorKind, String) {
    match lab.session.query(sql).expect_err(sql) {
        EngineError::Sql { kind, message } => (kind, message),
        other => panic!("{sql}: {other:?}"),
    }
}

#[test]
fn sql_errors_have_a_kind() {
    let lab = Lab::new();
    let cases = [
        ("SELEC 1", SqlErrorKind::Parser),
        ("SELECT a", SqlErrorKind::Binder),
        ("SELECT * FROM nowhere", SqlErrorKind::Catalog),
        ("SELECT no_such_function(1)", SqlErrorKind::Catalog),
        (
            "SELECT CAST(x AS INTEGER) FROM (VALUES ('abc')) t(x)",
            SqlErrorKind::Conversion,
        ),
        (
            "SELECT CAST(x AS TINYINT) FROM (VALUES (3000)) t(x)",
            SqlErrorKind::Conversion,
        ),
        (
            "SELECT x * x FROM (VALUES (9223372036854775807)) t(x)",
            SqlErrorKind::OutOfRange,
        ),
        (
            "CREATE TABLE c (x INTEGER NOT NULL); INSERT INTO c VALUES (NULL)",
            SqlErrorKind::Constraint,
        ),
        (
            "SELECT * FROM read_parquet('/nowhere/x.parquet')",
            SqlErrorKind::Io,
        ),
    ];
    for (sql, expected) in cases {
        let (found, message) = kind(&lab, sql);
        assert_eq!(found, expected, "{sql}: {message}");
    }
}

#[test]
fn values_of_rows_do_not_reach_messages() {
    let lab = Lab::new();
    lab.session
        .execute("CREATE TABLE people AS SELECT * FROM (VALUES ('anna@example.org', 123456789012345)) t(mail, number)")
        .expect("a table");
    for sql in [
        "SELECT CAST(mail AS INTEGER) FROM people",
        "SELECT CAST(mail AS DATE) FROM people",
        "SELECT CAST(mail AS TIMESTAMP) FROM people",
        "SELECT CAST(mail AS DECIMAL(18,2)) FROM people",
        "SELECT CAST(number AS INTEGER) FROM people",
        "SELECT CAST(number AS DECIMAL(5,2)) FROM people",
        "SELECT number * 1000000000 FROM people",
        "SELECT strptime(mail, '%Y-%m-%d') FROM people",
        "SELECT CAST(mail AS BOOLEAN) FROM people",
        "SELECT CAST(mail AS JSON) FROM people",
        "SELECT regexp_matches('a', mail || '(') FROM people",
        "CREATE TABLE keyed (mail VARCHAR PRIMARY KEY); INSERT INTO keyed SELECT mail FROM people; INSERT INTO keyed SELECT mail FROM people",
    ] {
        let error = lab.session.query(sql).expect_err(sql).to_string();
        assert!(
            !error.contains("anna") && !error.contains("12345678"),
            "{sql}: {error}"
        );
    }
}

#[test]
fn too_little_memory_says_which_knob() {
    let lab = Lab::with(1, 16 << 20);
    let error = lab
        .session
        .query("SELECT len(list(range ORDER BY range)) FROM range(20000000)")
        .expect_err("does not fit");
    assert!(
        matches!(error, EngineError::OutOfMemory { .. }),
        "{error:?}"
    );
    assert_eq!(error.exit(), Failure::Configuration);
    assert!(error.hint().expect("a hint").contains("LAKE_MEMORY_LIMIT"));
    assert!(
        !error.to_string().contains("SET "),
        "the engine's own advice cannot be followed: {error}"
    );
}

#[test]
fn a_full_disk_is_transient() {
    let lab = Lab::with(2, 32 << 20);
    lab.session
        .execute("SET max_temp_directory_size = '8MB'")
        .expect("a setting");
    lab.session
        .register_source("rows", Rows::new(1_000_000, 2))
        .expect("a source");
    let error = lab
        .session
        .execute("CREATE TABLE t AS SELECT * FROM rows()")
        .expect_err("does not fit");
    assert!(matches!(error, EngineError::DiskFull { .. }), "{error:?}");
    assert_eq!(error.exit(), Failure::Transient);
}

#[test]
fn a_device_without_space_is_a_full_disk() {
    let lab = Lab::new();
    let error = lab
        .session
        .write_csv(
            "SELECT range FROM range(1000000) ORDER BY 1",
            std::path::Path::new("/dev/full"),
        )
        .expect_err("no space");
    assert!(matches!(error, EngineError::DiskFull { .. }), "{error:?}");
}

#[test]
fn a_workspace_must_exist() {
    let options = SessionOptions {
        workspace: "/nowhere/at/all".into(),
        memory_limit_bytes: 1 << 30,
        threads: 1,
        pseudonym_key: Some("the key that must not be shown".into()),
    };
    assert!(!format!("{options:?}").contains("must not be shown"));
    let error = Session::open(&options).expect_err("no workspace");
    assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
}

#[test]
fn a_nul_cannot_be_sql() {
    let lab = Lab::new();
    let error = lab.session.query("SELECT 'a\0b'").expect_err("refused");
    assert!(matches!(error, EngineError::Refused { .. }), "{error:?}");
}
