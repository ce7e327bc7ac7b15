//! Promise 2: the same rows give the same bytes, whatever the threads, the memory and the order
//! in which the rows were loaded.

mod common;

use std::collections::BTreeMap;

use common::{Lab, Rows, digest};
use lakehouse_engine::{ParquetOptions, rows_per_group};

const ROWS: u64 = 1_200_000;

fn published(threads: usize, memory_limit_bytes: u64) -> String {
    let lab = Lab::with(threads, memory_limit_bytes);
    lab.session
        .register_source("rows", Rows::new(ROWS, threads))
        .expect("a source");
    lab.session
        .execute("CREATE TABLE t AS SELECT * FROM rows()")
        .expect("a load");
    let path = lab.path("t.parquet");
    let key_values = BTreeMap::from([("lake.pipeline".to_owned(), "sales".to_owned())]);
    let select = "SELECT * FROM t ORDER BY short, id, \"long text\", yes, number, tiny, small, money, huge, ratio, day, at";
    let rows = lab
        .session
        .write_parquet(&select.replace(", at", ", \"at\""), &path, &key_values)
        .expect("a file");
    assert_eq!(rows, ROWS);
    digest(&path)
}

#[test]
fn bytes_do_not_depend_on_threads_memory_or_load_order() {
    let plenty = 2 << 30;
    let first = published(2, plenty);
    // Workers race for blocks, so that a repetition loads in another order.
    for (threads, memory_limit_bytes) in [
        (2, plenty),
        (1, plenty),
        (4, plenty),
        (2, 200 << 20),
        (1, 200 << 20),
    ] {
        assert_eq!(
            published(threads, memory_limit_bytes),
            first,
            "{threads} threads, {memory_limit_bytes} bytes of memory"
        );
    }
}

/// The test above would prove nothing if rows always came in the same order.
#[test]
fn load_order_does_differ() {
    let order = |reverse: bool| {
        let lab = Lab::new();
        let direction = if reverse { "DESC" } else { "ASC" };
        lab.session
            .execute(&format!("CREATE TABLE t AS SELECT range AS n FROM range(300000) ORDER BY hash(range) {direction}"))
            .expect("a table");
        let (sorted, unsorted) = (lab.path("sorted.parquet"), lab.path("unsorted.parquet"));
        lab.session
            .write_parquet("SELECT * FROM t ORDER BY n", &sorted, &BTreeMap::new())
            .expect("a file");
        lab.session
            .write_parquet("SELECT * FROM t", &unsorted, &BTreeMap::new())
            .expect("a file");
        (digest(&sorted), digest(&unsorted))
    };
    let (forwards, backwards) = (order(false), order(true));
    assert_eq!(forwards.0, backwards.0);
    assert_ne!(forwards.1, backwards.1);
}

/// Long rows are written in small groups, which must not depend on who came first either.
#[test]
fn small_groups_of_long_rows_are_the_same_too() {
    const LONG_ROWS: u64 = 150_000;
    let write = |threads: usize, options: &ParquetOptions| {
        let lab = Lab::with(threads, 1 << 30);
        lab.session
            .execute(&format!(
                "CREATE TABLE t AS SELECT n, repeat(sha256(n::VARCHAR), 10) AS text
                 FROM (SELECT (range * 7919) % {LONG_ROWS} AS n FROM range({LONG_ROWS}))"
            ))
            .expect("a table");
        let path = lab.path("t.parquet");
        lab.session
            .write_parquet_with(
                "SELECT * FROM t ORDER BY n, text",
                &path,
                &BTreeMap::new(),
                options,
            )
            .expect("a file");
        digest(&path)
    };
    for wanted in [rows_per_group(LONG_ROWS * 650, LONG_ROWS), 5_000] {
        let options = ParquetOptions {
            rows_per_group: wanted,
        };
        let first = write(2, &options);
        for threads in [1, 2, 4] {
            assert_eq!(
                write(threads, &options),
                first,
                "{threads} threads, groups of at most {wanted}"
            );
        }
    }
}
