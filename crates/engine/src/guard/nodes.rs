//! Single nodes of the engine's tree of a statement: what they say, and what is wrong with them.

use lakehouse_reader::cast::Pattern;
use serde_json::{Map, Value as Json};

use super::names;
use crate::error::EngineError;

/// Nothing, or a refusal.
pub(super) type Walk = Result<(), EngineError>;

/// The expression of `SELECT <expression>`, if the statement is nothing else.
pub(super) fn sole_expression(statement: &Json) -> Option<&Json> {
    let node = statement["node"].as_object()?;
    let is_plain = node.get("type")?.as_str() == Some("SELECT_NODE")
        && node.get("from_table")?["type"].as_str() == Some("EMPTY")
        && node.keys().all(|key| {
            matches!(
                key.as_str(),
                "type" | "select_list" | "from_table" | "cte_map" | "aggregate_handling"
            )
        })
        && node.get("cte_map").is_none_or(|map| map["map"].is_null())
        && node
            .get("aggregate_handling")
            .is_none_or(|handling| handling.as_str() == Some("STANDARD_HANDLING"));
    match node.get("select_list")?.as_array().map(Vec::as_slice) {
        Some([expression]) if is_plain && expression["alias"].is_null() => Some(expression),
        _ => None,
    }
}

pub(super) fn refuse(what: impl Into<String>, hint: impl Into<String>) -> Walk {
    Err(EngineError::refused(what, hint))
}

pub(super) fn strings(value: &Json) -> Vec<String> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .map(str::to_owned)
        .collect()
}

/// The function's name in lowercase.
pub(super) fn function_name(function: &Map<String, Json>) -> String {
    function
        .get("function_name")
        .and_then(Json::as_str)
        .unwrap_or_default()
        .to_lowercase()
}

/// Whether the function is called with a schema, which could be a way around the list.
pub(super) fn is_qualified(function: &Map<String, Json>) -> bool {
    let has = |key: &str| {
        function
            .get(key)
            .and_then(Json::as_str)
            .is_some_and(|text| !text.is_empty())
    };
    has("schema")
        || has("catalog")
        || has("schema_name")
        || has("catalog_name")
        || function
            .get("qualified_name")
            .is_some_and(|name| strings(&name["path"]).len() > 1)
}

/// Adds the names of a lambda's parameters.
pub(super) fn collect_names(parameters: &Json, names: &mut Vec<String>) {
    match parameters {
        Json::Array(values) => values.iter().for_each(|value| collect_names(value, names)),
        Json::Object(node) => match node.get("column_names") {
            Some(path) => names.extend(strings(path).iter().map(|name| name.to_lowercase())),
            None => node.values().for_each(|value| collect_names(value, names)),
        },
        _ => {}
    }
}

/// Refuses to take some of the rows when nothing says which.
pub(super) fn check_modifiers(node: &Map<String, Json>) -> Walk {
    let modifiers = || {
        node.get("modifiers")
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
    };
    let has = |wanted: &[&str]| {
        modifiers().any(|modifier| {
            modifier["type"]
                .as_str()
                .is_some_and(|kind| wanted.contains(&kind))
        })
    };
    let takes_some = has(&["LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER"])
        || modifiers().any(|modifier| !modifier["distinct_on_targets"].is_null());
    if takes_some && !has(&["ORDER_MODIFIER"]) {
        return refuse(
            "LIMIT or DISTINCT ON takes some of the rows, and nothing says which",
            "add an ORDER BY that leaves no ties",
        );
    }
    Ok(())
}

pub(super) fn check_type(node: &Map<String, Json>) -> Walk {
    let name = node
        .get("type_name")
        .and_then(Json::as_str)
        .unwrap_or_default();
    if names::is_zoned_type(name) {
        return refuse(
            format!("the type `{name}` needs a part of the engine that is not always there"),
            "use TIMESTAMP: all timestamps here are UTC without a zone",
        );
    }
    Ok(())
}

pub(super) fn check_collation(node: &Map<String, Json>) -> Walk {
    let name = node
        .get("collation")
        .and_then(Json::as_str)
        .unwrap_or_default();
    if !names::is_plain_collation(name) {
        return refuse(
            format!("the collation `{name}` needs a part of the engine that is not always there"),
            "use `nocase`, `noaccent`, or none",
        );
    }
    Ok(())
}

/// Formats of dates must be there to be read, and say nothing of zones.
pub(super) fn check_formats(name: &str, node: &Map<String, Json>) -> Walk {
    let mut formats = Vec::new();
    constant_texts(&arguments(node), &mut formats);
    if formats.is_empty() || formats.iter().any(|format| names::is_zoned_format(format)) {
        return refuse(
            format!("`{name}` needs a format in quotes, without `%z` and `%Z`"),
            "write the format into the call; times with a zone are read by the contract's `sourceFormat`",
        );
    }
    Ok(())
}

/// The expressions that a function is called with.
fn arguments(function: &Map<String, Json>) -> Vec<&Json> {
    function
        .get("arguments")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .map(|argument| argument.get("expression").unwrap_or(argument))
        .collect()
}

/// What a strict function reads a text as must be written into the call: its type, or its pattern.
pub(super) fn check_strict_function(name: &str, node: &Map<String, Json>) -> Walk {
    let constants: Vec<(Option<&str>, Option<&str>)> = arguments(node)
        .iter()
        .map(|argument| &argument["literal"])
        .map(|literal| (literal["kind"].as_str(), literal["text"].as_str()))
        .collect();
    match (name, constants.as_slice()) {
        (
            "lake_decimal",
            [
                _,
                (Some("INTEGER"), Some(precision)),
                (Some("INTEGER"), Some(scale)),
            ],
        ) if is_decimal_type(precision, scale) => Ok(()),
        ("lake_decimal", _) => refuse(
            "`lake_decimal` needs a text, the number of digits (1 to 38) and how many of them are decimals",
            "write both numbers into the call: `lake_decimal(text, 18, 2)`",
        ),
        ("lake_integer", [_]) => Ok(()),
        ("lake_integer", _) => refuse(
            "`lake_integer` needs one text",
            "write `lake_integer(text)`",
        ),
        (_, [_, (Some("STRING"), Some(pattern))]) => match Pattern::new(pattern) {
            Ok(_) => Ok(()),
            Err(error) => refuse(
                format!("`{name}`: {error}"),
                "the codes of patterns are in docs/reading.md",
            ),
        },
        _ => refuse(
            format!("`{name}` needs a text, and a pattern in quotes"),
            format!("write the pattern into the call: `{name}(text, '%Y-%m-%d')`"),
        ),
    }
}

fn is_decimal_type(precision: &str, scale: &str) -> bool {
    match (precision.parse::<u8>(), scale.parse::<u8>()) {
        (Ok(precision), Ok(scale)) => (1..=38).contains(&precision) && scale <= precision,
        _ => false,
    }
}

fn constant_texts(values: &[&Json], texts: &mut Vec<String>) {
    for value in values {
        match value["class"].as_str() {
            Some("CONSTANT") => texts.extend(value["literal"]["text"].as_str().map(str::to_owned)),
            // A list of formats.
            Some("FUNCTION") if value["function_name"].as_str() == Some("list_value") => {
                if let Some(list) = value.as_object() {
                    constant_texts(&arguments(list), texts);
                }
            }
            _ => {}
        }
    }
}
