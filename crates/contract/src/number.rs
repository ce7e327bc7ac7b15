//! Decimal numbers of any length, compared exactly.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::ContractError;

/// A decimal number, kept with all its digits.
///
/// Quality rules compare what the engine measured with what a contract allows. Sums of money are
/// DECIMALs: as floats they would be equal, or not, by accident.
///
/// ```
/// use lakehouse_contract::Number;
/// let measured: Number = "9748131.074".parse().unwrap();
/// assert_eq!(measured, "9748131.0740".parse().unwrap());
/// assert!(measured < "9748131.0741".parse().unwrap());
/// assert!("1e3".parse::<Number>().unwrap() == "1000".parse().unwrap());
/// ```
#[derive(Clone, Debug)]
pub struct Number {
    text: String,
    negative: bool,
    /// Without leading and trailing zeros; empty for zero.
    digits: Vec<u8>,
    /// The value is `0.digits × 10^exponent`.
    exponent: i64,
}

impl Number {
    /// 0.
    pub(crate) fn zero() -> Self {
        Self {
            text: "0".to_owned(),
            negative: false,
            digits: Vec::new(),
            exponent: 0,
        }
    }

    /// How many digits stand before the point.
    pub(crate) fn integer_digits(&self) -> i64 {
        self.exponent.max(0)
    }

    /// How many digits stand behind the point.
    pub(crate) fn fraction_digits(&self) -> i64 {
        (i64::try_from(self.digits.len()).unwrap_or(i64::MAX) - self.exponent).max(0)
    }

    fn compare_size(&self, other: &Self) -> Ordering {
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self
                .exponent
                .cmp(&other.exponent)
                .then_with(|| self.digits.cmp(&other.digits)),
        }
    }
}

impl FromStr for Number {
    type Err = ContractError;

    fn from_str(text: &str) -> Result<Self, ContractError> {
        let refuse = || {
            ContractError::invalid(format!("`{text}` is not a number"))
                .with_hint("write digits, with a point before the decimals: `1234.50`")
        };
        let (mantissa, power) = match text.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, power.parse::<i32>().map_err(|_| refuse())?),
            None => (text, 0),
        };
        let (negative, unsigned) = match mantissa.strip_prefix('-') {
            Some(unsigned) => (true, unsigned),
            None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
        };
        let (before, behind) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits(before) || !all_digits(behind) || before.len() + behind.len() == 0 {
            return Err(refuse());
        }
        let mut digits: Vec<u8> = before.bytes().chain(behind.bytes()).collect();
        let mut exponent = i64::try_from(before.len()).map_err(|_| refuse())? + i64::from(power);
        let leading = digits.iter().take_while(|digit| **digit == b'0').count();
        digits.drain(..leading);
        exponent -= i64::try_from(leading).map_err(|_| refuse())?;
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        if digits.is_empty() {
            exponent = 0;
        }
        let negative = negative && !digits.is_empty();
        Ok(Self {
            text: text.to_owned(),
            negative,
            digits,
            exponent,
        })
    }
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.compare_size(other),
            (true, true) => other.compare_size(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        text.parse().unwrap()
    }

    #[test]
    fn numbers_are_ordered_exactly() {
        let ascending = [
            "-1e3",
            "-999.99",
            "-1",
            "-0.1",
            "-0.01",
            "0",
            "0.001",
            "0.01",
            "0.1",
            "1",
            "1.5",
            "2",
            "10",
            "9999999999999999.99",
            "10000000000000000",
            "1e20",
        ];
        for (left, one) in ascending.iter().enumerate() {
            for (right, other) in ascending.iter().enumerate() {
                assert_eq!(
                    number(one).cmp(&number(other)),
                    left.cmp(&right),
                    "{one} {other}"
                );
            }
        }
    }

    #[test]
    fn spellings_of_one_number_are_equal() {
        for (one, other) in [
            ("1", "1.00"),
            ("0", "-0.0"),
            ("1e-2", ".01"),
            ("100", "1E2"),
            ("007", "7"),
            ("+5", "5"),
        ] {
            assert_eq!(number(one), number(other));
        }
    }

    #[test]
    fn digits_are_counted_around_the_point() {
        for (text, before, behind) in [
            ("12.345", 2, 3),
            ("0.001", 0, 3),
            ("100", 3, 0),
            ("1.50", 1, 1),
            ("1e2", 3, 0),
            ("0", 0, 0),
        ] {
            assert_eq!(
                (
                    number(text).integer_digits(),
                    number(text).fraction_digits()
                ),
                (before, behind),
                "{text}"
            );
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for bad in [
            "", "-", ".", "1.2.3", "1e", "1e2.5", "NaN", "inf", "1,5", "0x10", " 1", "--1",
        ] {
            assert!(bad.parse::<Number>().is_err(), "{bad}");
        }
    }
}
