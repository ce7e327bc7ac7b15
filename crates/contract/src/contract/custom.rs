//! `customProperties`: what the standard lacks, each with `vendor: lakehouse`.

use serde_json::{Map, Value};
use serde_saphyr::{Location, Spanned};

use super::raw::RawCustomProperty;
use crate::{ContractError, suggest, yaml};

/// The vendor whose properties are ours.
const VENDOR: &str = "lakehouse";

/// Our properties of one element; what another vendor reads is left to them.
pub(super) struct Properties {
    values: Vec<(String, Value, Location)>,
}

impl Properties {
    /// Refuses properties that are not among `known`, and those given twice.
    pub fn read(
        raw: Option<Vec<Spanned<RawCustomProperty>>>,
        known: &[&str],
    ) -> Result<Self, ContractError> {
        let mut values: Vec<(String, Value, Location)> = Vec::new();
        for property in raw.unwrap_or_default() {
            let location = property.referenced;
            let name = property.value.property.value;
            let refuse = |message: String, hint: String| {
                Err(ContractError::invalid(message).with_hint(hint).at(location))
            };
            match property.value.vendor.as_deref() {
                Some(VENDOR) => {}
                Some(_) => continue,
                None => {
                    return refuse(
                        format!("the custom property `{name}` does not say whose it is"),
                        format!("add `vendor: {VENDOR}`, or the vendor that reads it"),
                    );
                }
            }
            if !known.contains(&name.as_str()) {
                return Err(ContractError::UnknownKey(Box::new(crate::Problem {
                    message: format!("unknown custom property `{name}`"),
                    hint: Some(match known {
                        [] => "custom properties of the lakehouse stand under `schema`".to_owned(),
                        known => suggest::hint(&name, known, "custom properties"),
                    }),
                    ..crate::Problem::default()
                }))
                .at(location));
            }
            if values.iter().any(|(other, _, _)| *other == name) {
                return refuse(
                    format!("the custom property `{name}` is given twice"),
                    "keep one of the two".to_owned(),
                );
            }
            values.push((
                name,
                property.value.value.value,
                property.value.value.referenced,
            ));
        }
        Ok(Self { values })
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

    /// Where the value of `name` stands.
    pub fn location(&self, name: &str) -> Location {
        let found = self.values.iter().find(|(other, _, _)| other == name);
        found.map_or(Location::UNKNOWN, |(_, _, location)| *location)
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
        Some(unknown) => Err(ContractError::UnknownKey(Box::new(crate::Problem {
            message: format!("unknown key `{unknown}` in `{name}`"),
            hint: Some(suggest::hint(unknown, known, "keys")),
            ..crate::Problem::default()
        }))),
    }
}
