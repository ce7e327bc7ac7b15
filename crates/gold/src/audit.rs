//! What is held against a computed mart before anyone may read it.

use lakehouse_bind::{BoundMart, EngineFailure, parquet_relation};
use lakehouse_contract::audit_sql;
use lakehouse_engine::{Session, Value, non_finite_condition};
use lakehouse_stage::{Exit, StageError};

use crate::publish::Computed;

/// What does not hold, and what a person does about it.
#[derive(Debug)]
pub struct Failure {
    /// What does not hold, with its figures.
    pub message: String,
    /// What to do next.
    pub hint: String,
}

/// Audits one computed mart: its grain is unique and not null, and no column holds NaN or an
/// infinity, at any depth.
///
/// # Errors
/// The refusal (exit 1), engine failures.
pub fn check(session: &Session, computed: &Computed<'_>) -> Result<(), StageError> {
    let mart = computed.instance.mart;
    let relation = parquet_relation(&computed.data);
    let columns = session
        .parquet_schema(&computed.data)
        .stage(&format!("audit mart `{}`", mart.name))?;
    let mut failures = grain(session, mart, &relation)?;
    failures.extend(non_finite(session, mart, &relation, &columns)?);
    if failures.is_empty() {
        return Ok(());
    }
    let mut error = StageError::new(Exit::Refused, format!("{} was refused", computed.instance));
    let mut hints: Vec<String> = Vec::new();
    for failure in failures {
        error = error.cause(failure.message);
        if !hints.contains(&failure.hint) {
            hints.push(failure.hint);
        }
    }
    Err(error.hint(format!(
        "{}; then run gold again for this day",
        hints.join("; ")
    )))
}

fn grain(session: &Session, mart: &BoundMart, relation: &str) -> Result<Vec<Failure>, StageError> {
    let grain = mart.definition.grain.join(", ");
    let hint = format!(
        "group by the declared grain in marts/{}.sql, or declare the grain that it has in pipeline.yaml",
        mart.name
    );
    let mut failures = Vec::new();
    let mut count = |sql: String, what: &str| -> Result<(), StageError> {
        let counted = counts(session, mart, &sql)?;
        match counted.first() {
            Some(number) if *number > 0 => failures.push(Failure {
                message: format!("{number} {what}"),
                hint: hint.clone(),
            }),
            _ => {}
        }
        Ok(())
    };
    count(
        audit_sql::grain_duplicates(relation, &mart.definition.grain),
        &format!("values of its grain ({grain}) occur more than once"),
    )?;
    count(
        audit_sql::grain_nulls(relation, &mart.definition.grain),
        &format!("rows have a null in its grain ({grain})"),
    )?;
    Ok(failures)
}

fn non_finite(
    session: &Session,
    mart: &BoundMart,
    relation: &str,
    columns: &[(String, String)],
) -> Result<Vec<Failure>, StageError> {
    let conditions: Vec<(&String, String)> = columns
        .iter()
        .filter_map(|(name, sql_type)| Some((name, non_finite_condition(name, sql_type)?)))
        .collect();
    if conditions.is_empty() {
        return Ok(Vec::new());
    }
    let counted: Vec<String> = conditions
        .iter()
        .map(|(_, condition)| format!("count(*) FILTER (WHERE {condition})"))
        .collect();
    let sql = format!("SELECT {} FROM {relation}", counted.join(", "));
    Ok(counts(session, mart, &sql)?
        .into_iter()
        .zip(&conditions)
        .filter(|(rows, _)| *rows > 0)
        .map(|(rows, (name, _))| Failure {
            message: format!("column `{name}` has NaN or an infinity in {rows} rows"),
            hint: format!(
                "divide by `nullif(…, 0)`, or leave such rows out, in marts/{}.sql",
                mart.name
            ),
        })
        .collect())
}

fn counts(session: &Session, mart: &BoundMart, sql: &str) -> Result<Vec<u64>, StageError> {
    let rows = session
        .query(sql)
        .stage(&format!("audit mart `{}`", mart.name))?;
    Ok(rows
        .first()
        .map(|row| {
            row.iter()
                .map(|value| Value::as_u64(value).unwrap_or_default())
                .collect()
        })
        .unwrap_or_default())
}
