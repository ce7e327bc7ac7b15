//! Where things are: a place in the store, and one object in it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that is not an address in the store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The scheme is another one, or there is none.
    #[error("`{0}` is not an address in the store: it must begin with `s3://`")]
    Scheme(String),
    /// The bucket's name would be refused by the store.
    #[error(
        "`{bucket}` in `{text}` is not a bucket name: 3 to 63 of `a-z`, `0-9`, `.` and `-`, \
         beginning and ending with a letter or digit"
    )]
    Bucket {
        /// The whole text.
        text: String,
        /// The part that should name a bucket.
        bucket: String,
    },
    /// A key is empty, too long, or has an empty, `.` or `..` segment.
    #[error(
        "`{0}` is not an object's address: its key needs non-empty segments other than `.` and `..`, 1,024 bytes at most"
    )]
    Key(String),
}

/// A bucket, or a prefix in it: `s3://bucket/prefix`.
///
/// The prefix has neither leading nor trailing `/`; the empty prefix is the bucket itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Location {
    /// The bucket.
    pub bucket: String,
    /// The prefix, without `/` at its ends.
    pub prefix: String,
}

impl Location {
    /// A location from its parts; slashes at the ends of `prefix` are dropped.
    ///
    /// # Errors
    /// When the bucket's name or a segment of the prefix is not acceptable.
    pub fn new(bucket: &str, prefix: &str) -> Result<Self, AddressError> {
        format!("s3://{bucket}/{prefix}").parse()
    }

    /// The object with this key relative to the location.
    #[must_use]
    pub fn object(&self, relative_key: &str) -> ObjectAddress {
        ObjectAddress {
            bucket: self.bucket.clone(),
            key: join(&self.prefix, relative_key),
        }
    }

    /// The location one or more segments below.
    #[must_use]
    pub fn child(&self, relative: &str) -> Self {
        Self {
            bucket: self.bucket.clone(),
            prefix: join(&self.prefix, relative.trim_matches('/')),
        }
    }

    /// What every key below this location begins with: the prefix with its `/`, or nothing.
    #[must_use]
    pub fn key_prefix(&self) -> String {
        if self.prefix.is_empty() {
            String::new()
        } else {
            format!("{}/", self.prefix)
        }
    }

    /// The key relative to this location, when the object lies below it.
    #[must_use]
    pub fn relative<'a>(&self, address: &'a ObjectAddress) -> Option<&'a str> {
        if address.bucket != self.bucket {
            return None;
        }
        if self.prefix.is_empty() {
            return Some(&address.key);
        }
        address
            .key
            .strip_prefix(&self.prefix)?
            .strip_prefix('/')
            .filter(|rest| !rest.is_empty())
    }

    /// Whether `other` is this location or lies below it.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.bucket == other.bucket
            && (self.prefix.is_empty()
                || other.prefix == self.prefix
                || other
                    .prefix
                    .strip_prefix(&self.prefix)
                    .is_some_and(|rest| rest.starts_with('/')))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "s3://{}", self.bucket)?;
        if !self.prefix.is_empty() {
            write!(formatter, "/{}", self.prefix)?;
        }
        Ok(())
    }
}

impl FromStr for Location {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (bucket, prefix) = split(text)?;
        let prefix = prefix.trim_matches('/');
        if !prefix.is_empty() {
            check_key(text, prefix)?;
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        })
    }
}

impl TryFrom<String> for Location {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Location> for String {
    fn from(location: Location) -> Self {
        location.to_string()
    }
}

/// One object: `s3://bucket/key`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectAddress {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
}

impl ObjectAddress {
    /// The last segment of the key.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.key.rsplit('/').next().unwrap_or(&self.key)
    }
}

impl fmt::Display for ObjectAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "s3://{}/{}", self.bucket, self.key)
    }
}

impl FromStr for ObjectAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (bucket, key) = split(text)?;
        check_key(text, key)?;
        Ok(Self {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        })
    }
}

impl TryFrom<String> for ObjectAddress {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ObjectAddress> for String {
    fn from(address: ObjectAddress) -> Self {
        address.to_string()
    }
}

fn join(prefix: &str, relative: &str) -> String {
    match (prefix.is_empty(), relative.is_empty()) {
        (true, _) => relative.to_owned(),
        (false, true) => prefix.to_owned(),
        (false, false) => format!("{prefix}/{relative}"),
    }
}

fn split(text: &str) -> Result<(&str, &str), AddressError> {
    let rest = text
        .strip_prefix("s3://")
        .ok_or_else(|| AddressError::Scheme(text.to_owned()))?;
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    if is_bucket_name(bucket) {
        Ok((bucket, key))
    } else {
        Err(AddressError::Bucket {
            text: text.to_owned(),
            bucket: bucket.to_owned(),
        })
    }
}

fn is_bucket_name(bucket: &str) -> bool {
    let bytes = bucket.as_bytes();
    let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (3..=63).contains(&bytes.len())
        && bytes
            .iter()
            .all(|byte| inner(byte) || matches!(byte, b'.' | b'-'))
        && bytes.first().is_some_and(inner)
        && bytes.last().is_some_and(inner)
}

/// Segments that a file system or a proxy would rewrite are refused, so that an object is found
/// again under the name that it was given.
fn check_key(text: &str, key: &str) -> Result<(), AddressError> {
    if key.len() > 1024
        || key
            .split('/')
            .any(|segment| matches!(segment, "" | "." | ".."))
    {
        return Err(AddressError::Key(text.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{AddressError, Location, ObjectAddress};

    #[test]
    fn locations_read_back_what_they_print() {
        for (text, bucket, prefix) in [
            ("s3://bronze", "bronze", ""),
            ("s3://lake/bronze", "lake", "bronze"),
            ("s3://lake/a b/ü", "lake", "a b/ü"),
        ] {
            let location: Location = text.parse().expect(text);
            assert_eq!(
                (location.bucket.as_str(), location.prefix.as_str()),
                (bucket, prefix)
            );
            assert_eq!(location.to_string(), text);
        }
        let trailing: Location = "s3://lake/bronze//"
            .parse()
            .expect("trailing slashes are dropped");
        assert_eq!(trailing.to_string(), "s3://lake/bronze");
    }

    #[test]
    fn addresses_read_back_what_they_print() {
        for text in ["s3://bronze/a", "s3://lake/x/y=1/ä +%.json"] {
            let address: ObjectAddress = text.parse().expect(text);
            assert_eq!(address.to_string(), text);
        }
        let address: ObjectAddress = "s3://lake/x/y.json".parse().expect("an address");
        assert_eq!(address.file_name(), "y.json");
    }

    #[test]
    fn what_is_no_address_is_refused_with_its_reason() {
        assert_eq!(
            "/tmp/x".parse::<Location>(),
            Err(AddressError::Scheme("/tmp/x".into()))
        );
        for text in [
            "s3://",
            "s3://ab",
            "s3://Lake/x",
            "s3://-lake/x",
            "s3://la_ke",
        ] {
            assert!(
                matches!(text.parse::<Location>(), Err(AddressError::Bucket { .. })),
                "{text}"
            );
        }
        for text in [
            "s3://lake",
            "s3://lake/",
            "s3://lake/a//b",
            "s3://lake/../b",
            "s3://lake/a/.",
        ] {
            assert!(
                matches!(text.parse::<ObjectAddress>(), Err(AddressError::Key(_))),
                "{text}"
            );
        }
        let long = format!("s3://lake/{}", "x".repeat(1025));
        assert!(long.parse::<ObjectAddress>().is_err());
    }

    #[test]
    fn an_object_below_a_location_has_a_relative_key() {
        let lake: Location = "s3://lake/bronze".parse().expect("a location");
        let object = lake.object("sales/a.json");
        assert_eq!(object.to_string(), "s3://lake/bronze/sales/a.json");
        assert_eq!(lake.relative(&object), Some("sales/a.json"));
        assert_eq!(lake.child("sales/").relative(&object), Some("a.json"));
        assert_eq!(
            lake.relative(&"s3://lake/bronze2/a".parse().expect("an address")),
            None
        );
        assert_eq!(
            lake.relative(&"s3://other/bronze/a".parse().expect("an address")),
            None
        );
        assert_eq!(lake.key_prefix(), "bronze/");
        let bucket: Location = "s3://lake".parse().expect("a location");
        assert_eq!(bucket.key_prefix(), "");
        assert_eq!(bucket.relative(&object), Some("bronze/sales/a.json"));
    }

    #[test]
    fn a_location_contains_itself_and_what_lies_below() {
        let location = |text: &str| text.parse::<Location>().expect("a location");
        assert!(location("s3://lake").contains(&location("s3://lake/a")));
        assert!(location("s3://lake/a").contains(&location("s3://lake/a")));
        assert!(location("s3://lake/a").contains(&location("s3://lake/a/b")));
        assert!(!location("s3://lake/a").contains(&location("s3://lake/ab")));
        assert!(!location("s3://lake/a").contains(&location("s3://pool/a/b")));
    }
}
