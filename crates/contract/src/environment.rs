//! `${NAME}` in a text.

use crate::{ContractError, Problem};

/// `text` with every `${NAME}` replaced by the value of that variable.
///
/// A `$` that no `{` follows is itself. An unset or empty variable is an error: an empty folder
/// name would silently become another folder.
///
/// ```
/// use lakehouse_contract::expand_environment;
/// let get = |name: &str| (name == "DATA").then(|| "/data".to_owned());
/// assert_eq!(expand_environment("${DATA}/in", get).unwrap(), "/data/in");
/// assert!(expand_environment("${OTHER}/in", get).is_err());
/// ```
pub fn expand_environment(
    text: &str,
    get: impl Fn(&str) -> Option<String>,
) -> Result<String, ContractError> {
    let mut expanded = String::with_capacity(text.len());
    for part in parts(text)? {
        match part {
            Part::Text(text) => expanded.push_str(text),
            Part::Variable(name) => match get(name).filter(|value| !value.is_empty()) {
                Some(value) => expanded.push_str(&value),
                None => {
                    return Err(ContractError::MissingVariable(Box::new(Problem {
                        message: format!("the environment variable `{name}` is not set"),
                        hint: Some(format!("set `{name}`; `{text}` needs it")),
                        ..Problem::default()
                    })));
                }
            },
        }
    }
    Ok(expanded)
}

/// The names of the variables that `text` asks for, in order, each once.
pub fn environment_names(text: &str) -> Result<Vec<String>, ContractError> {
    let mut names: Vec<String> = Vec::new();
    for part in parts(text)? {
        if let Part::Variable(name) = part
            && !names.iter().any(|known| known == name)
        {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// Whether `name` can be the name of an environment variable here.
pub(crate) fn is_variable_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase() || first == '_')
        && name
            .chars()
            .all(|next| next.is_ascii_uppercase() || next.is_ascii_digit() || next == '_')
}

enum Part<'a> {
    Text(&'a str),
    Variable(&'a str),
}

fn parts(text: &str) -> Result<Vec<Part<'_>>, ContractError> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        parts.push(Part::Text(&rest[..start]));
        let behind = &rest[start + 2..];
        let end = behind.find('}').ok_or_else(|| {
            ContractError::invalid(format!("a `${{` in `{text}` is not closed"))
                .with_hint("write a variable as `${NAME}`")
        })?;
        let name = &behind[..end];
        if !is_variable_name(name) {
            return Err(ContractError::invalid(format!(
                "`{name}` is not the name of an environment variable"
            ))
            .with_hint("use uppercase letters, digits and `_`: `${LAKE_SALES_DIR}`"));
        }
        parts.push(Part::Variable(name));
        rest = &behind[end + 1..];
    }
    parts.push(Part::Text(rest));
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(name: &str) -> Option<String> {
        match name {
            "A" => Some("alpha".to_owned()),
            "B_2" => Some("${A}".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    #[test]
    fn variables_are_replaced_once() {
        for (text, expanded) in [
            ("${A}", "alpha"),
            ("s3://${A}/x/${A}", "s3://alpha/x/alpha"),
            ("${B_2}", "${A}"),
            ("no variable", "no variable"),
            ("$A costs 5$", "$A costs 5$"),
            ("", ""),
        ] {
            assert_eq!(expand_environment(text, get).unwrap(), expanded);
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = expand_environment("${A}/${NOT_THERE}", get).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the environment variable `NOT_THERE` is not set"
        );
        assert!(matches!(error, ContractError::MissingVariable(_)));
        assert!(expand_environment("${EMPTY}", get).is_err());
    }

    #[test]
    fn broken_references_are_refused() {
        for bad in ["${A", "${}", "${a}", "${A B}", "${1A}"] {
            assert!(expand_environment(bad, get).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_listed_once() {
        assert_eq!(environment_names("${A}/${B_2}/${A}").unwrap(), ["A", "B_2"]);
    }
}
