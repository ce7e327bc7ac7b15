//! YAML into structs, with errors that a person can act on.

mod node;
mod read;

use std::cell::RefCell;

use serde::de::DeserializeOwned;
use serde_saphyr::Error;

pub use node::Position;
pub(crate) use read::{Spanned, TextOr};

use crate::{ContractError, Problems, error, suggest};

/// A value that may be absent, with its place.
pub(crate) type At<T> = Option<Spanned<T>>;

/// Reads one document and tells everything that does not fit; `None` where too little of it fits.
///
/// `refused` are the keys that the structs know only to refuse them; they are not offered as keys
/// to use. `labels` says what the entries under a key are called: `("properties", "column")`.
pub(crate) fn read<T: DeserializeOwned>(
    text: &str,
    refused: &[&str],
    labels: &[(&str, &str)],
    problems: &mut Problems,
) -> Option<T> {
    let (root, duplicate) = match node::parse(text) {
        Ok(parsed) => parsed,
        Err(error) => {
            problems.add(explain(&error));
            return None;
        }
    };
    if let Some(duplicate) = duplicate {
        problems.add(explain(&duplicate));
    }
    let reading = read::Reading {
        refused,
        labels,
        problems: RefCell::default(),
    };
    let read = read::read(&root, &reading);
    for problem in reading.problems.into_inner() {
        problems.add(problem);
    }
    read
}

/// Reads one document; the first of what is wrong with it.
pub(crate) fn parse<T: DeserializeOwned>(text: &str, refused: &[&str]) -> Result<T, ContractError> {
    let mut problems = Problems::default();
    let read = read(text, refused, &[], &mut problems);
    problems.into_result(read).map_err(error::first)
}

/// The keys of the mapping under a key of the root, whether they fit or not.
pub(crate) fn keys_below(text: &str, key: &str) -> Vec<String> {
    let Ok((root, _)) = node::parse(text) else {
        return Vec::new();
    };
    root.keys_below(key)
}

/// What the parser says, in our words.
fn explain(error: &Error) -> ContractError {
    let explained = match error.without_snippet() {
        Error::DuplicateMappingKey { key, .. } => ContractError::shape(match key {
            Some(key) => format!("the key `{key}` is given twice"),
            None => "a key is given twice".to_owned(),
        })
        .with_hint("keep one of the two"),
        Error::Unexpected { expected, .. } => ContractError::shape(format!("expected {expected}")),
        Error::Message { msg, .. } => ContractError::shape(msg.clone()),
        other => ContractError::shape(other.to_string()),
    };
    match error.location() {
        Some(location) if location != serde_saphyr::Location::UNKNOWN => {
            explained.at(location.into())
        }
        _ => explained,
    }
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

    fn parse(text: &str) -> Result<Example, Vec<ContractError>> {
        let mut problems = Problems::default();
        let read = read::<Example>(text, &["physicalName"], &[], &mut problems);
        problems.into_result(read)
    }

    fn refused(text: &str) -> ContractError {
        parse(text).unwrap_err().remove(0)
    }

    #[test]
    fn everything_is_told_once_where_it_is() {
        let text = "requird: true\nmaximum: 1\nminimum: [1]\nnested: 2\nphysicalName: {a: b}\n";
        let told: Vec<String> = parse(text)
            .unwrap_err()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            told,
            [
                "unknown key `requird` (line 1, column 1)",
                "unknown key `maximum` (line 2, column 1)",
                "found a list, expected a string (line 3, column 10)",
                "found a mapping, expected a string (line 5, column 15)",
            ]
        );
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
    fn yes_is_not_a_boolean() {
        assert!(refused("required: yes\n").to_string().contains("line 1"));
    }

    #[test]
    fn numbers_keep_their_digits() {
        let example: Example = parse("minimum: 0.10\n").unwrap();
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
