//! The values of a column's custom properties.

use std::fmt::Write as _;

use chrono::format::{Fixed, Item, Parsed, StrftimeItems, parse};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::custom;
use super::model::Pseudonymise;
use crate::types::timezone;
use crate::{ColumnType, ContractError, SourceFormat};

pub(super) fn read_path(value: &Value) -> Result<String, ContractError> {
    let path = custom::text("sourcePath", value)?;
    if path.split('.').any(str::is_empty) || path.chars().any(char::is_control) {
        return Err(
            ContractError::invalid(format!("`{path}` is not a path of a source field"))
                .with_hint("write the field's name, or its path with points: `product.category`"),
        );
    }
    Ok(path.to_owned())
}

pub(super) fn read_pseudonymise(
    value: &Value,
    column_type: ColumnType,
    classified: bool,
) -> Result<Pseudonymise, ContractError> {
    let map = custom::mapping("pseudonymise", value, &["algorithm", "length"])?;
    let example = "write `{algorithm: hmac-sha-256, length: 64}`";
    if map.get("algorithm").and_then(Value::as_str) != Some("hmac-sha-256") {
        return Err(
            ContractError::invalid("`pseudonymise` needs `algorithm: hmac-sha-256`")
                .with_hint(example),
        );
    }
    let length = map.get("length").and_then(Value::as_u64);
    let length = length.filter(|length| (16..=64).contains(length) && length % 2 == 0);
    let Some(length) = length.and_then(|length| u8::try_from(length).ok()) else {
        return Err(
            ContractError::invalid("`pseudonymise` needs an even `length` from 16 to 64")
                .with_hint(example),
        );
    };
    if column_type != ColumnType::Text {
        return Err(ContractError::invalid(format!(
            "a pseudonym is a text, and the column is {}",
            column_type.sql()
        ))
        .with_hint("use `logicalType: string`"));
    }
    if !classified {
        return Err(ContractError::privacy(
            "a column with `pseudonymise` has no `classification`: its source text would be shown",
        )
        .with_hint("add `classification: confidential`, or whatever it is"));
    }
    Ok(Pseudonymise { length })
}

pub(super) fn read_source_format(
    value: &Value,
    column_type: ColumnType,
) -> Result<SourceFormat, ContractError> {
    let map = custom::mapping(
        "sourceFormat",
        value,
        &["patterns", "timezone", "decimalSeparator"],
    )?;
    let mut format = SourceFormat::default();
    let only_for = |key: &str, what: &str| {
        ContractError::invalid(format!(
            "`{key}` has no effect on a column of type {}",
            column_type.sql()
        ))
        .with_hint(format!("it is for {what}"))
    };
    if let Some(patterns) = map.get("patterns") {
        if !matches!(column_type, ColumnType::Date | ColumnType::Timestamp) {
            return Err(only_for("patterns", "dates and timestamps"));
        }
        format.patterns = custom::texts("patterns", patterns)?;
        for pattern in &format.patterns {
            check_pattern(pattern)?;
        }
    }
    if let Some(zone) = map.get("timezone") {
        if column_type != ColumnType::Timestamp {
            return Err(only_for("timezone", "timestamps"));
        }
        let name = custom::text("timezone", zone)?;
        format.timezone = timezone(name)?;
    }
    if let Some(separator) = map.get("decimalSeparator") {
        if !matches!(column_type, ColumnType::Decimal { .. } | ColumnType::Double) {
            return Err(only_for("decimalSeparator", "numbers with decimals"));
        }
        format.decimal_separator = match custom::text("decimalSeparator", separator)? {
            "." => '.',
            "," => ',',
            other => {
                return Err(ContractError::invalid(format!(
                    "`{other}` is not a `decimalSeparator`"
                ))
                .with_hint("use `.` or `,`"));
            }
        };
    }
    Ok(format)
}

/// Refuses a pattern that no text can be read by, and one that names no day.
fn check_pattern(pattern: &str) -> Result<(), ContractError> {
    let refuse = |message: String, hint: &str| Err(ContractError::invalid(message).with_hint(hint));
    let items: Vec<Item<'_>> = StrftimeItems::new(pattern).collect();
    if pattern.is_empty() || items.contains(&Item::Error) {
        return refuse(
            format!("`{pattern}` is not a pattern of chrono"),
            "use its codes, such as `%d/%m/%Y %H:%M`",
        );
    }
    if items.contains(&Item::Fixed(Fixed::TimezoneName)) {
        return refuse(
            format!("pattern `{pattern}` has `%Z`, and names of time zones are ambiguous"),
            "use `%z` for an offset such as `+0200`, or say the zone in `timezone`",
        );
    }
    // What the pattern writes of a day has to name it.
    let sample: DateTime<Utc> = DateTime::from_timestamp_nanos(1_313_139_845_000_000_000);
    let mut written = String::new();
    let is_written = write!(written, "{}", sample.format_with_items(items.iter())).is_ok();
    let mut parsed = Parsed::new();
    let is_read = parse(&mut parsed, &written, items.iter()).is_ok();
    let names_a_day = parsed.to_naive_date().is_ok() || parsed.timestamp().is_some();
    // `%#z` cannot be written, so such a pattern is only judged by its texts.
    if is_written && !(is_read && names_a_day) {
        return refuse(
            format!("pattern `{pattern}` does not say which day a text means"),
            "add the year, the month and the day, such as `%Y-%m-%d`",
        );
    }
    Ok(())
}
