//! A tree read into structs, with everything that does not fit.
//!
//! Serde ends at the first value that does not fit. That value is told and taken out of the tree,
//! and the tree is read again, until what is left fits.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;

use serde::de::{
    DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    Visitor,
};
use serde::{Deserialize, de};

use super::node::{Entry, Item, Node, Position, Value};
use crate::{ContractError, suggest};

/// A value with its place.
#[derive(Clone, Debug)]
pub(crate) struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it is.
    pub referenced: Position,
    /// Whether all that the document says of it was understood; what is missing then may just not
    /// have been understood.
    pub is_whole: bool,
}

const SPANNED: &str = "\0lakehouse spanned";

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfParts<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for OfParts<T> {
            type Value = Spanned<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a value with its place")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Spanned<T>, A::Error> {
                let mut number = || Ok(parts.next_element::<u64>()?.unwrap_or_default());
                let referenced = Position {
                    line: number()?,
                    column: number()?,
                };
                let value = parts.next_element()?;
                // Known only once the value was read.
                let is_whole = parts.next_element::<u64>()? == Some(1);
                Ok(Spanned {
                    value: value.ok_or_else(|| de::Error::custom("a value is missing"))?,
                    referenced,
                    is_whole,
                })
            }
        }

        deserializer.deserialize_newtype_struct(SPANNED, OfParts(PhantomData))
    }
}

/// A text, or a mapping that says more: `take: whole` and `take: {day: created_at}`.
#[derive(Clone, Debug)]
pub(crate) enum TextOr<T> {
    /// The text.
    Text(String),
    /// What the mapping says.
    Other(T),
}

const TEXT_OR: &str = "\0lakehouse text or mapping";

impl<'de, T: Deserialize<'de>> Deserialize<'de> for TextOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = TextOr<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text or a mapping")
            }

            fn visit_str<E>(self, text: &str) -> Result<TextOr<T>, E> {
                Ok(TextOr::Text(text.to_owned()))
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                inner: D,
            ) -> Result<TextOr<T>, D::Error> {
                T::deserialize(inner).map(TextOr::Other)
            }
        }

        deserializer.deserialize_newtype_struct(TEXT_OR, Either(PhantomData))
    }
}

/// How a document is read.
pub(super) struct Reading<'a> {
    /// Keys that the structs know only to refuse them; they are not offered as keys to use.
    pub refused: &'a [&'a str],
    /// What an entry of the sequence or mapping under a key is called in errors.
    pub labels: &'a [(&'a str, &'a str)],
    /// What does not fit.
    pub problems: RefCell<Vec<ContractError>>,
}

/// Reads a tree; `None` where too little of it fits. What does not is in `reading.problems`.
pub(super) fn read<T: de::DeserializeOwned>(root: &Node, reading: &Reading<'_>) -> Option<T> {
    loop {
        let reader = Reader {
            node: root,
            key: "",
            place: None,
            reading,
        };
        match T::deserialize(reader) {
            Ok(value) => return Some(value),
            Err(failure) => {
                if !failure.is_told {
                    reading
                        .problems
                        .borrow_mut()
                        .push(failure.error.at(root.position));
                }
                if !failure.is_pruned {
                    return None;
                }
            }
        }
    }
}

/// A value that does not fit.
#[derive(Debug)]
pub(super) struct ReadFailure {
    error: ContractError,
    /// The key that its mapping misses.
    missing: Option<&'static str>,
    /// Whether it is the consequence of another that was told.
    is_told: bool,
    /// Whether it is out of the tree.
    is_pruned: bool,
}

impl ReadFailure {
    fn new(error: ContractError) -> Self {
        Self {
            error,
            missing: None,
            is_told: false,
            is_pruned: false,
        }
    }

    fn shape(message: String) -> Self {
        Self::new(ContractError::shape(message))
    }

    /// Takes the value out of the tree that `is_pruned` is of, unless a part of it is out.
    fn prune(mut self, is_pruned: &Cell<bool>) -> Self {
        if !self.is_pruned {
            is_pruned.set(true);
            self.is_pruned = true;
        }
        self
    }
}

impl fmt::Display for ReadFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(formatter)
    }
}

impl std::error::Error for ReadFailure {}

impl de::Error for ReadFailure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::shape(message.to_string())
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::shape(format!("found {unexpected}, expected {expected}"))
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }

    fn missing_field(field: &'static str) -> Self {
        let error = ContractError::shape(format!("the key `{field}` is missing"))
            .with_hint(format!("add `{field}`"));
        Self {
            missing: Some(field),
            ..Self::new(error)
        }
    }
}

/// One node, as serde asks for it.
struct Reader<'a> {
    node: &'a Node,
    /// The key that it is under.
    key: &'a str,
    /// The part of the document that it is in, where that has a label.
    place: Option<Rc<str>>,
    reading: &'a Reading<'a>,
}

impl<'a> Reader<'a> {
    fn wrong<T>(&self, expected: &dyn Expected) -> Result<T, ReadFailure> {
        let unexpected = match &self.node.value {
            Value::Null => Unexpected::Other("nothing"),
            Value::Boolean(value, _) => Unexpected::Bool(*value),
            Value::Unsigned(value, _) => Unexpected::Unsigned(*value),
            Value::Signed(value, _) => Unexpected::Signed(*value),
            Value::Float(value, _) => Unexpected::Float(*value),
            Value::Text(text) => Unexpected::Str(text),
            Value::Sequence(_) => Unexpected::Other("a list"),
            Value::Mapping(_) => Unexpected::Other("a mapping"),
        };
        Err(self.locate(de::Error::invalid_type(unexpected, expected)))
    }

    /// A number or a text that the visitor itself refuses is refused here.
    fn visited<T>(&self, result: Result<T, ReadFailure>) -> Result<T, ReadFailure> {
        result.map_err(|failure| self.locate(failure))
    }

    fn locate(&self, mut failure: ReadFailure) -> ReadFailure {
        failure.error = failure.error.at(self.node.position);
        if let Some(place) = &self.place {
            failure.error = failure.error.within(place);
        }
        failure
    }

    fn label(&self) -> Option<&'a str> {
        let labels = self.reading.labels;
        let found = labels.iter().find(|(key, _)| *key == self.key);
        found.map(|(_, label)| *label)
    }

    fn mapping<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ReadFailure> {
        let Value::Mapping(entries) = &self.node.value else {
            return self.wrong(&"a mapping");
        };
        let read = visitor.visit_map(Entries {
            label: self.label(),
            place: self.place.clone(),
            entries: entries.iter(),
            current: None,
            reading: self.reading,
        });
        self.visited(read.map_err(|mut failure| {
            // A key that did not fit is missing, but that has been told.
            if let Some(field) = failure.missing.take() {
                failure.is_told |= entries
                    .iter()
                    .any(|entry| entry.is_pruned.get() && entry.effective_key() == field);
            }
            failure
        }))
    }

    /// Tells every key that is not among `fields`, and reads a slip as what it was meant to be.
    fn refuse_unknown(&self, entries: &[Entry], fields: &[&'static str]) {
        let refused = self.reading.refused;
        let known: Vec<&'static str> = fields
            .iter()
            .copied()
            .filter(|field| !refused.contains(field))
            .collect();
        for entry in entries.iter().filter(|entry| !entry.is_pruned.get()) {
            if fields.contains(&entry.effective_key()) {
                continue;
            }
            let meant = suggest::closest(&entry.key, &known)
                .filter(|meant| entries.iter().all(|other| other.effective_key() != *meant));
            entry.meant.set(meant);
            entry.is_pruned.set(meant.is_none());
            let error = ContractError::unknown_key(format!("unknown key `{}`", entry.key))
                .with_hint(suggest::hint(&entry.key, &known, "keys"))
                .at(entry.key_position);
            let error = match &self.place {
                Some(place) => error.within(place),
                None => error,
            };
            self.reading.problems.borrow_mut().push(error);
        }
    }
}

/// What an item of a labelled sequence is called.
fn item_place(label: &str, number: usize, node: &Node) -> Rc<str> {
    match node.text_of("name").or_else(|| node.text_of("property")) {
        Some(name) => format!("{label} `{name}`").into(),
        None => format!("{label} {number}").into(),
    }
}

macro_rules! whole_numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ReadFailure> {
            match &self.node.value {
                Value::Unsigned(value, _) => self.visited(visitor.visit_u64(*value)),
                Value::Signed(value, _) => self.visited(visitor.visit_i64(*value)),
                _ => self.wrong(&visitor),
            }
        }
    )*};
}

macro_rules! texts {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ReadFailure> {
            match &self.node.value {
                Value::Text(text)
                | Value::Boolean(_, text)
                | Value::Unsigned(_, text)
                | Value::Signed(_, text)
                | Value::Float(_, text) => self.visited(visitor.visit_str(text)),
                _ => self.wrong(&visitor),
            }
        }
    )*};
}

impl<'a> Deserializer<'a> for Reader<'a> {
    type Error = ReadFailure;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ReadFailure> {
        match &self.node.value {
            Value::Null => self.visited(visitor.visit_unit()),
            Value::Boolean(value, _) => self.visited(visitor.visit_bool(*value)),
            Value::Unsigned(value, _) => self.visited(visitor.visit_u64(*value)),
            Value::Signed(value, _) => self.visited(visitor.visit_i64(*value)),
            Value::Float(value, _) => self.visited(visitor.visit_f64(*value)),
            Value::Text(text) => self.visited(visitor.visit_str(text)),
            Value::Sequence(_) => self.deserialize_seq(visitor),
            Value::Mapping(_) => self.mapping(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ReadFailure> {
        match &self.node.value {
            Value::Boolean(value, _) => self.visited(visitor.visit_bool(*value)),
            _ => self.wrong(&visitor),
        }
    }

    whole_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    texts! {
        deserialize_char deserialize_str deserialize_string deserialize_identifier
        deserialize_bytes deserialize_byte_buf
    }

    fn deserialize_f32<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ReadFailure> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ReadFailure> {
        match &self.node.value {
            Value::Float(value, _) => self.visited(visitor.visit_f64(*value)),
            _ => self.deserialize_u64(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ReadFailure> {
        match &self.node.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ReadFailure> {
        match &self.node.value {
            Value::Null => self.visited(visitor.visit_unit()),
            _ => self.wrong(&visitor),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadFailure> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadFailure> {
        if name == SPANNED {
            return visitor.visit_seq(Parts {
                node: self.node,
                reader: Some(self),
                next: 0,
            });
        }
        if name == TEXT_OR && !matches!(self.node.value, Value::Mapping(_)) {
            return self.deserialize_str(visitor);
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ReadFailure> {
        let Value::Sequence(items) = &self.node.value else {
            return self.wrong(&"a list");
        };
        let read = visitor.visit_seq(Items {
            label: self.label(),
            place: self.place.clone(),
            items: items.iter().enumerate(),
            reading: self.reading,
        });
        self.visited(read)
    }

    fn deserialize_tuple<V: Visitor<'a>>(
        self,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, ReadFailure> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, ReadFailure> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ReadFailure> {
        self.mapping(visitor)
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadFailure> {
        if let Value::Mapping(entries) = &self.node.value {
            self.refuse_unknown(entries, fields);
        }
        self.mapping(visitor)
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadFailure> {
        // No struct here has an enum: a choice is a text, judged where its key is known.
        self.wrong(&visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ReadFailure> {
        visitor.visit_unit()
    }
}

/// The parts of a [`Spanned`]: line, column, the value itself, and whether it is whole.
struct Parts<'a> {
    node: &'a Node,
    reader: Option<Reader<'a>>,
    next: u8,
}

impl<'a> SeqAccess<'a> for Parts<'a> {
    type Error = ReadFailure;

    fn next_element_seed<S: DeserializeSeed<'a>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, ReadFailure> {
        self.next += 1;
        let part: u64 = match self.next {
            1 => self.node.position.line,
            2 => self.node.position.column,
            3 => {
                let reader = self.reader.take();
                return reader.map(|reader| seed.deserialize(reader)).transpose();
            }
            4 => u64::from(self.node.is_whole()),
            _ => return Ok(None),
        };
        seed.deserialize(part.into_deserializer()).map(Some)
    }
}

struct Items<'a> {
    label: Option<&'a str>,
    place: Option<Rc<str>>,
    items: std::iter::Enumerate<std::slice::Iter<'a, Item>>,
    reading: &'a Reading<'a>,
}

impl<'a> SeqAccess<'a> for Items<'a> {
    type Error = ReadFailure;

    fn next_element_seed<S: DeserializeSeed<'a>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, ReadFailure> {
        let Some((index, item)) = self.items.find(|(_, item)| !item.is_pruned.get()) else {
            return Ok(None);
        };
        let place = self.place.clone().or_else(|| {
            let label = self.label?;
            Some(item_place(label, index + 1, &item.node))
        });
        let reader = Reader {
            node: &item.node,
            key: "",
            place,
            reading: self.reading,
        };
        match seed.deserialize(reader) {
            Ok(value) => Ok(Some(value)),
            Err(failure) => Err(failure.prune(&item.is_pruned)),
        }
    }
}

struct Entries<'a> {
    label: Option<&'a str>,
    place: Option<Rc<str>>,
    entries: std::slice::Iter<'a, Entry>,
    current: Option<&'a Entry>,
    reading: &'a Reading<'a>,
}

impl<'a> MapAccess<'a> for Entries<'a> {
    type Error = ReadFailure;

    fn next_key_seed<S: DeserializeSeed<'a>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, ReadFailure> {
        self.current = self.entries.find(|entry| !entry.is_pruned.get());
        match self.current {
            Some(entry) => seed
                .deserialize(entry.effective_key().into_deserializer())
                .map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'a>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, ReadFailure> {
        let Some(entry) = self.current.take() else {
            return Err(de::Error::custom("a value without a key"));
        };
        let place = self.place.clone().or_else(|| {
            let label = self.label?;
            Some(format!("{label} `{}`", entry.key).into())
        });
        let reader = Reader {
            node: &entry.node,
            key: entry.effective_key(),
            place,
            reading: self.reading,
        };
        seed.deserialize(reader)
            .map_err(|failure| failure.prune(&entry.is_pruned))
    }
}
