//! User metadata, which travels in HTTP headers and so must be plain ASCII.

use std::collections::{BTreeMap, HashMap};

/// The key under which the SHA-256 of an object's content is kept.
pub(crate) const SHA256_KEY: &str = "sha256";

/// Metadata as it is sent: names in lowercase, as stores return them, and values with anything
/// but plain ASCII percent-encoded.
pub(crate) fn encode(
    metadata: &BTreeMap<String, String>,
    sha256: Option<&str>,
) -> HashMap<String, String> {
    let mut encoded: HashMap<String, String> = metadata
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), encode_value(value)))
        .collect();
    if let Some(sha256) = sha256 {
        encoded.insert(SHA256_KEY.to_owned(), sha256.to_owned());
    }
    encoded
}

/// Metadata as it was given.
pub(crate) fn decode(metadata: Option<HashMap<String, String>>) -> BTreeMap<String, String> {
    metadata
        .unwrap_or_default()
        .into_iter()
        .map(|(name, value)| {
            let decoded = percent_decode(&value);
            (name.to_ascii_lowercase(), decoded.unwrap_or(value))
        })
        .collect()
}

/// Spaces stay, but at the ends, where HTTP drops them.
fn encode_value(value: &str) -> String {
    let inner = value.trim_matches(' ');
    let leading = value.len() - value.trim_start_matches(' ').len();
    let trailing = value.len() - leading - inner.len();
    let plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'%';
    format!(
        "{}{}{}",
        "%20".repeat(leading),
        percent_encode(inner, plain),
        "%20".repeat(trailing)
    )
}

/// Percent-encodes every byte that is not `plain`.
pub(crate) fn percent_encode(text: &str, plain: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if plain(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Undoes [`percent_encode`]; nothing when the text cannot have come from it.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return None;
            }
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{decode, encode};

    #[test]
    fn any_text_survives_the_headers() {
        for value in ["", "plain value", " ends ", "  ", "ü 100% +", "a\nb", "%41"] {
            let metadata = BTreeMap::from([("name".to_owned(), value.to_owned())]);
            let sent = encode(&metadata, None);
            assert!(
                sent["name"].bytes().all(|byte| matches!(byte, b' '..=b'~')),
                "{value:?}"
            );
            assert_eq!(sent["name"].trim(), sent["name"], "{value:?}");
            assert_eq!(decode(Some(sent)), metadata, "{value:?}");
        }
    }

    #[test]
    fn what_others_wrote_is_left_alone_when_it_is_not_our_spelling() {
        let foreign = [("Discount".to_owned(), "100 %".to_owned())].into();
        assert_eq!(
            decode(Some(foreign)),
            BTreeMap::from([("discount".to_owned(), "100 %".to_owned())])
        );
    }
}
