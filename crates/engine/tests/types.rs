//! What contract and mart SQL may do to types, judged when it is bound.

mod common;

use common::Lab;
use lakehouse_engine::guard::{check_expression, check_float_aggregates, check_text_casts};
use lakehouse_engine::{EngineError, Session};

fn lab() -> Lab {
    let lab = Lab::new();
    lab.session
        .define_run_date("2026-01-05".parse().expect("a date"))
        .expect("run_date()");
    lab.session
        .execute(
            "CREATE TEMP TABLE r (id VARCHAR, n INTEGER, d DECIMAL(18,2), f DOUBLE, g FLOAT, born DATE, moment TIMESTAMP, b BOOLEAN, \
             source STRUCT(a VARCHAR, \"b.c\" VARCHAR))",
        )
        .expect("a table");
    lab
}

/// What is refused, and what to do.
fn refusal(result: Result<(), EngineError>, sql: &str) -> (String, String) {
    match result {
        Err(EngineError::Refused { what, hint }) => (what, hint),
        other => panic!("{sql}: {other:?}"),
    }
}

fn bound<T>(session: &Session, sql: &str, check: impl Fn(&Session, &str) -> T) -> T {
    session.describe(sql).expect(sql);
    check(session, sql)
}

#[test]
fn casts_of_text_are_refused_with_what_to_write() {
    let lab = lab();
    for (expression, shown, hint) in [
        (
            "cast(source.a as DECIMAL(18,2))",
            "`cast(source.a as DECIMAL(18,2))` turns text into DECIMAL(18,2)",
            "lake_decimal(text, 18, 2)",
        ),
        (
            "try_cast(id as DECIMAL(9,0))",
            "DECIMAL(9,0)",
            "lake_decimal(text, 9, 0)",
        ),
        (
            "replace(id, ',', '.')::INTEGER",
            "INTEGER",
            "cast(lake_integer(text) as INTEGER)",
        ),
        ("id::BIGINT + 1", "BIGINT", "lake_integer(text)"),
        (
            "cast(source.\"b.c\" as BOOLEAN)",
            "BOOLEAN",
            "case text when",
        ),
        ("cast(id as DATE)", "DATE", "lake_date(text"),
        ("cast(id as TIMESTAMP)", "TIMESTAMP", "lake_timestamp(text"),
        (
            "cast(id as TIMESTAMP_S)",
            "TIMESTAMP_S",
            "lake_timestamp(text",
        ),
        ("cast(id as DOUBLE)", "DOUBLE", "cast(lake_decimal("),
        ("cast(id as TIME)", "TIME", "lake_"),
        (
            "strptime(id, '%Y')",
            "`strptime(id, '%Y')` turns text into TIMESTAMP",
            "lake_timestamp",
        ),
        (
            "cast(try_strptime(id, ['%Y', '%d.%m.%Y']) as DATE)",
            "TIMESTAMP",
            "lake_timestamp",
        ),
        ("from_json(id, '\"INTEGER\"')", "INTEGER", "lake_integer"),
        (
            "json_transform(id, '{\"a\":\"DATE\"}').a",
            "STRUCT",
            "lake_",
        ),
        (
            "json_extract(id, '$.a')::INTEGER",
            "INTEGER",
            "lake_integer",
        ),
        ("(id->>'$.a')::INTEGER", "INTEGER", "lake_integer"),
        ("parse_formatted_bytes(id)", "UBIGINT", "lake_"),
        // Casts that nobody wrote.
        ("id = n", "`id` turns text into INTEGER", "lake_integer"),
        ("id = 5", "INTEGER", "lake_integer"),
        ("id IN (1, 2)", "INTEGER", "lake_integer"),
        ("nullif(id, 1)", "INTEGER", "lake_integer"),
        ("CASE WHEN id THEN 1 END", "BOOLEAN", "case text when"),
        ("b AND id", "BOOLEAN", "case text when"),
        (
            "date_trunc('day', moment) + INTERVAL (id) DAY",
            "DOUBLE",
            "lake_decimal",
        ),
        // Nested, and through types that only carry the text.
        (
            "list_transform([id], lambda x: x::INTEGER)",
            "INTEGER",
            "lake_integer",
        ),
        ("[id]::INTEGER[]", "LIST", "lake_"),
        ("id::INTEGER[]", "LIST", "lake_"),
        ("cast({'a': id} as STRUCT(a DATE))", "STRUCT", "lake_"),
        (
            "cast({'k': id, 'n': n} as STRUCT(n VARCHAR, k INTEGER))",
            "STRUCT",
            "lake_",
        ),
        ("id::VARIANT::INTEGER", "INTEGER", "lake_integer"),
        (
            "cast(cast(id as UNION(a VARCHAR)) as INTEGER)",
            "INTEGER",
            "lake_integer",
        ),
        (
            "cast(cast(id as ENUM('1', '2')) as VARCHAR)::INTEGER",
            "INTEGER",
            "lake_integer",
        ),
        // The texts are constants, but which of them it is depends on the row.
        (
            "cast(CASE WHEN b THEN '1' ELSE '2.5' END as INTEGER)",
            "INTEGER",
            "lake_integer",
        ),
    ] {
        let sql = format!("SELECT (\n{expression}\n) AS value FROM r");
        let (what, how) = refusal(bound(&lab.session, &sql, check_text_casts), expression);
        assert!(what.contains(shown), "{expression}: {what}");
        assert!(
            how.contains(hint) && how.contains("sourceFormat"),
            "{expression}: {how}"
        );
    }
}

#[test]
fn what_reads_no_value_out_of_a_text_is_allowed() {
    let lab = lab();
    for expression in [
        "lake_decimal(replace(replace(source.a, '.', ''), ',', '.'), 18, 2)",
        "cast(lake_decimal(id, 18, 6) as DOUBLE)",
        "cast(lake_integer(nullif(id, '-')) as INTEGER)",
        "lake_date(id, '%d.%m.%Y')",
        "lake_timestamp(source.\"b.c\", '%d.%m.%Y %H:%M')",
        "CASE source.a WHEN 'yes' THEN true WHEN 'no' THEN false END",
        "CASE WHEN born <= run_date() THEN born END",
        "n || ' of ' || d",
        "cast(n as VARCHAR)",
        "cast(d * n as DECIMAL(18,2))",
        "cast(moment as DATE)",
        "cast(n as DOUBLE)",
        // Constants are the author's own.
        "born > '2026-01-01'",
        "n = '5'",
        "DATE '2026-01-01'",
        "cast('1.5' as DECIMAL(18,2)) * d",
        "moment + INTERVAL '1' DAY",
        // Counting and comparing.
        "length(id) + instr(id, 'x') + ascii(id)",
        "starts_with(id, 'C') OR id LIKE 'D%' OR id IN ('a', 'b')",
        "regexp_matches(id, '^[0-9]+$')",
        "regexp_extract(id, '([0-9]+)', 1)",
        "json_array_length(id)",
        "id->>'$.a'",
        "string_split(id, ',')[1]",
        "cast(id as UUID)::VARCHAR",
        "cast({'a': id, 'n': n} as STRUCT(a VARCHAR, n BIGINT))",
        "from_json(id, '[\"VARCHAR\"]')",
        "coalesce(id, 'none')",
    ] {
        let sql = format!("SELECT (\n{expression}\n) AS value FROM r");
        check_expression(&lab.session, expression).expect(expression);
        bound(&lab.session, &sql, check_text_casts).expect(expression);
    }
}

#[test]
fn a_query_casts_no_text_in_any_of_its_parts() {
    let lab = lab();
    for sql in [
        "SELECT count(*) FROM r WHERE id = 5",
        "SELECT count(*) FROM r AS a JOIN r AS b ON a.id = b.n",
        "SELECT count(*) FROM r WHERE n IN (SELECT id::INTEGER FROM r)",
        "SELECT count(*) FROM r GROUP BY id::DATE HAVING count(*) > 1 ORDER BY 1 LIMIT 1",
        "SELECT sum(id::INTEGER) FROM r",
        "SELECT max(id::INTEGER) OVER () FROM r LIMIT 1",
        "WITH t AS (SELECT id::INTEGER AS i FROM r) SELECT count(i) FROM t",
        "SELECT count(*) FROM r AS a WHERE EXISTS (SELECT 1 FROM r AS b WHERE b.n = a.id)",
    ] {
        let (what, _) = refusal(bound(&lab.session, sql, check_text_casts), sql);
        assert!(what.contains("text into"), "{sql}: {what}");
    }
    for sql in [
        "SELECT count(*) FROM r WHERE born > run_date()",
        "SELECT count(*) - count(DISTINCT id) FROM r WHERE length(id) > 5",
        "SELECT max(n) FROM r WHERE id NOT IN (SELECT id FROM r WHERE n > 3)",
        "SELECT count(*) FROM r WHERE lake_integer(id) <> n",
    ] {
        bound(&lab.session, sql, check_text_casts).expect(sql);
    }
}

#[test]
fn strict_functions_have_their_types_and_patterns_in_the_call() {
    let lab = lab();
    for (expression, words) in [
        ("lake_decimal(id)", "lake_decimal(text, 18, 2)"),
        ("lake_decimal(id, 18)", "lake_decimal(text, 18, 2)"),
        ("lake_decimal(id, n, 2)", "lake_decimal(text, 18, 2)"),
        ("lake_decimal(id, 39, 2)", "lake_decimal(text, 18, 2)"),
        ("lake_decimal(id, 2, 3)", "lake_decimal(text, 18, 2)"),
        ("lake_decimal(id, 18, -1)", "lake_decimal(text, 18, 2)"),
        ("lake_date(id)", "lake_date(text, '%Y-%m-%d')"),
        ("lake_date(id, id)", "lake_date(text, '%Y-%m-%d')"),
        ("lake_timestamp(id, 5)", "lake_timestamp(text, '%Y-%m-%d')"),
        ("lake_date(id, '%Q')", "docs/reading.md"),
        ("lake_timestamp(id, '%Y-%m-%d %Z')", "docs/reading.md"),
        ("lake_integer(id, 2)", "lake_integer(text)"),
        // What the functions are made of is nobody's to call.
        ("lake_decimal_text(id, 18, 2)", ""),
        ("cast_to_type(id, n)", ""),
    ] {
        let error = check_expression(&lab.session, expression).expect_err(expression);
        let hint = error.hint().unwrap_or_default();
        assert!(matches!(error, EngineError::Refused { .. }), "{expression}");
        assert!(hint.contains(words), "{expression}: {error}, {hint}");
    }
}

#[test]
fn sums_of_floating_point_values_are_refused_by_type() {
    let lab = lab();
    for (sql, name, hint) in [
        ("SELECT sum(f) FROM r", "`sum`", "sum(cast("),
        ("SELECT id, avg(g) FROM r GROUP BY id", "`avg`", "avg(cast("),
        (
            "SELECT sum(f) OVER (PARTITION BY id ORDER BY n) FROM r",
            "`sum`",
            "DECIMAL",
        ),
        (
            "SELECT sum(DISTINCT f) FILTER (n > 1) FROM r",
            "`sum`",
            "DECIMAL",
        ),
        ("SELECT sum(f ORDER BY f) FROM r", "`sum`", "DECIMAL"),
        ("SELECT sum(n / 3) FROM r", "`sum`", "DECIMAL"),
        (
            "SELECT avg(x) FROM (SELECT d / n AS x FROM r)",
            "`avg`",
            "DECIMAL",
        ),
        ("SELECT corr(n, d) FROM r", "`corr`", "squares"),
        ("SELECT stddev_samp(n) FROM r", "`stddev_samp`", "squares"),
        ("SELECT product(n) FROM r", "`product`", "exact"),
        ("SELECT geomean(n) FROM r", "`avg`", "DECIMAL"),
        ("SELECT wavg(f, n) FROM r", "`sum`", "DECIMAL"),
        ("SELECT regr_slope(n, n) FROM r", "`regr_slope`", "exact"),
        ("SELECT fsum(d) FROM r", "`fsum`", "exact"),
        ("SELECT entropy(n) FROM r", "`entropy`", "exact"),
        (
            "SELECT 1 FROM r GROUP BY id HAVING sum(f) > 0",
            "`sum`",
            "DECIMAL",
        ),
        (
            "FROM (SELECT id, f FROM r) PIVOT (sum(f) FOR id IN ('a', 'b'))",
            "`sum`",
            "DECIMAL",
        ),
    ] {
        let (what, how) = refusal(bound(&lab.session, sql, check_float_aggregates), sql);
        assert!(what.contains(name), "{sql}: {what}");
        assert!(how.contains(hint), "{sql}: {how}");
    }
    for sql in [
        "SELECT sum(n), sum(d), avg(n), avg(d), sum(d * n) FROM r",
        "SELECT cast(avg(d) as DECIMAL(18,2)), sum(cast(f as DECIMAL(18,6))) FROM r",
        "SELECT min(f), max(f), count(f), median(f), quantile_cont(f, 0.9) FROM r",
        "SELECT first_value(f) OVER (ORDER BY n), cume_dist() OVER (ORDER BY f) FROM r",
        "SELECT list_sum(list(f ORDER BY f, id)) FROM r",
        "SELECT regr_count(n, f), mode(f ORDER BY f), avg(moment) FROM r",
        "WITH RECURSIVE t AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM t WHERE i < 9) SELECT sum(i) FROM t",
        "SELECT unnest(from_json(id, '[{\"a\":\"DECIMAL(10,2)\"}]')) FROM r",
    ] {
        bound(&lab.session, sql, check_float_aggregates).expect(sql);
    }
}
