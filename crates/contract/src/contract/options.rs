//! `enum` and `logicalTypeOptions`: the rules that a column's values keep.

use super::model::Column;
use super::raw::{self, RawOptions};
use crate::yaml::{At, Spanned};
use crate::{ColumnType, ContractError, Number, Problems};

pub(super) fn read_allowed(
    raw: At<Vec<raw::RawEnumValue>>,
    column_type: ColumnType,
    problems: &mut Problems,
) -> Vec<String> {
    let Some(raw) = raw else {
        return Vec::new();
    };
    if raw.value.is_empty() && raw.is_whole {
        problems.add(
            ContractError::invalid("`enum` is empty: no value would be allowed")
                .with_hint("list the values that are allowed, or leave it out")
                .at(raw.referenced),
        );
    }
    let values = raw.value.into_iter().filter_map(|entry| {
        let value = column_type.canonical(&entry.value.value);
        problems.keep(value.map_err(|error| error.at(entry.value.referenced)))
    });
    values.collect()
}

pub(super) fn read_options(column: &mut Column, raw: RawOptions, problems: &mut Problems) {
    raw::refuse(&[("multipleOf", &raw.multiple_of)], problems);
    let column_type = column.column_type;
    let mut bound = |key: &str, value: At<String>| {
        let value = value?;
        if !column_type.is_ordered() {
            problems.add(
                ContractError::invalid(format!(
                    "`{key}` has no meaning for type {}",
                    column_type.sql()
                ))
                .with_hint("it bounds numbers, dates and timestamps")
                .at(value.referenced),
            );
            return None;
        }
        let canonical = column_type.canonical(&value.value);
        problems.keep(canonical.map_err(|error| error.at(value.referenced)))
    };
    column.minimum = bound("minimum", raw.minimum);
    column.maximum = bound("maximum", raw.maximum);
    column.exclusive_minimum = bound("exclusiveMinimum", raw.exclusive_minimum);
    column.exclusive_maximum = bound("exclusiveMaximum", raw.exclusive_maximum);
    problems.keep(check_bounds(column));
    for (key, location) in [
        (
            "minLength",
            raw.min_length.as_ref().map(|value| value.referenced),
        ),
        (
            "maxLength",
            raw.max_length.as_ref().map(|value| value.referenced),
        ),
        (
            "pattern",
            raw.pattern.as_ref().map(|value| value.referenced),
        ),
    ] {
        if let Some(location) = location.filter(|_| column_type != ColumnType::Text) {
            problems.add(
                ContractError::invalid(format!(
                    "`{key}` has no meaning for type {}",
                    column_type.sql()
                ))
                .with_hint("it is for `logicalType: string`")
                .at(location),
            );
        }
    }
    if let (Some(least), Some(most)) = (&raw.min_length, &raw.max_length)
        && least.value > most.value
    {
        problems.add(
            ContractError::invalid(format!(
                "`minLength` {} is greater than `maxLength` {}",
                least.value, most.value
            ))
            .with_hint("no value could satisfy both")
            .at(least.referenced),
        );
    }
    column.min_length = raw.min_length.map(|value| value.value);
    column.max_length = raw.max_length.map(|value| value.value);
    column.pattern = raw
        .pattern
        .and_then(|pattern| problems.keep(read_pattern(pattern)));
    if column_type != ColumnType::Timestamp
        && let Some(location) = raw
            .timezone
            .map(|value| value.referenced)
            .or(raw.default_timezone.as_ref().map(|value| value.referenced))
    {
        problems.add(
            ContractError::invalid("`timezone` has no meaning here")
                .with_hint("it is for `logicalType: timestamp`")
                .at(location),
        );
        return;
    }
    if let Some(zone) = raw.default_timezone
        && !matches!(zone.value.as_str(), "UTC" | "Etc/UTC")
    {
        problems.add(
            ContractError::invalid(format!(
                "`defaultTimezone: {}`: published timestamps are in UTC",
                zone.value
            ))
            .with_hint("give the source's zone in the custom property `sourceFormat`")
            .at(zone.referenced),
        );
    }
}

/// Refuses bounds that no value can keep.
fn check_bounds(column: &Column) -> Result<(), ContractError> {
    let lower = [
        ("minimum", &column.minimum),
        ("exclusiveMinimum", &column.exclusive_minimum),
    ];
    let upper = [
        ("maximum", &column.maximum),
        ("exclusiveMaximum", &column.exclusive_maximum),
    ];
    for (lower_key, least) in lower {
        for (upper_key, most) in &upper {
            let (Some(least), Some(most)) = (least, most) else {
                continue;
            };
            // Dates and timestamps are written so that texts compare as they do.
            let above = match (least.parse::<Number>(), most.parse::<Number>()) {
                (Ok(least), Ok(most)) => least > most,
                _ => least > most,
            };
            if above {
                return Err(ContractError::invalid(format!(
                    "`{lower_key}` {least} is greater than `{upper_key}` {most}"
                ))
                .with_hint("no value could satisfy both"));
            }
        }
    }
    Ok(())
}

fn read_pattern(raw: Spanned<String>) -> Result<String, ContractError> {
    match regex_syntax::ast::parse::Parser::new().parse(&raw.value) {
        Ok(_) => Ok(raw.value),
        Err(error) => Err(ContractError::invalid(format!(
            "`{}` is not a pattern that the engine knows: {}",
            raw.value,
            error.kind()
        ))
        .with_hint("it matches with RE2: no look-around and no back-references")
        .at(raw.referenced)),
    }
}
