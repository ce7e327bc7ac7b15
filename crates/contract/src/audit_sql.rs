//! What check and gold ask the engine, and what they make of the answer.
//!
//! A `model` is a table as SQL writes it, quoted where it must be: `silver."transactions"`.

use crate::contract::{Bound, QualityKind, QualityRule, Unit};
use crate::{Number, quote};

/// How many rows a table has.
#[must_use]
pub fn row_count(model: &str) -> String {
    format!("SELECT count(*) FROM {model}")
}

/// What a rule measures: one row of one value.
///
/// * `rowCount`: rows.
/// * `nullValues`: rows that miss the column's value.
/// * `duplicateValues`: rows that are more than the first with their values; missing values are
///   equal to one another.
/// * `unit: percent`: the same in per cent of all rows, 0 without rows.
/// * `type: sql`: whatever the query says.
#[must_use]
pub fn quality_rule(rule: &QualityRule, model: &str) -> String {
    let measured = match &rule.kind {
        QualityKind::RowCount => return row_count(model),
        QualityKind::Sql { query } => return put_model(query, model),
        QualityKind::NullValues { column } => {
            format!("count(*) - count({})", quote::identifier(column))
        }
        QualityKind::DuplicateValues { columns } => {
            // Of texts joined into one, different rows could be equal; of a row nothing is.
            let row = format!("ROW({})", quote::identifiers(columns));
            format!("count(*) - count(DISTINCT {row})")
        }
    };
    match rule.unit {
        Unit::Rows => format!("SELECT {measured} FROM {model}"),
        Unit::Percent => format!(
            "SELECT CASE WHEN count(*) = 0 THEN 0 ELSE 100.0 * ({measured}) / count(*) END FROM {model}"
        ),
    }
}

fn put_model(query: &str, model: &str) -> String {
    let mut query = query.to_owned();
    for word in crate::contract::MODEL_WORDS {
        query = query
            .replace(&format!("${{{word}}}"), model)
            .replace(&format!("{{{word}}}"), model);
    }
    query
}

/// Whether a measured value is what a rule says it must be.
#[must_use]
pub fn bound_holds(bound: &Bound, measured: &Number) -> bool {
    match bound {
        Bound::Is(value) => measured == value,
        Bound::IsNot(value) => measured != value,
        Bound::GreaterThan(value) => measured > value,
        Bound::GreaterOrEqualTo(value) => measured >= value,
        Bound::LessThan(value) => measured < value,
        Bound::LessOrEqualTo(value) => measured <= value,
        Bound::Between(low, high) => low <= measured && measured <= high,
        Bound::NotBetween(low, high) => measured < low || high < measured,
    }
}

/// A bound for people: `= 0`, `> 1.5`, `1 to 10`.
#[must_use]
pub fn describe_bound(bound: &Bound) -> String {
    match bound {
        Bound::Is(value) => format!("= {value}"),
        Bound::IsNot(value) => format!("≠ {value}"),
        Bound::GreaterThan(value) => format!("> {value}"),
        Bound::GreaterOrEqualTo(value) => format!("≥ {value}"),
        Bound::LessThan(value) => format!("< {value}"),
        Bound::LessOrEqualTo(value) => format!("≤ {value}"),
        Bound::Between(low, high) => format!("{low} to {high}"),
        Bound::NotBetween(low, high) => format!("not {low} to {high}"),
    }
}

/// How many values of a mart's grain more than one row has.
#[must_use]
pub fn grain_duplicates(mart: &str, grain: &[String]) -> String {
    let columns = quote::identifiers(grain);
    format!(
        "SELECT count(*) FROM (SELECT 1 FROM {mart} GROUP BY {columns} HAVING count(*) > 1) AS \"twice\""
    )
}

/// How many rows of a mart miss a value of its grain.
#[must_use]
pub fn grain_nulls(mart: &str, grain: &[String]) -> String {
    let missing: Vec<String> = grain
        .iter()
        .map(|column| format!("{} IS NULL", quote::identifier(column)))
        .collect();
    format!("SELECT count(*) FROM {mart} WHERE {}", missing.join(" OR "))
}
