//! Small translations between requests and storage.

use std::collections::{BTreeMap, BTreeSet};

use hyper::HeaderMap;
use s3s::dto::{
    Checksum, ChecksumAlgorithm, ChecksumMode, ChecksumType, ETag, Timestamp, TimestampFormat,
};
use s3s::{S3Result, TrailingHeaders, s3_error};

use crate::storage::{Algorithm, Attributes, Checksums, Digests, ObjectMeta, base64, time_of};

/// The largest object that one PUT may carry or one copy may move, as in S3.
pub(super) const LARGEST_PUT_BYTES: u64 = 5 * 1024 * 1024 * 1024;

pub(super) fn etag_of(value: impl Into<String>) -> ETag {
    ETag::Strong(value.into())
}

pub(super) fn timestamp_of(milliseconds: u64) -> Timestamp {
    Timestamp::from(time_of(milliseconds))
}

pub(super) fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

pub(super) fn algorithm_of(name: Option<&ChecksumAlgorithm>) -> S3Result<Option<Algorithm>> {
    name.map(|name| {
        Algorithm::from_name(name.as_str()).ok_or_else(|| {
            s3_error!(
                InvalidRequest,
                "`{}` is not a checksum algorithm",
                name.as_str()
            )
        })
    })
    .transpose()
}

/// Builds [`Attributes`] from the fields that three requests have in common.
macro_rules! attributes_of {
    ($input:expr) => {
        $crate::storage::Attributes {
            content_type: $input.content_type.take(),
            content_encoding: $crate::service::convert::stored_encoding(
                $input.content_encoding.take(),
            ),
            content_disposition: $input.content_disposition.take(),
            content_language: $input.content_language.take(),
            cache_control: $input.cache_control.take(),
            expires: $input
                .expires
                .take()
                .as_ref()
                .and_then($crate::service::convert::http_date),
            user: $input
                .metadata
                .take()
                .unwrap_or_default()
                .into_iter()
                .collect(),
        }
    };
}
pub(super) use attributes_of;

/// `aws-chunked` is how the body travelled, not what the object is.
pub(super) fn stored_encoding(encoding: Option<String>) -> Option<String> {
    let encoding = encoding?;
    let kept: Vec<&str> = encoding
        .split(',')
        .map(str::trim)
        .filter(|one| *one != "aws-chunked")
        .collect();
    (!kept.is_empty() && !kept.iter().all(|one| one.is_empty())).then(|| kept.join(","))
}

pub(super) fn http_date(time: &Timestamp) -> Option<String> {
    let mut text = Vec::new();
    time.format(TimestampFormat::HttpDate, &mut text).ok()?;
    String::from_utf8(text).ok()
}

pub(super) fn expires_of(attributes: &Attributes) -> Option<Timestamp> {
    Timestamp::parse(TimestampFormat::HttpDate, attributes.expires.as_deref()?).ok()
}

pub(super) fn user_metadata(attributes: &Attributes) -> Option<s3s::dto::Metadata> {
    let user: BTreeMap<_, _> = attributes.user.clone();
    (!user.is_empty()).then(|| user.into_iter().collect())
}

/// Checksums as the fields of an answer.
pub(super) fn checksum_fields(checksums: &Checksums) -> Checksum {
    let get = |algorithm| checksums.get(&algorithm).cloned();
    Checksum {
        checksum_crc32: get(Algorithm::Crc32),
        checksum_crc32c: get(Algorithm::Crc32c),
        checksum_crc64nvme: get(Algorithm::Crc64nvme),
        checksum_sha1: get(Algorithm::Sha1),
        checksum_sha256: get(Algorithm::Sha256),
        checksum_type: None,
    }
}

/// Fills the checksum fields, of the same names, of any answer.
macro_rules! with_checksums {
    ($sums:expr, $answer:ident { $($field:ident: $value:expr),* $(,)? $(; ..$rest:expr)? }) => {{
        let sums = $sums;
        $answer {
            $($field: $value,)*
            checksum_crc32: sums.checksum_crc32,
            checksum_crc32c: sums.checksum_crc32c,
            checksum_crc64nvme: sums.checksum_crc64nvme,
            checksum_sha1: sums.checksum_sha1,
            checksum_sha256: sums.checksum_sha256,
            $(..$rest)?
        }
    }};
}
pub(super) use with_checksums;

/// Fills the fields that GET and HEAD answer alike.
macro_rules! with_description {
    ($meta:expr, $sums:expr, $answer:ident { $($field:ident: $value:expr),* $(,)? }) => {{
        let meta: &$crate::storage::ObjectMeta = $meta;
        let attributes = &meta.attributes;
        let sums = $sums;
        $crate::service::convert::with_checksums!(sums.clone(), $answer {
            $($field: $value,)*
            checksum_type: sums.checksum_type,
            accept_ranges: Some("bytes".to_owned()),
            e_tag: Some($crate::service::convert::etag_of(&*meta.etag)),
            last_modified: Some(meta.modified().into()),
            metadata: $crate::service::convert::user_metadata(attributes),
            expires: $crate::service::convert::expires_of(attributes),
            content_type: attributes.content_type.clone(),
            content_encoding: attributes.content_encoding.clone(),
            content_disposition: attributes.content_disposition.clone(),
            content_language: attributes.content_language.clone(),
            cache_control: attributes.cache_control.clone(),
            ; ..Default::default()
        })
    }};
}
pub(super) use with_description;

/// The checksums of an object, where the reader asked for them.
pub(super) fn asked_checksums(mode: Option<&ChecksumMode>, meta: &ObjectMeta) -> Checksum {
    if mode.is_none_or(|mode| mode.as_str() != ChecksumMode::ENABLED) || meta.checksums.is_empty() {
        return Checksum::default();
    }
    Checksum {
        checksum_type: Some(checksum_type(meta.composite)),
        ..checksum_fields(&meta.checksums)
    }
}

pub(super) fn checksum_type(composite: bool) -> ChecksumType {
    ChecksumType::from_static(if composite {
        ChecksumType::COMPOSITE
    } else {
        ChecksumType::FULL_OBJECT
    })
}

/// Collects the checksums that a request carries in fields of its input.
macro_rules! sent_checksums {
    ($input:expr) => {
        [
            ($crate::storage::Algorithm::Crc32, &$input.checksum_crc32),
            ($crate::storage::Algorithm::Crc32c, &$input.checksum_crc32c),
            (
                $crate::storage::Algorithm::Crc64nvme,
                &$input.checksum_crc64nvme,
            ),
            ($crate::storage::Algorithm::Sha1, &$input.checksum_sha1),
            ($crate::storage::Algorithm::Sha256, &$input.checksum_sha256),
        ]
        .into_iter()
        .filter_map(|(algorithm, sum)| Some((algorithm, sum.clone()?)))
        .collect::<$crate::storage::Checksums>()
    };
}
pub(super) use sent_checksums;

/// What a body must turn out to be.
pub(super) struct Expected {
    pub content_md5: Option<String>,
    pub checksums: Checksums,
    pub size_bytes: Option<u64>,
    announced: BTreeSet<Algorithm>,
    algorithm: Option<Algorithm>,
    trailers: Option<TrailingHeaders>,
}

impl Expected {
    pub fn new(
        checksums: Checksums,
        algorithm: Option<Algorithm>,
        headers: &HeaderMap,
        trailers: Option<TrailingHeaders>,
    ) -> Self {
        // A checksum in a trailer is announced in this header, and known at the body's end.
        let announced = headers
            .get_all("x-amz-trailer")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|name| {
                let name = name.trim();
                Algorithm::ALL
                    .into_iter()
                    .find(|one| one.header_name().eq_ignore_ascii_case(name))
            })
            .collect();
        Self {
            content_md5: None,
            checksums,
            size_bytes: None,
            announced,
            algorithm,
            trailers,
        }
    }

    /// All algorithms that the body has to be hashed with.
    pub fn algorithms(&self) -> BTreeSet<Algorithm> {
        let named = self.checksums.keys().copied();
        named
            .chain(self.announced.iter().copied())
            .chain(self.algorithm)
            .collect()
    }

    /// Compares what was received with what was said, trailers included.
    pub fn check(&self, digests: &Digests) -> S3Result<()> {
        if self
            .size_bytes
            .is_some_and(|size| size != digests.size_bytes)
        {
            return Err(s3_error!(
                IncompleteBody,
                "You did not provide the number of bytes specified by the Content-Length header"
            ));
        }
        if self
            .content_md5
            .as_ref()
            .is_some_and(|md5| *md5 != base64(&digests.md5))
        {
            return Err(s3_error!(
                BadDigest,
                "The Content-MD5 you specified did not match what we received."
            ));
        }
        let trailing = self.trailing_checksums()?;
        for (algorithm, sum) in self.checksums.iter().chain(&trailing) {
            if digests.checksums.get(algorithm) != Some(sum) {
                return Err(s3_error!(
                    BadDigest,
                    "The {} you specified did not match the calculated checksum.",
                    algorithm.name()
                ));
            }
        }
        Ok(())
    }

    fn trailing_checksums(&self) -> S3Result<Checksums> {
        let trailers = self
            .trailers
            .as_ref()
            .and_then(TrailingHeaders::take)
            .unwrap_or_default();
        self.announced
            .iter()
            .map(|algorithm| {
                let name = algorithm.header_name();
                let sum = trailers.get(name).and_then(|value| value.to_str().ok());
                let sum = sum.ok_or_else(|| {
                    s3_error!(
                        InvalidRequest,
                        "the announced trailer `{}` is missing",
                        name
                    )
                })?;
                Ok((*algorithm, sum.to_owned()))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::stored_encoding;

    #[test]
    fn the_way_a_body_travelled_is_not_kept() {
        let stored = |encoding: &str| stored_encoding(Some(encoding.to_owned()));
        assert_eq!(stored("aws-chunked"), None);
        assert_eq!(stored("gzip").as_deref(), Some("gzip"));
        assert_eq!(stored("aws-chunked,gzip").as_deref(), Some("gzip"));
        assert_eq!(stored("gzip, aws-chunked").as_deref(), Some("gzip"));
        assert_eq!(stored(""), None);
        assert_eq!(stored_encoding(None), None);
    }
}
