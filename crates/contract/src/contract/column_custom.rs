//! The values of a column's custom properties.

use chrono::format::{Item, StrftimeItems};
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
            if pattern.is_empty()
                || StrftimeItems::new(pattern).any(|item| matches!(item, Item::Error))
            {
                return Err(ContractError::invalid(format!(
                    "`{pattern}` is not a pattern of chrono"
                ))
                .with_hint("use its codes, such as `%d/%m/%Y %H:%M`"));
            }
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
