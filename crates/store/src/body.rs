//! What a request carries: bytes in memory, or a range of a local file that is streamed.
//!
//! A file's part is read twice, once for its SHA-256, which the request's head must carry, and
//! once to be sent; the second time it comes from the page cache. In exchange no part is ever
//! held in memory, whatever its size.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use aws_sdk_s3::primitives::{ByteStream, Length};
use bytes::Bytes;

use crate::StoreError;
use crate::digest::{HASH_BUFFER_BYTES, PartDigest, Sha256Hasher};

/// Bytes that are read at once while a file is sent.
const SEND_BUFFER_BYTES: usize = 256 * 1024;

/// The content of one request.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// In memory.
    Bytes(Bytes),
    /// A range of a local file.
    File {
        path: PathBuf,
        offset: u64,
        size_bytes: u64,
    },
}

impl Content {
    pub fn size_bytes(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { size_bytes, .. } => *size_bytes,
        }
    }

    /// The body; it can be sent again.
    pub async fn body(&self) -> Result<ByteStream, StoreError> {
        match self {
            Self::Bytes(bytes) => Ok(ByteStream::from(bytes.clone())),
            Self::File { size_bytes: 0, .. } => Ok(ByteStream::from_static(b"")),
            Self::File {
                path,
                offset,
                size_bytes,
            } => ByteStream::read_from()
                .path(path)
                .offset(*offset)
                .length(Length::Exact(*size_bytes))
                .buffer_size(SEND_BUFFER_BYTES)
                .build()
                .await
                .map_err(|error| StoreError::local(path, std::io::Error::other(error))),
        }
    }
}

/// Hashes a file part by part, and as a whole on the way.
pub(crate) struct PartHasher {
    path: PathBuf,
    file: File,
    whole: Sha256Hasher,
    buffer: Vec<u8>,
}

impl PartHasher {
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(|error| StoreError::local(path, error))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            whole: Sha256Hasher::default(),
            buffer: vec![0; HASH_BUFFER_BYTES],
        })
    }

    /// Hashes the next `size_bytes`. Blocks.
    pub fn next(&mut self, size_bytes: u64) -> Result<PartDigest, StoreError> {
        let mut part = Sha256Hasher::default();
        let mut left = size_bytes;
        while left > 0 {
            let wanted =
                usize::try_from(left).map_or(self.buffer.len(), |left| left.min(self.buffer.len()));
            let buffer = &mut self.buffer[..wanted];
            let read = match self.file.read(buffer) {
                Ok(0) => return Err(changed(&self.path)),
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(StoreError::local(&self.path, error)),
            };
            part.update(&buffer[..read]);
            self.whole.update(&buffer[..read]);
            left -= read as u64;
        }
        Ok(part.finish_raw())
    }

    /// The SHA-256 of everything hashed so far.
    pub fn finish(self) -> String {
        self.whole.finish()
    }
}

/// The error for a file that is not what it was when the upload began.
pub(crate) fn changed(path: &Path) -> StoreError {
    let message = "the file changed while it was being uploaded";
    StoreError::local(
        path,
        std::io::Error::new(std::io::ErrorKind::UnexpectedEof, message),
    )
}

/// Buffers of one part that streams are read into, kept for the next part: what an allocator
/// gives back in pieces of 8 MiB it does not always give back to the system.
static BUFFERS: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// The most buffers that are kept.
const KEPT_BUFFERS: usize = 3;

/// A buffer that returns to the others when its last reader is done.
pub(crate) struct PartBuffer {
    bytes: Vec<u8>,
    used: usize,
}

impl PartBuffer {
    /// A buffer of at least `capacity_bytes`, reused when one is free.
    pub fn take(capacity_bytes: usize) -> Self {
        let kept = BUFFERS.lock().ok().and_then(|mut buffers| buffers.pop());
        let mut bytes = kept.unwrap_or_default();
        if bytes.len() < capacity_bytes {
            bytes = vec![0; capacity_bytes];
        }
        Self { bytes, used: 0 }
    }

    /// Where the content goes.
    pub fn space(&mut self, size_bytes: usize) -> &mut [u8] {
        self.used = size_bytes;
        &mut self.bytes[..size_bytes]
    }

    /// The content, shared by all attempts to send it.
    pub fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for PartBuffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.used]
    }
}

impl Drop for PartBuffer {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        if let Ok(mut buffers) = BUFFERS.lock()
            && buffers.len() < KEPT_BUFFERS
        {
            buffers.push(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PartBuffer, PartHasher};
    use crate::digest::{PartDigest, sha256_of_bytes};

    #[test]
    fn a_file_is_hashed_by_part_and_as_a_whole() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let bytes: Vec<u8> = (0..700_000_u32)
            .map(|number| (number % 251) as u8)
            .collect();
        std::fs::write(file.path(), &bytes).expect("writable");
        let mut hasher = PartHasher::open(file.path()).expect("readable");
        assert_eq!(
            hasher.next(400_000).expect("first"),
            PartDigest::of(&bytes[..400_000])
        );
        assert_eq!(
            hasher.next(300_000).expect("second"),
            PartDigest::of(&bytes[400_000..])
        );
        assert!(hasher.next(1).is_err(), "the file has no more");
        assert_eq!(hasher.finish(), sha256_of_bytes(&bytes));
    }

    #[test]
    fn a_reused_buffer_shows_only_what_was_put_into_it() {
        let mut first = PartBuffer::take(16);
        first.space(16).fill(1);
        drop(first.into_bytes());
        let mut second = PartBuffer::take(8);
        second.space(3).fill(2);
        assert_eq!(second.into_bytes().as_ref(), [2, 2, 2]);
    }
}
