//! The key of a table, held against its rows before a load is committed.
//!
//! It is asked as a question and not declared as a PRIMARY KEY: an index of the engine would be
//! read and written by every load of a file that nobody else writes to.

use lakehouse_bind::EngineFailure;
use lakehouse_contract::quote::{identifier, literal};
use lakehouse_contract::{Load, RUN_DATE_COLUMN, RunDate};
use lakehouse_engine::{Session, Value};
use lakehouse_stage::StageError;

use crate::columns::relation;

/// Refuses loaded rows whose key is missing, or is that of another row of the table.
///
/// # Errors
/// A refusal (exit 1) with how many; engine failures.
pub fn check(
    session: &Session,
    table: &str,
    key: &[String],
    load: Load,
    dates: &[RunDate],
) -> Result<(), StageError> {
    if key.is_empty() {
        return Ok(());
    }
    let relation = relation(table);
    let columns: Vec<String> = key.iter().map(|column| identifier(column)).collect();
    let columns = columns.join(", ");
    let is_loaded = match load {
        Load::Whole => "true".to_owned(),
        Load::Day => {
            let dates: Vec<String> = dates
                .iter()
                .map(|date| format!("CAST({} AS DATE)", literal(&date.to_string())))
                .collect();
            format!("{} IN ({})", identifier(RUN_DATE_COLUMN), dates.join(", "))
        }
    };
    let missing: Vec<String> = key
        .iter()
        .map(|column| format!("{} IS NULL", identifier(column)))
        .collect();
    let count = |sql: &str| -> Result<u64, StageError> {
        let rows = session
            .query(sql)
            .stage(&format!("check the key of table `{table}`"))?;
        let count = rows
            .first()
            .and_then(|row| row.first())
            .and_then(Value::as_u64);
        Ok(count.unwrap_or_default())
    };
    let named = || format!("`{}`", key.join("`, `"));
    let rows_without = count(&format!(
        "SELECT count(*) FROM {relation} WHERE ({is_loaded}) AND ({})",
        missing.join(" OR ")
    ))?;
    if rows_without > 0 {
        return Err(StageError::refused(format!(
            "table `{table}`: {rows_without} loaded rows have no value in the key {}",
            named()
        ))
        .hint("let the mart leave such rows out, or correct `key` in pipeline.yaml"));
    }
    let keys_shared = count(&format!(
        "SELECT count(*) FROM (
             SELECT {columns} FROM {relation}
             WHERE ({columns}) IN (SELECT ({columns}) FROM {relation} WHERE {is_loaded})
             GROUP BY {columns} HAVING count(*) > 1)"
    ))?;
    if keys_shared > 0 {
        let hint = match load {
            Load::Whole => {
                "let the mart return one row for each key, or correct `key` in pipeline.yaml"
            }
            Load::Day => {
                "a row of another run date may have the key already: let one day have each key, or add `run_date` to `key` in pipeline.yaml"
            }
        };
        return Err(StageError::refused(format!(
            "table `{table}`: {keys_shared} values of the key {} are in more than one row",
            named()
        ))
        .hint(hint));
    }
    Ok(())
}
