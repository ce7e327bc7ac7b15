//! What a warehouse says of itself: its tables with their columns, and what each was loaded from.

use std::collections::{BTreeMap, BTreeSet};

use lakehouse_bind::EngineFailure;
use lakehouse_contract::quote::literal;
use lakehouse_contract::{Name, RunDate};
use lakehouse_engine::{ATTACHED, Session, Value};
use lakehouse_stage::StageError;

/// Its table of what each table was loaded from. It holds no clock and no run id: the same
/// partitions leave the same rows.
pub const LOADS_TABLE: &str = "lake_loads";

/// One row of `lake_loads`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The pipeline that loads the table.
    pub pipeline: String,
    /// How: `day` or `whole`.
    pub load: String,
    /// The run date of the partition.
    pub date: RunDate,
    /// The SHA-256 of its data file.
    pub sha256: String,
    /// How many rows it has.
    pub rows: u64,
}

/// What a warehouse says of itself.
#[derive(Debug, Clone, Default)]
pub struct Loads {
    /// The tables and views, in lowercase: the engine tells no case apart.
    pub relations: BTreeSet<String>,
    by_table: BTreeMap<String, Vec<Loaded>>,
}

impl Loads {
    /// Reads it from the attached file.
    ///
    /// # Errors
    /// Engine failures; a table `lake_loads` that is not the lake's (exit 2).
    pub fn read(session: &Session) -> Result<Self, StageError> {
        let action = "read what the warehouse has";
        let relations: BTreeSet<String> = session
            .query(&format!(
                "SELECT lower(table_name) FROM duckdb_tables() WHERE database_name = {database} AND schema_name = 'main'
                 UNION ALL SELECT lower(view_name) FROM duckdb_views() WHERE database_name = {database} AND schema_name = 'main' AND NOT internal",
                database = literal(ATTACHED)
            ))
            .stage(action)?
            .into_iter()
            .filter_map(|row| row.first().map(Value::to_string))
            .collect();
        let mut by_table: BTreeMap<String, Vec<Loaded>> = BTreeMap::new();
        if relations.contains(LOADS_TABLE) {
            let rows = session.query(&format!(
                "SELECT table_name, pipeline, load, run_date, sha256, row_count FROM {ATTACHED}.main.{LOADS_TABLE} ORDER BY ALL"
            ));
            for row in rows.stage(action)? {
                if let Some((table, loaded)) = loaded(&row) {
                    by_table.entry(table).or_default().push(loaded);
                }
            }
        }
        Ok(Self {
            relations,
            by_table,
        })
    }

    /// What a table was loaded from; nothing where the table itself is gone.
    #[must_use]
    pub fn of(&self, table: &Name) -> &[Loaded] {
        match self.relations.contains(table.as_str()) {
            true => self
                .by_table
                .get(table.as_str())
                .map(Vec::as_slice)
                .unwrap_or_default(),
            false => &[],
        }
    }
}

fn loaded(row: &[Value]) -> Option<(String, Loaded)> {
    let text = |place: usize| row.get(place).map(Value::to_string);
    Some((
        text(0)?,
        Loaded {
            pipeline: text(1)?,
            load: text(2)?,
            date: text(3)?.parse().ok()?,
            sha256: text(4)?,
            rows: row.get(5)?.as_u64()?,
        },
    ))
}
