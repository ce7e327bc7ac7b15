//! A contract's expressions and quality rules over an empty row.

use std::path::Path;

use chrono::NaiveDate;
use lakehouse_contract::quote::identifier;
use lakehouse_contract::{
    Column, ColumnType, Contract, Name, Position, QualityKind, QualityRule, audit_sql,
};
use lakehouse_engine::{EngineError, Session, SessionOptions, guard};
use lakehouse_stage::{Exit, StageError};

use crate::{EngineFailure, Misfit};

/// Empty tables need next to nothing.
const BINDING_MEMORY_BYTES: u64 = 64 << 20;
/// The empty row that a contract's expressions are bound over.
const ROW: &str = "lake_bind_row";
/// The empty published table that quality rules are bound over.
const MODEL: &str = "lake_bind_model";

/// Binds contracts in a session of their own, which sees no data.
///
/// # Errors
/// As [`bind_contract`].
pub fn bind_contracts<'a>(
    workspace: &Path,
    contracts: impl IntoIterator<Item = (&'a Name, &'a Contract)>,
) -> Result<(), StageError> {
    let session = Session::open(&binding_session(workspace)).stage("open the engine")?;
    for (dataset, contract) in contracts {
        bind_contract(&session, dataset.as_str(), contract)?;
    }
    Ok(())
}

/// Binds contracts one after the other, in a session that sees no data, and says of each what came
/// of it: one that does not bind keeps no other from being tried.
pub fn bind_each<'a>(
    workspace: &Path,
    contracts: impl IntoIterator<Item = (&'a Name, &'a Contract)>,
    mut judged: impl FnMut(&Name, Result<(), StageError>),
) {
    let session = Session::open(&binding_session(workspace)).stage("open the engine");
    for (dataset, contract) in contracts {
        let result = match &session {
            Ok(session) => bind_contract(session, dataset.as_str(), contract),
            Err(error) => Err(error.clone()),
        };
        judged(dataset, result);
    }
}

/// Options of a session that only binds.
#[must_use]
pub fn binding_session(workspace: &Path) -> SessionOptions {
    SessionOptions {
        workspace: workspace.to_path_buf(),
        memory_limit_bytes: BINDING_MEMORY_BYTES,
        threads: 1,
        // Binding needs the function, not the key: no value is ever pseudonymised here.
        pseudonym_key: Some("0".repeat(32)),
    }
}

/// Binds every `transformLogic` and quality rule of a contract in an unlocked session, and leaves
/// `run_date()` defined there as some date.
///
/// # Errors
/// The first that does not bind: exit 2, naming dataset, column and what to write instead.
pub fn bind_contract(
    session: &Session,
    dataset: &str,
    contract: &Contract,
) -> Result<(), StageError> {
    match judge_contract(session, dataset, contract)
        .into_iter()
        .next()
    {
        Some(misfit) => Err(misfit.error),
        None => Ok(()),
    }
}

/// Binds as [`bind_contract`], and tells everything that does not bind.
#[must_use]
pub fn judge_contract(session: &Session, dataset: &str, contract: &Contract) -> Vec<Misfit> {
    let mut misfits = Vec::new();
    let mut keep = |position: Option<Position>, result: Result<(), StageError>| {
        let is_ok = result.is_ok();
        misfits.extend(result.err().map(|error| Misfit { position, error }));
        is_ok
    };
    let action = format!("bind the contract of `{dataset}`");
    // Any date will do: silver and check, which run this SQL, define the day's.
    let ready = session
        .define_run_date(NaiveDate::default())
        .and_then(|()| nothing(session.execute(&empty_row(contract))));
    if !keep(None, ready.stage(&action)) {
        return misfits;
    }
    for column in &contract.columns {
        if let Some(expression) = &column.transform {
            keep(
                column.transform_position,
                bind_transform(session, dataset, contract, column, expression),
            );
        }
    }
    let columns: Vec<String> = contract
        .columns
        .iter()
        .map(|column| format!("{} {}", identifier(&column.name), column.column_type.sql()))
        .collect();
    let model = session.execute(&format!(
        "CREATE OR REPLACE TEMP TABLE {MODEL} ({})",
        columns.join(", ")
    ));
    if !keep(None, nothing(model).stage(&action)) {
        return misfits;
    }
    for rule in &contract.quality {
        keep(rule.position, bind_rule(session, dataset, rule));
    }
    misfits
}

/// A statement that changes no row.
fn nothing(result: Result<u64, EngineError>) -> Result<(), EngineError> {
    result.map(|_| ())
}

fn bind_transform(
    session: &Session,
    dataset: &str,
    contract: &Contract,
    column: &Column,
    expression: &str,
) -> Result<(), StageError> {
    let action = format!(
        "bind `transformLogic` of column `{}` of dataset `{dataset}`",
        column.name
    );
    let reads = guard::check_expression(session, expression).stage(&action)?;
    contract
        .check_reads(&column.name, &reads.columns)
        .map_err(|error| StageError::from(error).context(format!("could not {action}")))?;
    let select = format!("SELECT (\n{expression}\n) AS value FROM {ROW}");
    let described = session.describe(&select).stage(&action)?;
    guard::check_text_casts(session, &select).stage(&action)?;
    let found = described
        .first()
        .map(|(_, sql_type)| sql_type.as_str())
        .unwrap_or_default();
    let declared = column.column_type.sql();
    if found != declared {
        return Err(StageError::new(
            Exit::Usage,
            format!(
                "`transformLogic` of column `{}` of dataset `{dataset}` gives {found}, the contract declares {declared}",
                column.name
            ),
        )
        .hint(format!("{}, or declare the type it has", conversion(found, column.column_type))));
    }
    Ok(())
}

/// How an expression becomes one of the declared type. A cast from text is refused, since the
/// engine's rounds and guesses.
fn conversion(found: &str, declared: ColumnType) -> String {
    let read = match declared {
        ColumnType::Decimal { precision, scale } => {
            format!("lake_decimal(…, {precision}, {scale})")
        }
        ColumnType::Double => "cast(lake_decimal(…, 38, 10) as DOUBLE)".to_owned(),
        ColumnType::Int32 => "cast(lake_integer(…) as INTEGER)".to_owned(),
        ColumnType::Int64 => "lake_integer(…)".to_owned(),
        ColumnType::Date => "lake_date(…, '%Y-%m-%d')".to_owned(),
        ColumnType::Timestamp => "lake_timestamp(…, '%Y-%m-%d %H:%M:%S')".to_owned(),
        ColumnType::Text | ColumnType::Boolean | ColumnType::Uuid => String::new(),
    };
    if found == "VARCHAR" && !read.is_empty() {
        return format!("read the text with `{read}`");
    }
    format!("write `cast(… as {})` around it", declared.sql())
}

fn bind_rule(session: &Session, dataset: &str, rule: &QualityRule) -> Result<(), StageError> {
    let action = format!("bind quality rule `{}` of dataset `{dataset}`", rule.name);
    let sql = audit_sql::quality_rule(rule, MODEL);
    if matches!(rule.kind, QualityKind::Sql { .. }) {
        let references = guard::check_select(session, &sql).stage(&action)?;
        if let Some((_, table)) = references.tables.iter().find(|(_, table)| table != MODEL) {
            return Err(StageError::new(
                Exit::Usage,
                format!(
                    "quality rule `{}` of dataset `{dataset}` reads `{table}`",
                    rule.name
                ),
            )
            .hint("a quality rule reads its own dataset, as `{model}`, and nothing else"));
        }
    }
    session.describe(&sql).stage(&action)?;
    if matches!(rule.kind, QualityKind::Sql { .. }) {
        guard::check_text_casts(session, &sql).stage(&action)?;
    }
    Ok(())
}

/// All columns with their types, and `source` with the texts that transforms ask for.
fn empty_row(contract: &Contract) -> String {
    let mut columns: Vec<String> = contract
        .columns
        .iter()
        .filter(|column| column.source_path.is_some())
        .map(|column| format!("{} {}", identifier(&column.name), column.column_type.sql()))
        .collect();
    let texts: Vec<String> = contract
        .source_texts()
        .iter()
        .map(|path| format!("{} VARCHAR", identifier(path)))
        .collect();
    if !texts.is_empty() {
        columns.push(format!("source STRUCT({})", texts.join(", ")));
    }
    if columns.is_empty() {
        columns.push("_lake_none INTEGER".to_owned());
    }
    format!(
        "CREATE OR REPLACE TEMP TABLE {ROW} ({})",
        columns.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use lakehouse_contract::ColumnType;

    use super::conversion;

    #[test]
    fn no_hint_advises_a_cast_that_is_refused() {
        let decimal = ColumnType::Decimal {
            precision: 18,
            scale: 2,
        };
        assert_eq!(
            conversion("VARCHAR", decimal),
            "read the text with `lake_decimal(…, 18, 2)`"
        );
        assert_eq!(
            conversion("DOUBLE", decimal),
            "write `cast(… as DECIMAL(18,2))` around it"
        );
        assert_eq!(
            conversion("BIGINT", ColumnType::Text),
            "write `cast(… as VARCHAR)` around it"
        );
        assert_eq!(
            conversion("VARCHAR", ColumnType::Int32),
            "read the text with `cast(lake_integer(…) as INTEGER)`"
        );
    }
}
