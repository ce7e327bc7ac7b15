//! SHA-256, the only checksum that the lakehouse speaks.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::StoreError;

/// Bytes that are read at once while a file is hashed.
pub(crate) const HASH_BUFFER_BYTES: usize = 256 * 1024;

/// A SHA-256 that is fed in pieces.
#[derive(Debug, Clone, Default)]
pub struct Sha256Hasher(Sha256);

impl Sha256Hasher {
    /// Feeds some bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest as 64 lowercase hex digits.
    #[must_use]
    pub fn finish(self) -> String {
        hex::encode(self.0.finalize())
    }

    /// The digest itself.
    pub(crate) fn finish_raw(self) -> PartDigest {
        PartDigest(self.0.finalize().into())
    }
}

/// The SHA-256 of what one request carries, in the two spellings that S3 wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PartDigest(pub [u8; 32]);

impl PartDigest {
    /// Of bytes in memory.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// As `x-amz-content-sha256` and our own metadata spell it.
    pub fn hex(self) -> String {
        hex::encode(self.0)
    }

    /// As `x-amz-checksum-sha256` spells it.
    pub fn base64(self) -> String {
        aws_smithy_types::base64::encode(self.0)
    }
}

/// The checksum that S3 gives an object of several parts: the digest of the parts' digests.
pub(crate) fn composite(parts: impl ExactSizeIterator<Item = PartDigest>) -> String {
    let count = parts.len();
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.0);
    }
    format!("{}-{count}", PartDigest(hasher.finalize().into()).base64())
}

/// The SHA-256 of bytes in memory, as 64 lowercase hex digits.
#[must_use]
pub fn sha256_of_bytes(bytes: &[u8]) -> String {
    PartDigest::of(bytes).hex()
}

/// The SHA-256 (64 lowercase hex digits) and size of a file. Blocks.
///
/// # Errors
/// [`StoreError::Local`] when the file cannot be read.
pub fn sha256_of_file(path: &Path) -> Result<(String, u64), StoreError> {
    let local = |source| StoreError::local(path, source);
    let mut file = File::open(path).map_err(local)?;
    let mut hasher = Sha256Hasher::default();
    let mut buffer = vec![0; HASH_BUFFER_BYTES];
    let mut size_bytes = 0;
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => return Ok((hasher.finish(), size_bytes)),
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(local(error)),
        };
        hasher.update(&buffer[..read]);
        size_bytes += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::{PartDigest, composite, sha256_of_bytes, sha256_of_file};

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn bytes_and_files_have_the_same_digest() {
        assert_eq!(sha256_of_bytes(b""), EMPTY);
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        assert_eq!(
            sha256_of_file(file.path()).expect("readable"),
            (EMPTY.to_owned(), 0)
        );
        let bytes = vec![7; 600_000];
        std::fs::write(file.path(), &bytes).expect("writable");
        assert_eq!(
            sha256_of_file(file.path()).expect("readable"),
            (sha256_of_bytes(&bytes), 600_000)
        );
    }

    #[test]
    fn the_composite_checksum_is_the_digest_of_digests_with_the_number_of_parts() {
        let parts = [PartDigest::of(b"a"), PartDigest::of(b"b")];
        let joined: Vec<u8> = parts.iter().flat_map(|part| part.0).collect();
        assert_eq!(
            composite(parts.into_iter()),
            format!("{}-2", PartDigest::of(&joined).base64())
        );
    }
}
