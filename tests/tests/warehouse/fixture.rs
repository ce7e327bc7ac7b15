//! A small shop with a warehouse, and a look into the file.

use std::path::{Path, PathBuf};

use lakehouse_engine::{Session, SessionOptions, Value};
use lakehouse_testkit::{Outcome, Server};
use lakehouse_tests::{Lake, receipt, till};

/// The days that receipts are delivered for.
pub const DAYS: [&str; 4] = ["2024-03-01", "2024-03-02", "2024-03-03", "2024-03-05"];

/// The marts and the warehouse in place of the till's one mart.
pub const MARTS: &str = "  per_till:
    reads: {silver.receipts: day}
    grain: [till]
    formats: [parquet, csv]
    description: What each till took on a day.
    columns: {revenue: In euros; it's net.}
  so_far: {reads: {gold.per_till: all}, grain: [till], materialised: snapshot}
";
/// The warehouse.
pub const WAREHOUSE: &str = "warehouses:
  analytics:
    duckdb: {path: \"${LAKE_WAREHOUSE_DIR}/analytics.duckdb\"}
    tables:
      tills: {from: gold.per_till, load: day, key: [run_date, till]}
      totals: {from: gold.so_far, load: whole, key: [till]}
";
/// The SELECT of `so_far`.
pub const SO_FAR: &str = "select till, count(*) as days, max(date) as last_day, sum(revenue) as revenue from gold.per_till group by till\n";

/// A lake with the shop, its receipts of all days, and an empty folder for warehouses.
pub fn shop(server: &Server, prefix: &str) -> Lake {
    shop_with(server, prefix, WAREHOUSE)
}

/// The same with another declaration of the warehouse.
pub fn shop_with(server: &Server, prefix: &str, warehouse: &str) -> Lake {
    let mut lake = Lake::beside(server, prefix);
    let mart =
        "  per_till: {reads: {silver.receipts: day}, grain: [till], formats: [parquet, csv]}\n";
    till(&mut lake, &[(mart, &format!("{MARTS}{warehouse}"))]);
    lake.env.write("pipelines/till/marts/so_far.sql", SO_FAR);
    let folder = lake.env.path("warehouse");
    std::fs::create_dir_all(&folder).expect("a folder");
    lake.env
        .set("LAKE_WAREHOUSE_DIR", folder.to_string_lossy().into_owned());
    for (index, day) in DAYS.iter().enumerate() {
        deliver(&lake, day, index as u64);
    }
    lake
}

/// Writes the receipts of a day; with another seed they are others.
pub fn deliver(lake: &Lake, day: &str, seed: u64) {
    let text: String = (0..6)
        .map(|number| {
            let till = ["a", "b", "c"][((number + seed) % 3) as usize];
            receipt(number, till, &format!("{}.{number:02}", seed + 1))
        })
        .collect();
    lake.env.write(&format!("till/{day}/one.jsonl"), text);
}

/// The days through gold, without the warehouse.
pub fn publish(lake: &Lake, days: &[&str]) {
    for day in days {
        for stage in ["bronze", "silver", "check", "gold"] {
            lake.stage(stage, "till", day, &[]).expect_code(0);
        }
    }
}

/// Loads a day.
pub fn load(lake: &Lake, day: &str, more: &[&str]) -> Outcome {
    lake.stage("load", "till", day, more)
}

/// The warehouse file.
pub fn file(lake: &Lake) -> PathBuf {
    lake.env.path("warehouse/analytics.duckdb")
}

/// The names of all files beside the warehouse, itself included.
pub fn files(lake: &Lake) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(lake.env.path("warehouse"))
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

/// A warehouse file that is open for reading, as an analyst has it.
pub struct Reader {
    session: Session,
    _folder: tempfile::TempDir,
}

impl Reader {
    /// Opens it.
    #[track_caller]
    pub fn open(path: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let session = Session::open(&SessionOptions {
            workspace: folder.path().to_owned(),
            memory_limit_bytes: 256 << 20,
            threads: 1,
            pseudonym_key: None,
        })
        .expect("an engine");
        session.attach_to_read(path).expect("a warehouse");
        session.execute("USE warehouse").expect("a database");
        Self {
            session,
            _folder: folder,
        }
    }

    /// The rows of a SELECT, as lines of words.
    #[track_caller]
    pub fn rows(&self, select: &str) -> Vec<String> {
        let rows = self.session.query(select).expect("rows");
        rows.iter()
            .map(|row| {
                let row: Vec<String> = row.iter().map(Value::to_string).collect();
                row.join(" ")
            })
            .collect()
    }
}

/// The rows of a SELECT over a warehouse file.
#[track_caller]
pub fn rows(path: &Path, select: &str) -> Vec<String> {
    Reader::open(path).rows(select)
}

/// All that the shop's warehouse has, what was loaded included.
#[track_caller]
pub fn everything(path: &Path) -> Vec<String> {
    let reader = Reader::open(path);
    ["tills", "totals", "lake_loads"]
        .iter()
        .flat_map(|table| reader.rows(&format!("SELECT '{table}', * FROM {table} ORDER BY ALL")))
        .collect()
}
