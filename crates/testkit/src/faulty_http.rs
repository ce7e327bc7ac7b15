//! As much HTTP/1.1 as the faulty store needs: heads, and bodies with a known length.

use std::io::{self, Read, Write};

/// The largest head that is taken.
const HEAD_LIMIT_BYTES: usize = 256 * 1024;

/// The head of a request or an answer: its first line and its fields.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub first_line: String,
    pub fields: Vec<(String, String)>,
}

impl Head {
    /// Reads a head; nothing when the connection ends before one begins.
    pub fn read(stream: &mut impl Read) -> io::Result<Option<Self>> {
        let mut bytes = Vec::new();
        let mut byte = [0; 1];
        while !bytes.ends_with(b"\r\n\r\n") {
            if stream.read(&mut byte)? == 0 {
                return if bytes.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
            bytes.push(byte[0]);
            if bytes.len() > HEAD_LIMIT_BYTES {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        let mut lines = text.split("\r\n");
        let first_line = lines.next().unwrap_or_default().to_owned();
        let fields = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        Ok(Some(Self { first_line, fields }))
    }

    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// How long the body is; without the field there is none.
    pub fn content_length(&self) -> u64 {
        self.field("content-length")
            .and_then(|length| length.parse().ok())
            .unwrap_or(0)
    }

    /// Writes the head with `Connection: close`, so that one connection is one request.
    pub fn write(&self, stream: &mut impl Write) -> io::Result<()> {
        let mut text = format!("{}\r\n", self.first_line);
        for (name, value) in &self.fields {
            if !name.eq_ignore_ascii_case("connection") {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        text.push_str("Connection: close\r\n\r\n");
        stream.write_all(text.as_bytes())
    }
}

/// Passes exactly `size_bytes` on, each chunk seen and perhaps changed by `change`.
pub(crate) fn pass(
    from: &mut impl Read,
    to: &mut impl Write,
    size_bytes: u64,
    mut change: impl FnMut(u64, &mut [u8]),
) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    let mut done = 0;
    while done < size_bytes {
        let wanted = usize::try_from(size_bytes - done)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let read = from.read(&mut buffer[..wanted])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        change(done, &mut buffer[..read]);
        to.write_all(&buffer[..read])?;
        done += read as u64;
    }
    Ok(())
}
