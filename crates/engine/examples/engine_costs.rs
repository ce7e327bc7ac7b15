//! Measures what `docs/adr/0003-engine.md` states: opening a session, loading rows through the
//! bridge, pseudonyms, writing Parquet, and memory above the limit.
//!
//! `cargo run --release -p lakehouse-engine --example engine_costs -- [rows] [threads] [memory MiB]`
#![expect(clippy::print_stdout, reason = "an example")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use lakehouse_engine::{
    Chunk, ColumnKind, EngineError, RowSource, RowWorker, Session, SessionOptions,
};

/// Rows in the shape of the sales pipeline.
struct Sales {
    next: Arc<AtomicU64>,
    rows: u64,
}

impl RowSource for Sales {
    fn columns(&self) -> Vec<(String, ColumnKind)> {
        [
            ("transaction_id", ColumnKind::Text),
            (
                "amount",
                ColumnKind::Decimal {
                    precision: 18,
                    scale: 2,
                },
            ),
            ("at", ColumnKind::Timestamp),
            ("client", ColumnKind::Text),
            ("product", ColumnKind::Text),
            ("quantity", ColumnKind::Int32),
        ]
        .map(|(name, kind)| (name.to_owned(), kind))
        .into()
    }

    fn worker(&self) -> Box<dyn RowWorker> {
        Box::new(Worker {
            next: Arc::clone(&self.next),
            rows: self.rows,
            text: String::new(),
        })
    }

    fn max_threads(&self) -> usize {
        64
    }
}

struct Worker {
    next: Arc<AtomicU64>,
    rows: u64,
    text: String,
}

impl RowWorker for Worker {
    fn fill(&mut self, chunk: &mut Chunk<'_>) -> Result<usize, EngineError> {
        use std::fmt::Write;
        let capacity = chunk.capacity() as u64;
        let start = self
            .next
            .fetch_add(capacity, Ordering::Relaxed)
            .min(self.rows);
        let count = (self.rows - start).min(capacity) as usize;
        for row in 0..count {
            let number = (start + row as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            self.text.clear();
            let _ = write!(self.text, "TX-{number:020}");
            chunk.set_str(0, row, &self.text);
            self.text.clear();
            let _ = write!(self.text, "client{}@example.org", number % 200_000);
            chunk.set_str(3, row, &self.text);
            self.text.clear();
            let _ = write!(self.text, "Product {}", number % 500);
            chunk.set_str(4, row, &self.text);
        }
        for (row, amount) in chunk.column_mut::<i64>(1)[..count].iter_mut().enumerate() {
            *amount = ((start + row as u64) % 100_000) as i64;
        }
        for (row, at) in chunk.column_mut::<i64>(2)[..count].iter_mut().enumerate() {
            *at = 1_735_689_600_000_000 + ((start + row as u64) % 86_400) as i64 * 1_000_000;
        }
        chunk.column_mut::<i32>(5)[..count].fill(3);
        Ok(count)
    }
}

/// A line of the process's status in MiB.
fn status_mib(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with(key))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}

fn timed<T>(what: &str, run: impl FnOnce() -> Result<T, EngineError>) -> Result<T, EngineError> {
    let start = Instant::now();
    let result = run();
    println!(
        "{what:<34} {:>8.1} ms   resident {:>5} MiB, at most {:>5} MiB",
        start.elapsed().as_secs_f64() * 1000.0,
        status_mib("VmRSS"),
        status_mib("VmHWM")
    );
    result
}

fn main() -> Result<(), EngineError> {
    let arguments: Vec<u64> = std::env::args()
        .skip(1)
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let get = |index: usize, default: u64| arguments.get(index).copied().unwrap_or(default);
    let (rows, threads, memory_mib) = (get(0, 2_000_000), get(1, 2), get(2, 1024));
    let workspace = std::env::temp_dir().join(format!("engine-costs-{}", std::process::id()));
    std::fs::create_dir_all(&workspace).map_err(|_| EngineError::Path(workspace.clone()))?;
    let options = SessionOptions {
        workspace: workspace.clone(),
        memory_limit_bytes: memory_mib << 20,
        threads: threads as usize,
        pseudonym_key: Some("a key that is used to measure only".into()),
    };
    println!("{rows} rows, {threads} threads, {memory_mib} MiB");
    let session = timed("open a session", || Session::open(&options))?;
    session.register_source(
        "sales",
        Arc::new(Sales {
            next: Arc::default(),
            rows,
        }),
    )?;
    timed("lock it", || session.lock())?;
    timed("look at a mart", || {
        lakehouse_engine::guard::check_select(
            &session,
            "SELECT day, sum(amount) FROM silver.t GROUP BY day ORDER BY day",
        )
    })?;
    timed("load rows through the bridge", || {
        session.execute("CREATE TABLE t AS SELECT * FROM sales()")
    })?;
    timed("pseudonyms", || {
        session.query("SELECT count(lake_pseudonymise(client, 32)) FROM t WHERE lake_pseudonymise(client, 32) <> 'x'")
    })?;
    let select =
        "SELECT * FROM t ORDER BY transaction_id, amount, \"at\", client, product, quantity";
    timed("write Parquet, sorted", || {
        session.write_parquet(select, &workspace.join("t.parquet"), &BTreeMap::new())
    })?;
    drop(session);
    let _ = std::fs::remove_dir_all(&workspace);
    Ok(())
}
