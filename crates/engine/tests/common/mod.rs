//! What the tests of the engine share: a session in a workspace of its own, and a row source.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lakehouse_engine::{
    Chunk, ColumnKind, EngineError, RowSource, RowWorker, Session, SessionOptions,
};

/// A session and its workspace, which goes when this is dropped.
pub struct Lab {
    pub session: Session,
    pub folder: tempfile::TempDir,
}

impl Lab {
    pub fn new() -> Self {
        Self::with(2, 1 << 30)
    }

    pub fn with(threads: usize, memory_limit_bytes: u64) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let session = Session::open(&SessionOptions {
            workspace: folder.path().to_owned(),
            memory_limit_bytes,
            threads,
            pseudonym_key: Some("a key that is used in tests only".into()),
        })
        .expect("a session");
        Self { session, folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The one value of a query, as text.
    pub fn one(&self, sql: &str) -> String {
        self.session.query(sql).expect(sql)[0][0].to_string()
    }
}

/// SHA-256 of a file.
pub fn digest(path: &Path) -> String {
    use sha2::{Digest, Sha256};
    let bytes = std::fs::read(path).expect("a file");
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// `rows` rows of every kind of column, made by as many workers as the engine asks for.
///
/// Every seventh value is NULL. Workers take turns, so that the order differs between runs.
pub struct Rows {
    next: Arc<AtomicU64>,
    pub rows: u64,
    pub threads: usize,
}

impl Rows {
    pub fn new(rows: u64, threads: usize) -> Arc<Self> {
        Arc::new(Self {
            next: Arc::default(),
            rows,
            threads,
        })
    }
}

impl RowSource for Rows {
    fn columns(&self) -> Vec<(String, ColumnKind)> {
        vec![
            ("id".into(), ColumnKind::Int64),
            ("short".into(), ColumnKind::Text),
            ("long text".into(), ColumnKind::Text),
            ("yes".into(), ColumnKind::Boolean),
            ("number".into(), ColumnKind::Int32),
            (
                "tiny".into(),
                ColumnKind::Decimal {
                    precision: 4,
                    scale: 1,
                },
            ),
            (
                "small".into(),
                ColumnKind::Decimal {
                    precision: 9,
                    scale: 2,
                },
            ),
            (
                "money".into(),
                ColumnKind::Decimal {
                    precision: 18,
                    scale: 2,
                },
            ),
            (
                "huge".into(),
                ColumnKind::Decimal {
                    precision: 38,
                    scale: 3,
                },
            ),
            ("ratio".into(), ColumnKind::Double),
            ("day".into(), ColumnKind::Date),
            ("at".into(), ColumnKind::Timestamp),
            ("uuid".into(), ColumnKind::Uuid),
        ]
    }

    fn worker(&self) -> Box<dyn RowWorker> {
        Box::new(RowsWorker {
            next: Arc::clone(&self.next),
            rows: self.rows,
        })
    }

    fn max_threads(&self) -> usize {
        self.threads
    }
}

struct RowsWorker {
    next: Arc<AtomicU64>,
    rows: u64,
}

impl RowWorker for RowsWorker {
    fn fill(&mut self, chunk: &mut Chunk<'_>) -> Result<usize, EngineError> {
        let capacity = chunk.capacity() as u64;
        let start = self
            .next
            .fetch_add(capacity, Ordering::Relaxed)
            .min(self.rows);
        let count = (self.rows - start).min(capacity) as usize;
        for row in 0..count {
            let id = start as i64 + row as i64;
            chunk.column_mut::<i64>(0)[row] = id;
            chunk.set_str(1, row, &format!("s{}", id % 1000));
            chunk.set_text(
                2,
                row,
                format!("a text that is long enough for the heap, {id} – ü").as_bytes(),
            );
            chunk.column_mut::<bool>(3)[row] = id % 2 == 0;
            chunk.column_mut::<i32>(4)[row] = (id % 1_000_000) as i32;
            chunk.column_mut::<i16>(5)[row] = (id % 9999) as i16;
            chunk.column_mut::<i32>(6)[row] = (-id % 1_000_000) as i32;
            chunk.column_mut::<i64>(7)[row] = id * 100 + 1;
            chunk.column_mut::<i128>(8)[row] = i128::from(id) << 64;
            chunk.column_mut::<f64>(9)[row] = id as f64 / 3.0;
            chunk.column_mut::<i32>(10)[row] = (id % 30_000) as i32;
            chunk.column_mut::<i64>(11)[row] = id * 1_000_003;
            chunk.column_mut::<i128>(12)[row] = i128::MIN | (i128::from(id) << 64) | 1;
            if id % 7 == 6 {
                (1..13).for_each(|column| chunk.set_null(column, row));
            }
        }
        Ok(count)
    }
}
