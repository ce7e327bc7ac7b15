//! `lake_decimal`, `lake_integer`, `lake_date` and `lake_timestamp`: what a text means, by the
//! reader's rules.
//!
//! The engine's own casts round (`'1.005'` is 1.01, `'2.5'` is 3) and guess (`'epoch'` is a date),
//! so [`guard`](crate::guard) refuses them in contracts. These take a text that means exactly one
//! value, and fail on any other. A missing text stays missing. Errors never show the text: it may
//! be personal data.

use chrono_tz::Tz;
use duckdb::ffi;
use lakehouse_reader::cast::{self, Pattern};

use crate::scalar::{Rows, ScalarFunction};

const TEXT: ffi::duckdb_type = ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR;
const INTEGER: ffi::duckdb_type = ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTEGER;

/// `lake_decimal(text, precision, scale)`. A function's type cannot depend on its arguments, but a
/// macro's can: [`DecimalText`] judges the text and writes it in the plain form that the engine's
/// cast reads exactly; `from_json` is there for its type alone.
pub(crate) const DECIMAL_MACRO: &str = "CREATE MACRO lake_decimal(text, digits, scale) AS \
     cast_to_type(lake_decimal_text(text, digits, scale), \
     from_json('0', '\"DECIMAL(' || digits || ',' || scale || ')\"'))";

/// The name of [`DecimalText`], by which a bound tree shows that a cast is `lake_decimal`'s.
pub(crate) const DECIMAL_TEXT: &str = "lake_decimal_text";

/// `lake_decimal_text(text, precision, scale)`: the digits of a DECIMAL as a text.
pub(crate) struct DecimalText;

impl ScalarFunction for DecimalText {
    const NAME: &'static str = DECIMAL_TEXT;
    const PARAMETERS: &'static [ffi::duckdb_type] = &[TEXT, INTEGER, INTEGER];
    const RETURN_TYPE: ffi::duckdb_type = TEXT;
    const VOLATILE: bool = false;
    const ERRORS_ARE_DATA: bool = true;

    unsafe fn call(&self, rows: &mut Rows) -> Result<(), String> {
        for row in 0..rows.count() {
            // SAFETY: as the trait says; rows stay below their number.
            unsafe {
                if rows.has_null(row) {
                    rows.set_null(row);
                    continue;
                }
                let (precision, scale) = decimal_type(rows.fixed(1, row), rows.fixed(2, row))?;
                let Some(value) = cast::decimal(rows.text(0, row), precision, scale, b'.') else {
                    return Err(format!("a text is not a DECIMAL({precision},{scale})"));
                };
                rows.set_text(row, plain(value, scale).as_bytes());
            }
        }
        Ok(())
    }
}

/// Precision and scale of a DECIMAL; an error where there is no such type.
fn decimal_type(precision: i32, scale: i32) -> Result<(u8, u8), String> {
    match (u8::try_from(precision), u8::try_from(scale)) {
        (Ok(precision @ 1..=38), Ok(scale)) if scale <= precision => Ok((precision, scale)),
        _ => Err(format!("there is no DECIMAL({precision},{scale})")),
    }
}

/// An integer of 10^-scale as the engine's cast reads it: `-0.05`, never an exponent.
fn plain(value: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let mut digits = format!("{:0width$}", value.unsigned_abs(), width = scale + 1);
    if scale > 0 {
        digits.insert(digits.len() - scale, '.');
    }
    if value < 0 {
        digits.insert(0, '-');
    }
    digits
}

/// `lake_integer(text)`: a BIGINT.
pub(crate) struct Integer;

impl ScalarFunction for Integer {
    const NAME: &'static str = "lake_integer";
    const PARAMETERS: &'static [ffi::duckdb_type] = &[TEXT];
    const RETURN_TYPE: ffi::duckdb_type = ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIGINT;
    const VOLATILE: bool = false;
    const ERRORS_ARE_DATA: bool = true;

    unsafe fn call(&self, rows: &mut Rows) -> Result<(), String> {
        for row in 0..rows.count() {
            // SAFETY: as the trait says; rows stay below their number.
            unsafe {
                if rows.has_null(row) {
                    rows.set_null(row);
                    continue;
                }
                let value: i64 =
                    cast::int64(rows.text(0, row)).ok_or("a text is not a whole number")?;
                rows.set(row, value);
            }
        }
        Ok(())
    }
}

/// `lake_date(text, pattern)`: a DATE.
pub(crate) struct Date;

impl ScalarFunction for Date {
    const NAME: &'static str = "lake_date";
    const PARAMETERS: &'static [ffi::duckdb_type] = &[TEXT, TEXT];
    const RETURN_TYPE: ffi::duckdb_type = ffi::DUCKDB_TYPE_DUCKDB_TYPE_DATE;
    const VOLATILE: bool = false;
    const ERRORS_ARE_DATA: bool = true;

    unsafe fn call(&self, rows: &mut Rows) -> Result<(), String> {
        // SAFETY: as the trait says, and as `by_pattern` says.
        unsafe { by_pattern::<i32>(rows, "date", |pattern, text| pattern.date(text)) }
    }
}

/// `lake_timestamp(text, pattern)`: a TIMESTAMP; without an offset in the text it is in UTC.
pub(crate) struct Timestamp;

impl ScalarFunction for Timestamp {
    const NAME: &'static str = "lake_timestamp";
    const PARAMETERS: &'static [ffi::duckdb_type] = &[TEXT, TEXT];
    const RETURN_TYPE: ffi::duckdb_type = ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP;
    const VOLATILE: bool = false;
    const ERRORS_ARE_DATA: bool = true;

    unsafe fn call(&self, rows: &mut Rows) -> Result<(), String> {
        // SAFETY: as the trait says, and as `by_pattern` says.
        unsafe {
            by_pattern::<i64>(rows, "timestamp", |pattern, text| {
                pattern.timestamp(text, Tz::UTC)
            })
        }
    }
}

/// Reads texts by a pattern, which is compiled again only where it differs from the row before.
///
/// # Safety
///
/// `rows` has two columns of texts, and results of type `T`.
unsafe fn by_pattern<T: Copy>(
    rows: &mut Rows,
    what: &str,
    read: impl Fn(&Pattern, &[u8]) -> Option<T>,
) -> Result<(), String> {
    let mut compiled: Option<(Vec<u8>, Pattern)> = None;
    for row in 0..rows.count() {
        // SAFETY: as promised; rows stay below their number.
        unsafe {
            if rows.has_null(row) {
                rows.set_null(row);
                continue;
            }
            let spelling = rows.text(1, row);
            let (_, pattern) = match compiled.take() {
                Some(known) if known.0 == spelling => compiled.insert(known),
                _ => {
                    let pattern = Pattern::new(&String::from_utf8_lossy(spelling))?;
                    compiled.insert((spelling.to_vec(), pattern))
                }
            };
            let value = read(pattern, rows.text(0, row))
                .ok_or_else(|| format!("a text is not a {what} of its pattern"))?;
            rows.set(row, value);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{decimal_type, plain};

    #[test]
    fn digits_are_written_plainly() {
        for (value, scale, text) in [
            (0, 0, "0"),
            (0, 2, "0.00"),
            (5, 2, "0.05"),
            (-5, 2, "-0.05"),
            (12_345, 2, "123.45"),
            (-7, 0, "-7"),
            (5, 38, "0.00000000000000000000000000000000000005"),
        ] {
            assert_eq!(plain(value, scale), text);
        }
        assert_eq!(
            plain(10_i128.pow(38) - 1, 2),
            format!("{}.99", "9".repeat(36))
        );
    }

    #[test]
    fn types_that_do_not_exist_are_refused() {
        assert_eq!(decimal_type(38, 38), Ok((38, 38)));
        for (precision, scale) in [(0, 0), (39, 0), (2, 3), (5, -1), (300, 2)] {
            assert!(
                decimal_type(precision, scale).is_err(),
                "{precision},{scale}"
            );
        }
    }
}
