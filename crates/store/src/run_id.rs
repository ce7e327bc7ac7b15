//! Run ids in keys.

use crate::metadata::{percent_decode, percent_encode};

/// A run id as one segment of a key. Schedulers put what they like into it: what is not in the
/// usual `scheduled__2025-01-01T00:00:00+00:00` is percent-encoded, so that no run id can leave
/// its place or meet another's.
pub(crate) fn encode(run_id: &str) -> String {
    if matches!(run_id, "." | "..") {
        return run_id.replace('.', "%2E");
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+:=@~".contains(&byte);
    let encoded = percent_encode(run_id, plain);
    // An empty segment would not be a key; `%` alone cannot come from anything else.
    if encoded.is_empty() {
        "%".to_owned()
    } else {
        encoded
    }
}

/// The run id that [`encode`] made a segment of; nothing for any other text.
pub(crate) fn decode(segment: &str) -> Option<String> {
    let run_id = if segment == "%" {
        String::new()
    } else {
        percent_decode(segment)?
    };
    (encode(&run_id) == segment).then_some(run_id)
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn run_ids_are_one_segment_and_come_back() {
        let usual = "scheduled__2025-01-01T00:00:00+00:00";
        assert_eq!(encode(usual), usual);
        for run_id in [
            "",
            ".",
            "..",
            "a/b",
            "a b",
            "ü%41",
            "%",
            "%2E",
            "../../gold",
        ] {
            let segment = encode(run_id);
            assert!(
                !segment.is_empty() && !segment.contains('/') && segment != "." && segment != ".."
            );
            assert_eq!(decode(&segment).as_deref(), Some(run_id), "{segment}");
        }
        assert_eq!(decode("%41"), None, "a spelling that is never written");
    }
}
