//! What JSON values mean to fields of every type.

use lakehouse_contract::{ColumnType, OnInvalid, SourceFormat, UnknownColumns};
use lakehouse_reader::{Field, ReadPlan, split_path};

use crate::support::*;

#[test]
fn values_of_every_kind_for_every_type() {
    let types = [
        ("text", ColumnType::Text),
        ("boolean", ColumnType::Boolean),
        ("int32", ColumnType::Int32),
        ("int64", ColumnType::Int64),
        (
            "decimal",
            ColumnType::Decimal {
                precision: 5,
                scale: 2,
            },
        ),
        ("double", ColumnType::Double),
        ("date", ColumnType::Date),
        ("timestamp", ColumnType::Timestamp),
    ];
    // Every field reads the same key.
    let fields = types.map(|(name, column_type)| Field {
        path: split_path("v"),
        ..field(name, column_type)
    });
    let plan = plan(fields.to_vec());
    for (value, expected) in [
        ("null", "NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL"),
        ("12", "12|!|12|12|12.00|12|!|!"),
        ("-0", "-0|!|0|0|0.00|-0|!|!"),
        ("3.0", "3.0|!|!|!|3.00|3|!|!"),
        ("1e2", "1e2|!|!|!|100.00|100|!|!"),
        ("2.5", "2.5|!|!|!|2.50|2.5|!|!"),
        ("1.005", "1.005|!|!|!|!|1.005|!|!"),
        ("1234", "1234|!|1234|1234|!|1234|!|!"),
        ("4294967296", "4294967296|!|!|4294967296|!|4294967296|!|!"),
        (
            "9223372036854775808",
            "9223372036854775808|!|!|!|!|9223372036854776000|!|!",
        ),
        ("1e999", "1e999|!|!|!|!|!|!|!"),
        ("NaN", "NaN|!|!|!|!|!|!|!"),
        ("Infinity", "Infinity|!|!|!|!|!|!|!"),
        ("-Infinity", "-Infinity|!|!|!|!|!|!|!"),
        ("true", "true|true|!|!|!|!|!|!"),
        ("\"true\"", "true|true|!|!|!|!|!|!"),
        ("\"12\"", "12|!|12|12|12.00|12|!|!"),
        ("\"\"", "|!|!|!|!|!|!|!"),
        ("\" 12\"", " 12|!|!|!|!|!|!|!"),
        ("\"\\u0031\\u0032\"", "12|!|12|12|12.00|12|!|!"),
        ("\"NaN\"", "NaN|!|!|!|!|!|!|!"),
        ("\"2011-08-12\"", "2011-08-12|!|!|!|!|!|2011-08-12|!"),
        (
            "\"2011-08-12T09:04:00Z\"",
            "2011-08-12T09:04:00Z|!|!|!|!|!|!|2011-08-12 09:04:00",
        ),
        ("\"32/13/2025\"", "32/13/2025|!|!|!|!|!|!|!"),
        ("[1, \"a\"]", "[1, \"a\"]|!|!|!|!|!|!|!"),
        ("{\"a\": {}}", "{\"a\": {}}|!|!|!|!|!|!|!"),
        (
            "\"line\\nend \\\"quoted\\\" \\ud83d\\ude00 é\"",
            "line\nend \"quoted\" 😀 é|!|!|!|!|!|!|!",
        ),
    ] {
        let read = read(&plan, options(&LINES), format!("{{\"v\": {value}}}\n"));
        let row = &read.rows[0];
        let shown: Vec<String> = row
            .values
            .iter()
            .zip(types)
            .map(|(value, (name, _))| match value {
                Some(value) => value.clone(),
                None if row.broken.contains(&format!("{name}:type")) => "!".to_owned(),
                None => "NULL".to_owned(),
            })
            .collect();
        assert_eq!(shown.join("|"), expected, "{value}");
    }
}

#[test]
fn repairs_are_told_apart_from_what_is_rejected() {
    let repaired = |path: &str| Field {
        on_invalid: OnInvalid::SetNull,
        ..int(path)
    };
    let plan = plan(vec![repaired("b"), int("a"), repaired("c\"d")]);
    let file = r#"{"a":"x","b":"y","c\"d":"z"}
{"a":1,"b":"y"}
{"b":1,"a":"x"}"#;
    let read = read(&plan, options(&LINES), file);
    assert_eq!(
        read.short(),
        [
            "NULL|NULL|NULL !a:type ~b:setNull,c\"d:setNull",
            "NULL|1|NULL ~b:setNull",
            "1|NULL|NULL !a:type"
        ]
    );
}

#[test]
fn source_texts_are_as_the_file_has_them() {
    let fields = vec![Field {
        name: "amount".to_owned(),
        ..money("sale.amount")
    }];
    let texts = vec![
        split_path("sale.amount"),
        split_path("sale"),
        split_path("missing"),
    ];
    let plan = ReadPlan::new(fields, texts, UnknownColumns::Discard).unwrap();
    let file = "{\"sale\": {\"amount\": 1.505 }}\n{\"sale\":{\"amount\":\"a\\tb\"}}\n{\"sale\":null}\n{\"sale\":\"none\"}\n";
    let read = read(&plan, options(&LINES), file);
    assert_eq!(
        read.short(),
        [
            "NULL|1.505|{\"amount\": 1.505 }|NULL !amount:type",
            "NULL|a\tb|{\"amount\":\"a\\tb\"}|NULL !amount:type",
            "NULL|NULL|NULL|NULL",
            // Where an object should be is something else: the field under it is broken.
            "NULL|NULL|none|NULL !amount:type",
        ]
    );
}

#[test]
fn formats_of_a_field() {
    let field = |path, column_type, format| Field {
        format,
        ..field(path, column_type)
    };
    let european = SourceFormat {
        patterns: vec![
            "%d/%m/%Y %H:%M".to_owned(),
            "%Y%m%d".to_owned(),
            "%s".to_owned(),
        ],
        timezone: chrono_tz::Tz::Europe__Berlin,
        decimal_separator: ',',
        ..SourceFormat::default()
    };
    let plan = plan(vec![
        field("at", ColumnType::Timestamp, european.clone()),
        field(
            "amount",
            ColumnType::Decimal {
                precision: 10,
                scale: 2,
            },
            european,
        ),
    ]);
    let file = r#"{"at":"12/08/2011 09:04","amount":"1,50"}
{"at":"20110812","amount":1.5}
{"at":1313139840,"amount":"1.50"}
{"at":"2011-08-12T09:04:00Z","amount":15e-1}"#;
    let read = read(&plan, options(&LINES), file);
    assert_eq!(
        read.short(),
        [
            "2011-08-12 07:04:00|1.50",
            "2011-08-11 22:00:00|1.50",
            "2011-08-12 09:04:00|NULL !amount:type",
            "NULL|1.50 !at:type",
        ]
    );
}
