//! Every type of PostgreSQL as the text that is read.

use crate::fixture::{Shop, yesterday};

#[test]
fn every_type_has_the_form_that_is_read() {
    let Some(shop) = Shop::empty("types of PostgreSQL") else {
        return;
    };
    shop.sql(
        "create type mood as enum ('sad', 'happy'); create type pair as (a int, b text); \
         create domain positive as int check (value > 0); create domain small as positive; \
         create domain flag as boolean",
    );
    // Type, value, text.
    let values = [
        ("smallint", "-7", "-7"),
        ("bigint", "9223372036854775807", "9223372036854775807"),
        ("numeric", "12.50", "12.50"),
        ("numeric", "'NaN'", "NaN"),
        ("real", "0.1", "0.1"),
        ("double precision", "'Infinity'", "Infinity"),
        ("double precision", "1e-7", "1e-07"),
        ("boolean", "true", "true"),
        ("flag", "false", "false"),
        ("money", "'1234.50'", "1234.50"),
        ("small", "3", "3"),
        ("text", "'a,b'", "\"a,b\""),
        ("text", "''", "\"\""),
        ("text", "null", ""),
        ("text", "'\\.'", "\\."),
        ("char(3)", "'a'", "a  "),
        (
            "uuid",
            "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        ),
        ("mood", "'happy'", "happy"),
        ("date", "'2025-11-02'", "2025-11-02"),
        ("date", "'infinity'", "infinity"),
        (
            "timestamp",
            "'2025-11-02 18:29:59.123456'",
            "2025-11-02 18:29:59.123456",
        ),
        (
            "timestamptz",
            "'2025-11-02 18:29:59.5+02'",
            "2025-11-02 16:29:59.5+00",
        ),
        ("time", "'18:29:59'", "18:29:59"),
        ("interval", "'1 day 00:00:01'", "86401"),
        ("interval", "'0.25 s'", "0.25"),
        ("bytea", "'\\x00ff'", "00ff"),
        ("int[]", "'{1,NULL,3}'", "\"[1, null, 3]\""),
        (
            "text[]",
            "'{\"a\"\"b\",c}'",
            "\"[\"\"a\"\", \"\"b\"\", \"\"c\"\"]\"",
        ),
        (
            "pair",
            "row(1, 'x')",
            "\"{\"\"a\"\": 1, \"\"b\"\": \"\"x\"\"}\"",
        ),
        (
            "pair[]",
            "array[row(1, 'x')::pair]",
            "\"[{\"\"a\"\": 1, \"\"b\"\": \"\"x\"\"}]\"",
        ),
        ("json", "'{\"a\":1}'", "\"{\"\"a\"\":1}\""),
        ("jsonb", "'{\"a\":1}'", "\"{\"\"a\"\": 1}\""),
        ("inet", "'10.0.0.1'", "10.0.0.1"),
        ("int4range", "'[1,5)'", "\"[1,5)\""),
        ("bit(3)", "B'101'", "101"),
        ("xml", "'<a/>'", "<a/>"),
    ];
    let mut create = vec!["id int primary key".to_owned()];
    let mut insert = vec!["1".to_owned()];
    let mut columns = vec![("id".to_owned(), "logicalType: integer")];
    let mut expected = vec!["1".to_owned()];
    for (place, (kind, value, text)) in values.iter().enumerate() {
        let name = format!("c{place:02}");
        create.push(format!("{name} {kind}"));
        insert.push((*value).to_owned());
        columns.push((name, "logicalType: string"));
        // `{"a""b",c}` is not an array in PostgreSQL's own words.
        expected.push((*text).to_owned());
    }
    let columns: Vec<(&str, &str)> = columns
        .iter()
        .map(|(name, kind)| (&**name, *kind))
        .collect();
    shop.sql(&format!(
        "create table users ({}); insert into users values ({}); grant select on users to {}",
        create.join(", "),
        insert
            .join(", ")
            .replace("'{\"a\"\"b\",c}'", "array['a', 'b', 'c']"),
        shop.reader
    ));
    shop.write_contract("users", &columns);
    let date = yesterday();
    shop.done(&date, &["--dataset", "users"]);
    let csv = shop.csv("users", &date);
    let line = csv.lines().nth(1).unwrap();
    assert_eq!(line, expected.join(","), "{csv}");
}
