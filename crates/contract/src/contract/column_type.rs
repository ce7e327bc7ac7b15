//! A column's type, from the standard's `logicalType`, `physicalType` and `format`.
//!
//! `physicalType` is written in the words of the system that holds the data: it describes, except
//! where it says what `logicalType` leaves open (how wide, how many decimals), and is refused only
//! where it contradicts it.

use super::raw::RawOptions;
use crate::yaml::{At, Spanned, choose};
use crate::{ColumnType, ContractError};

/// The column's type from the standard's three keys of it.
pub(super) fn column_type(
    logical: &At<String>,
    physical: &At<String>,
    options: &At<RawOptions>,
) -> Result<ColumnType, ContractError> {
    let Some(logical) = logical else {
        return Err(
            ContractError::invalid("the key `logicalType` is missing").with_hint(
                "add one of `string`, `boolean`, `integer`, `number`, `date`, `timestamp`",
            ),
        );
    };
    let choices = [
        ("string", Kind::Text),
        ("boolean", Kind::Boolean),
        ("integer", Kind::Integer),
        ("number", Kind::Number),
        ("date", Kind::Date),
        ("timestamp", Kind::Timestamp),
    ];
    let later = ["time", "object", "array", "map", "vector"];
    let kind = choose("logicalType", &logical.value, &choices, &later)
        .map_err(|error| error.at(logical.referenced))?;
    let format = options
        .as_ref()
        .and_then(|options| options.value.format.as_ref());
    let stored = physical
        .as_ref()
        .map(|physical| Physical::read(&physical.value));
    if let (Some(physical), Some(stored)) = (physical, &stored)
        && !stored.kinds().is_empty()
        && !stored.kinds().contains(&kind)
    {
        let fitting = choices
            .iter()
            .find(|(_, kind)| stored.kinds().contains(kind));
        let hint = match fitting {
            Some((word, _)) => format!("leave it out, or write `logicalType: {word}`"),
            None => "leave it out".to_owned(),
        };
        return Err(ContractError::invalid(format!(
            "`physicalType: {}` contradicts `logicalType: {}`",
            physical.value, logical.value
        ))
        .with_hint(hint)
        .at(physical.referenced));
    }
    if kind == Kind::Integer {
        return integer_type(stored.as_ref(), format);
    }
    if kind == Kind::Number {
        return number_type(physical, logical, format);
    }
    if let Some(format) = format {
        return Err(ContractError::not_enforced(format!(
            "`format: {}` would promise something that nothing checks",
            format.value
        ))
        .with_hint("use `pattern` for texts, and the custom property `sourceFormat` for how the source writes dates")
        .at(format.referenced));
    }
    Ok(match kind {
        Kind::Boolean => ColumnType::Boolean,
        Kind::Date => ColumnType::Date,
        Kind::Timestamp => ColumnType::Timestamp,
        Kind::Text if stored.is_some_and(|stored| stored.is_uuid()) => ColumnType::Uuid,
        _ => ColumnType::Text,
    })
}

/// A `logicalType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Boolean,
    Integer,
    Number,
    Date,
    Timestamp,
}

/// A `physicalType` in the words of any system.
struct Physical {
    /// The first word, in lowercase, without what is in brackets: `varchar`, `double`.
    word: String,
    /// What is in brackets: `[10, 2]`.
    arguments: Vec<String>,
    is_unsigned: bool,
}

impl Physical {
    fn read(text: &str) -> Self {
        let text = text.trim().to_lowercase();
        let (outside, inside) = match text.split_once('(') {
            Some((outside, rest)) => (outside, rest.split(')').next().unwrap_or_default()),
            None => (text.as_str(), ""),
        };
        let arguments = inside
            .split(',')
            .map(|argument| argument.trim().to_owned())
            .filter(|argument| !argument.is_empty());
        Self {
            word: outside
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .to_owned(),
            arguments: arguments.collect(),
            is_unsigned: text.contains("unsigned"),
        }
    }

    /// The logical types that it may be the type of; none where the word is not known, which
    /// contradicts nothing.
    fn kinds(&self) -> &'static [Kind] {
        match self.word.as_str() {
            "varchar" | "char" | "character" | "nvarchar" | "nchar" | "varchar2" | "nvarchar2"
            | "bpchar" | "text" | "tinytext" | "mediumtext" | "longtext" | "ntext" | "string"
            | "clob" | "nclob" | "utf8" => &[Kind::Text],
            "uuid" => &[Kind::Text],
            "bool" | "boolean" => &[Kind::Boolean],
            // Systems without booleans have them in these.
            "bit" | "tinyint" => &[Kind::Boolean, Kind::Integer],
            "int" | "integer" | "int2" | "int4" | "int8" | "int16" | "int32" | "int64"
            | "smallint" | "mediumint" | "bigint" | "long" | "serial" | "bigserial" | "uint8"
            | "uint16" | "uint32" | "uint64" | "ubigint" | "uinteger" | "usmallint"
            | "utinyint" => &[Kind::Integer],
            "decimal" | "numeric" | "number" | "dec" | "bignumeric" => {
                if self.scale() == Some(0) {
                    &[Kind::Number, Kind::Integer]
                } else {
                    &[Kind::Number]
                }
            }
            "double" | "float" | "float4" | "float8" | "float32" | "float64" | "real" | "money"
            | "smallmoney" => &[Kind::Number],
            "date" => &[Kind::Date],
            "timestamp" | "timestamptz" | "timestamp_ntz" | "timestamp_ltz" | "timestamp_tz"
            | "datetime" | "datetime2" | "datetimeoffset" | "smalldatetime" => &[Kind::Timestamp],
            _ => &[],
        }
    }

    /// Whether it says that texts are UUIDs, which then are a type of their own.
    fn is_uuid(&self) -> bool {
        self.word == "uuid"
    }

    /// Digits after the decimal point: none where only the number of all digits is given.
    fn scale(&self) -> Option<u8> {
        match self.arguments.as_slice() {
            [_] => Some(0),
            [_, scale] => scale.parse().ok(),
            _ => None,
        }
    }

    /// Whether its whole numbers may need more than 32 bits.
    fn is_wide_integer(&self) -> bool {
        match self.word.as_str() {
            "bigint" | "int8" | "int64" | "long" | "bigserial" | "uint32" | "uint64"
            | "ubigint" | "uinteger" => true,
            "int" | "integer" | "int4" | "int32" => self.is_unsigned,
            "decimal" | "numeric" | "number" | "dec" | "bignumeric" => self
                .arguments
                .first()
                .and_then(|digits| digits.parse::<u8>().ok())
                .is_some_and(|digits| digits > 9),
            _ => false,
        }
    }

    fn number_type(&self) -> Option<ColumnType> {
        match self.word.as_str() {
            "double" | "float" | "float4" | "float8" | "float32" | "float64" | "real" => {
                Some(ColumnType::Double)
            }
            "decimal" | "numeric" | "number" | "dec" | "bignumeric" => {
                let precision = self.arguments.first()?.parse::<u8>().ok()?;
                let scale = self.scale()?;
                ((1..=38).contains(&precision) && scale <= precision)
                    .then_some(ColumnType::Decimal { precision, scale })
            }
            _ => None,
        }
    }
}

fn integer_type(
    stored: Option<&Physical>,
    format: Option<&Spanned<String>>,
) -> Result<ColumnType, ContractError> {
    let is_wide = stored.is_some_and(Physical::is_wide_integer);
    match format.map(|format| (format.value.as_str(), format.referenced)) {
        None if is_wide => Ok(ColumnType::Int64),
        None => Ok(ColumnType::Int32),
        Some(("i64", _)) => Ok(ColumnType::Int64),
        Some(("i32", at)) if is_wide => Err(ContractError::invalid(
            "`format: i32` contradicts `physicalType`, which is wider",
        )
        .with_hint("write `format: i64`, or leave `physicalType` out")
        .at(at)),
        Some(("i32", _)) => Ok(ColumnType::Int32),
        Some((other, at)) => Err(ContractError::invalid(format!(
            "`{other}` is not a format of integers here"
        ))
        .with_hint("use `i32` or `i64`")
        .at(at)),
    }
}

fn number_type(
    physical: &At<String>,
    logical: &Spanned<String>,
    format: Option<&Spanned<String>>,
) -> Result<ColumnType, ContractError> {
    // In quotes: without them the comma would end the value in a flow mapping.
    let hint =
        "write `physicalType: \"DECIMAL(18,2)\"` (up to 38 digits), or `physicalType: DOUBLE`";
    let Some(physical) = physical else {
        return Err(
            ContractError::invalid("`logicalType: number` needs a `physicalType`")
                .with_hint(hint)
                .at(logical.referenced),
        );
    };
    let Some(column_type) = Physical::read(&physical.value).number_type() else {
        return Err(ContractError::invalid(format!(
            "`physicalType: {}` does not say how many digits to keep",
            physical.value
        ))
        .with_hint(hint)
        .at(physical.referenced));
    };
    let fitting =
        format.filter(|format| column_type != ColumnType::Double || format.value != "f64");
    if let Some(format) = fitting {
        return Err(ContractError::invalid(format!(
            "`format: {}` is not how {} is stored",
            format.value,
            column_type.sql()
        ))
        .with_hint("leave it out; `physicalType` says how numbers are stored")
        .at(format.referenced));
    }
    Ok(column_type)
}
