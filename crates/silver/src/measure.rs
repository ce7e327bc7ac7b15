//! What is asked of a day once it is judged: counts, rules, statistics, profile.

use lakehouse_bind::EngineFailure as _;
use lakehouse_contract::silver_sql::SilverSql;
use lakehouse_engine::{Session, Value};
use lakehouse_stage::StageError;
use lakehouse_stage::quality::{ColumnStatistics, Counts, Example, QualityReport, RuleCount};
use lakehouse_store::manifest::Manifest;

use crate::Job;

/// How many rows went where, each number counted by itself.
///
/// # Errors
/// What the engine reports.
pub fn counts(session: &Session, sql: &SilverSql) -> Result<Counts, StageError> {
    let rows = session.query(&sql.counts).stage("count rows")?;
    let row = rows.first().map(Vec::as_slice).unwrap_or_default();
    let number = |index: usize| row.get(index).and_then(Value::as_u64).unwrap_or_default();
    Ok(Counts {
        rows_read: number(0),
        rows_published: number(1),
        rows_quarantined: number(2),
        rows_duplicate: number(3),
    })
}

/// Rows by column and rule.
///
/// # Errors
/// What the engine reports.
pub fn rule_counts(
    session: &Session,
    sql: &str,
    manifest: &Manifest,
) -> Result<Vec<RuleCount>, StageError> {
    Ok(session
        .query(sql)
        .stage("count broken rules")?
        .into_iter()
        .map(|row| {
            let text = |index: usize| row.get(index).and_then(Value::as_str).map(str::to_owned);
            let file = row
                .get(3)
                .and_then(Value::as_u64)
                .and_then(|index| manifest.files.get(usize::try_from(index).ok()?));
            let example = file
                .zip(row.get(4).and_then(Value::as_u64))
                .map(|(file, position)| Example {
                    source_name: file.source_name.clone(),
                    position,
                });
            RuleCount {
                example,
                column: text(0),
                rule: text(1).unwrap_or_default(),
                rows: row.get(2).and_then(Value::as_u64).unwrap_or_default(),
            }
        })
        .collect())
}

/// Published rows with at least one repaired value.
///
/// # Errors
/// What the engine reports.
pub fn repaired_rows(session: &Session, sql: &SilverSql) -> Result<u64, StageError> {
    let rows = session
        .query(&sql.repaired_rows)
        .stage("count repaired rows")?;
    let count = rows.first().and_then(|row| row.first());
    Ok(count.and_then(Value::as_u64).unwrap_or_default())
}

/// Columns without a value in any published row.
#[must_use]
pub fn null_columns(quality: &QualityReport) -> Vec<String> {
    let rows = quality.counts.rows_published;
    let columns = quality.columns.iter();
    columns
        .filter(|column| rows > 0 && column.nulls == rows)
        .map(|column| column.name.clone())
        .collect()
}

/// Missing values and extremes of every published column.
///
/// # Errors
/// What the engine reports.
pub fn column_statistics(
    session: &Session,
    sql: &str,
) -> Result<Vec<ColumnStatistics>, StageError> {
    Ok(session
        .query(sql)
        .stage("column statistics")?
        .into_iter()
        .map(|row| {
            let text = |index: usize| row.get(index).and_then(Value::as_str).map(str::to_owned);
            ColumnStatistics {
                name: text(0).unwrap_or_default(),
                nulls: row.get(1).and_then(Value::as_u64).unwrap_or_default(),
                min: text(2),
                max: text(3),
            }
        })
        .collect())
}

/// The profile as JSON: the engine's own rows, one object per column.
///
/// # Errors
/// What the engine reports.
pub fn profile(session: &Session, job: &Job<'_>, sql: &str) -> Result<Vec<u8>, StageError> {
    let names: Vec<String> = session
        .describe(sql)
        .stage("profile")?
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let columns: Vec<serde_json::Value> = session
        .query(sql)
        .stage("profile")?
        .into_iter()
        .map(|row| {
            names
                .iter()
                .cloned()
                .zip(row.iter().map(json))
                .collect::<serde_json::Map<_, _>>()
                .into()
        })
        .collect();
    let profile = serde_json::json!({
        "pipeline": job.context.pipeline.name.to_string(),
        "dataset": job.name.to_string(),
        "date": job.context.date.to_string(),
        "columns": columns,
    });
    json_bytes(&profile)
}

/// A value of a profile: numbers stay numbers, everything else is the engine's text.
fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => {
            i64::try_from(*value).map_or_else(|_| value.to_string().into(), Into::into)
        }
        Value::Double(value) => (*value).into(),
        Value::List(values) => values.iter().map(json).collect(),
        other => other.to_string().into(),
    }
}

/// JSON as it is stored: readable, and the same bytes for the same content.
///
/// # Errors
/// Never for the reports of this crate.
pub fn json_bytes(value: &impl serde::Serialize) -> Result<Vec<u8>, StageError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| {
        StageError::bug("a report cannot be written as JSON").cause(error.to_string())
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}
