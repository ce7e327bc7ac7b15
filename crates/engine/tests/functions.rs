//! Functions of the session: pseudonyms, the run date; and what must not depend on ICU.

mod common;

use common::Lab;
use hmac::{Hmac, KeyInit, Mac};
use lakehouse_engine::{EngineError, Session, SessionOptions, SqlErrorKind};
use sha2::Sha256;

fn expected(text: &str, length: usize) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(b"a key that is used in tests only").expect("any key");
    mac.update(text.as_bytes());
    mac.finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>()[..length]
        .to_owned()
}

#[test]
fn a_pseudonym_is_a_keyed_hmac() {
    let lab = Lab::new();
    for text in ["", "a", "anna@example.org", "ü", &"long ".repeat(100)] {
        for length in [1, 16, 63, 64] {
            assert_eq!(
                lab.one(&format!("SELECT lake_pseudonymise('{text}', {length})")),
                expected(text, length)
            );
        }
    }
    // From the test vectors of RFC 4231, case 2.
    let folder = tempfile::tempdir().expect("a folder");
    let session = Session::open(&SessionOptions {
        workspace: folder.path().to_owned(),
        memory_limit_bytes: 1 << 28,
        threads: 1,
        pseudonym_key: Some("Jefe".into()),
    })
    .expect("a session");
    assert_eq!(
        session
            .query("SELECT lake_pseudonymise('what do ya want for nothing?', 64)")
            .expect("a value")[0][0]
            .to_string(),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
}

#[test]
fn a_missing_value_stays_missing() {
    let lab = Lab::new();
    assert_eq!(
        lab.one("SELECT string_agg(coalesce(lake_pseudonymise(x, 16), 'NULL'), ',' ORDER BY n) FROM (VALUES (1, NULL), (2, 'a'), (3, NULL)) t(n, x)"),
        format!("NULL,{},NULL", expected("a", 16))
    );
    assert_eq!(lab.one("SELECT lake_pseudonymise(NULL, 16)"), "NULL");
    assert_eq!(
        lab.one("SELECT count(*) FILTER (lake_pseudonymise(CASE WHEN range % 3 = 0 THEN NULL ELSE 'x' || range END, 32) IS NULL) FROM range(300000)"),
        "100000"
    );
    assert_eq!(
        lab.one("SELECT count(DISTINCT lake_pseudonymise('x' || range, 32)) FROM range(300000)"),
        "300000"
    );
}

#[test]
fn odd_lengths_are_refused_and_the_key_is_nowhere() {
    let lab = Lab::new();
    for length in ["0", "65", "-1"] {
        let error = lab
            .session
            .query(&format!("SELECT lake_pseudonymise('anna', {length})"))
            .expect_err("refused");
        assert!(error.to_string().contains("1 to 64"), "{error}");
        assert!(!error.to_string().contains("anna"), "{error}");
    }
    let catalogue = lab
        .session
        .query("SELECT * FROM duckdb_functions() WHERE function_name = 'lake_pseudonymise'")
        .expect("rows");
    assert_eq!(catalogue.len(), 1);
    assert!(!format!("{catalogue:?}").contains("tests only"));
    assert!(!format!("{:?}", lab.session).contains("tests only"));
}

#[test]
fn without_a_key_there_is_no_pseudonym() {
    let folder = tempfile::tempdir().expect("a folder");
    let session = Session::open(&SessionOptions {
        workspace: folder.path().to_owned(),
        memory_limit_bytes: 1 << 28,
        threads: 1,
        pseudonym_key: None,
    })
    .expect("a session");
    let error = session
        .describe("SELECT lake_pseudonymise('a', 16)")
        .expect_err("does not bind");
    assert!(
        matches!(
            error,
            EngineError::Sql {
                kind: SqlErrorKind::Catalog,
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn the_run_date_is_what_was_said_last() {
    let lab = Lab::new();
    for text in ["2011-11-29", "2012-02-29"] {
        lab.session
            .define_run_date(text.parse().expect("a date"))
            .expect("a macro");
        assert_eq!(lab.one("SELECT run_date()"), text);
    }
    assert_eq!(
        lab.session
            .describe("SELECT run_date() AS d")
            .expect("types")[0]
            .1,
        "DATE"
    );
}

/// What contracts and marts use most, with its one right answer. An engine built from source has
/// no ICU: it passes this test as well as the shared library, which has.
#[test]
fn dates_and_texts_mean_the_same_with_and_without_icu() {
    let lab = Lab::new();
    for (expression, answer) in [
        (
            "CAST('2011-11-29 12:34:56.789' AS TIMESTAMP)",
            "2011-11-29 12:34:56.789",
        ),
        (
            "CAST('2011-11-29' AS DATE) + INTERVAL 1 MONTH",
            "2011-12-29 00:00:00",
        ),
        (
            "CAST(TIMESTAMP '2011-11-29 23:59:59' AS DATE)",
            "2011-11-29",
        ),
        (
            "date_trunc('month', TIMESTAMP '2011-11-29 12:00:00')",
            "2011-11-01 00:00:00",
        ),
        (
            "date_trunc('week', DATE '2011-11-29')",
            "2011-11-28 00:00:00",
        ),
        (
            "date_diff('day', DATE '2011-11-29', DATE '2011-12-09')",
            "10",
        ),
        ("DATE '2011-12-09' - DATE '2011-11-29'", "10"),
        ("extract(dow FROM TIMESTAMP '2011-11-29 12:00:00')", "2"),
        ("dayname(DATE '2011-11-29')", "Tuesday"),
        ("monthname(DATE '2011-11-29')", "November"),
        ("weekofyear(DATE '2011-01-01')", "52"),
        (
            "strftime(TIMESTAMP '2011-11-29 12:34:56', '%d.%m.%Y %H:%M')",
            "29.11.2011 12:34",
        ),
        ("strptime('29.11.2011', '%d.%m.%Y')", "2011-11-29 00:00:00"),
        ("epoch_ms(TIMESTAMP '2011-11-29 00:00:00')", "1322524800000"),
        ("epoch_ms(1322524800000)", "2011-11-29 00:00:00"),
        ("make_timestamp(1322524800000000)", "2011-11-29 00:00:00"),
        (
            "age(TIMESTAMP '2011-11-29', TIMESTAMP '2010-11-28')::VARCHAR",
            "1 year 1 day",
        ),
        (
            "time_bucket(INTERVAL 15 MINUTE, TIMESTAMP '2011-11-29 12:34:56')",
            "2011-11-29 12:30:00",
        ),
        ("last_day(DATE '2012-02-03')", "2012-02-29"),
        ("upper('straße')", "STRASSE"),
        ("lower('ÄÖÜ')", "äöü"),
        ("strip_accents('Crème')", "Creme"),
        ("length('ü')", "1"),
        ("'b' COLLATE nocase = 'B'", "true"),
        ("round(2.345::DECIMAL(18,3), 2)", "2.35"),
        ("CAST(2.5 AS INTEGER)", "3"),
        ("sum(x::DECIMAL(18,2))", "0.30"),
    ] {
        let from = if expression.starts_with("sum") {
            " FROM (VALUES (0.1), (0.2)) t(x)"
        } else {
            ""
        };
        // `upper` of `ß` is the one answer that Unicode leaves open.
        let found = lab.one(&format!("SELECT {expression}{from}"));
        if expression.contains("straße") {
            assert!(
                ["STRASSE", "STRAßE", "STRAẞE"].contains(&found.as_str()),
                "{found}"
            );
            continue;
        }
        assert_eq!(found, answer, "{expression}");
    }
}

#[test]
fn plain_timestamps_do_not_depend_on_the_time_zone_of_the_machine() {
    let lab = Lab::new();
    assert_eq!(
        lab.session
            .describe("SELECT TIMESTAMP '2011-11-29' AS t")
            .expect("types")[0]
            .1,
        "TIMESTAMP"
    );
    if let Ok(rows) = lab.session.query("SELECT current_setting('TimeZone')") {
        assert_eq!(rows[0][0].to_string(), "UTC");
    }
}

#[test]
fn of_equal_keys_one_alone_is_new_on_any_number_of_threads() {
    const KEYS: u64 = 200_000;
    for threads in [1, 2, 4] {
        let lab = Lab::with(threads, 1 << 28);
        // A key in three has twins. A bit for each of 2^26 places: almost none is shared.
        lab.session.register_seen(1 << 23).expect("a function");
        lab.session
            .execute(&format!(
                "CREATE TABLE seen AS SELECT key, lake_seen(hash(key)) AS twin FROM (\n\
                 SELECT unnest(CASE WHEN range % 3 = 0 THEN [range, range, range] ELSE [range] END) AS key\n\
                 FROM range({KEYS}))"
            ))
            .expect("a table");
        // `false` is certain: of each key there is at most one.
        assert_eq!(
            lab.one(
                "SELECT max(n) FROM (SELECT count(*) AS n FROM seen WHERE NOT twin GROUP BY key)"
            ),
            "1",
            "{threads} threads"
        );
        // `true` may be another key's place: of 200,000 in 67 million that is less than one in 300.
        let new: u64 = lab
            .one("SELECT count(*) FROM seen WHERE NOT twin")
            .parse()
            .expect("a number");
        assert!(new <= KEYS && new > KEYS - KEYS / 100, "{new} are new");
    }
}

#[test]
fn a_session_has_no_table_of_keys_unless_it_is_asked_for() {
    let lab = Lab::new();
    assert!(matches!(
        lab.session.query("SELECT lake_seen(hash(1))"),
        Err(EngineError::Sql {
            kind: SqlErrorKind::Catalog,
            ..
        })
    ));
}
