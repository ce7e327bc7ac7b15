//! Parquet files as views, and what is in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lakehouse_contract::quote;

use crate::error::EngineError;
use crate::session::{Session, path_text};
use crate::value::Value;

impl Session {
    /// Makes `schema.name` a view over Parquet files.
    ///
    /// With `columns` (name, SQL type) it has these and no others: one that a file lacks is NULL
    /// in its rows, and without files the view is empty. Without `columns` it has those of the
    /// files. Folders such as `year=2011` in a path are not columns.
    ///
    /// # Errors
    ///
    /// When there are neither files nor columns, or a file cannot be read.
    pub fn read_parquet_view(
        &self,
        schema: &str,
        name: &str,
        paths: &[PathBuf],
        columns: Option<&[(String, String)]>,
    ) -> Result<(), EngineError> {
        let select = match (paths, columns) {
            ([], None | Some([])) => {
                return Err(EngineError::refused(
                    format!("`{schema}.{name}` has neither files nor columns"),
                    "give the view its columns, so that it can be empty",
                ));
            }
            ([], Some(columns)) => {
                let columns: Vec<String> = columns.iter().map(absent_column).collect();
                format!("SELECT {} WHERE false", columns.join(", "))
            }
            (paths, None) => format!("SELECT * FROM {}", scan(paths)?),
            (paths, Some(columns)) => {
                let scan = scan(paths)?;
                let present = self.describe(&format!("SELECT * FROM {scan}"))?;
                let is_present = |name: &str| {
                    present
                        .iter()
                        .any(|(present, _)| present.to_lowercase() == name.to_lowercase())
                };
                let columns: Vec<String> = columns
                    .iter()
                    .map(|column| {
                        if is_present(&column.0) {
                            present_column(column)
                        } else {
                            absent_column(column)
                        }
                    })
                    .collect();
                format!("SELECT {} FROM {scan}", columns.join(", "))
            }
        };
        let (schema, name) = (quote::identifier(schema), quote::identifier(name));
        self.execute(&format!(
            "CREATE SCHEMA IF NOT EXISTS {schema}; CREATE OR REPLACE VIEW {schema}.{name} AS {select}"
        ))?;
        Ok(())
    }

    /// Names and SQL types of a Parquet file's columns, in their order.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn parquet_schema(&self, path: &Path) -> Result<Vec<(String, String)>, EngineError> {
        self.describe(&format!("SELECT * FROM {}", scan(&[path.to_owned()])?))
    }

    /// The key-values of a Parquet file's footer.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn parquet_key_values(&self, path: &Path) -> Result<BTreeMap<String, String>, EngineError> {
        let path = quote::literal(path_text(path)?);
        let rows = self.query(&format!(
            "SELECT key, value FROM parquet_kv_metadata({path})"
        ))?;
        let text = |value: &Value| match value {
            Value::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => other.to_string(),
        };
        Ok(rows
            .iter()
            .filter_map(|row| Some((text(row.first()?), text(row.get(1)?))))
            .collect())
    }

    /// The number of rows of a Parquet file, from its footer.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn parquet_rows(&self, path: &Path) -> Result<u64, EngineError> {
        let path = quote::literal(path_text(path)?);
        let rows = self.query(&format!(
            "SELECT num_rows FROM parquet_file_metadata({path})"
        ))?;
        Ok(rows
            .first()
            .and_then(|row| row.first()?.as_u64())
            .unwrap_or(0))
    }
}

pub(crate) fn scan(paths: &[PathBuf]) -> Result<String, EngineError> {
    let paths: Vec<String> = paths
        .iter()
        .map(|path| path_text(path).map(quote::literal))
        .collect::<Result<_, EngineError>>()?;
    Ok(format!(
        "read_parquet([{}], union_by_name = true, hive_partitioning = false)",
        paths.join(", ")
    ))
}

fn present_column((name, sql_type): &(String, String)) -> String {
    let name = quote::identifier(name);
    format!("CAST({name} AS {sql_type}) AS {name}")
}

fn absent_column((name, sql_type): &(String, String)) -> String {
    format!("CAST(NULL AS {sql_type}) AS {}", quote::identifier(name))
}
