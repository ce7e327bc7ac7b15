//! What a source writes around and within its values, where its contract says so in
//! `sourceFormat`: blanks, texts for missing values, currency signs, separators of thousands.

use crate::cast::Kind;
use crate::model::SourceFormat;

/// How a column's texts are written, prepared once; none of it is the common case.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    trim: bool,
    null_texts: Vec<Box<[u8]>>,
    /// With the longest first, so that `US$` is not taken for `$`.
    strip: Vec<String>,
    thousands_separator: Option<char>,
    negative_parentheses: bool,
}

/// What is left of a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Bare<'text> {
    /// The text of the value.
    Text(&'text [u8]),
    /// It means that there is no value.
    Missing,
    /// It is not written as declared.
    Invalid,
}

impl Written {
    /// `None` where texts are taken as they are.
    pub(crate) fn new(format: &SourceFormat) -> Option<Self> {
        let mut strip = format.strip.clone();
        strip.sort_by_key(|text| std::cmp::Reverse(text.len()));
        let written = Self {
            trim: format.trim,
            null_texts: format
                .null_texts
                .iter()
                .map(|text| text.as_bytes().into())
                .collect(),
            strip,
            thousands_separator: format.thousands_separator,
            negative_parentheses: format.negative_parentheses,
        };
        let is_plain =
            !written.trim && written.null_texts.is_empty() && !written.is_number_dressed();
        (!is_plain).then_some(written)
    }

    fn is_number_dressed(&self) -> bool {
        !self.strip.is_empty() || self.thousands_separator.is_some() || self.negative_parentheses
    }

    /// Takes blanks off and tells what is missing.
    pub(crate) fn trimmed<'text>(&self, kind: Kind, text: &'text [u8]) -> Bare<'text> {
        if matches!(kind, Kind::Word | Kind::Structure) {
            return Bare::Text(text);
        }
        let mut bare = text;
        if self.trim
            && let Ok(text) = std::str::from_utf8(text)
        {
            bare = text.trim().as_bytes();
            if bare.is_empty() {
                return Bare::Missing;
            }
        }
        if self.null_texts.iter().any(|null| **null == *bare) {
            return Bare::Missing;
        }
        Bare::Text(bare)
    }

    /// The text of a value without what stands around and between its digits. A JSON number has
    /// nothing of that.
    pub(crate) fn bare<'text>(
        &self,
        kind: Kind,
        text: &'text [u8],
        buffer: &'text mut Vec<u8>,
    ) -> Bare<'text> {
        match self.trimmed(kind, text) {
            Bare::Text(text) if kind == Kind::Text && self.is_number_dressed() => {
                buffer.clear();
                match std::str::from_utf8(text) {
                    Ok(text) if self.undress(text, buffer).is_some() => Bare::Text(buffer),
                    _ => Bare::Invalid,
                }
            }
            bare => bare,
        }
    }

    /// Writes sign and digits of a number; `None` where it is not written as declared.
    fn undress(&self, text: &str, buffer: &mut Vec<u8>) -> Option<()> {
        let mut rest = text;
        let (mut sign, mut in_parentheses, mut has_prefix) = (None, false, false);
        loop {
            if let Some(behind) = rest.strip_prefix(['+', '-']).filter(|_| sign.is_none()) {
                sign = rest.bytes().next();
                rest = behind;
            } else if let Some(behind) = self.strip_prefix(rest).filter(|_| !has_prefix) {
                has_prefix = true;
                rest = behind.trim_start_matches(is_blank);
            } else if self.negative_parentheses && !in_parentheses && rest.starts_with('(') {
                in_parentheses = true;
                rest = &rest[1..];
            } else {
                break;
            }
        }
        let (mut is_closed, mut has_suffix) = (false, false);
        loop {
            if let Some(before) = self.strip_suffix(rest).filter(|_| !has_suffix) {
                has_suffix = true;
                rest = before.trim_end_matches(is_blank);
            } else if in_parentheses && !is_closed && rest.ends_with(')') {
                is_closed = true;
                rest = &rest[..rest.len() - 1];
            } else {
                break;
            }
        }
        if in_parentheses != is_closed || (in_parentheses && sign.is_some()) {
            return None;
        }
        // A second sign would be the number's own.
        if rest.starts_with(['+', '-']) {
            return None;
        }
        buffer.extend(if in_parentheses { Some(b'-') } else { sign });
        self.join_groups(rest, buffer)
    }

    fn strip_prefix<'text>(&self, text: &'text str) -> Option<&'text str> {
        self.strip
            .iter()
            .find_map(|strip| text.strip_prefix(&**strip))
    }

    fn strip_suffix<'text>(&self, text: &'text str) -> Option<&'text str> {
        self.strip
            .iter()
            .find_map(|strip| text.strip_suffix(&**strip))
    }

    /// Writes a number without its separators of thousands. If it has any, every group but the
    /// first has three digits, the first one to three of them and no zero at its begin: `1.29,9`
    /// and `0.123` mean something else than they would be read as.
    fn join_groups(&self, text: &str, buffer: &mut Vec<u8>) -> Option<()> {
        let Some(separator) = self.thousands_separator else {
            buffer.extend_from_slice(text.as_bytes());
            return Some(());
        };
        let is_separator =
            |next: char| next == separator || (is_blank(separator) && is_blank(next));
        let whole_end = text
            .find(|next: char| !next.is_ascii_digit() && !is_separator(next))
            .unwrap_or(text.len());
        let (whole, decimals) = text.split_at(whole_end);
        let groups: Vec<&str> = whole.split(is_separator).collect();
        if let [first, others @ ..] = &groups[..]
            && !others.is_empty()
        {
            let is_grouped = (1..=3).contains(&first.len())
                && !first.starts_with('0')
                && others.iter().all(|group| group.len() == 3);
            if !is_grouped {
                return None;
            }
        }
        for group in groups {
            buffer.extend_from_slice(group.as_bytes());
        }
        buffer.extend_from_slice(decimals.as_bytes());
        Some(())
    }
}

/// The blanks that numbers are written with.
fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\u{a0}' | '\u{202f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn euros() -> SourceFormat {
        SourceFormat {
            decimal_separator: ',',
            thousands_separator: Some('.'),
            strip: ["€", "EUR", "%", "US$", "$"].map(str::to_owned).to_vec(),
            negative_parentheses: true,
            null_texts: vec!["-".to_owned(), "N/A".to_owned()],
            trim: true,
            ..SourceFormat::default()
        }
    }

    /// `missing`, `invalid`, or the bare text.
    fn bare(format: &SourceFormat, text: &str) -> String {
        let mut buffer = Vec::new();
        match Written::new(format)
            .unwrap()
            .bare(Kind::Text, text.as_bytes(), &mut buffer)
        {
            Bare::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
            Bare::Missing => "missing".to_owned(),
            Bare::Invalid => "invalid".to_owned(),
        }
    }

    #[test]
    fn numbers_are_undressed() {
        for (text, expected) in [
            ("1.299,99", "1299,99"),
            ("1299,99", "1299,99"),
            ("1.234.567,89", "1234567,89"),
            ("12,5 %", "12,5"),
            ("12,5%", "12,5"),
            ("12,5\u{a0}%", "12,5"),
            ("€5,00", "5,00"),
            ("€ 5,00", "5,00"),
            ("-€5,00", "-5,00"),
            ("€-5,00", "-5,00"),
            ("5,00 EUR", "5,00"),
            ("US$5", "5"),
            ("$5", "5"),
            ("€(63,12)", "-63,12"),
            ("(€63,12)", "-63,12"),
            ("(1.000,50)", "-1000,50"),
            ("(5 €)", "-5"),
            ("  7,00 ", "7,00"),
            ("", "missing"),
            (" \u{a0}\t", "missing"),
            ("-", "missing"),
            (" N/A ", "missing"),
            // Misplaced separators.
            ("1.29,9", "invalid"),
            ("1.2999", "invalid"),
            ("1234.567", "invalid"),
            ("0.123", "invalid"),
            (".123", "invalid"),
            ("1..234", "invalid"),
            ("1.234.", "invalid"),
            // Signs and parentheses that contradict each other.
            ("-(5)", "invalid"),
            ("(-5)", "invalid"),
            ("(5", "invalid"),
            ("--5", "invalid"),
            ("+€-5", "invalid"),
        ] {
            assert_eq!(bare(&euros(), text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_blank_between_thousands_is_any_blank() {
        let french = SourceFormat {
            decimal_separator: ',',
            thousands_separator: Some(' '),
            ..SourceFormat::default()
        };
        for text in ["1 234,5", "1\u{a0}234,5", "1\u{202f}234,5"] {
            assert_eq!(bare(&french, text), "1234,5");
        }
        assert_eq!(bare(&french, "1  234"), "invalid");
        // Nothing that is not declared is taken off: the cast refuses what is left.
        assert_eq!(bare(&french, "€5"), "€5");
        assert_eq!(bare(&french, "5,00 "), "5,00 ");
    }

    #[test]
    fn texts_are_as_they_are_without_a_declaration() {
        assert!(Written::new(&SourceFormat::default()).is_none());
    }

    proptest! {
        /// A number in groups of three is the number.
        #[test]
        fn groups_are_joined(value: i64) {
            let digits = value.unsigned_abs().to_string();
            let mut grouped = String::new();
            for (place, digit) in digits.chars().enumerate() {
                if place > 0 && (digits.len() - place).is_multiple_of(3) {
                    grouped.push('.');
                }
                grouped.push(digit);
            }
            let sign = if value < 0 { "-" } else { "" };
            prop_assert_eq!(bare(&euros(), &format!("{sign}{grouped} €")), value.to_string());
            let negative = format!("-{}", value.unsigned_abs());
            prop_assert_eq!(bare(&euros(), &format!("({grouped})")), negative);
        }

        #[test]
        fn never_panics(text in "[-+0-9., €%$()EURN/A\u{a0}]{0,20}") {
            let _ = bare(&euros(), &text);
        }
    }
}
