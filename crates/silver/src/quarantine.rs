//! The quarantine file: every rejected row, where it stands, every rule it breaks, and what
//! may be shown of its text.
//!
//! The reader keeps no text while it reads, since almost no row needs it. Rejected rows are
//! read again, one by one, from the offset that the reader noted, and are handed to the engine
//! in pieces of a few megabytes: a day may consist of nothing but long, broken records.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use lakehouse_bind::EngineFailure as _;
use lakehouse_contract::quote::literal;
use lakehouse_engine::{
    Chunk, ColumnKind, EngineError, PIECE_BYTES, RowSource, RowWorker, Rows, Value,
};
use lakehouse_reader::{ReadError, SourceFile, SourceTexts, Unreadable};
use lakehouse_stage::{Exit, StageError};
use lakehouse_store::manifest::Manifest;

use crate::Job;
use crate::opened::Opened;

/// The files of the day by their index in the manifest.
pub struct SourceFiles {
    names: Vec<(String, String)>,
    paths: std::collections::BTreeMap<i32, PathBuf>,
}

impl SourceFiles {
    /// Joins the manifest's names with the local paths of the files that could be decoded.
    #[must_use]
    pub fn new(manifest: &Manifest, files: &[SourceFile]) -> Self {
        Self {
            names: manifest
                .files
                .iter()
                .map(|file| (file.source_name.clone(), file.sha256.clone()))
                .collect(),
            paths: files
                .iter()
                .map(|file| (file.index, file.path.clone()))
                .collect(),
        }
    }
}

/// Rejected rows and unreadable files in a total order: no two of them stand at the same place, and
/// the same rows are the same bytes.
const ORDER: &str = "source_name, source_sha256, position, file, byte_offset";
const COLUMNS: &str =
    "source_name, source_sha256, position, rules, detail, file, byte_offset, shape_is_broken";
const ENTRIES: &str = "(\n\
  SELECT files.name AS source_name, files.sha256 AS source_sha256, _lake_position AS position, CAST(to_json(_lake_reasons) AS VARCHAR) AS rules, CAST(NULL AS VARCHAR) AS detail, \
  _lake_file AS file, _lake_offset AS byte_offset, len(list_filter(_lake_reasons, lambda entry: entry.\"column\" IS NULL)) > 0 AS shape_is_broken\n\
  FROM judged JOIN source_files AS files ON files.number = _lake_file WHERE _lake_reasons IS NOT NULL\n\
  UNION ALL\n\
  SELECT files.name, files.sha256, unreadable.position, '[{\"column\":null,\"rule\":\"unreadableFile\"}]', unreadable.reason, unreadable.file, CAST(0 AS BIGINT), true\n\
  FROM unreadable_files AS unreadable JOIN source_files AS files ON files.number = unreadable.file\n\
) AS entries";

/// Writes the quarantine file and returns its number of rows.
///
/// # Errors
/// Engine failures, and a source file that can no longer be read.
pub fn write(
    job: &Job<'_>,
    opened: &Opened,
    files: &SourceFiles,
    unreadable: &[(i32, Unreadable)],
    output: &Path,
) -> Result<u64, StageError> {
    let session = &opened.session;
    let run = |sql: &str| session.execute(sql).stage("write the quarantine file");
    run("CREATE TABLE source_files (number INTEGER, name VARCHAR, sha256 VARCHAR)")?;
    for page in files
        .names
        .iter()
        .enumerate()
        .collect::<Vec<_>>()
        .chunks(500)
    {
        let rows: Vec<String> = page
            .iter()
            .map(|(index, (name, sha256))| {
                format!("({index}, {}, {})", literal(name), literal(sha256))
            })
            .collect();
        run(&format!(
            "INSERT INTO source_files VALUES {}",
            rows.join(", ")
        ))?;
    }
    run("CREATE TABLE unreadable_files (file INTEGER, position BIGINT, reason VARCHAR)")?;
    for (index, file) in unreadable {
        // Of a failure of the file as a whole no line is known.
        let position = match file.position {
            0 => "NULL".to_owned(),
            position => position.to_string(),
        };
        run(&format!(
            "INSERT INTO unreadable_files VALUES ({index}, {position}, {})",
            literal(&format!("{} (byte {})", file.reason, file.byte_offset))
        ))?;
    }
    let rejected = Rejected {
        rows: session
            .rows(COLUMNS, ENTRIES, ORDER)
            .stage("write the quarantine file")?,
        waiting: Vec::new().into_iter(),
        texts: Texts::new(job, opened, files)?,
    };
    session
        .write_parquet_in_order(
            Arc::new(Entries(Mutex::new(Some(rejected)))),
            |source| {
                format!(
                    "SELECT source_name, source_sha256, position, \
                     from_json(rules, '[{{\"column\":\"VARCHAR\",\"rule\":\"VARCHAR\"}}]') AS rules, \
                     source, detail FROM {source}"
                )
            },
            output,
            &BTreeMap::new(),
        )
        .stage("write the quarantine file")
}

/// Reads the texts of unclassified source fields that the contract names, and of no others.
struct Texts {
    fields: Vec<String>,
    texts: SourceTexts,
    paths: BTreeMap<i32, PathBuf>,
}

impl Texts {
    fn new(job: &Job<'_>, opened: &Opened, files: &SourceFiles) -> Result<Self, StageError> {
        let fields = job.contract.showable_paths();
        let paths = fields
            .iter()
            .map(|field| lakehouse_reader::split_path(field))
            .collect();
        let texts = SourceTexts::new(paths, &opened.options)
            .map_err(|error| StageError::from_error(Exit::Usage, &error))?;
        Ok(Self {
            fields,
            texts,
            paths: files.paths.clone(),
        })
    }

    /// Why a record is broken as a whole, and the byte at which it is.
    fn fault(
        &mut self,
        file: i32,
        offset: u64,
        position: u64,
    ) -> Result<Option<String>, EngineError> {
        let Some(path) = self.paths.get(&file) else {
            return Ok(None);
        };
        let fault = self.texts.fault(path, offset, position);
        Ok(fault
            .map_err(not_read_again)?
            .map(|fault| format!("{} (byte {})", fault.reason, fault.byte_offset)))
    }

    /// A record's texts as a JSON object.
    fn source(
        &mut self,
        file: i32,
        offset: u64,
        position: u64,
    ) -> Result<Option<String>, EngineError> {
        let Some(path) = self.paths.get(&file) else {
            return Ok(None);
        };
        let texts = self.texts.texts(path, offset, position);
        let texts = texts.map_err(not_read_again)?;
        let object: serde_json::Map<String, serde_json::Value> = self
            .fields
            .iter()
            .cloned()
            .zip(texts.into_iter().map(serde_json::Value::from))
            .collect();
        Ok(Some(serde_json::Value::Object(object).to_string()))
    }
}

fn not_read_again(error: ReadError) -> EngineError {
    match &error {
        ReadError::Io { path, source } => {
            EngineError::from_io(&format!("cannot read `{}`", path.display()), source)
        }
        other => EngineError::from(format!("a rejected row could not be read again: {other}")),
    }
}

/// The file's rows as the engine reads them; one worker takes all of them.
struct Entries(Mutex<Option<Rejected>>);

struct Rejected {
    rows: Rows,
    waiting: std::vec::IntoIter<Vec<Value>>,
    texts: Texts,
}

impl RowSource for Entries {
    fn columns(&self) -> Vec<(String, ColumnKind)> {
        [
            ("source_name", ColumnKind::Text),
            ("source_sha256", ColumnKind::Text),
            ("position", ColumnKind::Int64),
            ("rules", ColumnKind::Text),
            ("source", ColumnKind::Text),
            ("detail", ColumnKind::Text),
        ]
        .map(|(name, kind)| (name.to_owned(), kind))
        .to_vec()
    }

    fn worker(&self) -> Box<dyn RowWorker> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        Box::new(EntriesWorker(taken))
    }

    fn max_threads(&self) -> usize {
        1
    }
}

struct EntriesWorker(Option<Rejected>);

impl RowWorker for EntriesWorker {
    fn fill(&mut self, chunk: &mut Chunk<'_>) -> Result<usize, EngineError> {
        let Some(rejected) = &mut self.0 else {
            return Ok(0);
        };
        let (mut filled, mut bytes) = (0, 0);
        while filled < chunk.capacity() && bytes < PIECE_BYTES {
            let Some(row) = rejected.next()? else {
                break;
            };
            bytes += rejected.fill_row(chunk, filled, &row)?;
            filled += 1;
        }
        Ok(filled)
    }
}

impl Rejected {
    fn next(&mut self) -> Result<Option<Vec<Value>>, EngineError> {
        if self.waiting.as_slice().is_empty() {
            self.waiting = self.rows.next_rows()?.into_iter();
        }
        Ok(self.waiting.next())
    }

    /// Writes an entry; returns the bytes of its texts.
    fn fill_row(
        &mut self,
        chunk: &mut Chunk<'_>,
        to: usize,
        row: &[Value],
    ) -> Result<usize, EngineError> {
        let number = |index: usize| row.get(index).and_then(Value::as_i64).unwrap_or_default();
        let text = |index: usize| row.get(index).and_then(Value::as_str);
        let position = number(2);
        let place = (
            i32::try_from(number(5)).unwrap_or_default(),
            u64::try_from(number(6)).unwrap_or_default(),
            u64::try_from(position).unwrap_or_default(),
        );
        // Where the record's shape is broken its fields have no meaning: bronze has the text.
        let shape_is_broken = row.get(7).and_then(Value::as_bool).unwrap_or_default();
        let (source, fault) = match (shape_is_broken, text(4)) {
            (true, None) => (None, self.texts.fault(place.0, place.1, place.2)?),
            (true, Some(_)) => (None, None),
            (false, _) => (self.texts.source(place.0, place.1, place.2)?, None),
        };
        let detail = text(4).or(fault.as_deref());
        match row.get(2).and_then(Value::as_i64) {
            Some(position) => chunk.column_mut::<i64>(2)[to] = position,
            None => chunk.set_null(2, to),
        }
        let mut bytes = 0;
        for (column, text) in [
            (0, text(0)),
            (1, text(1)),
            (3, text(3)),
            (4, source.as_deref()),
            (5, detail),
        ] {
            match text {
                Some(text) => {
                    bytes += text.len();
                    chunk.set_str(column, to, text);
                }
                None => chunk.set_null(column, to),
            }
        }
        Ok(bytes)
    }
}
