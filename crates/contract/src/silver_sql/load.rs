//! The statement that reads, computes and judges every row in one pass.
//!
//! Its layers, from the inside:
//!
//! 1. the reader's typed columns, and the asked source texts as one struct `source`;
//! 2. transforms, each over layer 1 under an alias that no expression can name, so that none sees
//!    another; in `TRY`, so that one that fails on a row breaks that row and not the day;
//! 3. the values as published: pseudonyms, and no negative zero, which sorts and groups like zero
//!    but is stored as other bytes;
//! 4. reasons. All conditions are computed for all rows, as plain vectors of booleans; the list is
//!    made only for rows where one of them holds.

use chrono_tz::Tz;

use super::long_texts::{self, LongTexts};
use super::rules::{self, Rule};
use super::{JUDGED, REASONS_TYPE, name, published};
use crate::contract::{Column, Contract};
use crate::{ColumnType, RunDate, quote};

const POSITION: &str = "_lake_file, _lake_position, _lake_offset";
/// What the reader says of a row, as a list.
const READ_REASONS: &str =
    "from_json(_lake_broken, '[{\"column\":\"VARCHAR\",\"rule\":\"VARCHAR\"}]')";
const READER: &str = "_lake_file, _lake_position, _lake_offset, _lake_broken, _lake_repaired";

pub(super) fn load(
    contract: &Contract,
    source_table: &str,
    run_date: &RunDate,
    timezone: &Tz,
) -> String {
    let rules = rules::all(contract, run_date, timezone);
    let mut broken = vec!["_lake_broken IS NOT NULL".to_owned()];
    broken.extend(rules.iter().map(|rule| rule.condition.clone()));
    let broken = broken.join("\n      OR ");
    let reasons = reasons(&rules);
    format!(
        "CREATE TABLE {JUDGED} AS\nSELECT {}, {POSITION}, _lake_repaired,{}\n  \
         CASE WHEN {broken}\n  THEN {reasons}\n  END AS _lake_reasons\n\
         FROM ({}) AS _lake_row",
        kept(contract),
        seen(contract),
        values(contract, source_table),
    )
}

/// The values, long texts as their beginnings.
fn kept(contract: &Contract) -> String {
    let kept: Vec<String> = contract.columns.iter().map(long_texts::kept).collect();
    kept.join(", ")
}

/// Whether a row's key may have come before: what deduplication looks at first.
fn seen(contract: &Contract) -> String {
    published::counted(contract, LongTexts::Absent)
        .map(|counted| format!("\n  lake_seen(hash({counted})) AS _lake_seen,"))
        .unwrap_or_default()
}

/// What the reader says, then what the rules say; of a broken record only what the reader says,
/// and no `required` for a column that the reader names already.
fn reasons(rules: &[Rule]) -> String {
    let read = format!("coalesce(_lake_read, CAST([] AS {REASONS_TYPE}))");
    if rules.is_empty() {
        return read;
    }
    let entries: Vec<String> = rules
        .iter()
        .map(|rule| {
            format!(
                "CASE WHEN {} THEN {{'column': {}, 'rule': {}}} END",
                rule.condition,
                quote::literal(&rule.column),
                quote::literal(rule.name)
            )
        })
        .collect();
    format!(
        "list_concat({read}, list_filter([\n      {}\n    ], lambda reason: reason IS NOT NULL\n      \
         AND NOT coalesce(list_contains(_lake_read_columns, ''), false)\n      \
         AND NOT coalesce(reason.\"rule\" = 'required' AND list_contains(_lake_read_columns, reason.\"column\"), false)))",
        entries.join(",\n      ")
    )
}

/// Layer 3.
fn values(contract: &Contract, source_table: &str) -> String {
    let mut select: Vec<String> = contract
        .columns
        .iter()
        .enumerate()
        .map(|(place, column)| value(place, column))
        .collect();
    for (place, column) in contract.columns.iter().enumerate() {
        if column.transform.is_some() {
            select.push(format!("{} IS NULL AS {}", computed(place), failed(place)));
        }
    }
    let reasons = READ_REASONS;
    format!(
        "\n  SELECT {},\n    {READER},\n    \
         CASE WHEN _lake_broken IS NOT NULL THEN {reasons} END AS _lake_read,\n    \
         CASE WHEN _lake_broken IS NOT NULL THEN list_transform({reasons}, lambda reason: coalesce(reason.\"column\", '')) END AS _lake_read_columns\n  \
         FROM ({}) AS _lake_row",
        select.join(", "),
        transforms(contract, source_table),
    )
}

fn value(place: usize, column: &Column) -> String {
    let mut value = match column.transform {
        Some(_) => format!("{}.\"value\"", computed(place)),
        None => name(column),
    };
    if let Some(pseudonymise) = column.pseudonymise {
        value = format!("lake_pseudonymise({value}, {})", pseudonymise.length);
    }
    if column.column_type == ColumnType::Double {
        value = format!("{value} + CAST(0 AS DOUBLE)");
    }
    if value == name(column) {
        value
    } else {
        format!("{value} AS {}", name(column))
    }
}

/// Layer 2.
fn transforms(contract: &Contract, source_table: &str) -> String {
    let mut select: Vec<String> = Vec::new();
    for (place, column) in contract.columns.iter().enumerate() {
        match &column.transform {
            // The CASE holds for every row. Without it the engine computes what two transforms
            // share, or one names twice, once and outside of TRY, where it fails the day.
            Some(expression) => select.push(format!(
                "TRY(CASE WHEN _lake_file IS NOT NULL THEN {{'value': (\n{expression}\n)}} END) AS {}",
                computed(place)
            )),
            None => select.push(name(column)),
        }
    }
    format!(
        "\n    SELECT {},\n      {READER}\n    FROM ({}) AS _lake_row",
        select.join(", "),
        row(contract, source_table)
    )
}

/// Layer 1.
fn row(contract: &Contract, source_table: &str) -> String {
    let mut select: Vec<String> = contract
        .columns
        .iter()
        .filter(|column| column.source_path.is_some())
        .map(name)
        .collect();
    let texts = contract.source_texts();
    if !texts.is_empty() {
        let fields: Vec<String> = texts
            .iter()
            .map(|path| {
                format!(
                    "{}: {}",
                    quote::literal(path),
                    quote::identifier(&format!("source.{path}"))
                )
            })
            .collect();
        select.push(format!("{{{}}} AS \"source\"", fields.join(", ")));
    }
    select.push(READER.to_owned());
    format!(
        "\n      SELECT {}\n      FROM {source_table}",
        select.join(", ")
    )
}

fn computed(place: usize) -> String {
    format!("_lake_computed_{}", place + 1)
}

/// The column of layer 3 that says whether a transform failed.
pub(super) fn failed(place: usize) -> String {
    format!("_lake_failed_{}", place + 1)
}
