//! Integers: an optional sign and digits, nothing else; what overflows means nothing.

/// The 32-bit integer that a text means.
#[must_use]
#[inline]
pub fn int32(text: &[u8]) -> Option<i32> {
    int64(text).and_then(|value| i32::try_from(value).ok())
}

/// The 64-bit integer that a text means.
#[must_use]
#[inline]
pub fn int64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    if digits.len() > 18 {
        return long(negative, digits);
    }
    let mut value = 0_i64;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(if negative { -value } else { value })
}

/// More than 18 digits: counted downwards, since the smallest number has no positive twin.
#[cold]
fn long(negative: bool, digits: &[u8]) -> Option<i64> {
    let mut value = 0_i64;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_sub(i64::from(digit))?;
    }
    if negative {
        Some(value)
    } else {
        value.checked_neg()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{int32, int64};

    #[test]
    fn cases() {
        for (text, expected) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("+7", Some(7)),
            ("007", Some(7)),
            ("-12", Some(-12)),
            ("2.5", None),
            ("3.0", None),
            ("1e3", None),
            ("0x1F", None),
            ("1_000", None),
            ("1,000", None),
            (" 1", None),
            ("1 ", None),
            ("", None),
            ("-", None),
            ("+", None),
            ("--1", None),
            ("NaN", None),
            ("٣", None),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("-9223372036854775808", Some(i64::MIN)),
            ("-9223372036854775809", None),
            ("00000000000000000000000000000000000012", Some(12)),
            ("000000000000000000000000000000000000x2", None),
        ] {
            assert_eq!(int64(text.as_bytes()), expected, "{text:?}");
        }
        assert_eq!(int32(b"2147483647"), Some(i32::MAX));
        assert_eq!(int32(b"2147483648"), None);
        assert_eq!(int32(b"-2147483648"), Some(i32::MIN));
        assert_eq!(int32(b"-2147483649"), None);
    }

    proptest! {
        #[test]
        fn reads_what_it_wrote(value: i64, zeros in 0_usize..25, plus: bool) {
            let sign = if value < 0 { "-" } else if plus { "+" } else { "" };
            let text = format!("{sign}{}{}", "0".repeat(zeros), value.unsigned_abs());
            prop_assert_eq!(int64(text.as_bytes()), Some(value));
        }

        /// The model: the standard library's parser, which takes exactly a sign and digits.
        #[test]
        fn agrees_with_the_standard_library(text in "[-+]?[0-9]{0,22}[.ex ]?[0-9]{0,3}") {
            prop_assert_eq!(int64(text.as_bytes()), text.parse::<i64>().ok());
            prop_assert_eq!(int32(text.as_bytes()), text.parse::<i32>().ok());
        }
    }
}
