//! What SQL does to types, judged on the tree that the engine has bound.
//!
//! The parser's tree shows the casts that somebody wrote. The bound one (`json_serialize_plan`)
//! also shows those that the engine added, for a comparison of a text with a number as well as for
//! one in a join, and what each expression's type is.

use lakehouse_contract::quote;
use serde_json::Value as Json;

use super::{on_large_stack, serialised};
use crate::error::EngineError;
use crate::session::{Session, bare_select};
use crate::strict::DECIMAL_TEXT;

/// Functions that read values out of a text as the engine's casts do. The lists of
/// [`functions`](super::functions) name no others: what else takes a text and returns a number
/// counts or compares.
const PARSING_FUNCTIONS: [&str; 7] = [
    "from_json",
    "from_json_strict",
    "json_transform",
    "json_transform_strict",
    "parse_formatted_bytes",
    "strptime",
    "try_strptime",
];

/// Aggregates that add up floating-point values where their arguments are such values. `avg` and
/// `sum` of integers and decimals add up exactly.
const ADDING_AGGREGATES: [&str; 31] = [
    "avg",
    "corr",
    "covar_pop",
    "covar_samp",
    "favg",
    "fsum",
    "geomean",
    "geometric_mean",
    "kahan_sum",
    "kurtosis",
    "kurtosis_pop",
    "mean",
    "product",
    "regr_avgx",
    "regr_avgy",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "regr_sxx",
    "regr_sxy",
    "regr_syy",
    "sem",
    "skewness",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "sum",
    "sumkahan",
    "var_pop",
    "var_samp",
    "variance",
];
/// Of these, those that are exact when their arguments are.
const EXACT_WHERE_ARGUMENTS_ARE: [&str; 3] = ["avg", "mean", "sum"];
/// Adds up floating-point values of its own, in the order of a hash table.
const ENTROPY: &str = "entropy";

/// Expressions whose value does not depend on a row as long as that of their parts does not.
const ROWLESS_CLASSES: [&str; 5] = [
    "BOUND_CASE",
    "BOUND_CONJUNCTION",
    "BOUND_CONSTANT",
    "BOUND_FUNCTION",
    "BOUND_OPERATOR",
];

/// Checks that a SELECT that binds turns no text into a number, a date, a timestamp or a boolean
/// by the engine's casts, which round and guess. Casts of constants are the author's own.
///
/// # Errors
///
/// [`EngineError::Refused`] with the expression and what to write instead.
pub fn check_text_casts(session: &Session, select: &str) -> Result<(), EngineError> {
    judge(session, select, &|node, sql| text_cast(node, sql))
}

/// Checks that no aggregate or window of a SELECT that binds adds up floating-point values: the
/// sum's last digits depend on the order in which rows come.
///
/// # Errors
///
/// [`EngineError::Refused`] with the function and what to write instead.
pub fn check_float_aggregates(session: &Session, select: &str) -> Result<(), EngineError> {
    judge(session, select, &|node, _| float_aggregate(node))
}

/// What is refused about one expression, and what to write instead.
type Refusal = Option<(String, String)>;

fn judge(
    session: &Session,
    select: &str,
    refusal: &(dyn Fn(&Json, &str) -> Refusal + Sync),
) -> Result<(), EngineError> {
    let sql = bare_select(select);
    let plan = serialised(
        session,
        &format!(
            "json_serialize_plan({}, skip_default := true, skip_empty := true, skip_null := true, optimize := false)",
            quote::literal(sql)
        ),
        "bound SQL",
    )?;
    if plan["error"].as_bool() != Some(false) {
        let message = plan["error_message"].as_str().unwrap_or("unknown error");
        return Err(EngineError::refused(
            format!("the types in this SQL cannot be judged: {message}"),
            "write it with plainer parts, one step per subquery",
        ));
    }
    on_large_stack(|| find(&plan["plans"], &|node| refusal(node, sql)))?
        .map_or(Ok(()), |(what, hint)| Err(EngineError::refused(what, hint)))
}

/// The first expression that is refused, outer ones first.
fn find(node: &Json, refusal: &dyn Fn(&Json) -> Refusal) -> Refusal {
    match node {
        Json::Array(values) => values.iter().find_map(|value| find(value, refusal)),
        Json::Object(fields) => fields
            .get("expression_class")
            .and_then(|_| refusal(node))
            .or_else(|| {
                // What a function keeps for itself repeats what its arguments say, or is how it
                // walks a list, whose order is given.
                let parts = fields.iter().filter(|(name, _)| *name != "function_data");
                parts
                    .into_iter()
                    .find_map(|(_, value)| find(value, refusal))
            }),
        _ => None,
    }
}

fn text_cast(node: &Json, sql: &str) -> Refusal {
    let name = function_name(node)?;
    let arguments = node["children"].as_array()?;
    let to = &node["return_type"];
    let is_parsed = match name {
        "__cast" => {
            let from = arguments.first()?;
            function_name(from) != Some(DECIMAL_TEXT) && makes_value(type_of(from), to)
        }
        _ if PARSING_FUNCTIONS.contains(&name) => {
            has_leaf(type_of(arguments.first()?), &is_text) && has_leaf(to, &is_value)
        }
        _ => false,
    };
    if !is_parsed || arguments.iter().all(is_rowless) {
        return None;
    }
    let type_name = type_name(to);
    let shown = written(node, sql).map_or_else(
        || "the SQL turns".to_owned(),
        |text| format!("`{text}` turns"),
    );
    Some((
        format!("{shown} text into {type_name} by the engine's rules, which round and guess"),
        format!(
            "{}, or let `sourceFormat` read the field as a column of its own type",
            strict_function(to)
        ),
    ))
}

/// What to write instead of a cast of text to a type.
fn strict_function(to: &Json) -> String {
    match to["id"].as_str().unwrap_or_default() {
        "DECIMAL" => format!(
            "write `lake_decimal(text, {}, {})`, which breaks the row where the text is not such a number",
            to["type_info"]["width"].as_u64().unwrap_or(18),
            to["type_info"]["scale"].as_u64().unwrap_or_default()
        ),
        "DOUBLE" | "FLOAT" => {
            "write `cast(lake_decimal(text, 18, 6) as DOUBLE)`, with as many digits as the texts have".into()
        }
        "BIGINT" => {
            "write `lake_integer(text)`, which breaks the row where the text is not a whole number".into()
        }
        integer if integer.ends_with("INT") || integer == "INTEGER" => {
            format!("write `cast(lake_integer(text) as {integer})`")
        }
        "DATE" => {
            "write `lake_date(text, '%Y-%m-%d')` with the pattern that the texts have".into()
        }
        timestamp if timestamp.starts_with("TIMESTAMP") => {
            "write `lake_timestamp(text, '%Y-%m-%d %H:%M:%S')` with the pattern that the texts have, or `lake_date`".into()
        }
        "BOOLEAN" => {
            "compare the text: `case text when 'yes' then true when 'no' then false end`".into()
        }
        _ => "write `lake_decimal`, `lake_integer`, `lake_date` or `lake_timestamp`".into(),
    }
}

fn float_aggregate(node: &Json) -> Refusal {
    if !matches!(
        node["expression_class"].as_str(),
        Some("BOUND_AGGREGATE" | "BOUND_WINDOW")
    ) {
        return None;
    }
    let name = function_name(node)?;
    let is_float = || {
        node["children"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|argument| has_leaf(type_of(argument), &is_float_type))
    };
    if name != ENTROPY && !(ADDING_AGGREGATES.contains(&name) && is_float()) {
        return None;
    }
    let hint = if EXACT_WHERE_ARGUMENTS_ARE.contains(&name) {
        format!("cast the values before they are added up: `{name}(cast(… as DECIMAL(18, 6)))`")
    } else {
        "compute it from exact parts: `count(*)`, and sums of DECIMAL or integer values and of their squares or products".to_owned()
    };
    Some((
        format!(
            "`{name}` adds up floating-point values, and their sum depends on the order of rows"
        ),
        hint,
    ))
}

/// The name of the function that an expression calls.
fn function_name(node: &Json) -> Option<&str> {
    node["qname"]["path"].as_array()?.last()?.as_str()
}

/// The type of an expression; that of a constant stands beside its value.
fn type_of(node: &Json) -> &Json {
    if node["return_type"].is_null() {
        &node["value"]["type"]
    } else {
        &node["return_type"]
    }
}

/// Whether an expression is made of constants alone.
fn is_rowless(node: &Json) -> bool {
    match node {
        Json::Array(values) => values.iter().all(is_rowless),
        Json::Object(fields) => {
            fields
                .get("expression_class")
                .and_then(Json::as_str)
                .is_none_or(|class| ROWLESS_CLASSES.contains(&class))
                && fields.values().all(is_rowless)
        }
        _ => true,
    }
}

/// Whether a cast makes a value of a text, at any depth of nested types.
fn makes_value(from: &Json, to: &Json) -> bool {
    let child = |nested: &Json| nested["type_info"]["child_type"].clone();
    let fields = |nested: &Json| -> Option<Vec<(String, Json)>> {
        let fields = nested["type_info"]["child_types"].as_array()?;
        let named = |field: &Json| {
            let name = field["first"].as_str().unwrap_or_default();
            (name.to_lowercase(), field["second"].clone())
        };
        Some(fields.iter().map(named).collect())
    };
    match (kind(from), kind(to)) {
        (Kind::List, Kind::List) => makes_value(&child(from), &child(to)),
        (Kind::Struct, Kind::Struct) => {
            let (Some(from), Some(to)) = (fields(from), fields(to)) else {
                return true;
            };
            to.iter().enumerate().any(|(place, (name, to))| {
                let same_name = from
                    .iter()
                    .find(|(other, _)| !name.is_empty() && other == name);
                same_name
                    .or(from.get(place))
                    .is_some_and(|(_, from)| makes_value(from, to))
            })
        }
        _ => has_leaf(from, &is_text) && has_leaf(to, &is_value),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    List,
    Struct,
    Leaf,
}

fn kind(sql_type: &Json) -> Kind {
    match sql_type["id"].as_str() {
        Some("LIST" | "ARRAY" | "MAP") => Kind::List,
        Some("STRUCT" | "TUPLE") => Kind::Struct,
        _ => Kind::Leaf,
    }
}

/// Whether a type is, or nests, one of which this holds.
fn has_leaf(sql_type: &Json, holds: &dyn Fn(&str) -> bool) -> bool {
    let info = &sql_type["type_info"];
    match kind(sql_type) {
        Kind::List => has_leaf(&info["child_type"], holds),
        Kind::Struct => info["child_types"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|field| has_leaf(&field["second"], holds)),
        Kind::Leaf => sql_type["id"].as_str().is_some_and(holds),
    }
}

/// Whether values of a type are texts, or may hold one that a cast would read.
fn is_text(id: &str) -> bool {
    matches!(
        id,
        "BIT"
            | "BLOB"
            | "CHAR"
            | "ENUM"
            | "STRING_LITERAL"
            | "UNION"
            | "UUID"
            | "VARCHAR"
            | "VARIANT"
    )
}

fn is_value(id: &str) -> bool {
    !is_text(id) && !matches!(id, "ANY" | "INVALID" | "NULL" | "SQLNULL" | "UNKNOWN")
}

fn is_float_type(id: &str) -> bool {
    matches!(id, "DOUBLE" | "FLOAT")
}

/// A type as SQL writes it, as far as a message needs it.
fn type_name(sql_type: &Json) -> String {
    let id = sql_type["id"].as_str().unwrap_or("a value");
    let info = &sql_type["type_info"];
    match (info["width"].as_u64(), info["scale"].as_u64()) {
        (Some(width), scale) if id == "DECIMAL" => {
            format!("DECIMAL({width},{})", scale.unwrap_or_default())
        }
        _ => id.to_owned(),
    }
}

/// What stands in the SQL where an expression was written, if it is short enough to be shown.
fn written<'a>(node: &Json, sql: &'a str) -> Option<&'a str> {
    const MAX_BYTES: usize = 120;
    let place = |key: &str| usize::try_from(node[key].as_u64()?).ok();
    let (start, length) = (place("query_location")?, place("query_location_length")?);
    let text = sql.get(start..start.checked_add(length)?)?.trim();
    (!text.is_empty() && text.len() <= MAX_BYTES && !text.contains('\n')).then_some(text)
}
