//! "Did you mean": the closest of the words that would have been right.

/// A hint for a word that is not one of `known`: the closest one, and all of them.
#[must_use]
pub fn hint(word: &str, known: &[&str], what: &str) -> String {
    let all: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
    let all = all.join(", ");
    match closest(word, known) {
        Some(close) => format!("did you mean `{close}`? {what} here: {all}"),
        None => format!("{what} here: {all}"),
    }
}

/// The word of `known` that differs least, where the difference is that of a slip.
#[must_use]
pub fn closest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase();
    let allowed = (word.chars().count() / 3).clamp(1, 3);
    known
        .iter()
        .map(|candidate| {
            (
                strsim::levenshtein(&word, &candidate.to_lowercase()),
                *candidate,
            )
        })
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised() {
        assert_eq!(
            closest("requird", &["required", "unique"]),
            Some("required")
        );
        assert_eq!(closest("Dedup", &["sort", "dedupe"]), Some("dedupe"));
        assert_eq!(closest("strng", &["integer", "string"]), Some("string"));
    }

    #[test]
    fn another_word_is_not_a_slip() {
        assert_eq!(closest("banana", &["required", "unique"]), None);
    }

    #[test]
    fn the_hint_lists_everything() {
        assert_eq!(
            hint("strin", &["string", "date"], "types"),
            "did you mean `string`? types here: `string`, `date`"
        );
        assert_eq!(hint("x", &["string"], "types"), "types here: `string`");
    }
}
