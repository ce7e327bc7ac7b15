//! Files that are something else than declared, by the bytes that they begin with.

/// Why a file that begins so cannot be read: none of these is the begin of JSON or CSV in UTF-8.
pub(super) fn foreign(bytes: &[u8]) -> Option<&'static str> {
    let reasons: [(&[u8], &str); 5] = [
        (
            b"\xFF\xFE",
            "it begins with the byte order mark of UTF-16; declare `encoding: utf-16` for CSV, and write JSON in UTF-8",
        ),
        (
            b"\xFE\xFF",
            "it begins with the byte order mark of UTF-16; declare `encoding: utf-16` for CSV, and write JSON in UTF-8",
        ),
        (
            b"\x1F\x8B",
            "it is compressed with gzip; declare `compression: gzip`",
        ),
        (
            b"\x28\xB5\x2F\xFD",
            "it is compressed with Zstandard; declare `compression: zstd`",
        ),
        (
            b"PK\x03\x04",
            "it is a ZIP archive, as Excel workbooks are; export it as text",
        ),
    ];
    reasons
        .into_iter()
        .find(|(begin, _)| bytes.starts_with(begin))
        .map(|(_, reason)| reason)
}
