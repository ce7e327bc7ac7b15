//! A value of a query's result.

use std::fmt;

/// A value of a query's result: for counts, metadata and small tables, not for data at large.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// SQL's NULL.
    Null,
    /// A BOOLEAN.
    Bool(bool),
    /// Any integer type.
    Int(i128),
    /// A FLOAT or DOUBLE.
    Double(f64),
    /// Text; and dates, times, timestamps and decimals, as the engine writes them.
    Text(String),
    /// A BLOB.
    Blob(Vec<u8>),
    /// A LIST, ARRAY or MAP (of structs `key`, `value`).
    List(Vec<Value>),
    /// A STRUCT.
    Struct(Vec<(String, Value)>),
}

impl Value {
    /// The text, unless it is another kind of value.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The integer, unless it is another kind of value or too large.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(value) => i64::try_from(*value).ok(),
            _ => None,
        }
    }

    /// The integer, unless it is another kind of value, negative or too large.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Int(value) => u64::try_from(*value).ok(),
            _ => None,
        }
    }

    /// The number, where it is one: an integer, a double, or a decimal's text.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "asked for a double")]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Double(value) => Some(*value),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The boolean, unless it is another kind of value.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// Whether it is NULL.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => formatter.write_str("NULL"),
            Self::Bool(value) => value.fmt(formatter),
            Self::Int(value) => value.fmt(formatter),
            Self::Double(value) => value.fmt(formatter),
            Self::Text(value) => formatter.write_str(value),
            Self::Blob(bytes) => bytes
                .iter()
                .try_for_each(|byte| write!(formatter, "{byte:02x}")),
            Self::List(values) => {
                formatter.write_str("[")?;
                for (index, value) in values.iter().enumerate() {
                    write!(formatter, "{}{value}", if index > 0 { ", " } else { "" })?;
                }
                formatter.write_str("]")
            }
            Self::Struct(fields) => {
                formatter.write_str("{")?;
                for (index, (name, value)) in fields.iter().enumerate() {
                    write!(
                        formatter,
                        "{}{name}: {value}",
                        if index > 0 { ", " } else { "" }
                    )?;
                }
                formatter.write_str("}")
            }
        }
    }
}
