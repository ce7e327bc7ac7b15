//! Many blocks, many threads, long records.

use lakehouse_contract::{OnInvalid, UnknownColumns};
use lakehouse_reader::{Field, ReadPlan};

use crate::support::*;

fn file(rows: usize, delimiter: &str, begin: &str, end: &str) -> String {
    let records: Vec<String> = (0..rows)
        .map(|row| match row % 50 {
            7 => format!(r#"{{"id":{row},"amount":"1.{row:03}5","extra":1}}"#),
            13 => format!(r#"{{"id":{row},"id":{row}}}"#),
            21 => format!(r#"{{"name":"{}","id":{row}}}"#, "long ".repeat(row % 3_000)),
            34 => format!(r#"{{"id":"x","name":"a\u00e9\n","more{}":{{}}}}"#, row % 3),
            _ => format!(r#"{{"id":{row},"amount":{row}.25,"name":"name {row}"}}"#),
        })
        .collect();
    format!("{begin}{}{end}", records.join(delimiter))
}

/// Rows do not depend on the number of threads or on the size of blocks.
#[test]
fn threads_and_blocks_change_nothing() {
    let fields = vec![
        Field {
            on_invalid: OnInvalid::SetNull,
            ..int("id")
        },
        money("amount"),
        text("name"),
    ];
    let plan = ReadPlan::new(
        fields,
        vec![vec!["amount".to_owned()]],
        UnknownColumns::Discard,
    )
    .unwrap();
    for (format, file) in [
        (LINES, file(6_000, "\n", "", "\n")),
        (ARRAY, file(6_000, ",\n ", "[", "]")),
        (CONCATENATED, file(6_000, "", "", "")),
    ] {
        let mut expected = None;
        for (threads, block_bytes) in [
            (1, None),
            (2, None),
            (1, Some(1_000)),
            (4, Some(5_000)),
            (3, Some(100_000)),
        ] {
            let mut options = options(&format);
            (options.threads, options.block_bytes) = (threads, block_bytes);
            let read = read(&plan, options, &file);
            assert_eq!(read.unreadable(), None);
            assert_eq!(read.rows.len(), 6_000);
            let found = (read.rows, read.files);
            match &expected {
                None => expected = Some(found),
                Some(expected) => assert!(
                    *expected == found,
                    "{threads} threads, blocks of {block_bytes:?}"
                ),
            }
        }
        let (rows, files) = expected.unwrap();
        assert_eq!(
            rows.iter()
                .filter(|row| row.broken == ["*:duplicateKey"])
                .count(),
            120
        );
        assert_eq!(
            rows.iter()
                .filter(|row| row.repaired == ["id:setNull"])
                .count(),
            120
        );
        assert_eq!(files[0].discarded.values().sum::<u64>(), 240);
    }
}

#[test]
fn many_small_files() {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<_> = (0..200)
        .map(|index| {
            let path = folder.path().join(index.to_string());
            let header = if index % 2 == 0 { "id,name" } else { "name,id" };
            let row = if index % 2 == 0 {
                format!("{index},a")
            } else {
                format!("a,{index}")
            };
            std::fs::write(&path, format!("{header}\n{row}\n")).unwrap();
            path
        })
        .collect();
    let paths: Vec<_> = paths.iter().map(std::path::PathBuf::as_path).collect();
    let mut options = options(&csv());
    options.threads = 3;
    let read = read_files(&plan(vec![int("id"), text("name")]), options, &paths);
    let expected: Vec<String> = (0..200).map(|index| format!("{index}|a")).collect();
    assert_eq!(read.short(), expected);
}

/// A record may be longer than a block, by much.
#[test]
fn records_longer_than_a_block() {
    let plan = plan(vec![int("id"), text("x")]);
    let long = "x".repeat(300_000);
    for (format, file) in [
        (
            LINES,
            format!("{{\"id\":1,\"x\":\"{long}\"}}\n{{\"id\":2,\"x\":\"y\"}}\n"),
        ),
        (
            ARRAY,
            format!("[{{\"id\":1,\"x\":\"{long}\"}},{{\"id\":2,\"x\":\"y\"}}]"),
        ),
        (
            CONCATENATED,
            format!("{{\"id\":1,\"x\":\"{long}\"}}{{\"id\":2,\"x\":\"y\"}}"),
        ),
        (csv(), format!("id,x\n1,{long}\n2,y\n")),
        (csv(), format!("id,x\n1,\"{long}\"\n2,y\n")),
    ] {
        let mut options = options(&format);
        options.block_bytes = Some(100);
        assert_eq!(
            read(&plan, options, file).short(),
            [format!("1|{long}"), "2|y".to_owned()]
        );
    }
}

/// More names than are remembered, more keys than a record has.
#[test]
fn very_many_unknown_keys() {
    let plan = plan(vec![int("id")]);
    let mut file = String::new();
    for row in 0..5_000 {
        file.push_str(&format!(
            "{{\"id\":{row},\"key-{row:05}\":1,\"key-{:05}\":1,\"always\":1}}\n",
            row + 5_000
        ));
    }
    let many: Vec<String> = (0..20_000).map(|key| format!("\"k{key}\":0")).collect();
    file.push_str(&format!("{{{}}}\n{{\"id\":7}}\n", many.join(",")));
    let read = read(&plan, options(&LINES), file);
    assert_eq!(read.rows.len(), 5_002);
    assert_eq!(read.rows[5_000].broken, ["*:record"]);
    assert_eq!(read.rows[5_001].short(), "7");
    assert!(read.rows[..5_000].iter().all(|row| row.broken.is_empty()));
    let discarded = read.discarded();
    assert_eq!(discarded.len(), 101);
    // Names in the order of their bytes: "(others)", "always", "key-00000", …
    assert_eq!(
        discarded[..3],
        [("(others)", 9_901), ("always", 5_000), ("key-00000", 1)]
    );
}
