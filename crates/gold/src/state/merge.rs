//! The newest version of each key, as a file: what was found before, and what came since.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lakehouse_bind::EngineFailure;
use lakehouse_bind::marts::{relation, schema_and_name};
use lakehouse_contract::quote::{identifier, literal};
use lakehouse_contract::state::VERSION_DATE;
use lakehouse_contract::{Input, RunDate, StateRule};
use lakehouse_engine::Session;
use lakehouse_stage::StageError;

/// Where the versions of a merge are, beside the schemas that marts read.
const SCHEMA: &str = "states";

/// How much memory a byte of a compressed file may take while versions are compared.
const BYTES_IN_MEMORY: u64 = 8;

fn size_bytes(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// Versions of one partition.
#[derive(Debug)]
pub enum Versions {
    /// In its data file.
    File(PathBuf),
    /// In an engine's table, by this SELECT of the dataset's columns.
    Table(String),
}

/// One merge of a dataset's versions.
pub struct Merge<'a> {
    /// The engine.
    pub session: &'a Session,
    /// The rule.
    pub rule: &'a StateRule,
    /// The dataset's columns with their types.
    pub columns: &'a [(String, String)],
    /// What it is called in errors.
    pub action: &'a str,
    /// What the engine may hold in memory.
    pub memory_limit_bytes: u64,
}

impl Merge<'_> {
    /// Writes the newest versions of `kept` and the incoming partitions to a file; returns their
    /// number, tombstones included.
    ///
    /// # Errors
    /// Engine failures, a full disk.
    pub fn write(
        &self,
        kept: Option<&Path>,
        incoming: &[(RunDate, Versions)],
        to: &Path,
        key_values: &BTreeMap<String, String>,
    ) -> Result<u64, StageError> {
        let mut selects = Vec::new();
        for (place, (date, versions)) in incoming.iter().enumerate() {
            let from = match versions {
                Versions::File(path) => {
                    let name = format!("incoming_{place}");
                    self.session
                        .read_parquet_view(
                            SCHEMA,
                            &name,
                            std::slice::from_ref(path),
                            Some(self.columns),
                        )
                        .stage(self.action)?;
                    format!("SELECT * FROM {SCHEMA}.{name}")
                }
                Versions::Table(select) => select.clone(),
            };
            selects.push(format!(
                "SELECT *, CAST({} AS DATE) AS {} FROM ({from}) AS _lake_partition",
                literal(&date.to_string()),
                identifier(VERSION_DATE)
            ));
        }
        self.session
            .execute(&format!(
                "CREATE SCHEMA IF NOT EXISTS {SCHEMA}; \
                 CREATE OR REPLACE VIEW {SCHEMA}.incoming AS {}",
                selects.join(" UNION ALL ")
            ))
            .stage(self.action)?;
        let files = incoming.iter().filter_map(|(_, versions)| match versions {
            Versions::File(path) => Some(path.as_path()),
            Versions::Table(_) => None,
        });
        let bytes: u64 = files.chain(kept).map(size_bytes).sum();
        if let Some(kept) = kept {
            let mut columns = self.columns.to_vec();
            columns.push((VERSION_DATE.to_owned(), "DATE".to_owned()));
            self.session
                .read_parquet_view(SCHEMA, "kept", &[kept.to_path_buf()], Some(&columns))
                .stage(self.action)?;
        }
        let names: Vec<String> = self.columns.iter().map(|(name, _)| name.clone()).collect();
        let kept = kept.map(|_| format!("{SCHEMA}.kept"));
        let incoming = format!("{SCHEMA}.incoming");
        let passes = 1 + bytes.saturating_mul(BYTES_IN_MEMORY) / self.memory_limit_bytes.max(1);
        if passes == 1 {
            let select = self.newest(kept.as_deref(), &incoming, &names)?;
            return self
                .session
                .write_parquet(&select, to, key_values)
                .stage(self.action);
        }
        // Versions of one key have one hash: what does not fit at once is merged part by part.
        let mut parts = Vec::new();
        for pass in 0..passes {
            let part = to.with_extension(format!("{pass}.parquet"));
            let of_part = |table: &str| {
                format!(
                    "(SELECT * FROM {table} WHERE hash({}) % {passes} = {pass})",
                    self.key()
                )
            };
            let kept = kept.as_deref().map(of_part);
            let select = self.newest(kept.as_deref(), &of_part(&incoming), &names)?;
            self.session
                .write_parquet(&select, &part, &BTreeMap::new())
                .stage(self.action)?;
            parts.push(part);
        }
        let mut columns = self.columns.to_vec();
        columns.push((VERSION_DATE.to_owned(), "DATE".to_owned()));
        self.session
            .read_parquet_view(SCHEMA, "parts", &parts, Some(&columns))
            .stage(self.action)?;
        let rows = self
            .session
            .write_parquet(&format!("SELECT * FROM {SCHEMA}.parts"), to, key_values)
            .stage(self.action)?;
        for part in &parts {
            if let Err(error) = std::fs::remove_file(part) {
                tracing::debug!(path = %part.display(), %error, "local file not removed");
            }
        }
        Ok(rows)
    }

    fn newest(
        &self,
        kept: Option<&str>,
        incoming: &str,
        names: &[String],
    ) -> Result<String, StageError> {
        self.rule
            .newest_versions(kept, incoming, names)
            .ok_or_else(|| StageError::bug("a state of snapshots has nothing to merge"))
    }

    fn key(&self) -> String {
        let key = match self.rule {
            StateRule::Merged { key, .. } => key.as_slice(),
            StateRule::Newest => &[],
        };
        let key: Vec<String> = key.iter().map(|column| identifier(column)).collect();
        key.join(", ")
    }

    /// Opens a file of newest versions as `silver.<dataset>`, without tombstones; nothing is an
    /// empty state.
    ///
    /// # Errors
    /// Engine failures.
    pub fn open(&self, input: &Input, versions: Option<&Path>) -> Result<(), StageError> {
        let (schema, name) = schema_and_name(input);
        let Some(versions) = versions else {
            return self
                .session
                .read_parquet_view(schema, name.as_str(), &[], Some(self.columns))
                .stage(self.action);
        };
        let newest = format!("newest_{name}");
        self.session
            .read_parquet_view(
                SCHEMA,
                &newest,
                &[versions.to_path_buf()],
                Some(self.columns),
            )
            .stage(self.action)?;
        let condition = self
            .rule
            .living()
            .map(|living| format!(" WHERE {living}"))
            .unwrap_or_default();
        self.session
            .execute(&format!(
                "CREATE SCHEMA IF NOT EXISTS {}; CREATE OR REPLACE VIEW {} AS SELECT * FROM {SCHEMA}.{}{condition}",
                identifier(schema),
                relation(input),
                identifier(&newest)
            ))
            .stage(self.action)?;
        Ok(())
    }
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
