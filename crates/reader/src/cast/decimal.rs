//! Decimals: exact digits or nothing. `9999999999999999.99` keeps every digit, `1.005` has no
//! place in a scale of two, and `1.500` does, because nothing is lost.

use crate::batch::Values;

/// Powers of ten that an `i128` holds.
const POWERS: [u128; 39] = {
    let mut powers = [1_u128; 39];
    let mut exponent = 1;
    while exponent < 39 {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};

/// The decimal that a text means, as an integer of 10^-scale: `decimal(b"1.5", 18, 2, b'.')`
/// is 150. `separator` stands before the decimals. NULL where the text has more decimals than
/// the scale or more digits than the precision, surplus zeros aside.
#[must_use]
pub fn decimal(text: &[u8], precision: u8, scale: u8, separator: u8) -> Option<i128> {
    if let Some(value) = short(text, precision, scale, separator) {
        return value.map(i128::from);
    }
    long(text, precision, scale, separator)
}

/// Writes a decimal into a column of the width that its precision asks for.
#[inline]
pub(super) fn write(
    text: &[u8],
    precision: u8,
    scale: u8,
    separator: u8,
    values: &mut Values,
    row: usize,
) -> bool {
    match values {
        Values::Int64(column) => {
            let value = match short(text, precision, scale, separator) {
                Some(Some(value)) => value,
                Some(None) => return false,
                None => match long(text, precision, scale, separator).map(i64::try_from) {
                    Some(Ok(value)) => value,
                    _ => return false,
                },
            };
            column[row] = value;
            true
        }
        Values::Int16(column) => narrow(decimal(text, precision, scale, separator), column, row),
        Values::Int32(column) => narrow(decimal(text, precision, scale, separator), column, row),
        Values::Int128(column) => narrow(decimal(text, precision, scale, separator), column, row),
        _ => false,
    }
}

fn narrow<T: TryFrom<i128>>(value: Option<i128>, column: &mut [T], row: usize) -> bool {
    match value.map(T::try_from) {
        Some(Ok(value)) => {
            column[row] = value;
            true
        }
        _ => false,
    }
}

/// The common case: few enough characters that no digit can overflow, no exponent. The outer
/// `None` means "not the common case", the inner one "means no value".
#[inline]
fn short(text: &[u8], precision: u8, scale: u8, separator: u8) -> Option<Option<i64>> {
    if text.len() > 18 || precision > 18 {
        return None;
    }
    let (negative, unsigned) = match text.first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let mut value = 0_u64;
    let mut decimals = 0_usize;
    let mut step = 0_usize;
    let mut digits = 0_usize;
    for &byte in unsigned {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            value = value * 10 + u64::from(digit);
            decimals += step;
            digits += 1;
        } else if byte == separator && step == 0 {
            step = 1;
        } else {
            return None;
        }
    }
    if digits == 0 {
        return Some(None);
    }
    let scale = usize::from(scale);
    let value = if decimals <= scale {
        u128::from(value) * POWERS[scale - decimals]
    } else {
        let surplus = POWERS[decimals - scale];
        let value = u128::from(value);
        if value % surplus != 0 {
            return Some(None);
        }
        value / surplus
    };
    if value >= POWERS[usize::from(precision)] {
        return Some(None);
    }
    // Below 10^18, so it fits.
    let value = value as i64;
    Some(Some(if negative { -value } else { value }))
}

/// Any length, any exponent, without a step per power of ten: the significant digits are
/// gathered without the zeros around them, and the exponents are added up.
#[cold]
fn long(text: &[u8], precision: u8, scale: u8, separator: u8) -> Option<i128> {
    let negative = text.first() == Some(&b'-');
    let mut at = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let mut significand = 0_u128;
    let mut significant_digits = 0_i64;
    let mut pending_zeros = 0_i64;
    let mut decimals = 0_i64;
    let mut seen_separator = false;
    let mut seen_digit = false;
    let mut too_long = false;
    while let Some(&byte) = text.get(at) {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            seen_digit = true;
            decimals += i64::from(seen_separator);
            if digit == 0 {
                pending_zeros += i64::from(significand != 0);
            } else {
                significant_digits += pending_zeros + 1;
                if significant_digits > 38 {
                    too_long = true;
                } else {
                    significand =
                        significand * POWERS[pending_zeros as usize + 1] + u128::from(digit);
                }
                pending_zeros = 0;
            }
        } else if byte == separator && !seen_separator {
            seen_separator = true;
        } else {
            break;
        }
        at += 1;
    }
    let exponent = exponent(&text[at..])?;
    if !seen_digit || too_long {
        return None;
    }
    if significand == 0 {
        return Some(0);
    }
    let power = pending_zeros - decimals + exponent + i64::from(scale);
    // The significand does not end in a zero: a negative power would cut a digit off.
    if power < 0 || significant_digits + power > i64::from(precision) {
        return None;
    }
    let value = i128::try_from(significand * POWERS[usize::try_from(power).ok()?]).ok()?;
    Some(if negative { -value } else { value })
}

/// What follows the digits: nothing, or an exponent, which saturates far beyond any precision.
fn exponent(text: &[u8]) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    if !matches!(text[0], b'e' | b'E') {
        return None;
    }
    let (negative, digits) = match text.get(1) {
        Some(b'-') => (true, &text[2..]),
        Some(b'+') => (false, &text[2..]),
        _ => (false, &text[1..]),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value = 0_i64;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = (value * 10 + i64::from(digit)).min(1 << 40);
    }
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{decimal, long};

    #[test]
    fn cases() {
        for (text, expected) in [
            ("0", Some(0)),
            ("-0.00", Some(0)),
            ("1", Some(100)),
            ("+1.5", Some(150)),
            ("-1.50", Some(-150)),
            ("1.500", Some(150)),
            ("1.005", None),
            (".5", Some(50)),
            ("5.", Some(500)),
            ("007.10", Some(710)),
            ("9999999999999999.99", Some(999_999_999_999_999_999)),
            ("-9999999999999999.99", Some(-999_999_999_999_999_999)),
            ("10000000000000000", None),
            ("9999999999999999.991", None),
            (
                "9999999999999999.990000000000000000000000",
                Some(999_999_999_999_999_999),
            ),
            ("00000000000000000000000000000000000000000001.00", Some(100)),
            ("1e3", Some(100_000)),
            ("1E-2", Some(1)),
            ("1e-3", None),
            ("1000e-5", Some(1)),
            ("1.23e1", Some(1230)),
            ("123456e-4", None),
            ("0e999999999999999999999", Some(0)),
            ("1e999999999999999999999", None),
            ("1e-999999999999999999999", None),
            ("", None),
            ("-", None),
            (".", None),
            ("e3", None),
            ("1e", None),
            ("1e+", None),
            ("1.2.3", None),
            ("1,5", None),
            (" 1", None),
            ("1 ", None),
            ("1_000", None),
            ("NaN", None),
            ("Infinity", None),
            ("-inf", None),
            ("0x10", None),
            ("£1", None),
        ] {
            assert_eq!(decimal(text.as_bytes(), 18, 2, b'.'), expected, "{text:?}");
        }
        assert_eq!(decimal(b"1,50", 18, 2, b','), Some(150));
        assert_eq!(decimal(b"1.50", 18, 2, b','), None);
        assert_eq!(decimal(b"1.234,50", 18, 2, b','), None);
        assert_eq!(
            decimal(b"99999999999999999999999999999999999999", 38, 0, b'.'),
            Some(10_i128.pow(38) - 1)
        );
        assert_eq!(
            decimal(b"100000000000000000000000000000000000000", 38, 0, b'.'),
            None
        );
        assert_eq!(
            decimal(b"0.00000000000000000000000000000000000001", 38, 38, b'.'),
            Some(1)
        );
        assert_eq!(decimal(b"9.9", 2, 1, b'.'), Some(99));
        assert_eq!(decimal(b"10", 2, 1, b'.'), None);
    }

    /// The model: move the separator in the text, cut the zeros, count what is left.
    fn model(
        negative: bool,
        whole: &str,
        decimals: &str,
        exponent: i64,
        precision: u8,
        scale: u8,
    ) -> Option<i128> {
        let mut digits = format!("{whole}{decimals}");
        let mut power = exponent - decimals.len() as i64 + i64::from(scale);
        while power > 0 {
            digits.push('0');
            power -= 1;
        }
        while power < 0 {
            if digits.pop().unwrap_or('0') != '0' {
                return None;
            }
            power += 1;
        }
        let digits = digits.trim_start_matches('0');
        if digits.len() > usize::from(precision) {
            return None;
        }
        let value: i128 = if digits.is_empty() {
            0
        } else {
            digits.parse().unwrap()
        };
        Some(if negative { -value } else { value })
    }

    proptest! {
        #[test]
        fn agrees_with_the_model(
            negative: bool,
            whole in "[0-9]{0,20}|0{0,30}[0-9]{1,3}",
            decimals in "[0-9]{1,20}|[0-9]{1,2}0{0,30}",
            exponent in prop_oneof![Just(None), (-30_i64..30).prop_map(Some)],
            precision in 1_u8..=38,
            scale in 0_u8..=38,
            comma: bool,
        ) {
            let scale = scale.min(precision);
            let separator = if comma { ',' } else { '.' };
            let mut text = format!("{}{whole}{separator}{decimals}", if negative { "-" } else { "" });
            if let Some(exponent) = exponent {
                text.push_str(&format!("e{exponent}"));
            }
            let expected = model(negative, &whole, &decimals, exponent.unwrap_or(0), precision, scale);
            prop_assert_eq!(decimal(text.as_bytes(), precision, scale, separator as u8), expected);
            prop_assert_eq!(long(text.as_bytes(), precision, scale, separator as u8), expected);
        }

        #[test]
        fn never_panics(text in "[-+0-9.,eE]{0,60}", precision in 1_u8..=38, scale in 0_u8..=38) {
            let scale = scale.min(precision);
            prop_assert_eq!(
                decimal(text.as_bytes(), precision, scale, b'.'),
                long(text.as_bytes(), precision, scale, b'.')
            );
        }
    }
}
