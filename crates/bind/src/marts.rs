//! Marts over empty inputs: what they may read, which columns they return.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use lakehouse_contract::quote::{identifier, literal};
use lakehouse_contract::{Contract, Input, Mart, Name, Pipeline};
use lakehouse_engine::{Session, guard};
use lakehouse_stage::{Exit, StageError};

use crate::EngineFailure;

/// Types that Parquet does not keep: the engine writes both as DOUBLE.
const LOSSY_TYPES: [&str; 2] = ["UHUGEINT", "HUGEINT"];
/// Names that readers of partitioned folders replace by the folder's value.
const RESERVED_NAMES: [&str; 3] = ["year", "month", "day"];

/// A mart that binds.
#[derive(Debug, Clone)]
pub struct BoundMart {
    /// The mart's name.
    pub name: Name,
    /// Its entry in `pipeline.yaml`.
    pub definition: Mart,
    /// Its SELECT, without a closing semicolon.
    pub select: String,
    /// Its columns with the engine's names of their types.
    pub columns: Vec<(String, String)>,
}

/// Binds every mart of a pipeline, in dependency order, in an unlocked session that is used
/// for nothing else. `date` is what `run_date()` says; `mart_sql` has the text of each `marts/<mart>.sql`.
///
/// # Errors
/// Exit 2: SQL that does not bind; a mart that reads what it does not declare, a file, the
/// environment or a clock; a type or a column name that readers would not see as written.
pub fn bind_marts(
    session: &Session,
    pipeline: &Pipeline,
    contracts: &BTreeMap<Name, Contract>,
    mart_sql: &BTreeMap<Name, String>,
    date: NaiveDate,
) -> Result<Vec<BoundMart>, StageError> {
    session.define_run_date(date).stage("define run_date()")?;
    for (name, contract) in contracts {
        session
            .read_parquet_view(
                "silver",
                name.as_str(),
                &[],
                Some(&contract.published_types()),
            )
            .stage(&format!("bind dataset `{name}`"))?;
    }
    let mut bound = Vec::new();
    for name in pipeline.mart_order()? {
        let definition = pipeline.marts[&name].clone();
        let select = mart_sql[&name]
            .trim()
            .trim_end_matches(';')
            .trim_end()
            .to_owned();
        let action = format!("bind mart `{name}`");
        let references = guard::check_select(session, &select).stage(&action)?;
        only_declared(&name, &definition, &references)?;
        let columns = session.describe(&select).stage(&action)?;
        check_columns(&name, &definition, &columns)?;
        guard::check_float_aggregates(session, &select).stage(&action)?;
        session
            .read_parquet_view("gold", name.as_str(), &[], Some(&columns))
            .stage(&action)?;
        bound.push(BoundMart {
            name,
            definition,
            select,
            columns,
        });
    }
    Ok(bound)
}

/// The engine's schema and table for an input.
#[must_use]
pub fn schema_and_name(input: &Input) -> (&'static str, &Name) {
    match input {
        Input::Silver(name) => ("silver", name),
        Input::Gold(name) => ("gold", name),
    }
}

/// A local Parquet file as a relation.
#[must_use]
pub fn parquet_relation(path: &std::path::Path) -> String {
    format!(
        "read_parquet({}, hive_partitioning=false)",
        literal(&path.to_string_lossy())
    )
}

/// An input's relation, quoted.
#[must_use]
pub fn relation(input: &Input) -> String {
    let (schema, name) = schema_and_name(input);
    format!("{schema}.{}", identifier(name.as_str()))
}

fn only_declared(
    name: &Name,
    definition: &Mart,
    references: &guard::References,
) -> Result<(), StageError> {
    for (schema, table) in &references.tables {
        let declared = definition.reads.keys().any(|input| {
            let (input_schema, input_name) = schema_and_name(input);
            schema.eq_ignore_ascii_case(input_schema)
                && table.eq_ignore_ascii_case(input_name.as_str())
        });
        if !declared {
            let found = if schema.is_empty() {
                table.clone()
            } else {
                format!("{schema}.{table}")
            };
            return Err(StageError::new(
                Exit::Usage,
                format!("mart `{name}` reads `{found}`, which it does not declare"),
            )
            .hint("declare it under `reads` in pipeline.yaml, as `silver.<dataset>` or `gold.<mart>` with its window"));
        }
    }
    Ok(())
}

/// The type that Parquet does not keep, of a column's type or of what it nests.
fn lossy_type(sql_type: &str) -> Option<&'static str> {
    // Odd parts stand in quotes: names of fields.
    sql_type.split('"').step_by(2).find_map(|part| {
        LOSSY_TYPES.into_iter().find(|lossy| {
            part.match_indices(lossy).any(|(at, _)| {
                let is_start =
                    !part[..at].ends_with(|last: char| last.is_alphanumeric() || last == '_');
                // A field that is called so has a space and its type behind it.
                let rest = &part[at + lossy.len()..];
                is_start && (rest.is_empty() || rest.starts_with([',', ')', '[']))
            })
        })
    })
}

fn check_columns(
    name: &Name,
    definition: &Mart,
    columns: &[(String, String)],
) -> Result<(), StageError> {
    let refuse = |message: String, hint: String| {
        Err(StageError::new(Exit::Usage, format!("mart `{name}`: {message}")).hint(hint))
    };
    for (index, (column, sql_type)) in columns.iter().enumerate() {
        if let Some(lossy) = lossy_type(sql_type) {
            let what = if lossy == sql_type {
                format!("is a {lossy}")
            } else {
                format!("is a {sql_type}, which nests a {lossy}")
            };
            return refuse(
                format!("column `{column}` {what}, and Parquet stores that as a DOUBLE"),
                format!(
                    "write `cast(… as bigint)` or `cast(… as decimal(p, s))` around the number in marts/{name}.sql"
                ),
            );
        }
        if RESERVED_NAMES.contains(&column.to_lowercase().as_str()) {
            return refuse(
                format!(
                    "column `{column}` has the name of a partition folder, readers would replace it"
                ),
                "give it another name, for example `date`".to_owned(),
            );
        }
        if columns[..index]
            .iter()
            .any(|(other, _)| other.eq_ignore_ascii_case(column))
        {
            return refuse(
                format!("two columns are called `{column}`"),
                format!("give one of them another name with `as` in marts/{name}.sql"),
            );
        }
    }
    for grain in &definition.grain {
        if !columns.iter().any(|(column, _)| column == grain) {
            return refuse(
                format!("the grain names `{grain}`, which its SELECT does not return"),
                "correct `grain` in pipeline.yaml or the SELECT".to_owned(),
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::lossy_type;

    #[test]
    fn types_that_parquet_does_not_keep_are_found_in_nested_ones() {
        for (sql_type, lossy) in [
            ("HUGEINT", Some("HUGEINT")),
            ("UHUGEINT", Some("UHUGEINT")),
            ("HUGEINT[]", Some("HUGEINT")),
            ("HUGEINT[3][]", Some("HUGEINT")),
            ("MAP(INTEGER, HUGEINT)", Some("HUGEINT")),
            ("STRUCT(a INTEGER, b UHUGEINT)", Some("UHUGEINT")),
            (
                r#"STRUCT("a, HUGEINT)" INTEGER, "x" HUGEINT)"#,
                Some("HUGEINT"),
            ),
            (r#"STRUCT("HUGEINT" INTEGER)"#, None),
            (r#"STRUCT("a""HUGEINT[" INTEGER)"#, None),
            ("STRUCT(HUGEINT INTEGER, hugeint BIGINT)", None),
            ("BIGINT[]", None),
            ("DECIMAL(38,2)", None),
        ] {
            assert_eq!(lossy_type(sql_type), lossy, "{sql_type}");
        }
    }
}
