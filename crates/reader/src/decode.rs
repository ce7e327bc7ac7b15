//! From a source file to what the reader reads: decompressed, in UTF-8, without a byte order
//! mark.

use std::cell::Cell;
use std::io::{self, BufReader, Read, Write};

use encoding_rs::{DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};
use flate2::bufread::MultiGzDecoder;
use memchr::memchr_iter;

use crate::error::{DecodeError, Unreadable};
use crate::model::{Compression, Format};

const BUFFER_BYTES: usize = 256 << 10;
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What was decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoded {
    /// Size of the decoded file.
    pub bytes: u64,
}

/// The encoding that a label names: those of the WHATWG Encoding Standard, and spellings that
/// other tools have for them. `utf-16` is little-endian unless its byte order mark says
/// otherwise.
fn encoding_of(format: &Format) -> Result<&'static Encoding, DecodeError> {
    let Format::Csv(csv, _) = format else {
        return Ok(UTF_8);
    };
    let label = csv.encoding.trim().to_ascii_lowercase();
    let label = match label.as_str() {
        "latin-1" => "latin1",
        "utf-8-sig" => "utf-8",
        other => other,
    };
    Encoding::for_label(label.as_bytes())
        .ok_or_else(|| DecodeError::UnknownEncoding(csv.encoding.clone()))
}

/// Decodes a source file, in bounded memory. JSON is UTF-8 always, CSV is what its format says.
///
/// Invalid UTF-8 in a file that is declared to be UTF-8 passes: the reader meets it, and knows
/// the record that it is in.
///
/// # Errors
///
/// [`DecodeError::Unreadable`] where the file is cut or is not what it is declared to be; the
/// others are failures of the machine or of the configuration.
pub fn decode(
    input: impl Read,
    compression: Compression,
    format: &Format,
    output: impl Write,
) -> Result<Decoded, DecodeError> {
    let encoding = encoding_of(format)?;
    let source = Source::default();
    let mut input = BufReader::with_capacity(
        BUFFER_BYTES,
        Tap {
            input,
            source: &source,
        },
    );
    let mut sink = Sink {
        output,
        bytes: 0,
        lines: 0,
        counts_lines: matches!(format, Format::Csv(..)),
    };
    let compressed = match compression {
        Compression::None => return transcode(input, encoding, &source, "", &mut sink),
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
    };
    // Enough to see what it begins with, however little the input gives at a time.
    let mut head = [0; 4];
    let mut filled = 0;
    while filled < head.len() {
        match read(&mut input, &mut head[filled..])
            .map_err(|error| source.error(error, &sink, compressed))?
        {
            0 => break,
            count => filled += count,
        }
    }
    let head = &head[..filled];
    if head.is_empty() {
        return Err(sink.unreadable(format!("the file is empty, which is not {compressed} data")));
    }
    if let Some(begin) = begins_otherwise(head, compression) {
        return Err(sink.unreadable(format!(
            "not valid {compressed} data: the file {begin}; leave `compression` out if it is not \
             compressed"
        )));
    }
    let input = head.chain(input);
    match compression {
        Compression::Zstd => {
            let decoder =
                zstd::stream::read::Decoder::with_buffer(input).map_err(DecodeError::Input)?;
            transcode(decoder, encoding, &source, compressed, &mut sink)
        }
        _ => transcode(
            MultiGzDecoder::new(input),
            encoding,
            &source,
            compressed,
            &mut sink,
        ),
    }
}

/// How a file begins that is declared to be compressed and is not, or otherwise than declared.
fn begins_otherwise(bytes: &[u8], compression: Compression) -> Option<&'static str> {
    const GZIP: &[u8] = b"\x1F\x8B";
    const ZSTD: &[u8] = b"\x28\xB5\x2F\xFD";
    // Frames of Zstandard that hold no data begin with one of sixteen other marks.
    let is_skippable =
        bytes.len() >= 4 && bytes[0] & 0xF0 == 0x50 && bytes[1..4] == *b"\x2A\x4D\x18";
    let is_declared = match compression {
        Compression::None => true,
        Compression::Gzip => bytes.len() < 2 || bytes.starts_with(GZIP),
        Compression::Zstd => bytes.len() < 4 || bytes.starts_with(ZSTD) || is_skippable,
    };
    (!is_declared).then(|| {
        if bytes.starts_with(GZIP) {
            "begins as gzip data do"
        } else if bytes.starts_with(ZSTD) {
            "begins as Zstandard data do"
        } else if bytes.starts_with(b"PK\x03\x04") {
            "begins as a ZIP archive does"
        } else {
            "does not begin so"
        }
    })
}

/// What the input did, seen past the decoder that reads it.
#[derive(Default)]
struct Source {
    failure: Cell<Option<io::Error>>,
}

impl Source {
    /// What an error of the decoder means: a failure of the input, or of what it holds.
    fn error<W>(&self, error: io::Error, sink: &Sink<W>, compression: &str) -> DecodeError {
        if let Some(failure) = self.failure.take() {
            return DecodeError::Input(failure);
        }
        sink.unreadable(match error.kind() {
            io::ErrorKind::UnexpectedEof => format!("the {compression} data end in the middle"),
            _ => format!("not valid {compression} data"),
        })
    }
}

struct Tap<'source, R> {
    input: R,
    source: &'source Source,
}

impl<R: Read> Read for Tap<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.input.read(buffer).map_err(|error| {
            if error.kind() == io::ErrorKind::Interrupted {
                return error;
            }
            let kind = error.kind();
            self.source.failure.set(Some(error));
            kind.into()
        })
    }
}

/// The output, and how far it is.
struct Sink<W> {
    output: W,
    bytes: u64,
    lines: u64,
    counts_lines: bool,
}

impl<W: Write> Sink<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        self.bytes += bytes.len() as u64;
        if self.counts_lines {
            self.lines += memchr_iter(b'\n', bytes).count() as u64;
        }
        self.output.write_all(bytes).map_err(DecodeError::Output)
    }
}

impl<W> Sink<W> {
    fn unreadable(&self, reason: String) -> DecodeError {
        let position = if self.counts_lines { self.lines + 1 } else { 0 };
        DecodeError::Unreadable(Unreadable {
            byte_offset: self.bytes,
            position,
            reason,
        })
    }
}

fn transcode<W: Write>(
    mut input: impl Read,
    encoding: &'static Encoding,
    source: &Source,
    compression: &str,
    sink: &mut Sink<W>,
) -> Result<Decoded, DecodeError> {
    let mut buffer = vec![0; BUFFER_BYTES];
    // Enough to see a byte order mark.
    let mut filled = 0;
    while filled < 4 {
        match read(&mut input, &mut buffer[filled..])
            .map_err(|error| source.error(error, sink, compression))?
        {
            0 => break,
            count => filled += count,
        }
    }
    if encoding == UTF_8 {
        let mut start = if buffer[..filled].starts_with(BYTE_ORDER_MARK) {
            BYTE_ORDER_MARK.len()
        } else {
            0
        };
        while filled > 0 {
            sink.write(&buffer[start..filled])?;
            start = 0;
            filled = read(&mut input, &mut buffer)
                .map_err(|error| source.error(error, sink, compression))?;
        }
    } else {
        // In UTF-16 the byte order mark has the last word.
        let is_utf16 = encoding == UTF_16LE || encoding == UTF_16BE;
        let encoding = match buffer[..filled].first_chunk() {
            Some(b"\xFE\xFF") if is_utf16 => UTF_16BE,
            Some(b"\xFF\xFE") if is_utf16 => UTF_16LE,
            _ => encoding,
        };
        let mut decoder = encoding.new_decoder_with_bom_removal();
        let mut text = vec![0; BUFFER_BYTES];
        loop {
            let is_last = filled == 0;
            let mut at = 0;
            loop {
                let (result, read, written) = decoder.decode_to_utf8_without_replacement(
                    &buffer[at..filled],
                    &mut text,
                    is_last,
                );
                at += read;
                sink.write(&text[..written])?;
                match result {
                    DecoderResult::InputEmpty => break,
                    DecoderResult::OutputFull => {}
                    DecoderResult::Malformed(..) => {
                        return Err(sink.unreadable(format!("invalid {}", encoding.name())));
                    }
                }
            }
            if is_last {
                break;
            }
            filled = read(&mut input, &mut buffer)
                .map_err(|error| source.error(error, sink, compression))?;
        }
    }
    sink.output.flush().map_err(DecodeError::Output)?;
    Ok(Decoded { bytes: sink.bytes })
}

fn read(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
