//! Files that cannot be read as a whole: where, why, and the same whatever the block's size.

use lakehouse_contract::Format;

use crate::support::*;

/// Reads with blocks of many sizes, which must all say the same.
fn unreadable(format: &Format, max_record_bytes: usize, file: &[u8]) -> Option<(u64, u64, String)> {
    let plan = plan(vec![int("id"), text("x")]);
    let read = |block_bytes| {
        let mut options = options(format);
        options.block_bytes = block_bytes;
        options.max_record_bytes = max_record_bytes;
        options.threads = 2;
        let read = read(&plan, options, file);
        let unreadable = read
            .unreadable()
            .map(|(position, offset, reason)| (position, offset, reason.to_owned()));
        (unreadable, read.rows)
    };
    let expected = read(None);
    for block_bytes in (1..40).chain([64, 100, 1000]) {
        assert_eq!(
            read(Some(block_bytes)),
            expected,
            "blocks of {block_bytes}, {}",
            String::from_utf8_lossy(file)
        );
    }
    expected.0
}

#[test]
fn arrays_that_break() {
    for (file, position, offset, reason) in [
        ("", 0, 0, "the file is empty, which is not an array"),
        (" \n", 0, 2, "the file is empty, which is not an array"),
        (
            "{\"id\":1}",
            0,
            0,
            "the file is not an array: it does not begin with `[`",
        ),
        (
            " x",
            0,
            1,
            "the file is not an array: it does not begin with `[`",
        ),
        ("[", 1, 1, "the file ends in the middle"),
        ("[{\"id\":1},{\"id\":", 2, 16, "the file ends in the middle"),
        (
            "[{\"id\":1},{\"id\":2}",
            2,
            18,
            "the file ends in the middle",
        ),
        (
            "[{\"id\":1},{\"x\":\"]",
            2,
            17,
            "the file ends in the middle",
        ),
        ("[{\"id\":1},", 2, 10, "the file ends in the middle"),
        (
            "[{\"id\":1},]",
            2,
            10,
            "an element is missing behind a comma",
        ),
        ("[,{\"id\":1}]", 1, 1, "not JSON"),
        ("[{\"id\":1},,{\"id\":1}]", 2, 10, "not JSON"),
        ("[{\"id\":1}{\"id\":2}]", 1, 9, "not JSON"),
        ("[{\"id\":1},{\"id\":tru},{\"id\":]]", 2, 16, "not JSON"),
        (
            "[{\"id\":1},{\"x\":[1}]",
            2,
            19,
            "the file ends in the middle",
        ),
        ("[{\"id\":1},{\"x\":[1}}]", 2, 17, "not JSON"),
        ("[{\"id\":1}}", 1, 9, "not JSON"),
        (
            "[{\"id\":1}] x",
            1,
            11,
            "something follows the end of the array",
        ),
        ("[] []", 0, 3, "something follows the end of the array"),
        (
            "[{\"id\":1}]{\"id\":2}",
            1,
            10,
            "something follows the end of the array",
        ),
        ("[{\"id\":01}]", 1, 8, "not JSON"),
    ] {
        let expected = Some((position, offset, reason.to_owned()));
        assert_eq!(
            unreadable(&ARRAY, 1000, file.as_bytes()),
            expected,
            "{file}"
        );
    }
}

#[test]
fn concatenated_objects_that_break() {
    for (file, position, offset, reason) in [
        ("{\"id\":1}{\"id\":", 2, 14, "the file ends in the middle"),
        (
            "{\"id\":1} {\"x\":\"}",
            2,
            16,
            "the file ends in the middle",
        ),
        (
            "{\"id\":1},{\"id\":2}",
            2,
            8,
            "neither an object nor an array",
        ),
        ("{\"id\":1} 5", 2, 9, "neither an object nor an array"),
        ("{\"id\":1}}", 2, 8, "neither an object nor an array"),
        ("{\"id\":1}]", 2, 8, "neither an object nor an array"),
        ("{\"id\":1}{\"id\":x}", 2, 14, "not JSON"),
        ("{\"id\":x}{\"id\":", 1, 6, "not JSON"),
    ] {
        let expected = Some((position, offset, reason.to_owned()));
        assert_eq!(
            unreadable(&CONCATENATED, 1000, file.as_bytes()),
            expected,
            "{file}"
        );
    }
}

#[test]
fn invalid_utf8() {
    for (format, file, position, offset) in [
        (
            LINES,
            &b"{\"id\":1}\n{\"x\":\"\xFF\"}\n{\"id\":1}\n"[..],
            2,
            15,
        ),
        // What breaks a row before it does not hide it, and what breaks behind it does not show.
        (LINES, b"{\"id\":\n{\"x\":\"a\xE2\x82\"}\n\xFF", 2, 14),
        (LINES, b"\xFF{\0}\0", 1, 0),
        (LINES, b"{\"id\":1}\n\xC3", 2, 9),
        (ARRAY, b"[{\"id\":1},{\"x\":\"\xFF\"},{\"id\":tru}]", 2, 16),
        (ARRAY, b"[{\"id\":1},{\"x\":\"\xFF\"", 2, 16),
        (CONCATENATED, b"{\"id\":1}{\"x\":\"\xFF\"}", 2, 14),
        (csv(), b"id,x\n1,a\n2,\xFF\n3,c\n", 3, 11),
        (csv(), b"id,\xFF\n1,a\n", 1, 3),
        (csv(), b"id,x\n1,\"a\n\xFF\n", 2, 10),
    ] {
        let found = unreadable(&format, 1000, file);
        let expected = Some((position, offset, "invalid UTF-8".to_owned()));
        // A character that the end of the file cuts is met by whoever reads to the end.
        assert_eq!(found, expected, "{}", String::from_utf8_lossy(file));
    }
    // A failure before it comes first.
    assert_eq!(
        unreadable(&ARRAY, 1000, b"[{\"id\":tru},{\"x\":\"\xFF\"}]")
            .unwrap()
            .1,
        7
    );
}

#[test]
fn records_that_are_too_long() {
    let long = |length: usize| format!("{{\"x\":\"{}\"}}", "a".repeat(length - 8));
    let reason = "a record is longer than 50 bytes".to_owned();
    for (format, before, after) in [
        (LINES, "{\"id\":1}\n", "\n{\"id\":1}\n"),
        (ARRAY, "[{\"id\":1},", ",{\"id\":1}]"),
        (CONCATENATED, "{\"id\":1}\n", "{\"id\":1}"),
    ] {
        let fits = format!(
            "{before}{}{after}",
            long(if format == CONCATENATED { 49 } else { 50 })
        );
        assert_eq!(unreadable(&format, 50, fits.as_bytes()), None, "{fits}");
        let start = before.len() as u64 - u64::from(format == CONCATENATED);
        for length in [51, 80, 200] {
            let file = format!("{before}{}{after}", long(length));
            assert_eq!(
                unreadable(&format, 50, file.as_bytes()),
                Some((2, start + 50, reason.clone())),
                "{file}"
            );
            // Without an end it is as long.
            let file = format!("{before}{}", long(length));
            assert_eq!(
                unreadable(&format, 50, file.as_bytes()),
                Some((2, start + 50, reason.clone())),
                "{file}"
            );
        }
    }
    let record = |length: usize| format!("1,{}\n", "a".repeat(length - 3));
    assert_eq!(
        unreadable(&csv(), 50, format!("id,x\n{}2,b\n", record(50)).as_bytes()),
        None
    );
    let file = format!("id,x\n{}2,b\n", record(51));
    assert_eq!(
        unreadable(&csv(), 50, file.as_bytes()),
        Some((2, 55, reason.clone()))
    );
    let file = format!("id,x\n1,\"{}", "a\n".repeat(100));
    assert_eq!(
        unreadable(&csv(), 50, file.as_bytes()),
        Some((2, 55, reason.clone()))
    );
    let file = format!("id,x{}\n", ",y".repeat(100));
    assert_eq!(
        unreadable(&csv(), 50, file.as_bytes()),
        Some((1, 50, reason))
    );
}

#[test]
fn a_quote_that_is_not_closed() {
    let reason = "a quote is not closed before the file ends".to_owned();
    assert_eq!(
        unreadable(&csv(), 1000, b"id,x\n1,a\n2,\"b\n3,c\n"),
        Some((3, 18, reason))
    );
}

#[test]
fn deep_nesting_breaks_the_record_and_not_the_stack() {
    let deep = |depth: usize| format!("{{\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let plan = plan(vec![text("x")]);
    let file = format!("{}\n{}\n", deep(150), deep(100_000));
    let read = read(&plan, options(&LINES), &file);
    assert_eq!(read.rows[0].values[0].as_ref().map(String::len), Some(300));
    assert_eq!(read.rows[1].broken, ["*:record"]);
    assert!(unreadable(&ARRAY, 1 << 20, format!("[{}]", deep(10_000)).as_bytes()).is_some());
}

#[test]
fn a_broken_file_does_not_touch_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<_> = ["[{\"id\":1}]", "[{\"id\":2},{\"id\":", "[{\"id\":3}]"]
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let path = folder.path().join(index.to_string());
            std::fs::write(&path, text).unwrap();
            path
        })
        .collect();
    let paths: Vec<_> = paths.iter().map(std::path::PathBuf::as_path).collect();
    let read = read_files(&plan(vec![int("id")]), options(&ARRAY), &paths);
    assert_eq!(read.short(), ["1", "3"]);
    assert_eq!(
        read.files
            .iter()
            .map(|file| (file.index, file.records))
            .collect::<Vec<_>>(),
        [(0, 1), (1, 0), (2, 1)]
    );
    assert!(read.files[1].unreadable.is_some());
}

#[test]
fn a_file_that_is_not_there_is_an_error_of_the_machine() {
    use std::sync::Arc;
    let files = vec![lakehouse_reader::SourceFile {
        path: "/nowhere/at all".into(),
        index: 0,
    }];
    let reader = Arc::new(lakehouse_reader::Reader::new(
        plan(vec![int("id")]),
        files,
        options(&LINES),
    ));
    let (mut one, mut other) = (reader.worker(), reader.worker());
    assert_eq!(
        one.next_batch().unwrap_err().to_string(),
        "cannot read local file `/nowhere/at all`"
    );
    assert!(other.next_batch().is_err());
}
