//! The part of a file that is being looked at.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use memchr::memchr_iter;

use crate::batch::PADDING;
use crate::error::Unreadable;

/// A growing part of a file, from a record's first byte on.
#[derive(Debug)]
pub(crate) struct Window<'buffer> {
    handle: &'buffer mut File,
    buffer: &'buffer mut Vec<u8>,
    offset: u64,
    filled: usize,
    at_end: bool,
}

impl<'buffer> Window<'buffer> {
    pub(crate) fn new(
        handle: &'buffer mut File,
        offset: u64,
        buffer: &'buffer mut Vec<u8>,
    ) -> Self {
        Self {
            handle,
            buffer,
            offset,
            filled: 0,
            at_end: false,
        }
    }

    /// Reads on until the window has `length` bytes or the file ends.
    pub(crate) fn fill(&mut self, length: usize) -> io::Result<()> {
        if self.filled >= length || self.at_end {
            return Ok(());
        }
        if self.buffer.len() < length + PADDING {
            self.buffer.resize(length + PADDING, 0);
        }
        self.handle
            .seek(SeekFrom::Start(self.offset + self.filled as u64))?;
        while self.filled < length {
            match self.handle.read(&mut self.buffer[self.filled..length]) {
                Ok(0) => {
                    self.at_end = true;
                    break;
                }
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The length of the byte order mark that the file begins with.
    pub(crate) fn byte_order_mark(&mut self) -> io::Result<u64> {
        const MARK: &[u8] = b"\xEF\xBB\xBF";
        self.fill(MARK.len())?;
        Ok(if self.bytes().starts_with(MARK) {
            MARK.len() as u64
        } else {
            0
        })
    }

    /// Doubles the window, but not beyond what shows that a record is too long.
    pub(crate) fn grow(&mut self, max_record_bytes: usize) -> io::Result<()> {
        let length = (self.filled * 2)
            .min(max_record_bytes + 1)
            .max(self.filled + 1);
        self.fill(length)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }

    /// Whether the file has nothing behind the window.
    pub(crate) fn at_end(&self) -> bool {
        self.at_end
    }

    /// Where in the file a byte of the window lies.
    pub(crate) fn offset_of(&self, at: usize) -> u64 {
        self.offset + at as u64
    }

    /// Ends of lines in the first `length` bytes.
    pub(crate) fn lines(&self, length: usize) -> u64 {
        memchr_iter(b'\n', &self.buffer[..length]).count() as u64
    }

    /// Writes zeros behind the first `length` bytes.
    pub(crate) fn pad(&mut self, length: usize) {
        if self.buffer.len() < length + PADDING {
            self.buffer.resize(length + PADDING, 0);
        }
        self.buffer[length..length + PADDING].fill(0);
    }

    /// The failure of a record that begins at `start` and has no end within the limit.
    pub(crate) fn too_long(
        &self,
        start: usize,
        position: u64,
        max_record_bytes: usize,
    ) -> Unreadable {
        let end = (start + max_record_bytes).min(self.filled);
        utf8_failure(&self.buffer[start..end], self.offset_of(start), position).unwrap_or_else(
            || Unreadable {
                position,
                byte_offset: self.offset_of(start + max_record_bytes),
                reason: format!("a record is longer than {max_record_bytes} bytes"),
            },
        )
    }

    /// The failure of a record that begins at `start` and breaks off or goes wrong at `at`.
    pub(crate) fn broken(
        &self,
        start: usize,
        at: usize,
        position: u64,
        reason: &str,
    ) -> Unreadable {
        utf8_failure(&self.buffer[start..at], self.offset_of(start), position).unwrap_or_else(
            || Unreadable {
                position,
                byte_offset: self.offset_of(at),
                reason: reason.to_owned(),
            },
        )
    }
}

/// The first invalid UTF-8 in bytes that begin at `offset` of their file. A character that is
/// only cut off at their end does not count.
fn utf8_failure(bytes: &[u8], offset: u64, position: u64) -> Option<Unreadable> {
    let error = std::str::from_utf8(bytes).err()?;
    error.error_len()?;
    Some(Unreadable {
        byte_offset: offset + error.valid_up_to() as u64,
        position,
        reason: INVALID_UTF8.to_owned(),
    })
}

pub(crate) const INVALID_UTF8: &str = "invalid UTF-8";
