//! The digests of a body: MD5 for the ETag, and the checksums that S3 knows.

use std::collections::{BTreeMap, BTreeSet};

use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use serde::{Deserialize, Serialize};

/// A checksum algorithm of S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// CRC-32.
    Crc32,
    /// CRC-32C.
    Crc32c,
    /// CRC-64/NVME.
    Crc64nvme,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// Checksums by algorithm, in base64 as S3 writes them.
pub type Checksums = BTreeMap<Algorithm, String>;

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Crc32,
        Self::Crc32c,
        Self::Crc64nvme,
        Self::Sha1,
        Self::Sha256,
    ];

    /// The name in requests and answers, `SHA256`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The algorithm of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// The header that carries it, `x-amz-checksum-sha256`.
    #[must_use]
    pub fn header_name(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }
}

/// What a body turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digests {
    /// MD5 of the body.
    pub md5: [u8; 16],
    /// The checksums that were asked for.
    pub checksums: Checksums,
    /// Its length.
    pub size_bytes: u64,
}

/// Computes all asked digests in one pass.
pub(crate) struct Digester {
    md5: Md5,
    others: ChecksumHasher,
    size_bytes: u64,
}

impl Digester {
    pub fn new(algorithms: &BTreeSet<Algorithm>) -> Self {
        Self {
            md5: Md5::new(),
            others: hasher(algorithms),
            size_bytes: 0,
        }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.others.update(bytes);
        self.size_bytes += bytes.len() as u64;
    }

    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    pub fn finish(self) -> Digests {
        Digests {
            md5: self.md5.finalize(),
            checksums: collect(self.others),
            size_bytes: self.size_bytes,
        }
    }
}

/// The checksum over the concatenated checksums of the parts, as multipart objects have it,
/// without the `-<parts>` behind it; `None` when a part's checksum is not base64.
pub(crate) fn composite<'a>(
    algorithm: Algorithm,
    parts: impl Iterator<Item = &'a str>,
) -> Option<String> {
    let mut hasher = hasher(&BTreeSet::from([algorithm]));
    for part in parts {
        hasher.update(&base64_simd::STANDARD.decode_to_vec(part).ok()?);
    }
    collect(hasher).remove(&algorithm)
}

/// Base64 as in `Content-MD5`.
pub(crate) fn base64(bytes: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(bytes)
}

/// The ETag of a multipart object: the MD5 of its parts' MD5s, and their number.
pub(crate) fn multipart_etag(parts: &[[u8; 16]]) -> String {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(part);
    }
    format!("{}-{}", hex::encode(md5.finalize()), parts.len())
}

fn hasher(algorithms: &BTreeSet<Algorithm>) -> ChecksumHasher {
    let has = |algorithm| algorithms.contains(&algorithm);
    ChecksumHasher {
        crc32: has(Algorithm::Crc32).then(Crc32::new),
        crc32c: has(Algorithm::Crc32c).then(Crc32c::new),
        sha1: has(Algorithm::Sha1).then(Sha1::new),
        sha256: has(Algorithm::Sha256).then(Sha256::new),
        crc64nvme: has(Algorithm::Crc64nvme).then(Crc64Nvme::new),
    }
}

fn collect(hasher: ChecksumHasher) -> Checksums {
    let sums = hasher.finalize();
    [
        (Algorithm::Crc32, sums.checksum_crc32),
        (Algorithm::Crc32c, sums.checksum_crc32c),
        (Algorithm::Crc64nvme, sums.checksum_crc64nvme),
        (Algorithm::Sha1, sums.checksum_sha1),
        (Algorithm::Sha256, sums.checksum_sha256),
    ]
    .into_iter()
    .filter_map(|(algorithm, sum)| Some((algorithm, sum?)))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standard() {
        let mut digester = Digester::new(&Algorithm::ALL.into());
        digester.update(b"1234");
        digester.update(b"56789");
        let digests = digester.finish();
        assert_eq!(digests.size_bytes, 9);
        assert_eq!(hex::encode(digests.md5), "25f9e794323b453885f5181f1b624d0b");
        // The check values of the CRC catalogue, and SHA of "123456789".
        for (algorithm, hexadecimal) in [
            (Algorithm::Crc32, "cbf43926"),
            (Algorithm::Crc32c, "e3069283"),
            (Algorithm::Crc64nvme, "ae8b14860a799888"),
            (Algorithm::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
            (
                Algorithm::Sha256,
                "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
            ),
        ] {
            let expected = base64(&hex::decode(hexadecimal).unwrap());
            assert_eq!(
                digests.checksums[&algorithm],
                expected,
                "{}",
                algorithm.name()
            );
        }
    }
}
