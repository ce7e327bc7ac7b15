//! `ListObjectsV2` and its pages.

use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use crate::storage::{After, ListEntry, ListPage, ListRequest};

use super::Lake;
use super::convert::{etag_of, signed, timestamp_of};

/// The most entries on a page, as in S3.
const LARGEST_PAGE: i32 = 1000;

impl Lake {
    pub async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<ListObjectsV2Output> {
        let input = request.input;
        let limit = page_limit(input.max_keys)?;
        let after = match (&input.continuation_token, &input.start_after) {
            (Some(token), _) => Some(read_token(token)?),
            (None, Some(key)) if !key.is_empty() => Some(After::Key(key.clone())),
            _ => None,
        };
        let listing = ListRequest {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input
                .delimiter
                .clone()
                .filter(|delimiter| !delimiter.is_empty()),
            after,
            limit: usize::try_from(limit).unwrap_or_default(),
        };
        let bucket = input.bucket.clone();
        let ListPage { entries, next } = self
            .blocking(move |backend| backend.list_objects(&bucket, &listing))
            .await?;

        let text = Encoder::of(input.encoding_type.as_ref())?;
        let key_count = i32::try_from(entries.len()).unwrap_or(i32::MAX);
        let (mut contents, mut common_prefixes) = (Vec::new(), Vec::new());
        for entry in entries {
            match entry {
                ListEntry::CommonPrefix(prefix) => {
                    common_prefixes.push(CommonPrefix {
                        prefix: Some(text.encode(prefix)),
                    });
                }
                ListEntry::Object(meta) => contents.push(Object {
                    size: Some(signed(meta.size_bytes)),
                    e_tag: Some(etag_of(meta.etag)),
                    last_modified: Some(timestamp_of(meta.modified_ms)),
                    key: Some(text.encode(meta.key)),
                    storage_class: Some(ObjectStorageClass::from_static(
                        ObjectStorageClass::STANDARD,
                    )),
                    ..Default::default()
                }),
            }
        }
        Ok(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(text.encode(input.prefix.unwrap_or_default())),
            delimiter: input.delimiter.map(|delimiter| text.encode(delimiter)),
            start_after: input.start_after.map(|key| text.encode(key)),
            encoding_type: input.encoding_type,
            max_keys: Some(limit),
            key_count: Some(key_count),
            is_truncated: Some(next.is_some()),
            continuation_token: input.continuation_token,
            next_continuation_token: next.map(|after| write_token(&after)),
            contents: Some(contents),
            common_prefixes: Some(common_prefixes),
            request_charged: None,
        })
    }
}

/// The page size that is asked for, within S3's bounds.
pub(super) fn page_limit(asked: Option<i32>) -> S3Result<i32> {
    match asked.unwrap_or(LARGEST_PAGE) {
        negative if negative < 0 => {
            Err(s3_error!(InvalidArgument, "a page has at least 0 entries"))
        }
        limit => Ok(limit.min(LARGEST_PAGE)),
    }
}

/// Keys as they are, or as in a URL: XML cannot carry every character that a key may have.
pub(super) enum Encoder {
    Plain,
    Url,
}

impl Encoder {
    pub fn of(asked: Option<&EncodingType>) -> S3Result<Self> {
        match asked.map(EncodingType::as_str) {
            None => Ok(Self::Plain),
            Some(EncodingType::URL) => Ok(Self::Url),
            Some(_) => Err(s3_error!(
                InvalidArgument,
                "the only encoding type is `url`"
            )),
        }
    }

    pub fn encode(&self, text: String) -> String {
        if matches!(self, Self::Plain) {
            return text;
        }
        let mut encoded = String::with_capacity(text.len());
        for byte in text.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                    encoded.push(char::from(byte));
                }
                _ => encoded.push_str(&format!("%{byte:02X}")),
            }
        }
        encoded
    }
}

/// A token is the place to go on from; hexadecimal, so that nobody takes it for a key.
fn write_token(after: &After) -> String {
    match after {
        After::Key(key) => format!("k{}", hex::encode(key)),
        After::Prefix(prefix) => format!("p{}", hex::encode(prefix)),
    }
}

fn read_token(token: &str) -> S3Result<After> {
    let place = |hexadecimal: &str| String::from_utf8(hex::decode(hexadecimal).ok()?).ok();
    let after = match token.as_bytes().first() {
        Some(b'k') => place(&token[1..]).map(After::Key),
        Some(b'p') => place(&token[1..]).map(After::Prefix),
        _ => None,
    };
    after.ok_or_else(|| {
        s3_error!(
            InvalidArgument,
            "The continuation token provided is incorrect"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_as_they_went() {
        for after in [
            After::Key("a/é b".to_owned()),
            After::Prefix("a/".to_owned()),
        ] {
            assert_eq!(read_token(&write_token(&after)).unwrap(), after);
        }
        for wrong in ["", "k1", "kzz", "x00", "é", "kff"] {
            assert!(read_token(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn urls_encode_all_but_the_harmless() {
        assert_eq!(
            Encoder::Url.encode("a b/+%é\u{1}~".to_owned()),
            "a%20b/%2B%25%C3%A9%01~"
        );
        assert_eq!(Encoder::Plain.encode("a b".to_owned()), "a b");
    }
}
