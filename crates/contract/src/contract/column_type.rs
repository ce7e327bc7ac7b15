//! A column's type, from the standard's `logicalType`, `physicalType` and `format`.

use serde_saphyr::Spanned;

use super::raw::RawOptions;
use crate::yaml::{At, choose};
use crate::{ColumnType, ContractError};

/// The column's type from the standard's three keys of it.
pub(super) fn column_type(
    logical: &At<String>,
    physical: &At<String>,
    options: &At<RawOptions>,
) -> Result<ColumnType, ContractError> {
    let Some(logical) = logical else {
        return Err(
            ContractError::invalid("the key `logicalType` is missing").with_hint(
                "add one of `string`, `boolean`, `integer`, `number`, `date`, `timestamp`",
            ),
        );
    };
    let choices = [
        ("string", 's'),
        ("boolean", 'b'),
        ("integer", 'i'),
        ("number", 'n'),
        ("date", 'd'),
        ("timestamp", 't'),
    ];
    let later = ["time", "object", "array", "map", "vector"];
    let kind = choose("logicalType", &logical.value, &choices, &later)
        .map_err(|error| error.at(logical.referenced))?;
    let format = options
        .as_ref()
        .and_then(|options| options.value.format.as_ref());
    let implied = match kind {
        's' => ColumnType::Text,
        'b' => ColumnType::Boolean,
        'd' => ColumnType::Date,
        't' => ColumnType::Timestamp,
        'i' => match format.map(|format| (format.value.as_str(), format.referenced)) {
            None | Some(("i32", _)) => ColumnType::Int32,
            Some(("i64", _)) => ColumnType::Int64,
            Some((other, location)) => {
                return Err(ContractError::invalid(format!(
                    "`{other}` is not a format of integers here"
                ))
                .with_hint("use `i32` or `i64`")
                .at(location));
            }
        },
        _ => return number_type(physical, logical, format),
    };
    if let Some(format) = format.filter(|_| kind != 'i') {
        return Err(ContractError::not_enforced(format!("`format: {}` would promise what nothing checks", format.value))
            .with_hint("use `pattern` for texts, and the custom property `sourceFormat` for how the source writes dates")
            .at(format.referenced));
    }
    match physical {
        Some(physical) if !physical.value.eq_ignore_ascii_case(&implied.sql()) => {
            Err(ContractError::invalid(format!(
                "`physicalType: {}` is not how `logicalType: {}` is stored",
                physical.value, logical.value
            ))
            .with_hint(format!("leave it out; it is stored as {}", implied.sql()))
            .at(physical.referenced))
        }
        _ => Ok(implied),
    }
}

fn number_type(
    physical: &At<String>,
    logical: &Spanned<String>,
    format: Option<&Spanned<String>>,
) -> Result<ColumnType, ContractError> {
    let hint = "write `physicalType: DECIMAL(18,2)` (up to 38 digits), or `DOUBLE`";
    let Some(physical) = physical else {
        return Err(
            ContractError::invalid("`logicalType: number` needs a `physicalType`")
                .with_hint(hint)
                .at(logical.referenced),
        );
    };
    let text: String = physical
        .value
        .chars()
        .filter(|next| !next.is_whitespace())
        .collect();
    let text = text.to_uppercase();
    let format = format.filter(|format| text != "DOUBLE" || format.value != "f64");
    if let Some(format) = format {
        return Err(ContractError::invalid(format!(
            "`format: {}` is not how {text} is stored",
            format.value
        ))
        .with_hint("leave it out; `physicalType` says how numbers are stored")
        .at(format.referenced));
    }
    if text == "DOUBLE" {
        return Ok(ColumnType::Double);
    }
    let decimal = || {
        let inside = text.strip_prefix("DECIMAL(")?.strip_suffix(')')?;
        let (precision, scale) = inside.split_once(',')?;
        let (precision, scale) = (precision.parse::<u8>().ok()?, scale.parse::<u8>().ok()?);
        ((1..=38).contains(&precision) && scale <= precision)
            .then_some(ColumnType::Decimal { precision, scale })
    };
    decimal().ok_or_else(|| {
        ContractError::invalid(format!(
            "`{}` is not a `physicalType` of numbers",
            physical.value
        ))
        .with_hint(hint)
        .at(physical.referenced)
    })
}
