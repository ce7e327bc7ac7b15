//! What is held against a computed mart before anyone may read it.

use lakehouse_bind::{BoundMart, EngineFailure};
use lakehouse_contract::audit_sql;
use lakehouse_engine::{Session, Value};
use lakehouse_stage::{Exit, StageError};

/// The grain must be unique and not null. Returns what does not hold.
///
/// # Errors
/// Engine failures.
pub fn grain(
    session: &Session,
    mart: &BoundMart,
    relation: &str,
) -> Result<Vec<String>, StageError> {
    let count = |sql: String| -> Result<u64, StageError> {
        let rows = session
            .query(&sql)
            .stage(&format!("audit mart `{}`", mart.name))?;
        Ok(rows
            .first()
            .and_then(|row| row.first())
            .and_then(Value::as_u64)
            .unwrap_or_default())
    };
    let grain = mart.definition.grain.join(", ");
    let mut failures = Vec::new();
    let duplicates = count(audit_sql::grain_duplicates(
        relation,
        &mart.definition.grain,
    ))?;
    if duplicates > 0 {
        failures.push(format!(
            "mart `{}`: {duplicates} values of its grain ({grain}) occur more than once",
            mart.name
        ));
    }
    let nulls = count(audit_sql::grain_nulls(relation, &mart.definition.grain))?;
    if nulls > 0 {
        failures.push(format!(
            "mart `{}`: {nulls} rows have a null in its grain ({grain})",
            mart.name
        ));
    }
    Ok(failures)
}

/// The refusal of a day's marts.
#[must_use]
pub fn refused(pipeline: &str, date: &str, failures: Vec<String>) -> StageError {
    let mut error = StageError::new(
        Exit::Refused,
        format!("marts of pipeline `{pipeline}` refused for {date}, nothing was published"),
    );
    for failure in failures {
        error = error.cause(failure);
    }
    error.hint("group by the declared grain in the mart's SELECT, or declare the grain it has; then run gold again for this day")
}
