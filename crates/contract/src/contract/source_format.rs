//! `sourceFormat`: how the source writes the values of a column.

use std::fmt::Write as _;

use chrono::format::{Fixed, Item, Parsed, StrftimeItems, parse};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::custom;
use crate::types::timezone;
use crate::{ColumnType, ContractError, SourceFormat};

const KEYS: [&str; 10] = [
    "patterns",
    "timezone",
    "decimalSeparator",
    "thousandsSeparator",
    "strip",
    "negativeParentheses",
    "nullTexts",
    "trueTexts",
    "falseTexts",
    "trim",
];

pub(super) fn read_source_format(
    value: &Value,
    column_type: ColumnType,
) -> Result<SourceFormat, ContractError> {
    let map = custom::mapping("sourceFormat", value, &KEYS)?;
    check_types(map, column_type)?;
    let mut format = SourceFormat::default();
    if let Some(patterns) = map.get("patterns") {
        format.patterns = custom::texts("patterns", patterns)?;
        for pattern in &format.patterns {
            check_pattern(pattern)?;
        }
    }
    if let Some(zone) = map.get("timezone") {
        format.timezone = timezone(custom::text("timezone", zone)?)?;
    }
    if let Some(separator) = map.get("decimalSeparator") {
        format.decimal_separator = match custom::text("decimalSeparator", separator)? {
            "." => '.',
            "," => ',',
            other => {
                return Err(refuse(
                    format!("`{other}` is not a `decimalSeparator`"),
                    "use `.` or `,`",
                ));
            }
        };
    }
    read_numbers(map, column_type, &mut format)?;
    for (key, texts) in [
        ("nullTexts", &mut format.null_texts),
        ("trueTexts", &mut format.true_texts),
        ("falseTexts", &mut format.false_texts),
    ] {
        if let Some(value) = map.get(key) {
            *texts = distinct_texts(key, value)?;
        }
    }
    for (key, flag) in [
        ("negativeParentheses", &mut format.negative_parentheses),
        ("trim", &mut format.trim),
    ] {
        if let Some(value) = map.get(key) {
            *flag = custom::boolean(key, value)?;
        }
    }
    check_texts(&format)?;
    Ok(format)
}

fn refuse(message: String, hint: &str) -> ContractError {
    ContractError::invalid(message).with_hint(hint)
}

/// Refuses keys that have no effect on columns of the type.
fn check_types(map: &Map<String, Value>, column_type: ColumnType) -> Result<(), ContractError> {
    let is_fraction = matches!(column_type, ColumnType::Decimal { .. } | ColumnType::Double);
    let is_number = is_fraction || matches!(column_type, ColumnType::Int32 | ColumnType::Int64);
    let is_time = matches!(column_type, ColumnType::Date | ColumnType::Timestamp);
    let is_boolean = column_type == ColumnType::Boolean;
    for (key, has_effect, what) in [
        ("patterns", is_time, "dates and timestamps"),
        (
            "timezone",
            column_type == ColumnType::Timestamp,
            "timestamps",
        ),
        ("decimalSeparator", is_fraction, "numbers with decimals"),
        ("thousandsSeparator", is_number, "numbers"),
        ("strip", is_number, "numbers"),
        ("negativeParentheses", is_number, "numbers"),
        ("trueTexts", is_boolean, "booleans"),
        ("falseTexts", is_boolean, "booleans"),
    ] {
        if map.contains_key(key) && !has_effect {
            return Err(ContractError::invalid(format!(
                "`{key}` has no effect on a column of type {}",
                column_type.sql()
            ))
            .with_hint(format!("it is for {what}")));
        }
    }
    Ok(())
}

fn read_numbers(
    map: &Map<String, Value>,
    column_type: ColumnType,
    format: &mut SourceFormat,
) -> Result<(), ContractError> {
    if let Some(value) = map.get("thousandsSeparator") {
        let text = custom::text("thousandsSeparator", value)?;
        let mut characters = text.chars();
        let (Some(separator), None) = (characters.next(), characters.next()) else {
            return Err(refuse(
                format!("`thousandsSeparator` is `{text}`, which is not one character"),
                "write one character in quotes, such as `\".\"` or `\" \"`",
            ));
        };
        if separator.is_alphanumeric() || matches!(separator, '+' | '-' | '(' | ')') {
            return Err(refuse(
                format!("`{separator}` cannot be a `thousandsSeparator`: it is part of numbers"),
                "use a character such as `.`, `,`, `'` or a blank",
            ));
        }
        let has_decimals = matches!(column_type, ColumnType::Decimal { .. } | ColumnType::Double);
        if has_decimals && separator == format.decimal_separator {
            return Err(refuse(
                format!("`thousandsSeparator` and `decimalSeparator` are both `{separator}`"),
                "say which character stands before the decimals in `decimalSeparator`",
            ));
        }
        format.thousands_separator = Some(separator);
    }
    if let Some(value) = map.get("strip") {
        format.strip = distinct_texts("strip", value)?;
        for text in &format.strip {
            let is_of_numbers = |character: char| {
                character.is_ascii_digit() || matches!(character, '+' | '-' | '(' | ')')
            };
            let is_separator = text.chars().all(|character| {
                Some(character) == format.thousands_separator || matches!(character, '.' | ',')
            });
            if text.is_empty()
                || text.trim() != text
                || text.contains(is_of_numbers)
                || is_separator
            {
                return Err(refuse(
                    format!("`strip` has `{text}`, which cannot be told from the number"),
                    "list currency signs, units and the like, without blanks around them and \
                     without digits, signs and parentheses",
                ));
            }
        }
    }
    Ok(())
}

fn distinct_texts(key: &str, value: &Value) -> Result<Vec<String>, ContractError> {
    let texts = custom::texts(key, value)?;
    if texts.is_empty() {
        return Err(refuse(
            format!("`{key}` is empty"),
            "list the texts as the source writes them, or leave it out",
        ));
    }
    match (1..texts.len()).find(|place| texts[..*place].contains(&texts[*place])) {
        None => Ok(texts),
        Some(place) => Err(refuse(
            format!("`{key}` lists `{}` twice", texts[place]),
            "list each text once",
        )),
    }
}

/// Refuses texts that would mean two things, or could not be met.
fn check_texts(format: &SourceFormat) -> Result<(), ContractError> {
    if format.true_texts.is_empty() != format.false_texts.is_empty() {
        return Err(refuse(
            "one of `trueTexts` and `falseTexts` is missing".to_owned(),
            "give both: they are read instead of `true` and `false`",
        ));
    }
    let lists = [
        ("nullTexts", &format.null_texts),
        ("trueTexts", &format.true_texts),
        ("falseTexts", &format.false_texts),
    ];
    for (place, (key, texts)) in lists.iter().enumerate() {
        for (other_key, others) in &lists[..place] {
            if let Some(text) = texts.iter().find(|text| others.contains(text)) {
                return Err(refuse(
                    format!("`{text}` is in `{other_key}` and in `{key}`"),
                    "let each text mean one thing",
                ));
            }
        }
        if let Some(text) = texts
            .iter()
            .find(|text| format.trim && text.trim() != text.as_str())
        {
            return Err(refuse(
                format!("`{key}` has `{text}`, which is never met: `trim` takes its blanks away"),
                "write it without the blanks",
            ));
        }
    }
    Ok(())
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
