//! Boolean: `true` and `false`, in any case; nothing else, `1` and `yes` least of all.

/// The boolean that a text means.
#[must_use]
pub fn boolean(text: &[u8]) -> Option<bool> {
    if text.eq_ignore_ascii_case(b"true") {
        Some(true)
    } else if text.eq_ignore_ascii_case(b"false") {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::boolean;

    #[test]
    fn cases() {
        for (text, expected) in [
            ("true", Some(true)),
            ("false", Some(false)),
            ("TRUE", Some(true)),
            ("False", Some(false)),
            ("1", None),
            ("0", None),
            ("t", None),
            ("yes", None),
            ("", None),
            (" true", None),
            ("true ", None),
            ("null", None),
        ] {
            assert_eq!(boolean(text.as_bytes()), expected, "{text:?}");
        }
    }
}
