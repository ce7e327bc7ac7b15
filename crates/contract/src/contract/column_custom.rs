//! The values of a column's custom properties.

use serde_json::Value;

use super::custom;
use super::model::Pseudonymise;
use crate::{ColumnType, ContractError, source_path};

pub(super) fn read_path(value: &Value) -> Result<String, ContractError> {
    let (keys, written) = if value.is_array() {
        let keys = custom::texts("sourcePath", value)?;
        let is_path = !keys.is_empty() && keys.iter().all(|key| !key.is_empty());
        (is_path.then_some(keys), value.to_string())
    } else {
        let path = custom::text("sourcePath", value)?;
        (source_path::keys(path), path.to_owned())
    };
    let keys = keys.filter(|keys| !keys.iter().any(|key| key.chars().any(char::is_control)));
    match keys {
        Some(keys) => Ok(source_path::spelling(&keys)),
        None => Err(
            ContractError::invalid(format!("`{written}` is not a path of a source field"))
                .with_hint(
                    "write the field's name, its path with dots, `product.category`, or a list of \
                     keys where a name has dots itself: `[\"Nr.\"]`",
                ),
        ),
    }
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
        .with_hint("use `logicalType: string`, without `physicalType: UUID`"));
    }
    if !classified {
        return Err(ContractError::privacy(
            "a column with `pseudonymise` has no `classification`: its source text would be shown",
        )
        .with_hint("add `classification: confidential`, or the class that it has"));
    }
    Ok(Pseudonymise { length })
}
