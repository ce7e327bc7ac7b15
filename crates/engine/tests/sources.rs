//! Row sources: what a worker writes is what SQL reads, and no failure goes further than its query.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{Lab, Rows};
use lakehouse_engine::{Chunk, ColumnKind, EngineError, Failure, RowSource, RowWorker, Value};

#[test]
fn every_kind_of_column_arrives() {
    let lab = Lab::new();
    lab.session
        .register_source("rows", Rows::new(10_000, 2))
        .expect("a source");
    lab.session
        .execute("CREATE TABLE t AS SELECT * FROM rows()")
        .expect("a load");
    let types: Vec<String> = lab
        .session
        .describe("SELECT * FROM t")
        .expect("types")
        .into_iter()
        .map(|(_, sql_type)| sql_type)
        .collect();
    assert_eq!(
        types,
        [
            "BIGINT",
            "VARCHAR",
            "VARCHAR",
            "BOOLEAN",
            "INTEGER",
            "DECIMAL(4,1)",
            "DECIMAL(9,2)",
            "DECIMAL(18,2)",
            "DECIMAL(38,3)",
            "DOUBLE",
            "DATE",
            "TIMESTAMP",
            "UUID"
        ]
    );
    let row = &lab
        .session
        .query("SELECT * FROM t WHERE id = 9000")
        .expect("a row")[0];
    let text = |text: &str| Value::Text(text.into());
    assert_eq!(
        *row,
        [
            Value::Int(9000),
            text("s0"),
            text("a text that is long enough for the heap, 9000 – ü"),
            Value::Bool(true),
            Value::Int(9000),
            text("900.0"),
            text("-90.00"),
            text("9000.01"),
            text("166020696663385964544.000"),
            Value::Double(3000.0),
            text("1994-08-23"),
            text("1970-01-01 02:30:00.027"),
            text("00000000-0000-2328-0000-000000000001"),
        ]
    );
    let row = &lab
        .session
        .query("SELECT * FROM t WHERE id = 6")
        .expect("a row")[0];
    assert!(row[1..].iter().all(Value::is_null), "{row:?}");
    assert_eq!(lab.one("SELECT count(*) FROM t"), "10000");
    assert_eq!(
        lab.one("SELECT count(*) FROM t WHERE short IS NULL"),
        "1428"
    );
    assert_eq!(lab.one("SELECT count(DISTINCT id) FROM t"), "10000");
}

#[test]
fn an_empty_source_is_an_empty_table() {
    let lab = Lab::new();
    lab.session
        .register_source("rows", Rows::new(0, 2))
        .expect("a source");
    assert_eq!(lab.one("SELECT count(*) FROM rows()"), "0");
}

#[test]
fn a_name_is_taken_once() {
    let lab = Lab::new();
    lab.session
        .register_source("rows", Rows::new(1, 1))
        .expect("a source");
    let error = lab
        .session
        .register_source("rows", Rows::new(1, 1))
        .expect_err("taken");
    assert!(error.to_string().contains("`rows`"), "{error}");
}

/// Does something odd in its third chunk.
struct Odd {
    what: fn(&mut Chunk<'_>) -> Result<usize, String>,
    running: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Odd {
    fn new(what: fn(&mut Chunk<'_>) -> Result<usize, String>) -> Arc<Self> {
        Arc::new(Self {
            what,
            running: Arc::default(),
            most: Arc::default(),
        })
    }
}

impl RowSource for Odd {
    fn columns(&self) -> Vec<(String, ColumnKind)> {
        vec![
            ("n".into(), ColumnKind::Int32),
            ("text".into(), ColumnKind::Text),
        ]
    }

    fn worker(&self) -> Box<dyn RowWorker> {
        Box::new(OddWorker {
            what: self.what,
            calls: 0,
            running: self.running.clone(),
            most: self.most.clone(),
        })
    }

    fn max_threads(&self) -> usize {
        4
    }
}

struct OddWorker {
    what: fn(&mut Chunk<'_>) -> Result<usize, String>,
    calls: usize,
    running: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl RowWorker for OddWorker {
    fn fill(&mut self, chunk: &mut Chunk<'_>) -> Result<usize, EngineError> {
        self.calls += 1;
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        let result = if self.calls < 3 {
            Ok(chunk.capacity())
        } else {
            (self.what)(chunk)
        };
        self.running.fetch_sub(1, Ordering::SeqCst);
        result.map_err(EngineError::from)
    }
}

#[test]
fn an_error_of_a_worker_is_the_error_of_the_query() {
    let lab = Lab::new();
    lab.session
        .register_source("odd", Odd::new(|_| Err("file `a.json` vanished".into())))
        .expect("a source");
    let error = lab
        .session
        .execute("CREATE TABLE t AS SELECT * FROM odd()")
        .expect_err("fails");
    assert!(
        matches!(&error, EngineError::Source(text) if text == "file `a.json` vanished"),
        "{error:?}"
    );
    assert_eq!(lab.one("SELECT 1"), "1", "the session goes on");
    let error = lab
        .session
        .execute("SELECT * FROM nowhere")
        .expect_err("fails");
    assert!(
        matches!(error, EngineError::Sql { .. }),
        "an old failure does not come back: {error:?}"
    );
}

#[test]
fn a_panic_of_a_worker_is_a_bug_and_not_an_abort() {
    type Fill = fn(&mut Chunk<'_>) -> Result<usize, String>;
    let cases: [Fill; 5] = [
        |_| panic!("index 7 of 3"),
        |chunk| {
            chunk.column_mut::<i64>(0)[0] = 1;
            Ok(1)
        },
        |chunk| {
            chunk.set_text(1, 0, b"\xff\xfe");
            Ok(1)
        },
        |chunk| {
            chunk.set_str(1, chunk.capacity(), "past the end");
            Ok(1)
        },
        |chunk| Ok(chunk.capacity() + 1),
    ];
    for (index, what) in cases.into_iter().enumerate() {
        let lab = Lab::new();
        lab.session
            .register_source("odd", Odd::new(what))
            .expect("a source");
        let error = lab
            .session
            .execute("CREATE TABLE t AS SELECT * FROM odd()")
            .expect_err("fails");
        assert!(
            matches!(error, EngineError::Panic(_)),
            "case {index}: {error:?}"
        );
        assert_eq!(error.exit(), Failure::Bug);
    }
}

#[test]
fn what_a_worker_does_not_write_is_zero_and_not_rubbish() {
    let lab = Lab::new();
    lab.session
        .register_source("odd", Odd::new(|_| Ok(0)))
        .expect("a source");
    assert_eq!(
        lab.one("SELECT count(*) FROM odd() WHERE n = 0 AND text = ''"),
        (2 * 2048 * 2).to_string()
    );
}

#[test]
fn workers_run_at_once() {
    let lab = Lab::new();
    let source = Odd::new(|_| {
        std::thread::sleep(Duration::from_millis(50));
        Ok(0)
    });
    lab.session
        .register_source("odd", source.clone())
        .expect("a source");
    lab.session
        .execute("CREATE TABLE t AS SELECT * FROM odd()")
        .expect("a load");
    assert_eq!(source.most.load(Ordering::SeqCst), 2, "with two threads");
}
