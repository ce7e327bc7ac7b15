//! JSON in its three layouts.

use lakehouse_contract::UnknownColumns;
use lakehouse_reader::ReadPlan;

use crate::support::*;

#[test]
fn lines_are_rows() {
    let plan = plan(vec![int("id"), text("product.category"), money("amount")]);
    let file = "{\"id\": 1, \"product\": {\"category\": \"toys\"}, \"amount\": 9999999999999999.99}\n\
                \n  \r\n\
                {\"amount\":\"1.50\",\"id\":\"2\",\"product\":{\"category\":null}}\r\n\
                {}\n\
                {\"id\":4,\"product\":null}";
    let read = read(&plan, options(&LINES), file);
    assert_eq!(
        read.short(),
        [
            "1|toys|9999999999999999.99",
            "2|NULL|1.50",
            "NULL|NULL|NULL",
            "4|NULL|NULL"
        ]
    );
    let offset = |text| file.find(text).unwrap() as i64;
    assert_eq!(
        read.positions(),
        [
            (1, 0),
            (4, offset("{\"amount")),
            (5, offset("{}")),
            (6, offset("{\"id\":4"))
        ]
    );
    assert_eq!(read.unreadable(), None);
}

#[test]
fn several_objects_on_a_line_are_several_rows_of_it() {
    let plan = plan(vec![int("id")]);
    let read = read(
        &plan,
        options(&LINES),
        "{\"id\":1}{\"id\":2} {\"id\":3}\n\t{\"id\":4} \n7 {\"id\":5}\n",
    );
    assert_eq!(read.short(), ["1", "2", "3", "4", "NULL !*:record", "5"]);
    assert_eq!(
        read.positions(),
        [(1, 0), (1, 8), (1, 17), (2, 27), (3, 37), (3, 39)]
    );
}

#[test]
fn a_line_that_is_broken_anywhere_is_one_broken_row() {
    let plan = plan(vec![int("id"), text("x")]);
    for line in [
        "{\"id\":1",
        "{\"id\":1}}",
        "{\"id\":1},{\"id\":2}",
        "{\"id\":1} {\"id\":2} {",
        "{\"id\":1} x",
        "{\"id\":01}",
        "{\"id\":1,}",
        "{,\"id\":1}",
        "{\"id\" 1}",
        "{\"id\":}",
        "{id:1}",
        "{'id':1}",
        "{\"id\":1 \"x\":2}",
        "{\"x\":\"\\x\"}",
        "{\"x\":\"\\ud800\"}",
        "{\"x\":\"a\tb\"}",
        "{\"x\":\"open}",
        "{\"x\":tru}",
        "{\"x\":True}",
        "{\"x\":nul}",
        "{\"x\":[1,2}",
        "{\"y\":[1,]}",
        "{\"y\":{\"a\":1,}}",
        "{\"x\":+1}",
        "{\"x\":.5}",
        "{\"x\":1.}",
        "{\"x\":0x10}",
        "{\"id\":1}\u{0}",
        "{\"id\":1,\u{0}\"x\":2}",
        "x",
        "{",
        "}",
        "]",
        "\"",
        ",",
        "// {\"id\":1}",
    ] {
        let file = format!("{{\"id\":7}}\n{line}\n{{\"id\":8}}\n");
        let read = read(&plan, options(&LINES), &file);
        assert_eq!(
            read.short(),
            ["7|NULL", "NULL|NULL !*:record", "8|NULL"],
            "{line}"
        );
        assert_eq!(
            read.positions(),
            [(1, 0), (2, 9), (3, 10 + line.len() as i64)],
            "{line}"
        );
        // The same as the last line, cut off by the end of the file.
        let read = crate::support::read(&plan, options(&LINES), format!("{{\"id\":7}}\n{line}"));
        assert_eq!(read.short(), ["7|NULL", "NULL|NULL !*:record"], "{line}");
    }
}

#[test]
fn no_object_goes_on_in_the_next_line() {
    let plan = plan(vec![int("id"), text("x")]);
    for (file, rows) in [
        ("{\"id\":1,\n\"x\":2}\n", 2),
        ("{\"x\":[1,\n2]}\n", 2),
        ("{\"y\":\n{\"a\":\n1}}\n", 3),
    ] {
        let read = read(&plan, options(&LINES), file);
        assert_eq!(read.short(), vec!["NULL|NULL !*:record"; rows], "{file}");
    }
}

#[test]
fn what_is_no_object_is_no_record() {
    let plan = plan(vec![int("id")]);
    let values = [
        "5",
        "\"text\"",
        "[{\"id\":1}]",
        "null",
        "true",
        "[]",
        "-1.5e3",
        "NaN",
    ];
    let lines = read(&plan, options(&LINES), values.join("\n"));
    assert_eq!(lines.short(), vec!["NULL !*:record"; values.len()]);
    let array = read(&plan, options(&ARRAY), format!("[{}]", values.join(",")));
    assert_eq!(array.short(), vec!["NULL !*:record"; values.len()]);
    let concatenated = read(&plan, options(&CONCATENATED), "[{\"id\":1}] []{\"id\":2}");
    assert_eq!(
        concatenated.short(),
        ["NULL !*:record", "NULL !*:record", "2"]
    );
}

#[test]
fn a_key_given_twice_breaks_its_record() {
    let plan = plan(vec![int("id"), text("product.name"), text("tags")]);
    for (record, expected) in [
        (r#"{"id":1,"id":1}"#, "NULL|NULL|NULL !*:duplicateKey"),
        (r#"{"id":1,"id":"x"}"#, "NULL|NULL|NULL !*:duplicateKey"),
        (r#"{"id":1,"\u0069d":2}"#, "NULL|NULL|NULL !*:duplicateKey"),
        (
            r#"{"other":1,"id":3,"other":2}"#,
            "NULL|NULL|NULL !*:duplicateKey",
        ),
        (
            r#"{"product":{"name":"a","name":"b"}}"#,
            "NULL|NULL|NULL !*:duplicateKey",
        ),
        (
            r#"{"product":{"x":1,"x":2},"id":1}"#,
            "NULL|NULL|NULL !*:duplicateKey",
        ),
        (
            r#"{"product":{"name":"a"},"product":{"name":"b"}}"#,
            "NULL|NULL|NULL !*:duplicateKey",
        ),
        (r#"{"id":1,"product":{"id":1}}"#, "1|NULL|NULL"),
        // Within what the plan takes as a whole, nobody looks.
        (r#"{"tags":{"a":1,"a":2}}"#, r#"NULL|NULL|{"a":1,"a":2}"#),
        // Not JSON outweighs it.
        (r#"{"id":1,"id":1]"#, "NULL|NULL|NULL !*:record"),
    ] {
        let read = read(&plan, options(&LINES), format!("{record}\n{{\"id\":9}}\n"));
        assert_eq!(read.short(), [expected, "9|NULL|NULL"], "{record}");
    }
}

#[test]
fn more_than_64_keys_are_still_told_apart() {
    let plan = plan(
        (0..100)
            .map(|number| int(&format!("column{number}")))
            .collect(),
    );
    let record = |keys: &mut dyn Iterator<Item = usize>| {
        let pairs: Vec<String> = keys.map(|key| format!("\"column{key}\":{key}")).collect();
        format!("{{{}}}\n", pairs.join(","))
    };
    let file =
        record(&mut (0..100).rev()) + &record(&mut (0..100).chain([99])) + &record(&mut (0..100));
    let read = read(&plan, options(&LINES), file);
    assert_eq!(
        read.rows[0].values,
        (0..100)
            .map(|key| Some(key.to_string()))
            .collect::<Vec<_>>()
    );
    assert_eq!(read.rows[1].broken, ["*:duplicateKey"]);
    assert_eq!(read.rows[2].values, read.rows[0].values);
}

#[test]
fn unknown_columns_are_counted_or_refused() {
    let fields = vec![int("id"), text("product.name")];
    let file = "{\"id\":1,\"product\":{\"name\":\"a\",\"size\":3},\"note\":{\"deep\":[1]}}\n\
                {\"id\":2,\"note\":null,\"no\\u0074e2\":1}\n\
                {\"id\":3,\"product\":{\"name\":\"c\"}}\n\
                {\"id\":4,\"note\":1,\"id\":5}\n";
    let plan_with = |unknown| ReadPlan::new(fields.clone(), Vec::new(), unknown).unwrap();
    let discarded = read(&plan_with(UnknownColumns::Discard), options(&LINES), file);
    assert_eq!(
        discarded.short(),
        ["1|a", "2|NULL", "3|c", "NULL|NULL !*:duplicateKey"]
    );
    assert_eq!(
        discarded.discarded(),
        [("note", 2), ("note2", 1), ("product.size", 1)]
    );
    let failed = read(&plan_with(UnknownColumns::Fail), options(&LINES), file);
    assert_eq!(
        (failed.short(), failed.discarded()),
        (discarded.short(), discarded.discarded())
    );
    let refused = read(
        &plan_with(UnknownColumns::Quarantine),
        options(&LINES),
        file,
    );
    assert_eq!(
        refused.short(),
        [
            "NULL|NULL !*:unknownColumns",
            "NULL|NULL !*:unknownColumns",
            "3|c",
            "NULL|NULL !*:duplicateKey"
        ]
    );
    assert_eq!(refused.discarded(), []);
    // Every reason is named.
    let both = read(
        &plan_with(UnknownColumns::Quarantine),
        options(&LINES),
        "{\"id\":\"x\",\"other\":1}",
    );
    assert_eq!(both.short(), ["NULL|NULL !*:unknownColumns,id:type"]);
}

#[test]
fn arrays_and_concatenated_objects() {
    let plan = plan(vec![int("id"), text("x")]);
    for (format, file) in [
        (
            ARRAY,
            " \n[ {\"id\": 1,\n \"x\": [\"]\", {}]} , {\"id\":2}\n,{\"id\":3}] \n ",
        ),
        (
            CONCATENATED,
            " \n  {\"id\": 1,\n \"x\": [\"]\", {}]}   {\"id\":2}{\"id\":3}\n\n",
        ),
    ] {
        let read = read(&plan, options(&format), file);
        assert_eq!(read.short(), ["1|[\"]\", {}]", "2|NULL", "3|NULL"]);
        let offset = |id| file.find(&format!("{{\"id\":{id}")).unwrap() as i64;
        assert_eq!(read.positions(), [(1, 4), (2, offset(2)), (3, offset(3))]);
    }
}

#[test]
fn files_without_rows() {
    let plan = plan(vec![int("id")]);
    for (format, file) in [
        (LINES, ""),
        (LINES, "\n \r\n\n"),
        (LINES, "\u{feff}"),
        (ARRAY, "[]"),
        (ARRAY, " [ \n ] \n"),
        (CONCATENATED, ""),
        (CONCATENATED, " \n "),
        (csv(), "id"),
        (csv(), "id\n"),
        (csv(), "\u{feff}id\r\n\r\n"),
    ] {
        let read = read(&plan, options(&format), file);
        assert_eq!(
            (read.short(), read.unreadable()),
            (vec![], None),
            "{file:?}"
        );
    }
}

#[test]
fn a_byte_order_mark_is_no_text() {
    let plan = plan(vec![int("id")]);
    for (format, file) in [
        (LINES, "\u{feff}{\"id\":1}\n"),
        (ARRAY, "\u{feff}[{\"id\":1}]"),
        (CONCATENATED, "\u{feff}{\"id\":1}"),
        (csv(), "\u{feff}id\n1\n"),
    ] {
        let read = read(&plan, options(&format), file);
        assert_eq!(read.short(), ["1"], "{file:?}");
        // Offsets are those of the file.
        assert_eq!(
            read.rows[0].offset as usize,
            file.find(if format == csv() { "1" } else { "{" }).unwrap()
        );
    }
}
