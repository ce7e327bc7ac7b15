//! What expressions name, and which of them are refused.

use super::tokens::{Names, names};

fn columns(expression: &str) -> Vec<String> {
    let Names { columns, .. } = names(expression).unwrap();
    columns.into_iter().collect()
}

fn texts(expression: &str) -> Vec<String> {
    names(expression).unwrap().texts.into_iter().collect()
}

#[test]
fn columns_are_found() {
    for (expression, expected) in [
        ("amount", vec!["amount"]),
        ("a+b*c", vec!["a", "b", "c"]),
        ("lower(trim(channel))", vec!["channel"]),
        (
            "coalesce(total, quantity * unit_price)",
            vec!["quantity", "total", "unit_price"],
        ),
        ("\"unit price\" * 2", vec!["unit price"]),
        ("\"a\"\"b\"", vec!["a\"b"]),
        ("CASE WHEN a > 1 THEN b ELSE c END", vec!["a", "b", "c"]),
        (
            "a IS NOT NULL AND NOT b OR c IN ('x', d)",
            vec!["a", "b", "c", "d"],
        ),
        ("a BETWEEN b AND c", vec!["a", "b", "c"]),
        ("name LIKE 'a%'", vec!["name"]),
        ("größe", vec!["größe"]),
        ("a::INTEGER", vec!["a"]),
        ("r.field", vec!["r"]),
        ("email.lower().trim()", vec!["email"]),
        ("list_transform([a], lambda x: x + b)", vec!["a", "b", "x"]),
        ("\"case\"", vec!["case"]),
        ("-a", vec!["a"]),
        ("a[1]", vec!["a"]),
        ("{'k': a}", vec!["a"]),
        ("1e5 + 0.5 + .5", vec![]),
        ("true", vec![]),
    ] {
        assert_eq!(columns(expression), expected, "{expression}");
    }
}

#[test]
fn what_only_looks_like_a_column_is_none() {
    for expression in [
        "cast(ts AS date)",
        "try_cast(ts AS date)",
        "ts::date",
        "ts::date::text",
        "date '2024-01-01' < ts",
        "date(ts)",
        "extract(date FROM ts)",
        "{date: ts}",
        "{'a': ts, date: ts}",
        "struct_pack(date := ts)",
        "ts /* date */ -- date",
        "ts || 'date'",
        "ts || $$date$$ || $x$date$$x$",
        "ts || E'date\\' date'",
        "ts.date",
        "ts COLLATE date",
    ] {
        assert_eq!(columns(expression), ["ts"], "{expression}");
    }
}

#[test]
fn what_may_be_a_column_counts_as_one() {
    for expression in [
        "ts > date",
        "(date)",
        "[date]",
        "f(date)",
        "CASE date WHEN 1 THEN 2 END",
        "x[date:1]",
        "\"date\"",
    ] {
        assert!(
            columns(expression).contains(&"date".to_owned()),
            "{expression}"
        );
    }
}

#[test]
fn source_texts_are_found() {
    for (expression, expected) in [
        ("source.\"product.category\"", vec!["product.category"]),
        ("source.category || source.\"a.b\"", vec!["a.b", "category"]),
        ("\"source\".\"x\"", vec!["x"]),
        ("SOURCE . x", vec!["x"]),
        ("source['a.b']", vec!["a.b"]),
        ("source.\"email\".lower()", vec!["email"]),
        ("source.\"it's \"\"so\"\"\"", vec!["it's \"so\""]),
        ("a.source", vec![]),
        ("'source.x'", vec![]),
    ] {
        assert_eq!(texts(expression), expected, "{expression}");
        let found = columns(expression);
        assert!(!found.contains(&"source".to_owned()), "{expression}");
    }
}

#[test]
fn what_is_not_one_expression_of_a_row_is_refused() {
    for (expression, why) in [
        ("", "it is empty"),
        ("-- nothing", "it is empty"),
        ("a; DROP TABLE judged", "`;`"),
        ("a) FROM x --", "closes nothing"),
        ("a, b", "separates two expressions"),
        ("(a", "is not closed"),
        ("(a]", "closes nothing"),
        ("'a", "is not closed"),
        ("\"a", "is not closed"),
        ("E'a\\'", "is not closed"),
        ("a /* b", "is not closed"),
        ("a /* /* */", "is not closed"),
        ("$1", "outside of the row"),
        ("?", "outside of the row"),
        ("#1", "outside of the row"),
        ("*", "names every column"),
        ("struct_pack(*)", "names every column"),
        ("source.*", "`source` by itself"),
        ("t.*", "names every column"),
        ("COLUMNS('a')", "names no column"),
        ("columns(a)", "names no column"),
        ("source", "`source` by itself"),
        ("struct_extract(source, 'email')", "`source` by itself"),
        ("source[a]", "`source` by itself"),
        ("source.a.b", "has no fields"),
        ("source.\"a..b\"", "not a path"),
        ("_lake_file", "the lake's own"),
        ("\"_LAKE_file\"", "the lake's own"),
        ("_lake_row.a", "the lake's own"),
    ] {
        let error = names(expression).unwrap_err();
        assert!(error.to_string().contains(why), "{expression}: {error}");
        assert!(error.hint().is_some(), "{expression}");
    }
}

#[test]
fn products_are_no_stars() {
    for expression in [
        "a * b",
        "(a) * b",
        "f(a) * 2",
        "2 * a",
        "CASE WHEN a THEN 1 END * b",
        "a[1] * b",
    ] {
        assert!(names(expression).is_ok(), "{expression}");
    }
}
