//! One column of a contract.

use chrono::format::{Item, StrftimeItems};
use chrono_tz::Tz;
use serde_json::Value;
use serde_saphyr::Spanned;

use super::custom::{self, Properties};
use super::model::{Column, OnInvalid, Pseudonymise};
use super::raw::{self, RawOptions, RawProperty};
use super::tokens;
use crate::yaml::{At, choose};
use crate::{ColumnType, ContractError, Number, SourceFormat};

const CUSTOM: [&str; 4] = ["sourcePath", "sourceFormat", "onInvalid", "pseudonymise"];
/// What readers that see the layout's folders, and our own SQL, call theirs.
const TAKEN: [&str; 4] = ["source", "year", "month", "day"];

/// A column, and what of it concerns the whole contract.
pub(super) struct ReadColumn {
    pub column: Column,
    pub is_key: bool,
    pub key_position: At<i64>,
    pub unique: At<bool>,
    pub quality: Vec<Spanned<raw::RawQuality>>,
}

pub(super) fn read(raw: RawProperty) -> Result<ReadColumn, ContractError> {
    let name = raw.name.value.clone();
    let location = raw.name.referenced;
    read_inner(raw).map_err(|error| error.within(format!("column `{name}`")).at(location))
}

fn read_inner(raw: RawProperty) -> Result<ReadColumn, ContractError> {
    raw::refuse(&[
        ("physicalName", &raw.physical_name),
        ("partitioned", &raw.partitioned),
        ("partitionKeyPosition", &raw.partition_key_position),
        ("encryptedName", &raw.encrypted_name),
        ("relationships", &raw.relationships),
        ("items", &raw.items),
        ("map", &raw.map),
        ("properties", &raw.properties),
    ])?;
    let name = raw.name.value;
    check_name(&name)?;
    let column_type = column_type(
        &raw.logical_type,
        &raw.physical_type,
        &raw.logical_type_options,
    )?;
    let custom = Properties::read(raw.custom_properties, &CUSTOM)?;
    let transform = raw.transform_logic.map(read_transform).transpose()?;
    let names_itself = transform.as_ref().is_none_or(|(_, names)| {
        names
            .columns
            .iter()
            .any(|other| other.to_lowercase() == name.to_lowercase())
    });
    let source_path = match custom.get("sourcePath", read_path)? {
        Some(path) => Some(path),
        None => names_itself.then(|| name.clone()),
    };
    if source_path.is_none() {
        for property in ["sourceFormat", "onInvalid"] {
            custom.get(property, |_| {
                Err::<(), _>(
                    ContractError::invalid(format!(
                        "`{property}` has no effect: the column is only computed"
                    ))
                    .with_hint("add `sourcePath`, or leave it out"),
                )
            })?;
        }
    }
    let classified = raw.classification.as_ref().is_some_and(|classification| {
        !matches!(classification.value.as_str(), "public" | "internal")
    });
    let pseudonymise = custom.get("pseudonymise", |value| {
        read_pseudonymise(value, column_type, classified)
    })?;
    let on_invalid = custom.choose(
        "onInvalid",
        &[
            ("reject", OnInvalid::Reject),
            ("setNull", OnInvalid::SetNull),
        ],
        &["clamp", "default"],
    )?;
    let source_format = custom
        .get("sourceFormat", |value| {
            read_source_format(value, column_type)
        })?
        .unwrap_or_default();
    let allowed = read_allowed(raw.allowed, column_type)?;
    let mut column = Column {
        name,
        column_type,
        source_path,
        source_format,
        on_invalid,
        transform: transform.map(|(text, _)| text),
        pseudonymise,
        required: raw.required.unwrap_or(false),
        key_position: None,
        allowed,
        minimum: None,
        maximum: None,
        exclusive_minimum: None,
        exclusive_maximum: None,
        min_length: None,
        max_length: None,
        pattern: None,
        classified,
        description: raw.description,
    };
    if let Some(options) = raw.logical_type_options {
        read_options(&mut column, options.value).map_err(|error| error.at(options.referenced))?;
    }
    let is_key = raw.primary_key.unwrap_or(false);
    if let Some(position) = raw
        .primary_key_position
        .as_ref()
        .filter(|position| !is_key && position.value != -1)
    {
        return Err(
            ContractError::invalid("`primaryKeyPosition` without `primaryKey: true`")
                .with_hint("add `primaryKey: true`, or leave the position out")
                .at(position.referenced),
        );
    }
    Ok(ReadColumn {
        column,
        is_key,
        key_position: raw.primary_key_position,
        unique: raw.unique,
        quality: raw.quality.unwrap_or_default(),
    })
}

fn check_name(name: &str) -> Result<(), ContractError> {
    let lower = name.to_lowercase();
    let refuse = |why: &str, hint: &str| {
        Err(
            ContractError::invalid(format!("a column cannot be called `{name}`: {why}"))
                .with_hint(hint),
        )
    };
    if name.is_empty() || name.trim() != name || name.chars().any(char::is_control) {
        return refuse(
            "it is empty, begins or ends with a space, or holds control characters",
            "give it a name that a person can type",
        );
    }
    if lower.starts_with("_lake_") {
        return refuse(
            "names beginning with `_lake_` are the lake's own",
            "choose another name",
        );
    }
    if TAKEN.contains(&lower.as_str()) || lower.starts_with("source.") {
        return refuse(
            "the lake's own folders and statements use the name",
            "choose another, such as `event_day`; `sourcePath` says what the source calls it",
        );
    }
    Ok(())
}

/// The column's type from the standard's three keys of it.
fn column_type(
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
        _ => return number_type(physical, logical),
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

fn read_transform(raw: Spanned<String>) -> Result<(String, tokens::Names), ContractError> {
    match tokens::names(&raw.value) {
        Ok(names) => Ok((raw.value, names)),
        Err(error) => {
            let hint = error.hint().unwrap_or_default().to_owned();
            Err(ContractError::invalid(format!("`transformLogic`: {error}"))
                .with_hint(hint)
                .at(raw.referenced))
        }
    }
}

fn read_path(value: &Value) -> Result<String, ContractError> {
    let path = custom::text("sourcePath", value)?;
    if path.split('.').any(str::is_empty) || path.chars().any(char::is_control) {
        return Err(
            ContractError::invalid(format!("`{path}` is not a path of a source field"))
                .with_hint("write the field's name, or its path with points: `product.category`"),
        );
    }
    Ok(path.to_owned())
}

fn read_pseudonymise(
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

fn read_source_format(
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
    if let Some(timezone) = map.get("timezone") {
        if column_type != ColumnType::Timestamp {
            return Err(only_for("timezone", "timestamps"));
        }
        let name = custom::text("timezone", timezone)?;
        format.timezone = name.parse::<Tz>().map_err(|_| {
            ContractError::invalid(format!("`{name}` is not a time zone"))
                .with_hint("use a name of the IANA database, such as `UTC` or `Europe/Berlin`")
        })?;
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

fn read_allowed(
    raw: At<Vec<raw::RawEnumValue>>,
    column_type: ColumnType,
) -> Result<Vec<String>, ContractError> {
    let Some(raw) = raw else {
        return Ok(Vec::new());
    };
    if raw.value.is_empty() {
        return Err(
            ContractError::invalid("`enum` is empty: no value would be allowed")
                .with_hint("list the values that are allowed, or leave it out")
                .at(raw.referenced),
        );
    }
    let values = raw.value.into_iter().map(|entry| {
        column_type
            .canonical(&entry.value.value)
            .map_err(|error| error.at(entry.value.referenced))
    });
    values.collect()
}

fn read_options(column: &mut Column, raw: RawOptions) -> Result<(), ContractError> {
    raw::refuse(&[("multipleOf", &raw.multiple_of)])?;
    let column_type = column.column_type;
    let bound = |key: &str, value: At<String>| {
        let Some(value) = value else { return Ok(None) };
        if !column_type.is_ordered() {
            return Err(ContractError::invalid(format!(
                "`{key}` has no meaning for type {}",
                column_type.sql()
            ))
            .with_hint("it bounds numbers, dates and timestamps")
            .at(value.referenced));
        }
        column_type
            .canonical(&value.value)
            .map(Some)
            .map_err(|error| error.at(value.referenced))
    };
    column.minimum = bound("minimum", raw.minimum)?;
    column.maximum = bound("maximum", raw.maximum)?;
    column.exclusive_minimum = bound("exclusiveMinimum", raw.exclusive_minimum)?;
    column.exclusive_maximum = bound("exclusiveMaximum", raw.exclusive_maximum)?;
    check_bounds(column)?;
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
            return Err(ContractError::invalid(format!(
                "`{key}` has no meaning for type {}",
                column_type.sql()
            ))
            .with_hint("it is for `logicalType: string`")
            .at(location));
        }
    }
    column.min_length = raw.min_length.map(|value| value.value);
    column.max_length = raw.max_length.map(|value| value.value);
    if let (Some(least), Some(most)) = (column.min_length, column.max_length)
        && least > most
    {
        return Err(ContractError::invalid(format!(
            "`minLength` {least} is greater than `maxLength` {most}"
        ))
        .with_hint("no value could be right"));
    }
    column.pattern = raw.pattern.map(read_pattern).transpose()?;
    if column_type != ColumnType::Timestamp
        && let Some(location) = raw
            .timezone
            .map(|value| value.referenced)
            .or(raw.default_timezone.as_ref().map(|value| value.referenced))
    {
        return Err(ContractError::invalid("`timezone` has no meaning here")
            .with_hint("it is for `logicalType: timestamp`")
            .at(location));
    }
    match raw.default_timezone {
        Some(zone) if !matches!(zone.value.as_str(), "UTC" | "Etc/UTC") => {
            Err(ContractError::invalid(format!(
                "`defaultTimezone: {}`: published timestamps are in UTC",
                zone.value
            ))
            .with_hint("say the source's zone in the custom property `sourceFormat`")
            .at(zone.referenced))
        }
        _ => Ok(()),
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
            // Dates and timestamps are spelt so that texts compare as they do.
            let above = match (least.parse::<Number>(), most.parse::<Number>()) {
                (Ok(least), Ok(most)) => least > most,
                _ => least > most,
            };
            if above {
                return Err(ContractError::invalid(format!(
                    "`{lower_key}` {least} is greater than `{upper_key}` {most}"
                ))
                .with_hint("no value could be right"));
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
