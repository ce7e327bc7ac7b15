//! What contract and mart SQL may do, and what it is told when it may not.

mod common;

use std::collections::BTreeSet;

use common::Lab;
use lakehouse_engine::guard::{check_expression, check_select};
use lakehouse_engine::{EngineError, Failure, SqlErrorKind};

fn tables(names: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    names
        .iter()
        .map(|(schema, name)| ((*schema).to_owned(), (*name).to_owned()))
        .collect()
}

fn columns(paths: &[&[&str]]) -> BTreeSet<Vec<String>> {
    paths
        .iter()
        .map(|path| path.iter().map(|part| (*part).to_owned()).collect())
        .collect()
}

/// What is refused, and what to do.
fn refusal(error: EngineError) -> (String, String) {
    assert_eq!(error.exit(), Failure::Configuration);
    match error {
        EngineError::Refused { what, hint } => {
            assert!(!hint.is_empty());
            (what, hint)
        }
        other => panic!("not refused but {other:?}"),
    }
}

#[test]
fn a_select_says_what_it_reads() {
    let lab = Lab::new();
    let cases = [
        ("SELECT 1", tables(&[])),
        (
            "SELECT * FROM silver.transactions;",
            tables(&[("silver", "transactions")]),
        ),
        (
            "SELECT * FROM Silver.\"Transactions\" AS t",
            tables(&[("silver", "transactions")]),
        ),
        (
            "WITH a AS (SELECT * FROM silver.x), b AS (FROM a JOIN gold.y USING (id)) SELECT (SELECT max(z) FROM gold.w), * FROM b",
            tables(&[("silver", "x"), ("gold", "y"), ("gold", "w")]),
        ),
        (
            "WITH t AS (SELECT * FROM t) SELECT * FROM t",
            tables(&[("", "t")]),
        ),
        (
            "WITH a AS (SELECT 1) SELECT * FROM (WITH b AS (FROM a) FROM b), b",
            tables(&[("", "b")]),
        ),
        (
            "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 9) FROM r",
            tables(&[]),
        ),
        (
            "SELECT * FROM silver.a WHERE EXISTS (FROM gold.b WHERE b.id = a.id)",
            tables(&[("silver", "a"), ("gold", "b")]),
        ),
        (
            "(SELECT 1 FROM silver.a) UNION ALL (SELECT 2 FROM silver.b) ORDER BY 1",
            tables(&[("silver", "a"), ("silver", "b")]),
        ),
        (
            "SELECT * FROM range(3) t(i), unnest([1, 2]) u(j)",
            tables(&[]),
        ),
        (
            "FROM gold.m PIVOT (sum(x) FOR k IN ('a', 'b'))",
            tables(&[("gold", "m")]),
        ),
        (
            "SELECT sum(x) FILTER (WHERE y) OVER (PARTITION BY k ORDER BY d, id) FROM silver.a",
            tables(&[("silver", "a")]),
        ),
        (
            "SELECT k, count(DISTINCT x), string_agg(x, ',' ORDER BY x) FROM silver.a GROUP BY ALL HAVING count(*) > 1 ORDER BY k LIMIT 5",
            tables(&[("silver", "a")]),
        ),
    ];
    for (sql, expected) in cases {
        match check_select(&lab.session, sql) {
            Ok(found) => assert_eq!(found.tables, expected, "{sql}"),
            Err(error) => panic!("{sql}: {error}"),
        }
    }
    let found =
        check_select(&lab.session, "SELECT upper(a) || run_date() FROM silver.x").expect("allowed");
    assert_eq!(
        found.functions,
        ["upper", "||", "run_date"].map(str::to_owned).into()
    );
}

#[test]
fn what_a_mart_may_not_do_is_refused_by_name() {
    let lab = Lab::new();
    let cases = [
        (
            "SELECT * FROM read_text('/proc/self/environ')",
            "`read_text`",
        ),
        ("SELECT * FROM read_csv('x.csv')", "`read_csv`"),
        ("SELECT * FROM 'x.parquet'", "the file `x.parquet`"),
        ("SELECT * FROM \"/etc/passwd\"", "the file `/etc/passwd`"),
        ("SELECT * FROM query('SELECT 1')", "`query`"),
        ("SELECT * FROM duckdb_settings()", "`duckdb_settings`"),
        ("SELECT * FROM main.range(3)", "`range`"),
        ("SELECT * FROM other.silver.x", "another database"),
        ("SELECT getenv('AWS_SECRET_ACCESS_KEY')", "`getenv`"),
        (
            "SELECT current_setting('memory_limit')",
            "`current_setting`",
        ),
        ("SELECT system.main.now()", "`now`"),
        ("SELECT main.upper('a')", "`upper`"),
        ("SELECT now()", "`now`"),
        ("SELECT today()", "`today`"),
        ("SELECT current_date", "`current_date`"),
        ("SELECT CURRENT_TIMESTAMP", "`current_timestamp`"),
        ("SELECT localtimestamp", "`localtimestamp`"),
        (
            "SELECT current_localtimestamp()",
            "`current_localtimestamp`",
        ),
        ("SELECT age(d) FROM silver.x", "`age`"),
        ("SELECT random()", "`random`"),
        ("SELECT uuid()", "`uuid`"),
        ("SELECT nextval('s')", "`nextval`"),
        ("SELECT getvariable('v')", "`getvariable`"),
        ("SELECT version()", "`version`"),
        ("SELECT a FROM silver.x USING SAMPLE 10", "sample"),
        ("SELECT a FROM silver.x TABLESAMPLE 10%", "sample"),
        ("SELECT a FROM silver.x LIMIT 3", "LIMIT"),
        ("SELECT DISTINCT ON (a) a, b FROM silver.x", "DISTINCT ON"),
        ("SELECT any_value(a) FROM silver.x", "`any_value`"),
        ("SELECT list(a) FROM silver.x", "`list`"),
        ("SELECT arg_max(a, b) FROM silver.x", "`arg_max`"),
        ("SELECT row_number() OVER () FROM silver.x", "`row_number`"),
        (
            "SELECT list(a) OVER (PARTITION BY b) FROM silver.x",
            "`list`",
        ),
        (
            "SELECT approx_quantile(a, 0.5) FROM silver.x",
            "`approx_quantile`",
        ),
        (
            "SELECT * FROM silver.a POSITIONAL JOIN silver.b",
            "position",
        ),
        ("SELECT a::TIMESTAMPTZ FROM silver.x", "`timestamptz`"),
        (
            "SELECT CAST(a AS TIMESTAMP WITH TIME ZONE) FROM silver.x",
            "TIME ZONE",
        ),
        (
            "SELECT CAST(a AS STRUCT(b TIMESTAMPTZ[])) FROM silver.x",
            "`TIMESTAMPTZ`",
        ),
        (
            "SELECT a AT TIME ZONE 'Europe/Berlin' FROM silver.x",
            "`timezone`",
        ),
        ("SELECT to_timestamp(1)", "`to_timestamp`"),
        ("SELECT strptime(a, '%Y %Z') FROM silver.x", "`strptime`"),
        ("SELECT strptime(a, b) FROM silver.x", "`strptime`"),
        (
            "SELECT strptime(a, ['%Y', '%z']) FROM silver.x",
            "`strptime`",
        ),
        (
            "SELECT a COLLATE de FROM silver.x ORDER BY a COLLATE de",
            "`de`",
        ),
        ("SELECT $1", "parameter"),
        ("DESCRIBE silver.x", "show ref"),
        ("SUMMARIZE silver.x", "show ref"),
        (
            "WITH x AS (INSERT INTO t VALUES (1) RETURNING *) FROM x",
            "insert query node",
        ),
        ("COPY (SELECT 1) TO 'x.csv'", "another kind of statement"),
        ("ATTACH 'x.db'", "another kind of statement"),
        ("CREATE TABLE x AS SELECT 1", "another kind of statement"),
        ("SET threads = 1", "another kind of statement"),
        ("SELECT 1; SELECT 2", "2 statements"),
        ("", "there is no SELECT"),
        ("-- nothing", "there is no SELECT"),
        ("SELECT 'a\0b'", "NUL"),
    ];
    for (sql, part) in cases {
        match check_select(&lab.session, sql) {
            Ok(found) => panic!("{sql} was allowed: {found:?}"),
            Err(error) => {
                let (what, _) = refusal(error);
                assert!(
                    what.to_lowercase().contains(&part.to_lowercase()),
                    "{sql}: {what}"
                );
            }
        }
    }
}

#[test]
fn a_refusal_says_what_to_do() {
    let lab = Lab::new();
    for (sql, hint_part) in [
        ("SELECT now()", "run_date()"),
        ("SELECT current_date", "run_date()"),
        ("SELECT * FROM read_parquet('x')", "declared under `reads`"),
        ("SELECT string_agg(a, ',') FROM silver.x", "ORDER BY"),
        ("SELECT a::timestamptz FROM silver.x", "UTC"),
    ] {
        let (_, hint) = refusal(check_select(&lab.session, sql).expect_err(sql));
        assert!(hint.contains(hint_part), "{sql}: {hint}");
    }
}

#[test]
fn what_is_no_sql_says_where() {
    let lab = Lab::new();
    let error = check_select(&lab.session, "SELECT a,\n  b FROM FROM x").expect_err("no SQL");
    assert!(
        matches!(
            &error,
            EngineError::Sql {
                kind: SqlErrorKind::Parser,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.to_string().contains("line 2, column "), "{error}");
}

#[test]
fn an_undeclared_table_is_found_before_anything_runs() {
    let lab = Lab::new();
    let found = check_select(
        &lab.session,
        "SELECT * FROM silver.declared, gold.undeclared",
    )
    .expect("allowed");
    let declared = tables(&[("silver", "declared")]);
    let undeclared: Vec<_> = found.tables.difference(&declared).collect();
    assert_eq!(undeclared, [&("gold".to_owned(), "undeclared".to_owned())]);
    for catalogue in [
        "information_schema.tables",
        "pg_catalog.pg_class",
        "duckdb_tables",
        "sqlite_master",
    ] {
        let found = check_select(&lab.session, &format!("SELECT * FROM {catalogue}"))
            .expect("a table like others");
        assert_eq!(
            found.tables.difference(&declared).count(),
            1,
            "{catalogue} is never declared"
        );
    }
}

#[test]
fn an_expression_says_which_columns_it_reads() {
    let lab = Lab::new();
    let cases: [(&str, BTreeSet<Vec<String>>); 9] = [
        (
            "nullif(trim(description), '')",
            columns(&[&["description"]]),
        ),
        (
            "source.\"product.category\" || a",
            columns(&[&["source", "product.category"], &["a"]]),
        ),
        ("source", columns(&[&["source"]])),
        (
            "CASE WHEN a > 1 THEN \"B c\" ELSE NULL END",
            columns(&[&["a"], &["B c"]]),
        ),
        (
            "list_transform(l, lambda q: q + a)",
            columns(&[&["l"], &["a"]]),
        ),
        ("list_transform(l, x -> x + 1)", columns(&[&["l"], &["x"]])),
        ("j -> '$.a'", columns(&[&["j"]])),
        (
            "CAST(a AS DECIMAL(18, 2)) /* euro */ * 2",
            columns(&[&["a"]]),
        ),
        ("lake_pseudonymise(lower(mail), 32)", columns(&[&["mail"]])),
    ];
    for (expression, expected) in cases {
        match check_expression(&lab.session, expression) {
            Ok(found) => assert_eq!(found.columns, expected, "{expression}"),
            Err(error) => panic!("{expression}: {error}"),
        }
    }
}

#[test]
fn an_expression_sees_its_own_row_only() {
    let lab = Lab::new();
    let cases = [
        ("(SELECT max(a) FROM t)", "subquery"),
        ("EXISTS (FROM t)", "subquery"),
        ("sum(a)", "`sum`"),
        ("count(*)", "`count_star`"),
        ("list(a ORDER BY a)", "`list`"),
        ("unnest(l)", "`unnest`"),
        ("lag(a) OVER (ORDER BY b)", "window"),
        ("*", "star"),
        ("COLUMNS('x')", "star"),
        ("#1", "position"),
        ("a, b", "more than one"),
        ("a AS b", "more than one"),
        ("a FROM t", "more than one"),
        ("a WHERE b", "more than one"),
        ("a ORDER BY b", "more than one"),
        ("a -- note", "brackets"),
        ("1) FROM t -- ", "brackets"),
        ("current_date", "`current_date`"),
        ("now()", "`now`"),
        ("lake_seen(hash(a))", "`lake_seen`"),
        ("getenv('HOME')", "`getenv`"),
        ("a::timestamptz", "`timestamptz`"),
    ];
    for (expression, part) in cases {
        match check_expression(&lab.session, expression) {
            Ok(found) => panic!("{expression} was allowed: {found:?}"),
            Err(EngineError::Sql {
                kind: SqlErrorKind::Parser,
                ..
            }) if part == "brackets" => {}
            Err(error) => {
                let (what, _) = refusal(error);
                assert!(what.contains(part), "{expression}: {what}");
            }
        }
    }
}

#[test]
fn deep_expressions_are_walked_to_the_end() {
    let lab = Lab::new();
    let deep = format!("{}random(){}", "abs(".repeat(300), ")".repeat(300));
    let (what, _) = refusal(check_expression(&lab.session, &deep).expect_err("random"));
    assert!(what.contains("`random`"), "{what}");
    let long = vec!["a"; 500].join(" || ");
    check_expression(&lab.session, &long).expect("allowed");
}

/// The lists are of what this engine has; a name that it lost, or whose nature changed, is noticed.
#[test]
fn allowed_functions_are_in_the_engine_and_consistent() {
    let lab = Lab::new();
    let odd = lab
        .session
        .query(
            "SELECT DISTINCT function_name FROM duckdb_functions()
             WHERE function_type IN ('scalar', 'aggregate') AND stability <> 'CONSISTENT' AND schema_name = 'main'",
        )
        .expect("functions");
    assert!(odd.len() > 20, "{odd:?}");
    for row in &odd {
        let name = row[0].to_string();
        if !name
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || character == '_')
        {
            continue;
        }
        let error = check_select(&lab.session, &format!("SELECT \"{name}\"(1)")).expect_err(&name);
        refusal(error);
    }
}
