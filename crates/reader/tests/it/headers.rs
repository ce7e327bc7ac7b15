//! What is said of a file that lacks what the contract reads, and when it is read all the same.

use lakehouse_contract::{Format, UnknownColumns};
use lakehouse_reader::{Field, ReadPlan, split_path};

use crate::support::*;

fn optional(path: &str) -> Field {
    Field {
        required: false,
        ..text(path)
    }
}

fn reason(plan: &ReadPlan, format: &Format, file: impl AsRef<[u8]>) -> String {
    let read = read(plan, options(format), file);
    read.unreadable()
        .map(|(_, _, reason)| reason.to_owned())
        .unwrap_or_default()
}

#[test]
fn an_absent_column_is_counted() {
    let plan = plan(vec![int("id"), optional("note"), optional("seat")]);
    let rows = read(&plan, options(&csv()), "id,seat\n1,a\n");
    assert_eq!(rows.short(), ["1|NULL|a"]);
    assert_eq!(rows.files[0].absent, ["note"]);
    let header_only = read(&plan, options(&csv()), "id\n");
    assert_eq!(header_only.files[0].absent, ["note", "seat"]);
    for format in [LINES, CONCATENATED] {
        let rows = read(
            &plan,
            options(&format),
            "{\"id\":1}\n{\"id\":2,\"seat\":null}\n",
        );
        assert_eq!(rows.short(), ["1|NULL|NULL", "2|NULL|NULL"]);
        assert_eq!(rows.files[0].absent, ["note"]);
    }
    // A file without rows lacks nothing.
    assert!(read(&plan, options(&LINES), "").files[0].absent.is_empty());
}

#[test]
fn keys_beyond_the_sixty_fourth_are_seen_too() {
    let fields = (0..130)
        .map(|number| optional(&format!("k{number}")))
        .collect();
    let rows = read(
        &plan(fields),
        options(&LINES),
        "{\"k0\":1,\"k70\":2,\"k129\":3,\"other\":4}\n",
    );
    let absent = &rows.files[0].absent;
    assert_eq!(absent.len(), 127);
    for present in ["k0", "k70", "k129"] {
        assert!(!absent.iter().any(|name| name == present), "{present}");
    }
}

#[test]
fn a_column_under_almost_its_name_makes_the_file_unreadable() {
    let plan = plan(vec![int("id"), optional("amount")]);
    for header in ["id, amount", "id,Amount", "id,\"a mount\"", "AMOUNT\t,id"] {
        let found = reason(&plan, &csv(), format!("{header}\n1,2\n"));
        assert!(
            found.contains("contract reads `amount`"),
            "{header}: {found}"
        );
        assert!(found.contains("case or blanks"), "{header}: {found}");
    }
    assert!(reason(&plan, &csv(), "id, amount\n1,2\n").contains("\" amount\""));
    let found = reason(&plan, &LINES, "{\"id\":1}\n{\"id\":2,\"Amount\":3}\n");
    assert!(
        found.contains("`amount`") && found.contains("\"Amount\""),
        "{found}"
    );
    // Where the name occurs as it is, another spelling beside it is an unknown column.
    assert_eq!(reason(&plan, &csv(), "id,amount, amount\n1,2,3\n"), "");
    assert_eq!(
        reason(&plan, &LINES, "{\"id\":1,\"Amount\":3}\n{\"amount\":2}\n"),
        ""
    );
}

#[test]
fn a_key_with_dots_is_told_from_a_path() {
    let plan = plan(vec![int("id"), optional("log.level")]);
    let found = reason(&plan, &LINES, "{\"id\":1,\"log.level\":\"warn\"}\n");
    assert!(found.contains("list of keys: [\"log.level\"]"), "{found}");
    let nested = read(
        &plan,
        options(&LINES),
        "{\"id\":1,\"log\":{\"level\":\"warn\"}}\n",
    );
    assert_eq!(nested.short(), ["1|warn"]);
}

#[test]
fn a_header_of_something_else_is_told_with_its_cause() {
    let plan = plan(vec![int("id"), optional("town"), optional("total")]);
    let semicolons = csv_with(b';', b'"', "utf-8");
    for (format, file, cause) in [
        (&csv(), "id;town\n1;Gent\n", "delimiter: \";\""),
        (&csv(), "id\ttown\n1\tGent\n", "delimiter: \"\\t\""),
        (
            &semicolons,
            "sep=;\r\nid;town\r\n1;Gent\r\n",
            "the first line is `sep=;`",
        ),
        (&csv(), "id,town\r1,Gent\r", "carriage return alone"),
        (
            &semicolons,
            "Report;B-7\nmade by;ada@example.org\n\nid;town\n1;Gent\n",
            "line 4 looks like the header",
        ),
        (&csv(), "i\0d\0,\0t\0", "UTF-16"),
    ] {
        let found = reason(&plan, format, file);
        assert!(found.contains(cause), "{file:?}: {found}");
        assert!(!found.contains("ada@"), "{found}");
    }
    let found = reason(&plan, &csv(), "a,b,c,d,e,f,g,h,i,j,k,l\n");
    assert!(found.contains("it has `a`, `b`, `c`"), "{found}");
    assert!(found.contains("`j` and 2 more"), "{found}");
    // The first row of a file without a header is data.
    let found = reason(&plan, &csv(), "Ada Lovelace,ada@example.org\n");
    assert!(!found.contains("Ada") && !found.contains('@'), "{found}");
    // Only optional columns, none of them there: another file.
    let found = reason(
        &crate::support::plan(vec![optional("town")]),
        &csv(),
        "x,y\n1,2\n",
    );
    assert!(found.contains("none of the contract's columns"), "{found}");
}

#[test]
fn files_of_another_kind_are_named() {
    let plan = plan(vec![int("id")]);
    for format in [csv(), LINES, ARRAY, CONCATENATED] {
        for (file, name) in [
            (&b"\xFF\xFEi\0d\0\n\0"[..], "UTF-16"),
            (b"\xFE\xFF\0i\0d\0\n", "UTF-16"),
            (b"\x1F\x8B\x08\0\0\0\0\0", "gzip"),
            (b"\x28\xB5\x2F\xFD\0\0", "Zstandard"),
            (b"PK\x03\x04\0\0", "ZIP"),
        ] {
            let found = reason(&plan, &format, file);
            assert!(found.contains(name), "{format:?} {file:?}: {found}");
        }
    }
}

#[test]
fn what_looks_like_data_is_not_told_as_a_name() {
    let plan = ReadPlan::new(vec![int("id")], Vec::new(), UnknownColumns::Fail).unwrap();
    let file = "{\"id\":1,\"ada@example.org\":1,\"x\":1,\"of\":{\"+49 1\":2}}\n";
    assert_eq!(
        read(&plan, options(&LINES), file).discarded(),
        [("(others)", 1), ("of", 1), ("x", 1)]
    );
}

#[test]
fn keys_with_dots_are_read() {
    let number = Field {
        name: "number".to_owned(),
        ..text("Nr\\.")
    };
    let level = Field {
        name: "level".to_owned(),
        ..text("log\\.level")
    };
    let plan = ReadPlan::new(
        vec![number, level],
        vec![split_path("log\\.level"), split_path("log.level")],
        UnknownColumns::Discard,
    )
    .unwrap();
    let columns: Vec<String> = plan.columns().into_iter().map(|(name, _)| name).collect();
    assert_eq!(columns[2..4], ["source.log\\.level", "source.log.level"]);
    let rows = read(&plan, options(&csv()), "Nr.,log.level\n7,warn\n");
    assert_eq!(rows.short(), ["7|warn|warn|warn"]);
    let file = "{\"Nr.\":7,\"log.level\":\"warn\",\"log\":{\"level\":\"info\"}}\n";
    assert_eq!(
        read(&plan, options(&LINES), file).short(),
        ["7|warn|warn|info"]
    );
}
