//! CSV: headers, fields, quotes.

use lakehouse_contract::{ColumnType, SourceFormat, UnknownColumns};
use lakehouse_reader::{Field, ReadPlan};

use crate::support::*;

#[test]
fn fields_go_by_the_header() {
    let plan = plan(vec![int("id"), text("name"), money("amount")]);
    for file in [
        "id,name,amount\n1,a,1.5\n2,,2\n",
        "amount,id,name\r\n1.5,1,a\r\n2,2,\r\n",
        "\"name\",\"id\",\"amount\"\n\"a\",\"1\",\"1.5\"\n,2,2",
        "\n\r\nid,name,amount\n\n1,a,1.5\n\r\n\n2,,2\n\n",
    ] {
        let read = read(&plan, options(&csv()), file);
        assert_eq!(read.short(), ["1|a|1.50", "2|NULL|2.00"], "{file:?}");
    }
}

#[test]
fn positions_are_lines() {
    let plan = plan(vec![int("id"), text("name")]);
    let file = "id,name\n1,\"two\nlines\"\n\n2,b\r\n3,\"\"\"\r\n\"\"\"\n4,d";
    let read = read(&plan, options(&csv()), file);
    assert_eq!(read.short(), ["1|two\nlines", "2|b", "3|\"\r\n\"", "4|d"]);
    let offset = |text| file.find(text).unwrap() as i64;
    assert_eq!(
        read.positions(),
        [
            (2, 8),
            (5, offset("2,b")),
            (6, offset("3,")),
            (8, offset("4,d"))
        ]
    );
}

#[test]
fn empty_fields() {
    let types = [
        ("t", ColumnType::Text),
        ("i", ColumnType::Int32),
        ("d", ColumnType::Date),
        ("b", ColumnType::Boolean),
    ];
    let plan = plan(
        types
            .map(|(name, column_type)| field(name, column_type))
            .to_vec(),
    );
    let read = read(
        &plan,
        options(&csv()),
        "t,i,d,b\n,,,\n\"\",\"\",\"\",\"\"\n \"\", , ,\n",
    );
    // A quote behind a space is a character, and a space is a text.
    assert_eq!(
        read.short(),
        [
            "NULL|NULL|NULL|NULL",
            "|NULL|NULL|NULL",
            " \"\"|NULL|NULL|NULL !i:type,d:type"
        ]
    );
}

#[test]
fn quotes() {
    let plan = plan(vec![text("a"), text("b")]);
    for (record, expected) in [
        ("\"x,y\",z", "x,y|z"),
        ("\"say \"\"hi\"\"\",z", "say \"hi\"|z"),
        ("\"\"\"\",\"\"", "\"|"),
        ("\"\"\"\"\"\",z", "\"\"|z"),
        ("5\" pipe,z", "5\" pipe|z"),
        ("a\"b\"c,\"\"\"d\"", "a\"b\"c|\"d"),
        ("x\ry,z", "x\ry|z"),
        ("x,\"z\"", "x|z"),
        ("\u{0}x\u{0},\u{0}", "\u{0}x\u{0}|\u{0}"),
        // Something behind a closing quote: which text is meant, nobody knows.
        ("\"x\"y,z", "NULL|NULL !*:record"),
        ("\"x\" ,z", "NULL|NULL !*:record"),
        ("\"x\"y\"z", "NULL|NULL !*:record"),
        ("\"x\"\"\"y,z", "NULL|NULL !*:record"),
    ] {
        for end in ["\n", "\r\n"] {
            let read = read(
                &plan,
                options(&csv()),
                format!("a,b{end}{record}{end}1,2{end}"),
            );
            assert_eq!(read.short(), [expected, "1|2"], "{record:?}");
        }
        let read = read(&plan, options(&csv()), format!("a,b\n{record}"));
        assert_eq!(read.short(), [expected], "{record:?}");
    }
}

#[test]
fn too_many_and_too_few_fields() {
    let plan = plan(vec![int("a"), int("b")]);
    let read = read(&plan, options(&csv()), "a,b\n1\n1,2\n1,2,3\n1,2,\nx\n");
    let broken = "NULL|NULL !*:fieldCount";
    assert_eq!(read.short(), [broken, "1|2", broken, broken, broken]);
}

#[test]
fn a_single_column() {
    let plan = plan(vec![text("a")]);
    let read = read(&plan, options(&csv()), "a\nx\n\n\"\"\n \ny");
    assert_eq!(read.short(), ["x", "", " ", "y"]);
    assert_eq!(
        read.positions()
            .iter()
            .map(|(line, _)| *line)
            .collect::<Vec<_>>(),
        [2, 4, 5, 6]
    );
}

#[test]
fn delimiters_and_quotes_of_all_kinds() {
    let comma = SourceFormat {
        decimal_separator: ',',
        ..SourceFormat::default()
    };
    let plan = plan(vec![
        text("a"),
        Field {
            format: comma,
            ..money("b")
        },
    ]);
    for (format, file) in [
        (csv_with(b';', b'"', "utf-8"), "a;b\n\"x;\"\"\";1,50\n"),
        (csv_with(b'\t', b'"', "utf-8"), "a\tb\n\"x;\"\"\"\t1,50\n"),
        (csv_with(b'|', b'\'', "utf-8"), "a|b\n'x;\"'|1,50\n"),
        (csv_with(b',', b'"', "utf-8"), "b,a\n\"1,50\",\"x;\"\"\"\n"),
    ] {
        assert_eq!(
            read(&plan, options(&format), file).short(),
            ["x;\"|1.50"],
            "{file:?}"
        );
    }
}

#[test]
fn nested_names_and_shared_columns() {
    let twice = Field {
        name: "again".to_owned(),
        ..text("product.name")
    };
    let plan = ReadPlan::new(
        vec![text("product.name"), twice],
        vec![vec!["product".to_owned(), "name".to_owned()]],
        UnknownColumns::Discard,
    )
    .unwrap();
    let read = read(&plan, options(&csv()), "product.name\n\"a\"\"b\"\n");
    assert_eq!(read.short(), ["a\"b|a\"b|a\"b"]);
}

#[test]
fn headers() {
    let optional = |path| Field {
        required: false,
        ..int(path)
    };
    let plan = plan(vec![int("a"), int("b"), optional("c")]);
    let read = |file: &str| read(&plan, options(&csv()), file);
    assert_eq!(read("b,a\n2,1\n").short(), ["1|2|NULL"]);
    assert_eq!(
        read("x\n1\n").unreadable(),
        Some((
            1,
            0,
            "the header lacks the required column `a`, `b`; it has `x`"
        ))
    );
    assert_eq!(
        read("\n\nb;a\n2;1\n").unreadable(),
        Some((
            3,
            2,
            "the header lacks the required column `a`, `b`; it has one name, which does not look \
             like one and is not shown: its fields look separated by another character; declare \
             `delimiter: \";\"`"
        ))
    );
    assert_eq!(
        read("a,b,a\n1,2,3\n").unreadable(),
        Some((1, 0, "the header has column `a` twice"))
    );
    assert_eq!(read("a,b,x,x\n1,2,3,4\n").discarded(), [("x", 1)]);
    let empty = "the file is empty, and a CSV file needs a header";
    assert_eq!(read("").unreadable(), Some((0, 0, empty)));
    assert_eq!(read("\u{feff}").unreadable(), Some((0, 3, empty)));
    assert_eq!(read("\r\n\n").unreadable(), Some((0, 3, empty)));
    assert_eq!(
        read("a,\"b\n1,2\n").unreadable(),
        Some((1, 9, "a quote is not closed before the file ends"))
    );
    assert_eq!(read("a,\"b\"x\n1,2\n").unreadable().unwrap().0, 1);
}

#[test]
fn unknown_columns_are_counted_or_refused() {
    let plan_with = |unknown| ReadPlan::new(vec![int("a")], Vec::new(), unknown).unwrap();
    let file = "x,a,\n1,2,3\n1,2\n,,\n";
    let discarded = read(&plan_with(UnknownColumns::Discard), options(&csv()), file);
    assert_eq!(discarded.short(), ["2", "NULL !*:fieldCount", "NULL"]);
    assert_eq!(discarded.discarded(), [("(others)", 2), ("x", 2)]);
    let refused = read(
        &plan_with(UnknownColumns::Quarantine),
        options(&csv()),
        file,
    );
    assert_eq!(
        refused.short(),
        [
            "NULL !*:unknownColumns",
            "NULL !*:fieldCount",
            "NULL !*:unknownColumns"
        ]
    );
    assert_eq!(refused.discarded(), []);
}

#[test]
fn values_as_people_write_them() {
    let amount = SourceFormat {
        decimal_separator: ',',
        thousands_separator: Some('.'),
        strip: vec!["€".to_owned(), "%".to_owned()],
        negative_parentheses: true,
        null_texts: vec!["n/a".to_owned()],
        ..SourceFormat::default()
    };
    let count = SourceFormat {
        thousands_separator: Some('.'),
        trim: true,
        ..SourceFormat::default()
    };
    let flag = SourceFormat {
        true_texts: vec!["ja".to_owned(), "1".to_owned()],
        false_texts: vec!["nein".to_owned(), "0".to_owned()],
        ..SourceFormat::default()
    };
    let name = SourceFormat {
        trim: true,
        null_texts: vec!["NULL".to_owned(), "\\N".to_owned()],
        ..SourceFormat::default()
    };
    let plan = plan(vec![
        Field {
            format: amount,
            ..money("amount")
        },
        Field {
            format: count,
            ..int("count")
        },
        Field {
            format: flag,
            ..field("flag", ColumnType::Boolean)
        },
        Field {
            format: name,
            ..text("name")
        },
    ]);
    let rows = [
        ("1.299,99", "1.000", "ja", "a", "1299.99|1000|true|a"),
        ("€(63,12)", " 7 ", "0", "  b c ", "-63.12|7|false|b c"),
        ("12,5 %", "  ", "1", "NULL", "12.50|NULL|true|NULL"),
        ("n/a", "", "nein", " \\N ", "NULL|NULL|false|NULL"),
        ("", "1", "", "  ", "NULL|1|NULL|NULL"),
        ("1.29,9", "1", "ja", "x", "NULL|1|true|x !amount:type"),
        (
            "(5",
            "0.123",
            "true",
            "x",
            "NULL|NULL|NULL|x !amount:type,count:type,flag:type",
        ),
        (
            "1,005",
            "1",
            "Ja",
            "x",
            "NULL|1|NULL|x !amount:type,flag:type",
        ),
    ];
    let mut file = "amount;count;flag;name\n".to_owned();
    for (amount, count, flag, name, _) in rows {
        file.push_str(&format!("{amount};{count};{flag};{name}\n"));
    }
    let expected: Vec<&str> = rows.iter().map(|(.., expected)| *expected).collect();
    assert_eq!(
        read(&plan, options(&csv_with(b';', b'"', "utf-8")), file).short(),
        expected
    );
    // In quotes, with an escape or a doubled quote, and in JSON it is the same.
    let json = r#"{"amount":" 1","count":"\u00a01.000 ","flag":1,"name":" \"q\" "}
{"amount":1.5,"count":1000,"flag":true,"name":null}"#;
    assert_eq!(
        read(&plan, options(&LINES), json).short(),
        ["NULL|1000|true|\"q\" !amount:type", "1.50|1000|true|NULL"]
    );
}
