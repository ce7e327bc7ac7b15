//! Where a value is in the source, as one text: the keys of nested objects with dots between them,
//! `product.category`. A dot that is part of a key has a backslash before it, `log\.level`, and so
//! has a backslash.

/// The keys of a path; `None` where one is empty, as in `Nr.` or `a..b`.
///
/// ```
/// use lakehouse_contract::source_path::keys;
/// assert_eq!(keys("product.category").unwrap(), ["product", "category"]);
/// assert_eq!(keys(r"Nr\.").unwrap(), ["Nr."]);
/// assert_eq!(keys("Nr."), None);
/// ```
#[must_use]
pub fn keys(path: &str) -> Option<Vec<String>> {
    let mut keys = vec![String::new()];
    let mut characters = path.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '.' {
            keys.push(String::new());
            continue;
        }
        let escaped = characters.next_if(|next| character == '\\' && matches!(next, '.' | '\\'));
        if let Some(key) = keys.last_mut() {
            key.push(escaped.unwrap_or(character));
        }
    }
    keys.iter().all(|key| !key.is_empty()).then_some(keys)
}

/// The one text of a path: [`keys`] reads it back.
#[must_use]
pub fn spelling<Key: AsRef<str>>(keys: &[Key]) -> String {
    let escaped: Vec<String> = keys
        .iter()
        .map(|key| key.as_ref().replace('\\', "\\\\").replace('.', "\\."))
        .collect();
    escaped.join(".")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn reads_what_it_wrote(path in prop::collection::vec("[a-z.\\\\ ]{1,6}", 1..4)) {
            prop_assert_eq!(keys(&spelling(&path)), Some(path));
        }
    }
}
