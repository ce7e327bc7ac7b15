//! Doubles: the finite number nearest to a decimal text. The only type that rounds, since that
//! is what a double is; not a number and infinity mean nothing.

/// The finite double nearest to a text, which is written with `separator` before its decimals.
#[must_use]
pub fn double(text: &[u8], separator: u8) -> Option<f64> {
    let point = check(text, separator)?;
    let value = if separator == b'.' || point.is_none() {
        parse(text)
    } else {
        let mut with_point = text.to_vec();
        if let Some(at) = point {
            with_point[at] = b'.';
        }
        parse(&with_point)
    }?;
    value.is_finite().then_some(value)
}

fn parse(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Checks the form: a sign, digits with at most one separator among or beside them, an exponent.
/// Returns where the separator is.
fn check(text: &[u8], separator: u8) -> Option<Option<usize>> {
    let mut at = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let mut digits = 0;
    let mut point = None;
    while let Some(&byte) = text.get(at) {
        if byte.is_ascii_digit() {
            digits += 1;
        } else if byte == separator && point.is_none() {
            point = Some(at);
        } else {
            break;
        }
        at += 1;
    }
    if digits == 0 {
        return None;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        at += 1;
        if matches!(text.get(at), Some(b'-' | b'+')) {
            at += 1;
        }
        let exponent = &text[at..];
        if exponent.is_empty() || !exponent.iter().all(u8::is_ascii_digit) {
            return None;
        }
        at = text.len();
    }
    (at == text.len()).then_some(point)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::double;

    #[test]
    fn cases() {
        for (text, expected) in [
            ("0", Some(0.0)),
            ("2.5", Some(2.5)),
            ("-2.5e-3", Some(-0.0025)),
            ("+1E+3", Some(1000.0)),
            (".5", Some(0.5)),
            ("5.", Some(5.0)),
            ("1e308", Some(1e308)),
            ("1e309", None),
            ("-1e309", None),
            ("1e-400", Some(0.0)),
            ("NaN", None),
            ("nan", None),
            ("inf", None),
            ("Infinity", None),
            ("-Infinity", None),
            (".", None),
            ("", None),
            ("-", None),
            ("1e", None),
            ("1e+", None),
            ("1.2.3", None),
            ("1,5", None),
            ("1_0", None),
            (" 1", None),
            ("1 ", None),
            ("0x1p3", None),
        ] {
            assert_eq!(double(text.as_bytes(), b'.'), expected, "{text:?}");
        }
        assert_eq!(double(b"1,5", b','), Some(1.5));
        assert_eq!(double(b"-1,5e2", b','), Some(-150.0));
        assert_eq!(double(b"1.5", b','), None);
    }

    proptest! {
        #[test]
        fn reads_what_it_wrote(value in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO) {
            let text = format!("{value:e}");
            prop_assert_eq!(double(text.as_bytes(), b'.').map(f64::to_bits), Some(value.to_bits()));
            let plain = format!("{value}");
            prop_assert_eq!(double(plain.as_bytes(), b'.').map(f64::to_bits), Some(value.to_bits()));
            let comma = plain.replace('.', ",");
            prop_assert_eq!(double(comma.as_bytes(), b',').map(f64::to_bits), Some(value.to_bits()));
        }
    }
}
