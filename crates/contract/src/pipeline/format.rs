//! `format`: what the files of a dataset are.

use serde::Deserialize;

use super::{Compression, CsvFormat, Format, JsonLayout};
use crate::yaml::{At, choose, choose_or_default};
use crate::{ContractError, suggest};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFormat {
    json: At<String>,
    csv: At<RawCsv>,
    compression: At<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCsv {
    delimiter: At<String>,
    quote: At<String>,
    encoding: At<String>,
    header: At<bool>,
}

pub(super) fn read_format(raw: RawFormat) -> Result<Format, ContractError> {
    let compressions = [
        ("none", Compression::None),
        ("gzip", Compression::Gzip),
        ("zstd", Compression::Zstd),
    ];
    let compression = choose_or_default("compression", raw.compression, &compressions, &[])?;
    match (raw.json, raw.csv) {
        (Some(layout), None) => {
            let layouts = [
                ("lines", JsonLayout::Lines),
                ("array", JsonLayout::Array),
                ("concatenated", JsonLayout::Concatenated),
            ];
            let location = layout.referenced;
            choose("json", &layout.value, &layouts, &[])
                .map(|layout| Format::Json(layout, compression))
                .map_err(|error| error.at(location))
        }
        (None, Some(csv)) => Ok(Format::Csv(read_csv(csv.value)?, compression)),
        _ => Err(
            ContractError::invalid("`format` must name exactly one of `json` and `csv`")
                .with_hint("write `format: {json: lines}` or `format: {csv: {delimiter: \",\"}}`"),
        ),
    }
}

fn read_csv(raw: RawCsv) -> Result<CsvFormat, ContractError> {
    let byte = |key: &str, text: At<String>, default: u8| match text {
        None => Ok(default),
        Some(text) => match text.value.as_bytes() {
            [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | b'\0') => Ok(*byte),
            _ => Err(
                ContractError::invalid(format!("`{key}` is not one ASCII character"))
                    .with_hint("write it in quotes: `\",\"`, `\";\"`, `\"\\t\"`")
                    .at(text.referenced),
            ),
        },
    };
    let default = CsvFormat::default();
    let delimiter = byte("delimiter", raw.delimiter, default.delimiter)?;
    let quote = byte("quote", raw.quote, default.quote)?;
    if delimiter == quote {
        return Err(
            ContractError::invalid("`delimiter` and `quote` are the same character")
                .with_hint("choose another `quote`"),
        );
    }
    if let Some(header) = raw.header.filter(|header| !header.value) {
        return Err(
            ContractError::not_supported_yet("a CSV file without a header")
                .with_hint("columns are found by the names in the first record")
                .at(header.referenced),
        );
    }
    let encoding = match raw.encoding {
        None => default.encoding,
        Some(encoding) => {
            let name = encoding.value.to_lowercase();
            if !ENCODINGS.contains(&name.as_str()) {
                return Err(ContractError::invalid(format!(
                    "`{}` is not an encoding",
                    encoding.value
                ))
                .with_hint(suggest::hint(&name, &ENCODINGS, "encodings"))
                .at(encoding.referenced));
            }
            name
        }
    };
    Ok(CsvFormat {
        delimiter,
        quote,
        encoding,
    })
}

/// Names of the WHATWG's encoding standard that the reader's decoder knows.
const ENCODINGS: [&str; 40] = [
    "utf-8",
    "utf-16",
    "utf-16le",
    "utf-16be",
    "us-ascii",
    "iso-8859-1",
    "iso-8859-2",
    "iso-8859-3",
    "iso-8859-4",
    "iso-8859-5",
    "iso-8859-6",
    "iso-8859-7",
    "iso-8859-8",
    "iso-8859-10",
    "iso-8859-13",
    "iso-8859-14",
    "iso-8859-15",
    "iso-8859-16",
    "windows-874",
    "windows-1250",
    "windows-1251",
    "windows-1252",
    "windows-1253",
    "windows-1254",
    "windows-1255",
    "windows-1256",
    "windows-1257",
    "windows-1258",
    "ibm866",
    "koi8-r",
    "koi8-u",
    "macintosh",
    "gbk",
    "gb18030",
    "big5",
    "euc-jp",
    "shift_jis",
    "iso-2022-jp",
    "euc-kr",
    "latin1",
];
