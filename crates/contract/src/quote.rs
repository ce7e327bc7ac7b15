//! The one place where a name or a text becomes part of an SQL statement.
//!
//! ```
//! use lakehouse_contract::quote;
//! assert_eq!(quote::identifier("unit \"price\""), "\"unit \"\"price\"\"\"");
//! assert_eq!(quote::literal("it's"), "'it''s'");
//! ```

/// `text` as an SQL identifier: in double quotes, always.
///
/// Always, because what is a keyword differs between engines and their versions.
#[must_use]
pub fn identifier(text: &str) -> String {
    enclose(text, '"')
}

/// `text` as an SQL text literal, in single quotes.
///
/// The engine knows no backslash escapes in such literals, so doubling the quote is enough.
/// A NUL cannot be written in a literal; it is replaced, as nothing that reaches here may hold one.
#[must_use]
pub fn literal(text: &str) -> String {
    enclose(text, '\'')
}

/// A comma-separated list of quoted identifiers.
pub(crate) fn identifiers<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| identifier(name)).collect();
    quoted.join(", ")
}

fn enclose(text: &str, quote: char) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push(quote);
    for character in text.chars() {
        match character {
            '\0' => quoted.push('\u{fffd}'),
            character if character == quote => quoted.extend([quote, quote]),
            character => quoted.push(character),
        }
    }
    quoted.push(quote);
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_doubled() {
        assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("a'b\\"), "'a''b\\'");
        assert_eq!(identifier("it's"), "\"it's\"");
        assert_eq!(literal("say \"so\""), "'say \"so\"'");
    }

    #[test]
    fn an_empty_text_is_still_quoted() {
        assert_eq!(identifier(""), "\"\"");
        assert_eq!(literal(""), "''");
    }

    #[test]
    fn what_is_quoted_can_be_read_back() {
        for text in [
            "",
            "'",
            "''",
            "\"",
            "a'b\"c",
            "'; DROP TABLE x; --",
            "ü\n\t\\",
        ] {
            let quoted = literal(text);
            let inner = &quoted[1..quoted.len() - 1];
            assert_eq!(inner.replace("''", "'"), text);
            assert!(!inner.replace("''", "").contains('\''));
        }
    }
}
