//! Reading a file and looking at its rows.

use std::path::Path;
use std::sync::Arc;

use lakehouse_contract::{
    ColumnType, Compression, CsvFormat, Format, JsonLayout, OnInvalid, SourceFormat, UnknownColumns,
};
use lakehouse_reader::{
    Batch, Field, FileOutcome, ReadPlan, Reader, ReaderOptions, SourceFile, Values, split_path,
};

pub const LINES: Format = Format::Json(JsonLayout::Lines, Compression::None);
pub const ARRAY: Format = Format::Json(JsonLayout::Array, Compression::None);
pub const CONCATENATED: Format = Format::Json(JsonLayout::Concatenated, Compression::None);

pub fn csv() -> Format {
    Format::Csv(CsvFormat::default(), Compression::None)
}

pub fn csv_with(delimiter: u8, quote: u8, encoding: &str) -> Format {
    Format::Csv(
        CsvFormat {
            delimiter,
            quote,
            encoding: encoding.to_owned(),
        },
        Compression::None,
    )
}

/// A field at a dotted path of the same name, required, ISO 8601, UTC, `.`.
pub fn field(path: &str, column_type: ColumnType) -> Field {
    Field {
        name: path.to_owned(),
        path: split_path(path),
        column_type,
        format: SourceFormat::default(),
        on_invalid: OnInvalid::Reject,
        required: true,
    }
}

pub fn text(path: &str) -> Field {
    field(path, ColumnType::Text)
}

pub fn int(path: &str) -> Field {
    field(path, ColumnType::Int64)
}

pub fn money(path: &str) -> Field {
    field(
        path,
        ColumnType::Decimal {
            precision: 18,
            scale: 2,
        },
    )
}

pub fn plan(fields: Vec<Field>) -> ReadPlan {
    ReadPlan::new(fields, Vec::new(), UnknownColumns::Discard).unwrap()
}

pub fn options(format: &Format) -> ReaderOptions {
    ReaderOptions::new(format.clone())
}

/// A row, its values as texts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    pub file: i32,
    pub offset: i64,
    pub position: i64,
    pub values: Vec<Option<String>>,
    /// `column:rule`, `*:rule` for the record as a whole.
    pub broken: Vec<String>,
    pub repaired: Vec<String>,
}

impl Row {
    /// The values, `NULL` for none, then what broke, then what was repaired; short enough for a
    /// table of cases.
    pub fn short(&self) -> String {
        let values: Vec<&str> = self
            .values
            .iter()
            .map(|value| value.as_deref().unwrap_or("NULL"))
            .collect();
        let mut text = values.join("|");
        if !self.broken.is_empty() {
            text.push_str(&format!(" !{}", self.broken.join(",")));
        }
        if !self.repaired.is_empty() {
            text.push_str(&format!(" ~{}", self.repaired.join(",")));
        }
        text
    }
}

pub struct Read {
    pub rows: Vec<Row>,
    pub files: Vec<FileOutcome>,
}

impl Read {
    pub fn short(&self) -> Vec<String> {
        self.rows.iter().map(Row::short).collect()
    }

    pub fn positions(&self) -> Vec<(i64, i64)> {
        self.rows
            .iter()
            .map(|row| (row.position, row.offset))
            .collect()
    }

    /// Position, offset and reason of the only file's failure.
    pub fn unreadable(&self) -> Option<(u64, u64, &str)> {
        let unreadable = self.files[0].unreadable.as_ref()?;
        Some((
            unreadable.position,
            unreadable.byte_offset,
            unreadable.reason.as_str(),
        ))
    }

    pub fn discarded(&self) -> Vec<(&str, u64)> {
        self.files[0]
            .discarded
            .iter()
            .map(|(name, rows)| (name.as_str(), *rows))
            .collect()
    }
}

/// Reads one file with these bytes.
pub fn read(plan: &ReadPlan, options: ReaderOptions, bytes: impl AsRef<[u8]>) -> Read {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, bytes).unwrap();
    read_files(plan, options, &[&path])
}

/// Reads files with as many workers as the options say; rows of unreadable files are dropped, the
/// others sorted by file and offset.
pub fn read_files(plan: &ReadPlan, options: ReaderOptions, paths: &[&Path]) -> Read {
    let threads = options.threads;
    let files = (0..)
        .zip(paths)
        .map(|(index, path)| SourceFile {
            path: path.to_path_buf(),
            index,
        })
        .collect();
    let reader = Arc::new(Reader::new(plan.clone(), files, options));
    let columns = reader.columns();
    let mut rows: Vec<Row> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads)
            .map(|_| {
                let mut worker = reader.worker();
                let columns = &columns;
                scope.spawn(move || {
                    let mut rows = Vec::new();
                    while let Some(batch) = worker.next_batch().unwrap() {
                        assert!(batch.rows() > 0);
                        rows.extend((0..batch.rows()).map(|row| row_of(batch, columns, row)));
                    }
                    // It stays at its end.
                    assert!(worker.next_batch().unwrap().is_none());
                    rows
                })
            })
            .collect();
        handles
            .into_iter()
            .flat_map(|handle| handle.join().unwrap())
            .collect()
    });
    let files = reader.outcome();
    rows.retain(|row| files[row.file as usize].unreadable.is_none());
    rows.sort();
    for file in &files {
        let records = rows.iter().filter(|row| row.file == file.index).count();
        assert_eq!(
            file.records, records as u64,
            "records of file {}",
            file.index
        );
    }
    Read { rows, files }
}

fn row_of(batch: &Batch, columns: &[(String, ColumnType)], row: usize) -> Row {
    let own = columns.len() - 5;
    let number = |column: usize| match batch.columns()[column].values() {
        Values::Int32(values) => i64::from(values[row]),
        Values::Int64(values) => values[row],
        _ => panic!("not a number"),
    };
    let list = |column: usize| {
        let Some(text) = batch.text(column, row) else {
            return Vec::new();
        };
        let entries: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
        assert!(!entries.is_empty());
        let entry = |entry: &serde_json::Value| {
            format!(
                "{}:{}",
                entry["column"].as_str().unwrap_or("*"),
                entry["rule"].as_str().unwrap()
            )
        };
        entries.iter().map(entry).collect()
    };
    Row {
        file: number(own) as i32,
        position: number(own + 1),
        offset: number(own + 2),
        values: (0..own)
            .map(|column| value(batch, column, row, columns[column].1))
            .collect(),
        broken: list(own + 3),
        repaired: list(own + 4),
    }
}

fn value(batch: &Batch, column: usize, row: usize, column_type: ColumnType) -> Option<String> {
    if !batch.columns()[column].validity().is_valid(row) {
        assert_eq!(batch.text(column, row), None);
        return None;
    }
    let integer = match batch.columns()[column].values() {
        Values::Text(_) => {
            let bytes = batch.text(column, row).unwrap().as_bytes();
            return Some(String::from_utf8(bytes.to_vec()).expect("texts are UTF-8"));
        }
        Values::Boolean(values) => return Some(values[row].to_string()),
        Values::Double(values) => return Some(values[row].to_string()),
        Values::Int16(values) => i128::from(values[row]),
        Values::Int32(values) => i128::from(values[row]),
        Values::Int64(values) => i128::from(values[row]),
        Values::Int128(values) => values[row],
    };
    Some(match column_type {
        ColumnType::Date => chrono::NaiveDate::from_epoch_days(integer as i32)
            .unwrap()
            .to_string(),
        ColumnType::Timestamp => chrono::DateTime::from_timestamp_micros(integer as i64)
            .unwrap()
            .naive_utc()
            .to_string(),
        ColumnType::Decimal { scale, .. } if scale > 0 => {
            let scale = usize::from(scale);
            let digits = format!("{:0>width$}", integer.unsigned_abs(), width = scale + 1);
            let (whole, decimals) = digits.split_at(digits.len() - scale);
            format!("{}{whole}.{decimals}", if integer < 0 { "-" } else { "" })
        }
        _ => integer.to_string(),
    })
}
