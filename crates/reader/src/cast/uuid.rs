//! UUIDs: 32 hex digits in the groups of RFC 9562, `8-4-4-4-12`, in either case.

use crate::cast::Kind;

/// The bytes in front of which a hyphen stands.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// The UUID as its 128 bits, first digit highest; none for any other spelling, such as one in
/// braces, without hyphens or with `urn:uuid:` in front.
#[must_use]
pub fn uuid(bytes: &[u8]) -> Option<u128> {
    if bytes.len() != 36 {
        return None;
    }
    let mut bits = 0_u128;
    for (place, byte) in bytes.iter().enumerate() {
        if HYPHENS.contains(&place) {
            if *byte != b'-' {
                return None;
            }
            continue;
        }
        let digit = char::from(*byte).to_digit(16)?;
        bits = (bits << 4) | u128::from(digit);
    }
    Some(bits)
}

/// The value as the engine keeps it: its order is that of signed numbers, so the highest bit is
/// turned.
pub(super) fn stored(kind: Kind, bytes: &[u8]) -> Option<i128> {
    match kind {
        Kind::Text => uuid(bytes).map(|bits| (bits ^ (1 << 127)) as i128),
        Kind::Number | Kind::Word | Kind::Structure => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, stored, uuid};

    #[test]
    fn one_spelling_in_either_case_is_a_uuid() {
        let bits = 0x0190_a6e8_4f3b_7c21_9d5e_1b2c_3d4e_5f60;
        for text in [
            "0190a6e8-4f3b-7c21-9d5e-1b2c3d4e5f60",
            "0190A6E8-4F3B-7C21-9D5E-1B2C3D4E5F60",
            "0190a6E8-4f3b-7C21-9d5e-1b2c3D4e5f60",
        ] {
            assert_eq!(uuid(text.as_bytes()), Some(bits), "{text}");
        }
        assert_eq!(uuid(b"00000000-0000-0000-0000-000000000000"), Some(0));
        assert_eq!(
            uuid(b"ffffffff-ffff-ffff-ffff-ffffffffffff"),
            Some(u128::MAX)
        );
    }

    #[test]
    fn nothing_else_is_one() {
        for text in [
            "",
            "0190a6e84f3b7c219d5e1b2c3d4e5f60",
            "{0190a6e8-4f3b-7c21-9d5e-1b2c3d4e5f60}",
            "urn:uuid:0190a6e8-4f3b-7c21-9d5e-1b2c3d4e5f60",
            " 0190a6e8-4f3b-7c21-9d5e-1b2c3d4e5f60",
            "0190a6e8-4f3b-7c21-9d5e-1b2c3d4e5f6",
            "0190a6e8-4f3b-7c21-9d5e-1b2c3d4e5f600",
            "0190a6e84-f3b-7c21-9d5e-1b2c3d4e5f60",
            "0190a6e8_4f3b_7c21_9d5e_1b2c3d4e5f60",
            "0190a6e8-4f3b-7c21-9d5e-1b2c3d4e5f6g",
            "0190a6e8-4f3b-7c21-9d5e-1b2c3d4e5f6\u{e9}",
        ] {
            assert_eq!(uuid(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn the_engine_orders_them_as_numbers() {
        let text = |first: char| format!("{first}0000000-0000-0000-0000-000000000000");
        let values: Vec<i128> = ['0', '7', '8', 'f']
            .map(|first| stored(Kind::Text, text(first).as_bytes()).unwrap())
            .to_vec();
        assert!(values.is_sorted() && values[0] == i128::MIN);
        assert_eq!(stored(Kind::Number, text('0').as_bytes()), None);
    }
}
