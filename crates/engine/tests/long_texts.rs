//! Long texts: beside the engine while it sorts, in the file at the end, and the same file whatever
//! threads and pieces of the sort there are.

mod common;

use std::collections::BTreeMap;

use common::{Lab, digest};
use lakehouse_engine::ColumnKind;

const ROWS: u64 = 20_000;

/// Writes rows of which two in three have texts of 6 kB; returns the file's digest.
fn written(threads: usize, small_pieces: bool) -> String {
    let lab = Lab::with(threads, 128 << 20);
    let session = &lab.session;
    session.keep_long_texts(&lab.path("texts")).expect("a file");
    if small_pieces {
        session.sort_small_pieces().expect("not locked");
    }
    session.lock().expect("a lock");
    session
        .execute(&format!(
            "CREATE TABLE t AS SELECT CASE WHEN strlen(a) > 256 THEN lake_keep_text(a) ELSE a END AS a, k, CASE WHEN k % 7 = 0 THEN NULL ELSE k END AS n \
             FROM (SELECT repeat('ü', CASE WHEN range % 3 = 0 THEN 2 ELSE 3000 END) || (range * 7919 % 5000) AS a, range AS k FROM range({ROWS}))"
        ))
        .expect("rows");
    assert!(session.long_text_bytes() > 6000 * ROWS / 3 * 2);
    let path = lab.path("rows.parquet");
    let columns = vec![
        ("a".to_owned(), ColumnKind::Text),
        ("k".to_owned(), ColumnKind::Int64),
        ("n".to_owned(), ColumnKind::Int64),
    ];
    let rows = session
        .write_parquet_with_long_texts(
            "t",
            "CASE WHEN strlen(a) > 256 THEN left(a, length(a) - 24) ELSE a END, k",
            columns,
            &path,
            &BTreeMap::new(),
        )
        .expect("a file");
    assert_eq!(rows, ROWS);
    // Looked at by a session that has room for it.
    let reader = Lab::new();
    let file = format!("read_parquet('{}')", path.display());
    let wrong = format!(
        "SELECT count(*) FROM {file} WHERE a IS DISTINCT FROM \
         repeat('ü', CASE WHEN k % 3 = 0 THEN 2 ELSE 3000 END) || (k * 7919 % 5000) \
         OR n IS DISTINCT FROM CASE WHEN k % 7 = 0 THEN NULL ELSE k END"
    );
    assert_eq!(reader.one(&wrong), "0");
    assert_eq!(
        reader.one(&format!("SELECT count(DISTINCT k) FROM {file}")),
        ROWS.to_string()
    );
    // Rows of 6 kB, in groups of 16 MB.
    let groups = format!(
        "SELECT count(DISTINCT row_group_id) BETWEEN 3 AND 20 FROM parquet_metadata('{}')",
        path.display()
    );
    assert_eq!(reader.one(&groups), "true");
    digest(&path)
}

#[test]
fn the_file_is_the_same_whatever_the_threads() {
    let expected = written(1, false);
    for (threads, small_pieces) in [(2, false), (4, true), (1, true)] {
        assert_eq!(
            written(threads, small_pieces),
            expected,
            "{threads} threads, small pieces: {small_pieces}"
        );
    }
}
