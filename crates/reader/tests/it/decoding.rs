//! Decompression and encodings.

use std::io::{self, Read, Write};

use lakehouse_contract::{Compression, Format};
use lakehouse_reader::{DecodeError, decode};

use crate::support::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn decoded(bytes: &[u8], compression: Compression, format: &Format) -> Result<Vec<u8>, String> {
    let mut output = Vec::new();
    // A byte at a time, so that every boundary is met.
    match decode(OneByte(bytes), compression, format, &mut output) {
        Ok(decoded) => {
            assert_eq!(decoded.bytes, output.len() as u64);
            Ok(output)
        }
        Err(DecodeError::Unreadable(unreadable)) => Err(format!(
            "{} {} {}",
            unreadable.position, unreadable.byte_offset, unreadable.reason
        )),
        Err(error) => panic!("{error}"),
    }
}

struct OneByte<'bytes>(&'bytes [u8]);

impl Read for OneByte<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(1);
        self.0.read(&mut buffer[..length])
    }
}

#[test]
fn compressed_in_parts() {
    let text = "id,x\n".to_owned() + &"1,äöü\n".repeat(10_000);
    let (one, two) = text.as_bytes().split_at(30_001);
    for (compression, parts) in [
        (Compression::Gzip, [gzip(one), gzip(two)]),
        (Compression::Zstd, [zstd(one), zstd(two)]),
    ] {
        let file = parts.concat();
        assert_eq!(
            decoded(&file, compression, &csv()).unwrap(),
            text.as_bytes()
        );
        assert_eq!(
            decoded(&file, compression, &LINES).unwrap(),
            text.as_bytes()
        );
        // An empty part is a part.
        assert_eq!(
            decoded(
                &[&gzip(b"")[..], &gzip(one)].concat(),
                Compression::Gzip,
                &csv()
            )
            .unwrap(),
            one
        );
    }
}

#[test]
fn compressed_and_cut() {
    let text = (0..2_000)
        .map(|number| format!("{},x\n", number * 7_919 % 1_000))
        .collect::<String>();
    for (name, compression, file) in [
        ("gzip", Compression::Gzip, gzip(text.as_bytes())),
        ("zstd", Compression::Zstd, zstd(text.as_bytes())),
    ] {
        for length in [1, 5, 20, file.len() / 2, file.len() - 1] {
            let failure = decoded(&file[..length], compression, &csv()).unwrap_err();
            assert!(
                failure.ends_with(&format!("the {name} data end in the middle")),
                "{length}: {failure}"
            );
        }
        assert_eq!(
            decoded(b"", compression, &csv()).unwrap_err(),
            format!("1 0 the file is empty, which is not {name} data")
        );
        assert_eq!(
            decoded(b"id,x\n1,2\n3,4\n", compression, &csv()).unwrap_err(),
            format!(
                "1 0 not valid {name} data: the file does not begin so; leave `compression` out \
                 if it is not compressed"
            )
        );
        let mut flipped = file.clone();
        let middle = file.len() / 2;
        flipped[middle] ^= 0x55;
        assert!(decoded(&flipped, compression, &csv()).is_err());
        let failure = decoded(
            &[&file[..], b"something trailing it"].concat(),
            compression,
            &csv(),
        )
        .unwrap_err();
        assert!(
            failure.ends_with(&format!("not valid {name} data")),
            "{failure}"
        );
        assert!(
            failure.starts_with(&format!("2001 {} ", text.len())),
            "{failure}"
        );
    }
}

#[test]
fn encodings() {
    let text = "name,x\nCafé,5 £\n";
    let latin1: Vec<u8> = text.chars().map(|character| character as u8).collect();
    let utf16 =
        |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let (little, big) = (utf16(u16::to_le_bytes), utf16(u16::to_be_bytes));
    for (label, file) in [
        ("utf-8", text.as_bytes().to_vec()),
        ("UTF8", text.as_bytes().to_vec()),
        ("utf-8", [b"\xEF\xBB\xBF", text.as_bytes()].concat()),
        ("utf-8-sig", [b"\xEF\xBB\xBF", text.as_bytes()].concat()),
        ("latin1", latin1.clone()),
        ("latin-1", latin1.clone()),
        ("ISO-8859-1", latin1.clone()),
        ("windows-1252", latin1),
        ("utf-16le", little.clone()),
        ("utf-16le", [b"\xFF\xFE", &little[..]].concat()),
        ("utf-16", [b"\xFF\xFE", &little[..]].concat()),
        ("utf-16", [b"\xFE\xFF", &big[..]].concat()),
        ("utf-16be", big),
    ] {
        let format = csv_with(b',', b'"', label);
        assert_eq!(
            decoded(&file, Compression::None, &format),
            Ok(text.as_bytes().to_vec()),
            "{label}"
        );
        assert_eq!(
            decoded(&gzip(&file), Compression::Gzip, &format),
            Ok(text.as_bytes().to_vec()),
            "{label}"
        );
    }
    let euro = csv_with(b',', b'"', "windows-1252");
    assert_eq!(
        decoded(b"\x80", Compression::None, &euro).unwrap(),
        "€".as_bytes()
    );
}

#[test]
fn invalid_in_its_encoding() {
    for (label, file, failure) in [
        (
            "shift_jis",
            &b"a,b\n1,\x82\xA0\n2,\xFF\n"[..],
            "3 12 invalid Shift_JIS",
        ),
        ("utf-16le", b"a\0\n\0\x00\xD8a\0", "2 2 invalid UTF-16LE"),
        ("utf-16le", b"a\0\n\0b", "2 2 invalid UTF-16LE"),
    ] {
        let format = csv_with(b',', b'"', label);
        assert_eq!(
            decoded(file, Compression::None, &format).unwrap_err(),
            failure,
            "{label}"
        );
    }
    // The reader meets these, and knows their record.
    assert_eq!(
        decoded(b"a\n\xFF", Compression::None, &csv()).unwrap(),
        b"a\n\xFF"
    );
    let unknown = decode(
        &b""[..],
        Compression::None,
        &csv_with(b',', b'"', "klingon"),
        Vec::new(),
    )
    .unwrap_err();
    assert!(matches!(unknown, DecodeError::UnknownEncoding(label) if label == "klingon"));
}

#[test]
fn failures_of_the_machine_are_told_apart() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let file = gzip(&b"id,x\n".repeat(1_000));
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let error = decode(Broken, compression, &csv(), Vec::new()).unwrap_err();
        assert!(
            matches!(&error, DecodeError::Input(cause) if cause.to_string() == "the disk is gone"),
            "{error:?}"
        );
    }
    for (input, compression) in [
        (&b"id,x\n"[..], Compression::None),
        (&file[..], Compression::Gzip),
    ] {
        let error = decode(input, compression, &csv(), Broken).unwrap_err();
        assert!(
            matches!(&error, DecodeError::Output(cause) if cause.kind() == io::ErrorKind::StorageFull),
            "{error:?}"
        );
        // Half a file that can no longer be read is no broken file.
        let half = input[..input.len() / 2].chain(Broken);
        let error = decode(half, compression, &csv(), Vec::new()).unwrap_err();
        assert!(matches!(&error, DecodeError::Input(_)), "{error:?}");
    }
}
