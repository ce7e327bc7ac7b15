//! The rules of columns, as conditions that hold where a row breaks them.
//!
//! A missing value passes every rule but `required`: comparing with NULL gives NULL, which is not
//! true.

use chrono_tz::Tz;

use super::{load, name};
use crate::contract::{Column, Contract, OnOtherDay};
use crate::{ColumnType, RunDate, quote};

/// One rule of one column.
pub(super) struct Rule {
    pub column: String,
    pub name: &'static str,
    pub condition: String,
}

/// Every rule of the contract, in the order of the columns.
pub(super) fn all(contract: &Contract, run_date: &RunDate, timezone: &Tz) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (place, column) in contract.columns.iter().enumerate() {
        let mut add = |name, condition| {
            rules.push(Rule {
                column: column.name.clone(),
                name,
                condition,
            });
        };
        column_rules(place, column, &mut add);
        let is_event_time = contract.event_time.as_ref() == Some(&column.name);
        if is_event_time && contract.on_other_day == OnOtherDay::Quarantine {
            add("otherDay", other_day(column, run_date, timezone));
        }
    }
    rules
}

fn column_rules(place: usize, column: &Column, add: &mut impl FnMut(&'static str, String)) {
    let value = name(column);
    let is_computed = column.transform.is_some();
    if is_computed {
        add("transform", load::failed(place));
    }
    if column.required && is_computed {
        add(
            "required",
            format!("({value} IS NULL AND NOT {})", load::failed(place)),
        );
    } else if column.required {
        add("required", format!("{value} IS NULL"));
    }
    if is_computed && column.column_type == ColumnType::Double {
        add("type", format!("NOT isfinite({value})"));
    }
    let literal = |text: &String| column.column_type.literal(text);
    if !column.allowed.is_empty() {
        let allowed: Vec<String> = column.allowed.iter().map(literal).collect();
        add("enum", format!("{value} NOT IN ({})", allowed.join(", ")));
    }
    for (rule, bound, breaks) in [
        ("minimum", &column.minimum, "<"),
        ("maximum", &column.maximum, ">"),
        ("exclusiveMinimum", &column.exclusive_minimum, "<="),
        ("exclusiveMaximum", &column.exclusive_maximum, ">="),
    ] {
        if let Some(bound) = bound {
            add(rule, format!("{value} {breaks} {}", literal(bound)));
        }
    }
    if let Some(least) = column.min_length {
        add("minLength", format!("length({value}) < {least}"));
    }
    if let Some(most) = column.max_length {
        add("maxLength", format!("length({value}) > {most}"));
    }
    if let Some(pattern) = &column.pattern {
        add(
            "pattern",
            format!("NOT regexp_matches({value}, {})", quote::literal(pattern)),
        );
    }
}

/// The day's ends are computed here: the engine built from source knows no time zones.
fn other_day(column: &Column, run_date: &RunDate, timezone: &Tz) -> String {
    let (start, end) = run_date.instants(timezone);
    let literal = |instant: chrono::NaiveDateTime| {
        ColumnType::Timestamp.literal(&instant.format("%Y-%m-%d %H:%M:%S").to_string())
    };
    let value = name(column);
    format!(
        "({value} < {} OR {value} >= {})",
        literal(start),
        literal(end)
    )
}
