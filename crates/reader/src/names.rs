//! Names of source fields: which may be shown, and which differ only in how they are written.

/// A longer text is not shown as a name.
const MAX_NAME_CHARACTERS: usize = 64;

/// Whether a text looks like the name of a field: letters, digits, `_`, `.` and `-`, at most 64 of
/// them. What does not may be data: the first row of a file without a header, an object that is
/// keyed by e-mail address.
#[must_use]
pub fn looks_like_name(text: &str) -> bool {
    !text.is_empty()
        && text.chars().count() <= MAX_NAME_CHARACTERS
        && text
            .chars()
            .all(|character| character.is_alphanumeric() || matches!(character, '_' | '.' | '-'))
}

/// A name without its blanks and in lowercase: names that are equal so are one name to a person.
pub(crate) fn folded(name: &str) -> String {
    name.chars()
        .filter(|character| {
            !character.is_whitespace() && !matches!(character, '\u{feff}' | '\u{200b}')
        })
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_data() {
        for name in ["id", "product.name", "Straße_2", "x-1", &"a".repeat(64)] {
            assert!(looks_like_name(name), "{name}");
        }
        for data in [
            "",
            " id",
            "Ada Lovelace",
            "ada@example.org",
            "12,5",
            "+49 30 1",
            &"a".repeat(65),
        ] {
            assert!(!looks_like_name(data), "{data}");
        }
    }

    #[test]
    fn case_and_blanks_are_folded() {
        for name in [
            "amount",
            " Amount",
            "AMOUNT\u{a0}",
            "a mount",
            "\u{feff}amount",
        ] {
            assert_eq!(folded(name), "amount");
        }
        assert_ne!(folded("amount_"), "amount");
    }
}
