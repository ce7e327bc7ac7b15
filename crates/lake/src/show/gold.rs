//! The published rows of a mart, and the days on which one of its inputs was absent.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lakehouse_bind::EngineFailure;
use lakehouse_bind::marts::schema_and_name;
use lakehouse_contract::quote::identifier;
use lakehouse_contract::{Mart, Materialised, Name, RunDate, Window};
use lakehouse_engine::{Session, SessionOptions, Value};
use lakehouse_stage::{Base, StageError};
use lakehouse_store::ObjectStore;

use crate::run::missing::published;
use crate::show::states;
use crate::show::table::aligned;

/// A mart to look at.
pub struct Source<'a> {
    /// The frame.
    pub base: &'a Base,
    /// The store.
    pub store: &'a ObjectStore,
    /// The pipeline's name.
    pub pipeline: &'a Name,
    /// The mart's name.
    pub name: &'a Name,
    /// The mart.
    pub mart: &'a Mart,
}

impl Source<'_> {
    /// The mart's first rows over the days, as a table; nothing where none of them is published.
    ///
    /// # Errors
    /// Store and engine failures.
    pub async fn describe(
        &self,
        dates: &[RunDate],
        limit: u32,
    ) -> Result<Option<String>, StageError> {
        let layout = &self.base.settings.layout;
        let place = layout.gold_mart(self.pipeline, self.name);
        let there = published(self.base, self.store, &place).await?;
        let dates: Vec<RunDate> = dates
            .iter()
            .filter(|date| there.contains(*date))
            .copied()
            .collect();
        if dates.is_empty() {
            return Ok(None);
        }
        let folder = self
            .base
            .workspace
            .directory(&format!("show.{}", self.name))?;
        let mut files = BTreeMap::new();
        for date in dates {
            let path = folder.join(format!("{date}.parquet"));
            let address = layout.gold_data(self.pipeline, self.name, &date);
            self.store.get_to_file(&address, &path).await?;
            files.insert(date, path);
        }
        let text = tokio::task::block_in_place(|| self.text(&files, limit))?;
        Ok(Some(format!("{place}/\n{text}")))
    }

    fn text(&self, files: &BTreeMap<RunDate, PathBuf>, limit: u32) -> Result<String, StageError> {
        let action = format!("read mart `{}`", self.name);
        let session = Session::open(&SessionOptions {
            workspace: self.base.workspace.path().to_path_buf(),
            memory_limit_bytes: self.base.settings.memory_limit_bytes,
            threads: self.base.settings.threads,
            pseudonym_key: None,
        })
        .stage("open the engine")?;
        let paths: Vec<PathBuf> = files.values().cloned().collect();
        session
            .read_parquet_view("gold", self.name.as_str(), &paths, None)
            .stage(&action)?;
        let relation = format!("gold.{}", identifier(self.name.as_str()));
        let columns: Vec<String> = session
            .describe(&format!("SELECT * FROM {relation}"))
            .stage(&action)?
            .into_iter()
            .map(|(column, _)| column)
            .collect();
        let total = session
            .query(&format!("SELECT count(*) FROM {relation}"))
            .stage(&action)?
            .first()
            .and_then(|row| row.first()?.as_u64())
            .unwrap_or_default();
        let found = session
            .query(&format!(
                "SELECT * FROM {relation} ORDER BY {} LIMIT {limit}",
                order(&columns, &self.mart.grain)
            ))
            .stage(&action)?;
        let mut cells: Vec<Vec<String>> = vec![columns];
        cells.extend(
            found
                .iter()
                .map(|row| row.iter().map(Value::to_string).collect()),
        );
        let mut lines = vec![aligned(&cells)];
        if total > u64::from(limit) {
            lines.push(format!("… {limit} of {total} rows; `--rows` shows more"));
        }
        for (date, path) in files {
            let key_values = session.parquet_key_values(path).stage(&action)?;
            // Of several days, what the last one saw tells what the others did.
            if files.keys().last() == Some(date) {
                lines.extend(states::seen(&key_values));
            }
            lines.extend(
                self.absent_inputs(date, &key_values)
                    .into_iter()
                    .map(|input| {
                        format!("  absent       `{input}` on {date}: it was read as empty")
                    }),
            );
        }
        Ok(lines.join("\n"))
    }

    /// The inputs of the run date that were not there when the mart was computed: those that its
    /// file lists, or, where the file has no such list, those that it did not pin.
    fn absent_inputs(&self, date: &RunDate, key_values: &BTreeMap<String, String>) -> Vec<String> {
        if let Some(listed) = key_values
            .get("lake.absent_inputs")
            .and_then(|text| serde_json::from_str(text).ok())
        {
            return listed;
        }
        if self.mart.materialised == Materialised::Snapshot {
            return Vec::new();
        }
        let Some(pinned) = key_values
            .get("lake.inputs")
            .and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok())
        else {
            return Vec::new();
        };
        let is_there = |input: &str| {
            pinned.as_array().into_iter().flatten().any(|entry| {
                entry["input"] == input
                    && entry["date"] == date.to_string().as_str()
                    && entry["sha256"].is_string()
            })
        };
        self.mart
            .reads
            .iter()
            .filter(|(_, window)| **window == Window::Day)
            .map(|(input, _)| {
                let (schema, name) = schema_and_name(input);
                format!("{schema}.{name}")
            })
            .filter(|input| !is_there(input))
            .collect()
    }
}

/// Days are read from top to bottom: by date, then by the grain, then by all else.
fn order(columns: &[String], grain: &[String]) -> String {
    let is_date = |column: &&String| column.eq_ignore_ascii_case("date");
    let is_grain = |column: &&String| grain.iter().any(|other| other.eq_ignore_ascii_case(column));
    let dates = columns.iter().filter(is_date);
    let grain = grain
        .iter()
        .filter(|column| !is_date(column))
        .filter(|column| {
            columns
                .iter()
                .any(|other| other.eq_ignore_ascii_case(column))
        });
    let others = columns
        .iter()
        .filter(|column| !is_date(column) && !is_grain(column));
    dates
        .chain(grain)
        .chain(others)
        .map(|column| format!("{} NULLS FIRST", identifier(column)))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::order;

    #[test]
    fn rows_are_ordered_by_date_first() {
        let names = |names: &[&str]| {
            names
                .iter()
                .map(|&name| name.to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            order(&names(&["till", "revenue", "date"]), &names(&["till"])),
            "\"date\" NULLS FIRST, \"till\" NULLS FIRST, \"revenue\" NULLS FIRST"
        );
        assert_eq!(
            order(&names(&["b", "a", "Date"]), &names(&["b", "date"])),
            "\"Date\" NULLS FIRST, \"b\" NULLS FIRST, \"a\" NULLS FIRST"
        );
    }
}
