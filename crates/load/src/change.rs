//! The one transaction in which a warehouse changes.

use std::collections::BTreeMap;

use lakehouse_bind::{BoundMart, EngineFailure, parquet_relation};
use lakehouse_contract::quote::{identifier, literal};
use lakehouse_contract::{Load, Name, RUN_DATE_COLUMN, RunDate, WarehouseTable};
use lakehouse_engine::{ATTACHED, Session};
use lakehouse_stage::StageError;
use serde_json::json;

use crate::columns::{self, Column, Misfit, relation};
use crate::fetched::{DataFile, Fetched};
use crate::key;
use crate::loads::{LOADS_TABLE, Loads};
use crate::wanted::{Partition, Wanted};
use crate::warehouse::Warehouse;

/// What was changed.
#[derive(Debug, Default)]
pub struct Changed {
    /// Rows that were loaded.
    pub rows: u64,
}

/// A data file with its run date and its columns.
type Dated<'a> = (RunDate, &'a DataFile, Vec<Column>);

/// A table that is loaded.
struct Loading<'a> {
    warehouse: &'a Warehouse<'a>,
    session: &'a Session,
    name: &'a Name,
    table: &'a WarehouseTable,
    mart: &'a BoundMart,
    /// Its data files, oldest first.
    files: Vec<Dated<'a>>,
}

/// Loads what is wanted into the attached file, all or nothing.
///
/// # Errors
/// A table that another pipeline loads, that is none of the lake's, or that cannot follow its mart
/// (exit 2); a key that is not unique (exit 1); engine failures.
pub fn apply(
    warehouse: &Warehouse<'_>,
    session: &Session,
    loads: &Loads,
    wanted: &Wanted,
    fetched: &Fetched,
) -> Result<Changed, StageError> {
    let _phase = warehouse.section.phase("change");
    let mut changed = Changed::default();
    let mut tables = BTreeMap::new();
    session.execute("BEGIN").stage("begin the transaction")?;
    session
        .execute(&format!(
            "CREATE TABLE IF NOT EXISTS {ATTACHED}.main.{LOADS_TABLE} (
                 table_name VARCHAR, run_date DATE, pipeline VARCHAR, mart VARCHAR, load VARCHAR, sha256 VARCHAR, row_count BIGINT)"
        ))
        .stage("make the table of what was loaded")?;
    for (name, partitions) in wanted.tables() {
        let table = &warehouse.definition.tables[name];
        let Some(mart) = warehouse.marts.get(&table.mart) else {
            return Err(StageError::bug(format!(
                "the mart `{}` was not bound",
                table.mart
            )));
        };
        let loading = Loading {
            warehouse,
            session,
            name,
            table,
            mart,
            files: files(session, partitions, fetched)?,
        };
        let rows = loading.load(loads)?;
        let (first, last) = (partitions.first(), partitions.last());
        tables.insert(
            name.to_string(),
            json!({
                "rows_loaded": rows,
                "partitions": partitions.len(),
                "first_date": first.map(|partition| partition.date.to_string()),
                "last_date": last.map(|partition| partition.date.to_string()),
            }),
        );
        changed.rows += rows;
    }
    session.execute("COMMIT").stage("commit the transaction")?;
    warehouse.section.set("rows_loaded", changed.rows);
    warehouse.section.set("tables", json!(tables));
    Ok(changed)
}

fn files<'a>(
    session: &Session,
    partitions: &[Partition],
    fetched: &'a Fetched,
) -> Result<Vec<Dated<'a>>, StageError> {
    partitions
        .iter()
        .map(|partition| {
            let file = fetched.file(partition)?;
            let columns = session.parquet_schema(&file.path).stage(&format!(
                "read `gold.{}` of {}",
                partition.mart, partition.date
            ))?;
            Ok((partition.date, file, columns))
        })
        .collect()
}

impl Loading<'_> {
    fn load(&self, loads: &Loads) -> Result<u64, StageError> {
        self.check_owner(loads)?;
        let name = self.name.as_str();
        let exists = loads.relations.contains(name);
        let is_rebuilt = self.warehouse.rebuild.contains(self.name);
        if exists && is_rebuilt {
            self.execute(&format!("DROP TABLE {}", relation(name)), "drop")?;
        }
        let schemas: Vec<Vec<Column>> = self
            .files
            .iter()
            .map(|(_, _, columns)| columns.clone())
            .collect();
        let wanted = columns::wanted(self.table.load, &self.mart.columns, &schemas);
        if exists && !is_rebuilt {
            let existing = columns::of_table(self.session, name)?;
            let changes = columns::changes(name, &existing, &wanted);
            for statement in changes.map_err(|misfits| self.refusal(&misfits))? {
                tracing::info!(table = name, statement, "the table follows its mart");
                self.execute(&statement, "change the columns of")?;
            }
        } else {
            let columns: Vec<String> = wanted
                .iter()
                .map(|(column, sql_type)| format!("{} {sql_type}", identifier(column)))
                .collect();
            let columns = columns.join(", ");
            self.execute(
                &format!("CREATE TABLE {} ({columns})", relation(name)),
                "make",
            )?;
        }
        if self.table.load == Load::Whole {
            self.execute(&format!("DELETE FROM {}", relation(name)), "empty")?;
            self.forget(None)?;
        }
        let existing = columns::of_table(self.session, name)?;
        let mut rows = 0;
        let mut dates = Vec::new();
        for (date, file, columns) in &self.files {
            rows += self.load_partition(*date, file, columns, &existing)?;
            dates.push(*date);
        }
        key::check(self.session, name, &self.table.key, self.table.load, &dates)?;
        self.comment(&existing)?;
        Ok(rows)
    }

    fn load_partition(
        &self,
        date: RunDate,
        file: &DataFile,
        columns: &[Column],
        existing: &[Column],
    ) -> Result<u64, StageError> {
        let day = format!("CAST({} AS DATE)", literal(&date.to_string()));
        if self.table.load == Load::Day {
            self.forget(Some(&day))?;
            self.execute(
                &format!(
                    "DELETE FROM {} WHERE {} = {day}",
                    relation(self.name.as_str()),
                    identifier(RUN_DATE_COLUMN)
                ),
                "replace the rows of a day in",
            )?;
        }
        let mut values = Vec::new();
        for (column, sql_type) in existing {
            let name = identifier(column);
            values.push(match columns::find(columns, column) {
                _ if self.table.load == Load::Day && column == RUN_DATE_COLUMN => day.clone(),
                Some(found) if found == sql_type || columns::holds(sql_type, found) => {
                    format!("CAST({name} AS {sql_type})")
                }
                Some(found) => return Err(self.old_partition(date, column, found, sql_type)),
                // A partition of before the mart had the column.
                None => format!("CAST(NULL AS {sql_type})"),
            });
        }
        let rows = self.execute(
            &format!(
                "INSERT INTO {} SELECT {} FROM {}",
                relation(self.name.as_str()),
                values.join(", "),
                parquet_relation(&file.path)
            ),
            "load",
        )?;
        self.execute(
            &format!(
                "INSERT INTO {ATTACHED}.main.{LOADS_TABLE} VALUES ({}, {day}, {}, {}, {}, {}, {rows})",
                literal(self.name.as_str()),
                literal(self.warehouse.context.pipeline.name.as_str()),
                literal(self.table.mart.as_str()),
                literal(&self.table.load.to_string()),
                literal(&file.sha256),
            ),
            "note the load of",
        )?;
        Ok(rows)
    }

    /// Removes from the table of what was loaded a day, or all days.
    fn forget(&self, day: Option<&str>) -> Result<(), StageError> {
        let mut condition = format!("table_name = {}", literal(self.name.as_str()));
        if let Some(day) = day {
            condition.push_str(&format!(" AND run_date = {day}"));
        }
        let sql = format!("DELETE FROM {ATTACHED}.main.{LOADS_TABLE} WHERE {condition}");
        self.execute(&sql, "note the load of")?;
        Ok(())
    }

    /// Gives the table and its columns the descriptions of the mart, where they differ.
    fn comment(&self, existing: &[Column]) -> Result<(), StageError> {
        let name = self.name.as_str();
        let at = format!(
            "database_name = {} AND schema_name = 'main' AND lower(table_name) = {}",
            literal(ATTACHED),
            literal(name)
        );
        let present = |sql: &str| -> Result<BTreeMap<String, String>, StageError> {
            let rows = self.session.query(sql).stage("read comments")?;
            Ok(rows
                .iter()
                .filter(|row| !row[1].is_null())
                .map(|row| (row[0].to_string(), row[1].to_string()))
                .collect())
        };
        let of_table = present(&format!(
            "SELECT lower(table_name), comment FROM duckdb_tables() WHERE {at}"
        ))?;
        let of_columns = present(&format!(
            "SELECT column_name, comment FROM duckdb_columns() WHERE {at}"
        ))?;
        let definition = &self.mart.definition;
        if let Some(text) = &definition.description
            && of_table.get(name) != Some(text)
        {
            let sql = format!("COMMENT ON TABLE {} IS {}", relation(name), literal(text));
            self.execute(&sql, "comment")?;
        }
        for (column, _) in existing {
            let text = match definition.columns.get(column) {
                Some(described) => described.text.as_str(),
                None if self.table.load == Load::Day && column == RUN_DATE_COLUMN => {
                    "The run date of the partition that the row came from."
                }
                None => continue,
            };
            if of_columns.get(column).map(String::as_str) != Some(text) {
                let sql = format!(
                    "COMMENT ON COLUMN {}.{} IS {}",
                    relation(name),
                    identifier(column),
                    literal(text)
                );
                self.execute(&sql, "comment")?;
            }
        }
        Ok(())
    }

    /// Refuses a table of somebody else, and one that is loaded in another way.
    fn check_owner(&self, loads: &Loads) -> Result<(), StageError> {
        let name = self.name;
        if !loads.relations.contains(name.as_str()) {
            return Ok(());
        }
        let own = self.warehouse.context.pipeline.name.as_str();
        let Some(last) = loads.of(name).last() else {
            return Err(StageError::usage(format!(
                "the file has a table or view `{name}` that no load has made"
            ))
            .hint("rename or drop it, or give the table another name in pipeline.yaml"));
        };
        if last.pipeline != own {
            return Err(StageError::usage(format!(
                "table `{name}` is loaded by the pipeline `{}`",
                last.pipeline
            ))
            .hint("let one pipeline load the table; give the other's another name or file"));
        }
        let is_rebuilt = self.warehouse.rebuild.contains(name);
        if last.load != self.table.load.to_string() && !is_rebuilt {
            return Err(StageError::usage(format!(
                "table `{name}` was loaded with `load: {}` and is declared with `load: {}`",
                last.load, self.table.load
            ))
            .hint(self.rebuild_hint()));
        }
        Ok(())
    }

    fn rebuild_hint(&self) -> String {
        format!(
            "to make the table anew from all that is published in gold, run `lake load --pipeline {} --date <date> --rebuild {}`",
            self.warehouse.context.pipeline.name, self.name
        )
    }

    fn refusal(&self, misfits: &[Misfit]) -> StageError {
        let mut error = StageError::usage(format!(
            "table `{}` cannot follow its mart `{}` without losing data",
            self.name, self.table.mart
        ))
        .hint(format!(
            "undo the change in the mart, or {}",
            self.rebuild_hint()
        ));
        for misfit in misfits {
            error = error.cause(match misfit {
                Misfit::Lost(column) => {
                    format!("the mart no longer returns the column `{column}`")
                }
                Misfit::Type {
                    column,
                    table,
                    mart,
                } => format!("column `{column}` is {table} in the table and {mart} in the mart"),
            });
        }
        error
    }

    fn old_partition(&self, date: RunDate, column: &str, found: &str, table: &str) -> StageError {
        let pipeline = &self.warehouse.context.pipeline.name;
        StageError::usage(format!(
            "`gold.{}` of {date} has the column `{column}` as {found}, and the table `{}` has it as {table}",
            self.table.mart, self.name
        ))
        .hint(format!(
            "the partition was made by another definition of the mart: run `lake gold --pipeline {pipeline} --date {date} --stale`, then load again"
        ))
    }

    fn execute(&self, sql: &str, what: &str) -> Result<u64, StageError> {
        self.session
            .execute(sql)
            .stage(&format!("{what} table `{}`", self.name))
    }
}
