//! The key, and which rows are one row.

use serde_json::Value;

use super::column::ReadColumn;
use super::custom;
use super::dataset::known_columns;
use super::model::{Bound, Dedupe, Keep, QualityKind, QualityRule, Severity, Unit};
use crate::yaml::Position;
use crate::{ContractError, Number, Problems};

/// Gives every key column its place: as declared, or in the order of the columns.
pub(super) fn assign_key(columns: &mut [ReadColumn], problems: &mut Problems) {
    let mut taken: Vec<(u32, String)> = Vec::new();
    let key_size = columns.iter().filter(|read| read.is_key).count();
    let any_declared = columns
        .iter()
        .any(|read| read.is_key && declared(read).is_some());
    for (next, read) in (1..).zip(columns.iter_mut().filter(|read| read.is_key)) {
        let refuse = |message: String, hint: &str, at: Position| {
            ContractError::invalid(message)
                .with_hint(hint)
                .within(format!("column `{}`", read.column.name))
                .at(at)
        };
        let (position, at) = match declared(read) {
            Some((position, at)) => match u32::try_from(position) {
                Ok(position) if position >= 1 => (position, at),
                _ => {
                    problems.add(refuse(
                        format!("`primaryKeyPosition: {position}` is not a position"),
                        "positions are counted from 1",
                        at,
                    ));
                    continue;
                }
            },
            None if any_declared && key_size > 1 => {
                problems.add(refuse(
                    "it is part of the key and has no `primaryKeyPosition`".to_owned(),
                    "give every column of the key a position, or none",
                    read.location,
                ));
                continue;
            }
            None => (next, read.location),
        };
        if let Some((_, other)) = taken.iter().find(|(taken, _)| *taken == position) {
            problems.add(refuse(
                format!("`primaryKeyPosition: {position}` is that of column `{other}` too"),
                "give every column of the key a position of its own",
                at,
            ));
            continue;
        }
        taken.push((position, read.column.name.clone()));
        read.column.key_position = Some(position);
    }
}

fn declared(read: &ReadColumn) -> Option<(i64, Position)> {
    let position = read.key_position.as_ref()?;
    (position.value != -1).then_some((position.value, position.referenced))
}

pub(super) fn key(columns: &[ReadColumn]) -> Vec<String> {
    let mut key: Vec<(u32, &str)> = columns
        .iter()
        .filter_map(|read| Some((read.column.key_position?, read.column.name.as_str())))
        .collect();
    key.sort_unstable();
    key.into_iter().map(|(_, name)| name.to_owned()).collect()
}

fn by_key(key: &[String], keep: Keep, order_by: Vec<String>) -> Dedupe {
    Dedupe::ByKey {
        columns: key.to_vec(),
        keep,
        order_by,
    }
}

pub(super) fn read_dedupe(
    value: &Value,
    columns: &[ReadColumn],
    key: &[String],
) -> Result<Dedupe, ContractError> {
    let example = "write `none`, `{by: key, keep: latest, orderBy: [column]}` or `{by: row}`";
    if value.as_str() == Some("none") {
        return Ok(Dedupe::None);
    }
    if !value.is_object() {
        return Err(ContractError::invalid(format!("`dedupe` is `{value}`")).with_hint(example));
    }
    let map = custom::mapping("dedupe", value, &["by", "keep", "orderBy"])?;
    let choose = |key: &str, choices: &[(&str, Keep)]| match map.get(key) {
        None => Ok(Keep::default()),
        Some(value) => crate::yaml::choose(key, custom::text(key, value)?, choices, &[]),
    };
    let keep = choose("keep", &[("latest", Keep::Latest), ("first", Keep::First)])?;
    let by_row = match map.get("by") {
        None => false,
        Some(value) => {
            let choices = [("key", false), ("row", true)];
            crate::yaml::choose("by", custom::text("by", value)?, &choices, &[])?
        }
    };
    if by_row {
        return match map.keys().find(|key| *key != "by") {
            Some(key) => Err(ContractError::invalid(format!(
                "`{key}` has no effect on `dedupe` by row: the rows are equal"
            ))
            .with_hint("write `{by: row}`")),
            None => Ok(Dedupe::ByRow),
        };
    }
    if key.is_empty() {
        return Err(
            ContractError::invalid("`dedupe` is by key, but no column is part of a key")
                .with_hint("mark the key's columns with `primaryKey: true`, or write `{by: row}`"),
        );
    }
    let order_by = match map.get("orderBy") {
        Some(value) => known_columns("orderBy", value, columns)?,
        None => Vec::new(),
    };
    Ok(by_key(key, keep, order_by))
}

/// By key if one is declared, else not at all.
pub(super) fn default_dedupe(key: &[String]) -> Dedupe {
    if key.is_empty() {
        Dedupe::None
    } else {
        by_key(key, Keep::default(), Vec::new())
    }
}

pub(super) fn check_unique(columns: &[ReadColumn], dedupe: &Dedupe, problems: &mut Problems) {
    for read in columns {
        let Some(unique) = read.unique.as_ref().filter(|unique| unique.value) else {
            continue;
        };
        let is_kept = matches!(dedupe, Dedupe::ByKey { columns, .. } if *columns == [read.column.name.clone()]);
        if !is_kept {
            problems.add(
                ContractError::not_enforced(
                    "`unique` would promise something that is not enforced: the column is not the key that rows are deduplicated by",
                )
                .with_hint("make it the key, or write a rule `metric: duplicateValues`, `mustBe: 0` under `quality`")
                .within(format!("column `{}`", read.column.name))
                .at(unique.referenced),
            );
        }
    }
}

/// A key promises that no two rows share it: where nothing deduplicates by it, check measures it.
pub(super) fn key_rule(key: &[String]) -> QualityRule {
    QualityRule {
        name: "primary_key".to_owned(),
        severity: Severity::Error,
        kind: QualityKind::DuplicateValues {
            columns: key.to_vec(),
        },
        bound: Bound::Is(Number::zero()),
        unit: Unit::Rows,
        position: None,
        dimension: Some("uniqueness".to_owned()),
        description: None,
    }
}
