//! Which rows of a column hold a value that is not finite: NaN, an infinite number, date or
//! timestamp, at any depth.
//!
//! No JSON can say them, and readers of Parquet and CSV differ in what they make of them.

use lakehouse_contract::quote;

/// A condition that holds for the rows in which a column, which has this type as [`describe`]
/// names it, holds a value that is not finite; none where no value of the type can be one.
///
/// [`describe`]: crate::Session::describe
#[must_use]
pub fn non_finite_condition(column: &str, sql_type: &str) -> Option<String> {
    condition(&quote::identifier(column), sql_type.trim(), 0)
}

fn condition(value: &str, sql_type: &str, depth: usize) -> Option<String> {
    // From the outside: the last brackets are those of the outermost list.
    if let Some(element) = element_of(sql_type) {
        return any_element(&format!("CAST({value} AS {element}[])"), element, depth);
    }
    let (name, fields) = match sql_type.split_once('(') {
        Some((name, rest)) => (name.trim(), rest.strip_suffix(')').unwrap_or(rest)),
        None => (sql_type, ""),
    };
    match name {
        "FLOAT" | "DOUBLE" | "DATE" | "TIMESTAMP" | "TIMESTAMP WITH TIME ZONE" => {
            Some(format!("coalesce(NOT isfinite({value}), false)"))
        }
        "TIMESTAMP_S" | "TIMESTAMP_MS" | "TIMESTAMP_NS" => Some(format!(
            "coalesce(NOT isfinite(CAST({value} AS TIMESTAMP)), false)"
        )),
        "STRUCT" => any_of(split(fields).into_iter().filter_map(|field| {
            let (name, field_type) = name_and_type(field)?;
            let field = format!("struct_extract({value}, {})", quote::literal(&name));
            condition(&field, field_type, depth)
        })),
        "MAP" => {
            let parts = split(fields);
            let [key, of_key] = parts.as_slice() else {
                return None;
            };
            any_of(
                [
                    any_element(&format!("map_keys({value})"), key.trim(), depth),
                    any_element(&format!("map_values({value})"), of_key.trim(), depth),
                ]
                .into_iter()
                .flatten(),
            )
        }
        // Outside of its texts, JSON has no word with these letters.
        "JSON" | "VARIANT" => Some(format!(
            "coalesce(regexp_matches(regexp_replace(CAST(CAST({value} AS JSON) AS VARCHAR), \
             '\"(\\\\.|[^\"\\\\])*\"', '', 'g'), '(?i)nan|inf'), false)"
        )),
        _ => None,
    }
}

fn any_element(list: &str, element: &str, depth: usize) -> Option<String> {
    let name = format!("lake_element_{depth}");
    let condition = condition(&name, element, depth + 1)?;
    Some(format!(
        "coalesce(len(list_filter({list}, lambda {name}: {condition})) > 0, false)"
    ))
}

fn any_of(conditions: impl Iterator<Item = String>) -> Option<String> {
    let conditions: Vec<String> = conditions.collect();
    (!conditions.is_empty()).then(|| format!("({})", conditions.join(" OR ")))
}

/// `DOUBLE` of `DOUBLE[]` and of `DOUBLE[3]`.
fn element_of(sql_type: &str) -> Option<&str> {
    let inner = sql_type.strip_suffix(']')?;
    let (element, size) = inner.rsplit_once('[')?;
    size.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(element)
}

/// The parts between the commas that are in no brackets and no quotes.
fn split(fields: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut depth) = (0, 0_usize);
    let mut quoted: Option<u8> = None;
    for (at, byte) in fields.bytes().enumerate() {
        match (quoted, byte) {
            // A doubled quote closes and opens again, which comes out the same.
            (Some(quote), _) if byte == quote => quoted = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quoted = Some(byte),
            (None, b'(') => depth += 1,
            (None, b')') => depth = depth.saturating_sub(1),
            (None, b',') if depth == 0 => {
                parts.push(&fields[start..at]);
                start = at + 1;
            }
            (None, _) => {}
        }
    }
    if start < fields.len() {
        parts.push(&fields[start..]);
    }
    parts
}

/// A field's name, without quotes, and its type.
fn name_and_type(field: &str) -> Option<(String, &str)> {
    let field = field.trim();
    let Some(quoted) = field.strip_prefix('"') else {
        let (name, field_type) = field.split_once(' ')?;
        return Some((name.to_owned(), field_type.trim()));
    };
    let mut end = 0;
    loop {
        end += quoted[end..].find('"')?;
        if !quoted[end + 1..].starts_with('"') {
            break;
        }
        end += 2;
    }
    Some((
        quoted[..end].replace("\"\"", "\""),
        quoted[end + 1..].trim(),
    ))
}

#[cfg(test)]
mod tests {
    use super::{name_and_type, non_finite_condition, split};

    #[test]
    fn types_that_are_always_finite_have_no_condition() {
        for sql_type in [
            "INTEGER",
            "VARCHAR",
            "DECIMAL(18,2)",
            "INTEGER[]",
            "STRUCT(a INTEGER, b VARCHAR[])",
            "MAP(VARCHAR, BIGINT)",
            "ENUM('DOUBLE', 'a,b')",
            "INTERVAL",
        ] {
            assert_eq!(non_finite_condition("x", sql_type), None, "{sql_type}");
        }
    }

    #[test]
    fn fields_are_split_outside_of_brackets_and_quotes() {
        assert_eq!(
            split("a DECIMAL(18,2), \"b, (\"\"c\" DOUBLE[], d STRUCT(e FLOAT, f DATE)"),
            [
                "a DECIMAL(18,2)",
                " \"b, (\"\"c\" DOUBLE[]",
                " d STRUCT(e FLOAT, f DATE)"
            ]
        );
        assert_eq!(
            name_and_type(" \"b, (\"\"c\" DOUBLE[]"),
            Some(("b, (\"c".to_owned(), "DOUBLE[]"))
        );
    }
}
