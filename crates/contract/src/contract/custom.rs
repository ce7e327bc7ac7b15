//! `customProperties`: what the standard lacks, each with `vendor: lakehouse`.

use serde_json::{Map, Value};

use super::raw::RawCustomProperty;
use crate::yaml::{self, Position, Spanned};
use crate::{ContractError, Problems, suggest};

/// The vendor whose properties are ours.
const VENDOR: &str = "lakehouse";

/// Our properties of one element; what another vendor reads is left to them.
pub(super) struct Properties {
    values: Vec<(String, Value, Position)>,
}

impl Properties {
    /// Tells properties that are not among `known`, and those given twice.
    pub fn read(
        raw: Option<Vec<Spanned<RawCustomProperty>>>,
        known: &[&str],
        problems: &mut Problems,
    ) -> Self {
        let mut values: Vec<(String, Value, Position)> = Vec::new();
        for property in raw.unwrap_or_default() {
            let location = property.referenced;
            let name = property.value.property.value;
            match property.value.vendor.as_deref() {
                Some(VENDOR) => {}
                Some(_) => continue,
                None => {
                    problems.add(
                        ContractError::invalid(format!(
                            "the custom property `{name}` does not say whose it is"
                        ))
                        .with_hint(format!(
                            "add `vendor: {VENDOR}`, or the name of the vendor that reads it"
                        ))
                        .at(location),
                    );
                    if !known.contains(&name.as_str()) {
                        continue;
                    }
                }
            }
            if !known.contains(&name.as_str()) {
                problems.add(
                    ContractError::unknown_key(format!("unknown custom property `{name}`"))
                        .with_hint(match known {
                            [] => "custom properties of the lakehouse belong under `schema`"
                                .to_owned(),
                            known => suggest::hint(&name, known, "custom properties"),
                        })
                        .at(location),
                );
                continue;
            }
            if values.iter().any(|(other, _, _)| *other == name) {
                problems.add(
                    ContractError::invalid(format!("the custom property `{name}` is given twice"))
                        .with_hint("keep one of the two")
                        .at(location),
                );
                continue;
            }
            values.push((
                name,
                property.value.value.value,
                property.value.value.referenced,
            ));
        }
        Self { values }
    }

    /// Reads the value of `name`, if it is there, and says where an error is.
    pub fn get<T>(
        &self,
        name: &str,
        read: impl FnOnce(&Value) -> Result<T, ContractError>,
    ) -> Result<Option<T>, ContractError> {
        match self.values.iter().find(|(other, _, _)| other == name) {
            None => Ok(None),
            Some((_, value, location)) => match read(value) {
                Ok(value) => Ok(Some(value)),
                Err(error) => Err(error.at(*location)),
            },
        }
    }

    /// Where the value of `name` is.
    pub fn location(&self, name: &str) -> Position {
        let found = self.values.iter().find(|(other, _, _)| other == name);
        found.map_or(Position::UNKNOWN, |(_, _, location)| *location)
    }

    /// Reads one of `choices`, the default without the property.
    pub fn choose<T: Copy + Default>(
        &self,
        name: &str,
        choices: &[(&str, T)],
        later: &[&str],
    ) -> Result<T, ContractError> {
        let read = |value: &Value| yaml::choose(name, text(name, value)?, choices, later);
        self.get(name, read).map(Option::unwrap_or_default)
    }
}

fn wrong(name: &str, value: &Value, expected: &str) -> ContractError {
    ContractError::invalid(format!("`{name}` is `{value}`")).with_hint(format!("write {expected}"))
}

/// A text.
pub(super) fn text<'a>(name: &str, value: &'a Value) -> Result<&'a str, ContractError> {
    value.as_str().ok_or_else(|| wrong(name, value, "a text"))
}

/// `true` or `false`.
pub(super) fn boolean(name: &str, value: &Value) -> Result<bool, ContractError> {
    value
        .as_bool()
        .ok_or_else(|| wrong(name, value, "`true` or `false`"))
}

/// A number.
pub(super) fn number(name: &str, value: &Value) -> Result<f64, ContractError> {
    value.as_f64().ok_or_else(|| wrong(name, value, "a number"))
}

/// Per cent: a number from 0 to 100.
pub(super) fn percent(name: &str, value: &Value) -> Result<f64, ContractError> {
    let percent = number(name, value)?;
    if (0.0..=100.0).contains(&percent) {
        Ok(percent)
    } else {
        Err(
            ContractError::invalid(format!("`{name}: {value}` is not a percentage"))
                .with_hint("write a number from 0 to 100"),
        )
    }
}

/// A list of texts.
pub(super) fn texts(name: &str, value: &Value) -> Result<Vec<String>, ContractError> {
    let list = value
        .as_array()
        .ok_or_else(|| wrong(name, value, "a list of texts: `[a, b]`"))?;
    list.iter()
        .map(|item| text(name, item).map(str::to_owned))
        .collect()
}

/// A mapping with no keys but `known`.
pub(super) fn mapping<'a>(
    name: &str,
    value: &'a Value,
    known: &[&str],
) -> Result<&'a Map<String, Value>, ContractError> {
    let example = || format!("a mapping with the keys `{}`", known.join("`, `"));
    let map = value
        .as_object()
        .ok_or_else(|| wrong(name, value, &example()))?;
    match map.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(map),
        Some(unknown) => Err(ContractError::unknown_key(format!(
            "unknown key `{unknown}` in `{name}`"
        ))
        .with_hint(suggest::hint(unknown, known, "keys"))),
    }
}
