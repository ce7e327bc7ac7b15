//! Marts over empty inputs: what they may read, which columns they return.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use lakehouse_contract::quote::{identifier, literal};
use lakehouse_contract::{Contract, HISTORY_DATE, Input, Mart, Name, Pipeline, StateRule, Window};
use lakehouse_engine::{Session, guard};
use lakehouse_stage::{Exit, StageError};

use crate::{EngineFailure, Misfit, position, warehouses};

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
    /// How the states of the datasets that it reads come from their partitions.
    pub rules: BTreeMap<Name, StateRule>,
    /// Its SELECT, without a closing semicolon.
    pub select: String,
    /// Its columns with the engine's names of their types.
    pub columns: Vec<(String, String)>,
}

/// Binds every mart of a pipeline, in dependency order, in an unlocked session that is used
/// for nothing else. `date` is what `run_date()` says; `mart_sql` has the text of each `marts/<mart>.sql`.
///
/// # Errors
/// The first that does not bind: exit 2. SQL that does not bind; a mart that reads what it does
/// not declare, a file, the environment or a clock; a type or a column name that readers would not
/// see as written.
pub fn bind_marts(
    session: &Session,
    pipeline: &Pipeline,
    contracts: &BTreeMap<Name, Contract>,
    mart_sql: &BTreeMap<Name, String>,
    date: NaiveDate,
) -> Result<Vec<BoundMart>, StageError> {
    prepare(session, contracts, date)?;
    let mut bound = Vec::new();
    for name in pipeline.mart_order()? {
        let definition = &pipeline.marts[&name];
        let mart = bind_mart(session, &name, definition, contracts, &mart_sql[&name]);
        let mart = mart.map_err(|(_, misfit)| misfit.error)?;
        if let Some(misfit) = warehouses::judge_tables(pipeline, &mart).into_iter().next() {
            return Err(misfit.error);
        }
        bound.push(mart);
    }
    Ok(bound)
}

/// Binds as [`bind_marts`], and tells of each mart why it does not bind. A mart that reads what
/// is not sound itself is passed over.
#[must_use]
pub fn judge_marts(
    session: &Session,
    pipeline: &Pipeline,
    contracts: &BTreeMap<Name, Contract>,
    mart_sql: &BTreeMap<Name, String>,
    date: NaiveDate,
) -> Vec<(Name, MartFile, Misfit)> {
    let mut misfits = Vec::new();
    let mut keep = |name: &Name, file: MartFile, misfit: Misfit| {
        misfits.push((name.clone(), file, misfit));
    };
    // Without an order the pipeline says why itself.
    let Ok(order) = pipeline.mart_order() else {
        return misfits;
    };
    if let (Err(error), Some(first)) = (prepare(session, contracts, date), order.first()) {
        let position = None;
        keep(first, MartFile::Sql, Misfit { position, error });
        return misfits;
    }
    let mut sound: BTreeSet<Input> = contracts.keys().cloned().map(Input::Silver).collect();
    for name in order {
        let definition = &pipeline.marts[&name];
        let Some(sql) = mart_sql.get(&name) else {
            continue;
        };
        if !definition.reads.keys().all(|input| sound.contains(input)) {
            continue;
        }
        match bind_mart(session, &name, definition, contracts, sql) {
            Ok(mart) => {
                for misfit in warehouses::judge_tables(pipeline, &mart) {
                    keep(&name, MartFile::Pipeline, misfit);
                }
                sound.insert(Input::Gold(name));
            }
            Err((file, misfit)) => keep(&name, file, misfit),
        }
    }
    misfits
}

/// In which file the place of a mart's misfit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MartFile {
    /// `marts/<mart>.sql`.
    Sql,
    /// `pipeline.yaml`.
    Pipeline,
}

fn prepare(
    session: &Session,
    contracts: &BTreeMap<Name, Contract>,
    date: NaiveDate,
) -> Result<(), StageError> {
    session.define_run_date(date).stage("define run_date()")?;
    for (name, contract) in contracts {
        prepare_dataset(session, name, contract, false)?;
    }
    Ok(())
}

/// A dataset without rows; a history has the date of each version's partition besides.
fn prepare_dataset(
    session: &Session,
    name: &Name,
    contract: &Contract,
    is_history: bool,
) -> Result<(), StageError> {
    let mut columns = contract.published_types();
    if is_history {
        columns.push((HISTORY_DATE.to_owned(), "DATE".to_owned()));
    }
    session
        .read_parquet_view("silver", name.as_str(), &[], Some(&columns))
        .stage(&format!("bind dataset `{name}`"))
}

fn bind_mart(
    session: &Session,
    name: &Name,
    definition: &Mart,
    contracts: &BTreeMap<Name, Contract>,
    sql: &str,
) -> Result<BoundMart, (MartFile, Misfit)> {
    let mut rules = BTreeMap::new();
    let mut histories = Vec::new();
    for (input, window) in &definition.reads {
        let Input::Silver(dataset) = input else {
            continue;
        };
        let Some(contract) = contracts.get(dataset) else {
            continue;
        };
        rules.extend(contract.state_rule().map(|rule| (dataset.clone(), rule)));
        if *window == Window::History {
            histories.push((dataset, contract));
        }
    }
    let show_histories = |is_history: bool| {
        histories.iter().try_for_each(|(dataset, contract)| {
            prepare_dataset(session, dataset, contract, is_history)
        })
    };
    let in_pipeline = |error: StageError| {
        let position = None;
        (MartFile::Pipeline, Misfit { position, error })
    };
    show_histories(true).map_err(in_pipeline)?;
    let bound = bind_select(session, name, definition, rules, sql);
    show_histories(false).map_err(in_pipeline)?;
    bound
}

fn bind_select(
    session: &Session,
    name: &Name,
    definition: &Mart,
    rules: BTreeMap<Name, StateRule>,
    sql: &str,
) -> Result<BoundMart, (MartFile, Misfit)> {
    let select = sql.trim().trim_end_matches(';').trim_end().to_owned();
    let action = format!("bind mart `{name}`");
    let in_sql = |error: StageError| {
        let position = position::in_sql(&error, sql);
        (MartFile::Sql, Misfit { position, error })
    };
    let references = guard::check_select(session, &select)
        .stage(&action)
        .map_err(in_sql)?;
    only_declared(name, definition, &references).map_err(in_sql)?;
    let columns = session.describe(&select).stage(&action).map_err(in_sql)?;
    check_columns(name, &columns).map_err(in_sql)?;
    check_grain(name, definition, &columns).map_err(|error| {
        let position = Some(definition.grain_position);
        (MartFile::Pipeline, Misfit { position, error })
    })?;
    check_descriptions(name, definition, &columns)?;
    guard::check_float_aggregates(session, &select)
        .stage(&action)
        .map_err(in_sql)?;
    session
        .read_parquet_view("gold", name.as_str(), &[], Some(&columns))
        .stage(&action)
        .map_err(in_sql)?;
    Ok(BoundMart {
        name: name.clone(),
        definition: definition.clone(),
        rules,
        select,
        columns,
    })
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

fn refuse(name: &Name, message: &str, hint: String) -> Result<(), StageError> {
    Err(StageError::new(Exit::Usage, format!("mart `{name}`: {message}")).hint(hint))
}

fn check_columns(name: &Name, columns: &[(String, String)]) -> Result<(), StageError> {
    let refuse = |message: String, hint: String| refuse(name, &message, hint);
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
                    "column `{column}` has the name of a partition folder: readers would replace it"
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
    Ok(())
}

fn check_grain(
    name: &Name,
    definition: &Mart,
    columns: &[(String, String)],
) -> Result<(), StageError> {
    for grain in &definition.grain {
        if !columns.iter().any(|(column, _)| column == grain) {
            return refuse(
                name,
                &format!("the grain names `{grain}`, which its SELECT does not return"),
                "correct `grain` in pipeline.yaml or the SELECT".to_owned(),
            );
        }
    }
    Ok(())
}

fn check_descriptions(
    name: &Name,
    definition: &Mart,
    columns: &[(String, String)],
) -> Result<(), (MartFile, Misfit)> {
    for (described, description) in &definition.columns {
        if !columns.iter().any(|(column, _)| column == described) {
            let refused = refuse(
                name,
                &format!("`columns` describes `{described}`, which its SELECT does not return"),
                "correct `columns` in pipeline.yaml or the SELECT".to_owned(),
            );
            let position = Some(description.position);
            return refused.map_err(|error| (MartFile::Pipeline, Misfit { position, error }));
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
