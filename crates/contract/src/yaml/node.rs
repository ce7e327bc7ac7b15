//! A YAML document as a tree that remembers where each of its values is.
//!
//! The parser's own interface to serde ends at the first value that does not fit. A tree can be
//! read again without that value, so that one reading tells everything that is wrong.

use std::cell::Cell;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Where a value is in its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line, counted from 1.
    pub line: u64,
    /// The column in that line in characters, counted from 1.
    pub column: u64,
}

impl Position {
    /// No place: of a value that no text holds.
    pub(crate) const UNKNOWN: Self = Self { line: 0, column: 0 };
}

impl From<serde_saphyr::Location> for Position {
    fn from(location: serde_saphyr::Location) -> Self {
        Self {
            line: location.line(),
            column: location.column(),
        }
    }
}

/// A value and where it is.
#[derive(Debug)]
pub(super) struct Node {
    pub position: Position,
    pub value: Value,
}

/// A value as the document writes it. Numbers and booleans keep their text: `0.10` is not 0.1.
#[derive(Debug)]
pub(super) enum Value {
    Null,
    Boolean(bool, String),
    Unsigned(u64, String),
    Signed(i64, String),
    Float(f64, String),
    Text(String),
    Sequence(Vec<Item>),
    Mapping(Vec<Entry>),
}

/// One value of a sequence.
#[derive(Debug)]
pub(super) struct Item {
    pub node: Node,
    /// Whether it does not fit, and was told so: it is passed over from then on.
    pub is_pruned: Cell<bool>,
}

/// One key of a mapping.
#[derive(Debug)]
pub(super) struct Entry {
    pub key: String,
    pub key_position: Position,
    pub node: Node,
    /// As for an [`Item`].
    pub is_pruned: Cell<bool>,
    /// The known key that an unknown one was most likely meant to be.
    pub meant: Cell<Option<&'static str>>,
}

impl Entry {
    /// The key that it is read as.
    pub fn effective_key(&self) -> &str {
        self.meant.get().unwrap_or(&self.key)
    }
}

impl Node {
    /// Whether nothing in it was passed over.
    pub fn is_whole(&self) -> bool {
        match &self.value {
            Value::Sequence(items) => items
                .iter()
                .all(|item| !item.is_pruned.get() && item.node.is_whole()),
            Value::Mapping(entries) => entries
                .iter()
                .all(|entry| !entry.is_pruned.get() && entry.node.is_whole()),
            _ => true,
        }
    }

    /// The text of a key of a mapping.
    pub fn text_of(&self, key: &str) -> Option<&str> {
        let Value::Mapping(entries) = &self.value else {
            return None;
        };
        match &entries.iter().find(|entry| entry.key == key)?.node.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl Node {
    /// The keys of the mapping under a key.
    pub fn keys_below(&self, key: &str) -> Vec<String> {
        let Value::Mapping(entries) = &self.value else {
            return Vec::new();
        };
        let found = entries.iter().find(|entry| entry.key == key);
        match found.map(|entry| &entry.node.value) {
            Some(Value::Mapping(below)) => below.iter().map(|entry| entry.key.clone()).collect(),
            _ => Vec::new(),
        }
    }
}

/// The tree of a document.
pub(super) fn parse(
    text: &str,
) -> Result<(Node, Option<serde_saphyr::Error>), serde_saphyr::Error> {
    let strict = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options::<serde_saphyr::Spanned<Raw>>(text, strict) {
        Ok(raw) => Ok((node(text, raw), None)),
        // The rest of the document can still be judged.
        Err(duplicate @ serde_saphyr::Error::DuplicateMappingKey { .. }) => {
            let lenient = serde_saphyr::options! {
                strict_booleans: true,
                with_snippet: false,
                duplicate_keys: serde_saphyr::DuplicateKeyPolicy::FirstWins,
            };
            let raw = serde_saphyr::from_str_with_options(text, lenient)?;
            Ok((node(text, raw), Some(duplicate)))
        }
        Err(error) => Err(error),
    }
}

/// What the parser makes of a value, before its text is looked up.
enum Raw {
    Null,
    Boolean(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    Sequence(Vec<serde_saphyr::Spanned<Raw>>),
    Mapping(Vec<(serde_saphyr::Spanned<String>, serde_saphyr::Spanned<Raw>)>),
}

fn node(text: &str, raw: serde_saphyr::Spanned<Raw>) -> Node {
    let written = |otherwise: String| {
        let span = raw.defined.span();
        let range = span.byte_offset().zip(span.byte_len());
        let found = range.and_then(|(start, length)| {
            let (start, length) = (usize::try_from(start).ok()?, usize::try_from(length).ok()?);
            text.get(start..start + length)
        });
        match found.map(str::trim) {
            Some(found) if !found.is_empty() && !found.contains(char::is_whitespace) => {
                found.to_owned()
            }
            _ => otherwise,
        }
    };
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Boolean(value) => Value::Boolean(value, written(value.to_string())),
        Raw::Unsigned(value) => Value::Unsigned(value, written(value.to_string())),
        Raw::Signed(value) => Value::Signed(value, written(value.to_string())),
        Raw::Float(value) => Value::Float(value, written(value.to_string())),
        Raw::Text(value) => Value::Text(value),
        Raw::Sequence(items) => {
            let items = items.into_iter().map(|item| Item {
                node: node(text, item),
                is_pruned: Cell::new(false),
            });
            Value::Sequence(items.collect())
        }
        Raw::Mapping(entries) => {
            let entries = entries.into_iter().map(|(key, value)| Entry {
                key_position: key.referenced.into(),
                key: key.value,
                node: node(text, value),
                is_pruned: Cell::new(false),
                meant: Cell::new(None),
            });
            Value::Mapping(entries.collect())
        }
    };
    Node {
        position: raw.referenced.into(),
        value,
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Raw;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }

            fn visit_none<E>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }

            fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Raw, D::Error> {
                Raw::deserialize(inner)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
                Ok(Raw::Boolean(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
                Ok(Raw::Unsigned(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
                Ok(u64::try_from(value).map_or(Raw::Signed(value), Raw::Unsigned))
            }

            fn visit_u128<E>(self, value: u128) -> Result<Raw, E> {
                Ok(Raw::Text(value.to_string()))
            }

            fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
                Ok(Raw::Text(value.to_string()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
                Ok(Raw::Float(value))
            }

            fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
                Ok(Raw::Text(value.to_owned()))
            }

            fn visit_string<E>(self, value: String) -> Result<Raw, E> {
                Ok(Raw::Text(value))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = access.next_element()? {
                    items.push(item);
                }
                Ok(Raw::Sequence(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
                let mut entries = Vec::new();
                while let Some(key) = access.next_key()? {
                    entries.push((key, access.next_value()?));
                }
                Ok(Raw::Mapping(entries))
            }
        }

        deserializer.deserialize_any(Any)
    }
}
