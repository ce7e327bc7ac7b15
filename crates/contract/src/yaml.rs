//! YAML into structs, with errors that a person can act on.

use serde::de::DeserializeOwned;
use serde_saphyr::{Error, Location, Spanned};

use crate::{ContractError, Problem, suggest};

/// A value that may be absent, with the place where it stands.
pub(crate) type At<T> = Option<Spanned<T>>;

/// Reads one document. `refused` are the keys that the structs know only to refuse them; they are
/// not offered as keys to use.
pub(crate) fn parse<T: DeserializeOwned>(text: &str, refused: &[&str]) -> Result<T, ContractError> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| explain(&error, refused))
}

fn explain(error: &Error, refused: &[&str]) -> ContractError {
    let location = error.location().unwrap_or(Location::UNKNOWN);
    let problem = |message: String, hint: Option<String>| {
        Box::new(Problem {
            message,
            hint,
            ..Problem::default()
        })
    };
    let explained = match error.without_snippet() {
        Error::SerdeUnknownField {
            field, expected, ..
        } => {
            let known: Vec<&str> = expected
                .iter()
                .copied()
                .filter(|key| !refused.contains(key))
                .collect();
            ContractError::UnknownKey(problem(
                format!("unknown key `{field}`"),
                Some(suggest::hint(field, &known, "keys")),
            ))
        }
        Error::SerdeUnknownVariant {
            variant, expected, ..
        } => ContractError::Invalid(problem(
            format!("`{variant}` is not allowed"),
            Some(suggest::hint(variant, expected, "allowed values")),
        )),
        Error::SerdeMissingField { field, .. } => ContractError::Shape(problem(
            format!("the key `{field}` is missing"),
            Some(format!("add `{field}`")),
        )),
        Error::DuplicateMappingKey { key, .. } => ContractError::Shape(problem(
            match key {
                Some(key) => format!("the key `{key}` is given twice"),
                None => "a key is given twice".to_owned(),
            },
            Some("keep one of the two".to_owned()),
        )),
        Error::SerdeInvalidType {
            unexpected,
            expected,
            ..
        }
        | Error::SerdeInvalidValue {
            unexpected,
            expected,
            ..
        } => ContractError::Shape(problem(
            format!("found {unexpected}, expected {expected}"),
            None,
        )),
        Error::Unexpected { expected, .. } => {
            ContractError::Shape(problem(format!("expected {expected}"), None))
        }
        Error::Message { msg, .. } => ContractError::Shape(problem(msg.clone(), None)),
        other => ContractError::Shape(problem(other.to_string(), None)),
    };
    explained.at(location)
}

/// The one of `choices` that `text` names. `later` are choices that are planned.
pub(crate) fn choose<T: Copy>(
    key: &str,
    text: &str,
    choices: &[(&str, T)],
    later: &[&str],
) -> Result<T, ContractError> {
    if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == text) {
        return Ok(*choice);
    }
    let known: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    if later.contains(&text) {
        return Err(ContractError::not_supported_yet(format!("`{key}: {text}`"))
            .with_hint(suggest::hint("", &known, "allowed values")));
    }
    Err(
        ContractError::invalid(format!("`{text}` is not a value of `{key}`"))
            .with_hint(suggest::hint(text, &known, "allowed values")),
    )
}

/// The one of `choices` that `text` names, the default without a text.
pub(crate) fn choose_or_default<T: Copy + Default>(
    key: &str,
    text: At<String>,
    choices: &[(&str, T)],
    later: &[&str],
) -> Result<T, ContractError> {
    match text {
        None => Ok(T::default()),
        Some(text) => {
            choose(key, &text.value, choices, later).map_err(|error| error.at(text.referenced))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Example {
        required: Option<bool>,
        minimum: Option<String>,
        #[serde(rename = "physicalName")]
        physical_name: Option<String>,
        nested: Option<Spanned<serde_json::Value>>,
    }

    fn refused(text: &str) -> ContractError {
        parse::<Example>(text, &["physicalName"]).unwrap_err()
    }

    #[test]
    fn an_unknown_key_is_named_with_its_place_and_the_closest_one() {
        let error = refused("minimum: 1\nrequird: true\n");
        assert!(matches!(error, ContractError::UnknownKey(_)));
        assert_eq!(
            error.to_string(),
            "unknown key `requird` (line 2, column 1)"
        );
        assert_eq!(
            error.hint().unwrap(),
            "did you mean `required`? keys here: `required`, `minimum`, `nested`"
        );
    }

    #[test]
    fn a_key_given_twice_is_refused() {
        assert_eq!(
            refused("minimum: 1\nminimum: 2\n").to_string(),
            "the key `minimum` is given twice (line 2, column 1)"
        );
    }

    #[test]
    fn yes_is_no_boolean() {
        assert!(refused("required: yes\n").to_string().contains("line 1"));
    }

    #[test]
    fn numbers_keep_their_digits() {
        let example: Example = parse("minimum: 0.10\n", &[]).unwrap();
        assert_eq!(example.minimum.unwrap(), "0.10");
    }

    #[test]
    fn broken_yaml_says_where() {
        assert!(refused("minimum: [1\nrequired: true").line().is_some());
    }

    #[test]
    fn planned_choices_are_told_from_slips() {
        let choices = [("reject", 1), ("setNull", 2)];
        assert_eq!(choose("onInvalid", "setNull", &choices, &[]).unwrap(), 2);
        let later = choose("onInvalid", "clamp", &choices, &["clamp"]).unwrap_err();
        assert_eq!(later.to_string(), "`onInvalid: clamp` is not supported yet");
        let slip = choose("onInvalid", "setnull", &choices, &["clamp"]).unwrap_err();
        assert_eq!(
            slip.hint().unwrap(),
            "did you mean `setNull`? allowed values here: `reject`, `setNull`"
        );
    }
}
