//! The types of columns, what their literals look like, and how source texts are read.

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use serde::Serialize;

use crate::{ContractError, Number, quote};

/// The type of a published column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ColumnType {
    /// Text: `VARCHAR`.
    Text,
    /// `BOOLEAN`.
    Boolean,
    /// Whole numbers of 32 bits: `INTEGER`.
    Int32,
    /// Whole numbers of 64 bits: `BIGINT`.
    Int64,
    /// Exact decimals: `DECIMAL(precision,scale)`.
    Decimal {
        /// All digits, 1 to 38.
        precision: u8,
        /// Digits behind the point, at most `precision`.
        scale: u8,
    },
    /// Floating point of 64 bits: `DOUBLE`.
    Double,
    /// `DATE`.
    Date,
    /// UTC, in microseconds: `TIMESTAMP`.
    Timestamp,
    /// 128 bits, written as `8-4-4-4-12` hex digits: `UUID`.
    Uuid,
}

impl ColumnType {
    /// The engine's name of the type, as its `DESCRIBE` prints it.
    #[must_use]
    pub fn sql(&self) -> String {
        match self {
            Self::Text => "VARCHAR".to_owned(),
            Self::Boolean => "BOOLEAN".to_owned(),
            Self::Int32 => "INTEGER".to_owned(),
            Self::Int64 => "BIGINT".to_owned(),
            Self::Decimal { precision, scale } => format!("DECIMAL({precision},{scale})"),
            Self::Double => "DOUBLE".to_owned(),
            Self::Date => "DATE".to_owned(),
            Self::Timestamp => "TIMESTAMP".to_owned(),
            Self::Uuid => "UUID".to_owned(),
        }
    }

    /// Whether values have an order that a contract may bound.
    pub(crate) fn is_ordered(self) -> bool {
        !matches!(self, Self::Text | Self::Boolean | Self::Uuid)
    }

    /// A value of the type as SQL. `text` has been through [`ColumnType::canonical`].
    pub(crate) fn literal(self, text: &str) -> String {
        match self {
            Self::Text => quote::literal(text),
            _ => format!("CAST({} AS {})", quote::literal(text), self.sql()),
        }
    }

    /// The one spelling of a value of this type, from the spelling in a contract.
    ///
    /// A value that the type cannot hold exactly is refused: the engine would round it, and the
    /// rule would be another one than the contract says.
    pub(crate) fn canonical(self, text: &str) -> Result<String, ContractError> {
        let refuse = |why: &str| {
            ContractError::invalid(format!("`{text}` is not a value of type {}", self.sql()))
                .with_hint(why.to_owned())
        };
        match self {
            Self::Text => Ok(text.to_owned()),
            Self::Boolean => match text {
                "true" | "false" => Ok(text.to_owned()),
                _ => Err(refuse("write `true` or `false`")),
            },
            Self::Int32 => match text.parse::<i32>() {
                Ok(value) => Ok(value.to_string()),
                Err(_) => Err(refuse(
                    "write a whole number from -2147483648 to 2147483647",
                )),
            },
            Self::Int64 => match text.parse::<i64>() {
                Ok(value) => Ok(value.to_string()),
                Err(_) => Err(refuse("write a whole number of at most 64 bits")),
            },
            Self::Decimal { precision, scale } => {
                let number: Number = text.parse()?;
                let fits = number.fraction_digits() <= i64::from(scale)
                    && number.integer_digits() <= i64::from(precision - scale);
                if fits && !text.contains(['e', 'E']) {
                    Ok(text.to_owned())
                } else {
                    Err(refuse(&format!(
                        "it holds {} digits before the point and {scale} behind it, \
                         written without an exponent",
                        precision - scale
                    )))
                }
            }
            Self::Double => match text.parse::<Number>() {
                Ok(number) if number.to_string().parse::<f64>().is_ok_and(f64::is_finite) => {
                    Ok(text.to_owned())
                }
                _ => Err(refuse("write a finite number")),
            },
            Self::Date => match parse_date(text) {
                Some(date) => Ok(date.format("%Y-%m-%d").to_string()),
                None => Err(refuse("write the day as `YYYY-MM-DD`, in quotes")),
            },
            Self::Timestamp => match parse_timestamp(text) {
                Some(timestamp) => Ok(timestamp.format("%Y-%m-%d %H:%M:%S%.6f").to_string()),
                None => Err(refuse(
                    "write it in ISO 8601, in quotes: `'2015-01-01T00:00:00Z'`; without an offset \
                     it is in UTC",
                )),
            },
            Self::Uuid => match is_uuid(text) {
                true => Ok(text.to_ascii_lowercase()),
                false => Err(refuse(
                    "write it as `8-4-4-4-12` hex digits: `0190a6e8-4f3b-7c21-9d5e-1b2c3d4e5f60`",
                )),
            },
        }
    }
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    lengths == [8, 4, 4, 4, 12]
        && groups
            .iter()
            .all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn parse_date(text: &str) -> Option<NaiveDate> {
    text.parse::<crate::RunDate>().ok().map(|day| day.date())
}

fn parse_timestamp(text: &str) -> Option<NaiveDateTime> {
    if let Ok(timestamp) = DateTime::parse_from_rfc3339(text) {
        return Some(timestamp.naive_utc());
    }
    if let Some(date) = parse_date(text) {
        return Some(date.and_time(chrono::NaiveTime::MIN));
    }
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
        .iter()
        .find_map(|pattern| NaiveDateTime::parse_from_str(text, pattern).ok())
}

/// How the source writes dates, times and decimals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceFormat {
    /// Patterns of chrono, tried in order; ISO 8601 when there is none.
    pub patterns: Vec<String>,
    /// The zone of texts that name none.
    #[serde(serialize_with = "zone_name")]
    pub timezone: Tz,
    /// What stands between whole part and decimals: `.` or `,`.
    pub decimal_separator: char,
    /// What may stand between groups of three digits; a blank is any of the three that numbers
    /// are written with: space, no-break space, narrow no-break space.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thousands_separator: Option<char>,
    /// Texts that may stand before or behind a number, such as currency signs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub strip: Vec<String>,
    /// Whether a number in parentheses is negative.
    #[serde(skip_serializing_if = "is_false")]
    pub negative_parentheses: bool,
    /// Texts that mean a missing value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub null_texts: Vec<String>,
    /// Texts that mean true, instead of `true`; none, or some of both.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub true_texts: Vec<String>,
    /// Texts that mean false, instead of `false`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub false_texts: Vec<String>,
    /// Whether blanks around a text are not part of it; a text of nothing else is then missing.
    #[serde(skip_serializing_if = "is_false")]
    pub trim: bool,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}

fn zone_name<S: serde::Serializer>(timezone: &Tz, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(timezone.name())
}

impl Default for SourceFormat {
    fn default() -> Self {
        Self {
            patterns: Vec::new(),
            timezone: Tz::UTC,
            decimal_separator: '.',
            thousands_separator: None,
            strip: Vec::new(),
            negative_parentheses: false,
            null_texts: Vec::new(),
            true_texts: Vec::new(),
            false_texts: Vec::new(),
            trim: false,
        }
    }
}

/// The zone of that name.
pub(crate) fn timezone(name: &str) -> Result<Tz, ContractError> {
    name.parse().map_err(|_| {
        ContractError::invalid(format!("`{name}` is not a time zone"))
            .with_hint("use a name of the IANA database, such as `UTC` or `Europe/Berlin`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONEY: ColumnType = ColumnType::Decimal {
        precision: 18,
        scale: 2,
    };

    #[test]
    fn types_have_the_engines_names() {
        let names: Vec<String> = [
            ColumnType::Text,
            ColumnType::Boolean,
            ColumnType::Int32,
            ColumnType::Int64,
            MONEY,
            ColumnType::Double,
            ColumnType::Date,
            ColumnType::Timestamp,
            ColumnType::Uuid,
        ]
        .iter()
        .map(ColumnType::sql)
        .collect();
        assert_eq!(
            names,
            [
                "VARCHAR",
                "BOOLEAN",
                "INTEGER",
                "BIGINT",
                "DECIMAL(18,2)",
                "DOUBLE",
                "DATE",
                "TIMESTAMP",
                "UUID"
            ]
        );
    }

    #[test]
    fn literals_are_typed() {
        assert_eq!(ColumnType::Text.literal("it's"), "'it''s'");
        assert_eq!(MONEY.literal("0.10"), "CAST('0.10' AS DECIMAL(18,2))");
    }

    #[test]
    fn what_a_type_holds_exactly_is_a_value() {
        for (column_type, text, canonical) in [
            (ColumnType::Text, "", ""),
            (ColumnType::Boolean, "true", "true"),
            (ColumnType::Int32, "-2147483648", "-2147483648"),
            (ColumnType::Int64, "+5", "5"),
            (MONEY, "9999999999999999.99", "9999999999999999.99"),
            (MONEY, "1.500", "1.500"),
            (ColumnType::Double, "1e-3", "1e-3"),
            (ColumnType::Date, "2024-02-29", "2024-02-29"),
            (
                ColumnType::Timestamp,
                "2015-01-01T00:00:00Z",
                "2015-01-01 00:00:00.000000",
            ),
            (
                ColumnType::Timestamp,
                "2015-01-01T02:00:00.5+02:00",
                "2015-01-01 00:00:00.500000",
            ),
            (
                ColumnType::Timestamp,
                "2015-01-01",
                "2015-01-01 00:00:00.000000",
            ),
            (
                ColumnType::Uuid,
                "0190A6E8-4f3b-7c21-9d5e-1b2c3d4e5f60",
                "0190a6e8-4f3b-7c21-9d5e-1b2c3d4e5f60",
            ),
            (
                ColumnType::Timestamp,
                "2015-01-01 10:30:00",
                "2015-01-01 10:30:00.000000",
            ),
        ] {
            assert_eq!(column_type.canonical(text).unwrap(), canonical);
        }
    }

    #[test]
    fn what_a_type_would_round_is_refused() {
        for (column_type, text) in [
            (ColumnType::Boolean, "yes"),
            (ColumnType::Int32, "2147483648"),
            (ColumnType::Int32, "2.5"),
            (ColumnType::Int64, "9223372036854775808"),
            (MONEY, "0.001"),
            (MONEY, "10000000000000000"),
            (MONEY, "1e3"),
            (MONEY, "NaN"),
            (ColumnType::Double, "inf"),
            (ColumnType::Double, "1e999"),
            (ColumnType::Date, "2023-02-29"),
            (ColumnType::Timestamp, "2023-02-29T00:00:00Z"),
            (ColumnType::Timestamp, "now"),
            (ColumnType::Uuid, "0190a6e84f3b7c219d5e1b2c3d4e5f60"),
            (ColumnType::Uuid, "0190a6e8-4f3b-7c21-9d5e-1b2c3d4e5f6g"),
        ] {
            assert!(column_type.canonical(text).is_err(), "{text}");
        }
    }
}
