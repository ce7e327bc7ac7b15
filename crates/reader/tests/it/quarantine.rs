//! Reading single records again.

use lakehouse_reader::{ReadError, SourceTexts, split_path};

use crate::support::*;

#[test]
fn texts_of_records_by_where_they_are() {
    let plan = plan(vec![int("id"), text("product.name")]);
    let paths = || {
        vec![
            split_path("product.name"),
            split_path("id"),
            split_path("missing"),
        ]
    };
    for (format, file) in [
        (
            LINES,
            "{\"id\": 1.50, \"product\": {\"name\": \"a\\tb\"}}{\"id\":\"x\"} 5\n\n{\"product\":{\"name\":{}},\"id\":null}",
        ),
        (
            ARRAY,
            " [{\"id\": 1.50, \"product\": {\"name\": \"a\\tb\"}}, {\"id\":\"x\"}, 5,\n{\"product\":{\"name\":{}},\"id\":null}]",
        ),
        (
            CONCATENATED,
            "{\"id\": 1.50,\n \"product\": {\"name\": \"a\\tb\"}}\n{\"id\":\"x\"}[]{\"product\":{\"name\":{}},\"id\":null}",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, file).unwrap();
        let rows = read_files(&plan, options(&format), &[&path]).rows;
        let mut texts = SourceTexts::new(paths(), &options(&format)).unwrap();
        let mut of = |row: &Row| {
            texts
                .texts(&path, row.offset as u64, row.position as u64)
                .unwrap()
        };
        let some = |text: &str| Some(text.to_owned());
        // In any order, as often as wanted.
        assert_eq!(of(&rows[3]), [some("{}"), None, None]);
        assert_eq!(of(&rows[0]), [some("a\tb"), some("1.50"), None]);
        assert_eq!(of(&rows[1]), [None, some("x"), None]);
        assert_eq!(of(&rows[2]), [None, None, None]);
        assert_eq!(of(&rows[0]), [some("a\tb"), some("1.50"), None]);
    }
}

#[test]
fn texts_of_csv_records() {
    let plan = plan(vec![int("id"), text("name")]);
    let format = csv_with(b';', b'"', "utf-8");
    let long = "é".repeat(10_000);
    let folder = tempfile::tempdir().unwrap();
    let paths = [
        (
            "one",
            format!("\u{feff}name;id;other\n\"a\n\"\"b\";x;1\n;\"\";2\n1;2\n{long};3;4"),
        ),
        ("two", "id;name\n7;g\n".to_owned()),
    ]
    .map(|(name, text)| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    });
    let rows = read_files(&plan, options(&format), &[&paths[0], &paths[1]]).rows;
    let mut texts = SourceTexts::new(
        vec![split_path("id"), split_path("name")],
        &options(&format),
    )
    .unwrap();
    let found: Vec<_> = rows
        .iter()
        .map(|row| {
            texts
                .texts(
                    &paths[row.file as usize],
                    row.offset as u64,
                    row.position as u64,
                )
                .unwrap()
        })
        .collect();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        found,
        [
            [some("x"), some("a\n\"b")],
            [some(""), None],
            [None, None],
            [some("3"), some(&long)],
            [some("7"), some("g")],
        ]
    );
}

#[test]
fn a_record_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, "{\"id\":1}\n{\"id\":").unwrap();
    let mut texts = SourceTexts::new(vec![split_path("id")], &options(&LINES)).unwrap();
    for offset in [9, 100] {
        assert!(matches!(
            texts.texts(&path, offset, 2),
            Err(ReadError::NoRecord { position: 2, .. })
        ));
    }
    assert!(matches!(
        texts.texts(&folder.path().join("other"), 0, 1),
        Err(ReadError::Io { .. })
    ));
}

#[test]
fn broken_records_say_why_and_where() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let fault = |format: &lakehouse_contract::Format, file: &str, offset: u64| {
        std::fs::write(&path, file).unwrap();
        let mut texts = SourceTexts::new(vec![split_path("id")], &options(format)).unwrap();
        let fault = texts.fault(&path, offset, 1).unwrap();
        fault.map(|fault| (fault.byte_offset, fault.reason))
    };
    let found = |byte: u64, reason: &str| Some((byte, reason.to_owned()));
    let lines = "{\"id\":1}\n{\"id\":oops}\n[1]\n{\"id\":1} {\"id\":\n{\"a\":1,\"a\":2}\n";
    assert_eq!(fault(&LINES, lines, 0), None);
    assert_eq!(fault(&LINES, lines, 9), found(15, "not JSON"));
    assert_eq!(fault(&LINES, lines, 21), found(21, "not an object"));
    assert_eq!(fault(&LINES, lines, 25), found(40, "not JSON"));
    assert_eq!(fault(&LINES, lines, 41), found(41, "a key is given twice"));
    let csv_file = "id,x\n1,\"a\"b\n1,2,3\n1,2\n";
    assert_eq!(
        fault(&csv(), csv_file, 5),
        found(7, "field 2 goes on behind its closing quote")
    );
    assert_eq!(
        fault(&csv(), csv_file, 12),
        found(12, "3 fields, and the header has 2")
    );
    assert_eq!(fault(&csv(), csv_file, 18), None);
}
