//! The quarantine file: every rejected row, where it stands, every rule it breaks, and what
//! may be shown of its text.
//!
//! The reader keeps no text while it reads, since almost no row needs it. Rejected rows are
//! read again, one by one, from the offset that the reader noted.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use lakehouse_bind::EngineFailure;
use lakehouse_contract::quote::literal;
use lakehouse_engine::{Chunk, ColumnKind, RowSource, RowWorker, Session, Value};
use lakehouse_reader::{ReaderOptions, SourceFile, SourceTexts, Unreadable};
use lakehouse_stage::{Exit, StageError};
use lakehouse_store::manifest::Manifest;

use crate::Job;

/// Rejected rows whose text is in memory at once.
const PAGE_ROWS: usize = 20_000;
const TEXTS: &str = "rejected_texts";

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

/// A rejected row's place, and its text once it was read again.
struct Rejected {
    number: i64,
    file: i32,
    position: u64,
    offset: u64,
    shape_is_broken: bool,
}

/// The quarantine file's SELECT, in a total order: the same rows are the same bytes.
const SELECT: &str = "SELECT * FROM (\n\
  SELECT files.name AS source_name, files.sha256 AS source_sha256, rejected.position, rejected.rules, texts.source, CAST(NULL AS VARCHAR) AS detail\n\
  FROM rejected JOIN source_files AS files ON files.number = rejected.file LEFT JOIN quarantine_texts AS texts ON texts.number = rejected.number\n\
  UNION ALL\n\
  SELECT files.name, files.sha256, unreadable.position, [{'column': CAST(NULL AS VARCHAR), 'rule': 'unreadableFile'}], NULL, unreadable.reason\n\
  FROM unreadable_files AS unreadable JOIN source_files AS files ON files.number = unreadable.file\n\
) ORDER BY source_name, source_sha256, position, CAST(rules AS VARCHAR), source NULLS FIRST, detail NULLS FIRST";

/// Writes the quarantine file and returns its SHA-256.
///
/// # Errors
/// Engine failures, and a source file that can no longer be read.
pub fn write(
    session: &Session,
    job: &Job<'_>,
    files: &SourceFiles,
    texts: &mut PagedTexts,
    unreadable: &[(i32, Unreadable)],
    output: &Path,
) -> Result<String, StageError> {
    let run = |sql: &str| session.execute(sql).stage("write the quarantine file");
    run(
        "CREATE TABLE rejected AS SELECT row_number() OVER (ORDER BY _lake_file, _lake_position, _lake_offset) AS number, \
         _lake_file AS file, _lake_position AS position, _lake_offset AS byte_offset, _lake_reasons AS rules \
         FROM judged WHERE _lake_reasons IS NOT NULL",
    )?;
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
        let position = file.position.to_string();
        run(&format!(
            "INSERT INTO unreadable_files VALUES ({index}, {position}, {})",
            literal(&file.reason)
        ))?;
    }
    run("CREATE TABLE quarantine_texts (number BIGINT, source VARCHAR)")?;
    read_texts(session, files, texts)?;
    session
        .write_parquet(SELECT, output, &std::collections::BTreeMap::new())
        .stage("write the quarantine file")?;
    let sha256 = lakehouse_store::sha256_of_file(output)?.0;
    tracing::debug!(dataset = %job.name, sha256, "quarantine file written");
    Ok(sha256)
}

/// Reads the rejected rows' texts again, a page at a time.
fn read_texts(
    session: &Session,
    files: &SourceFiles,
    texts: &mut PagedTexts,
) -> Result<(), StageError> {
    let mut first: i64 = 1;
    loop {
        let last = first + PAGE_ROWS as i64 - 1;
        let page = session
            .query(&format!(
                "SELECT number, file, position, byte_offset, len(list_filter(rules, lambda entry: entry.\"column\" IS NULL)) > 0 \
                 FROM rejected WHERE number BETWEEN {first} AND {last} ORDER BY number"
            ))
            .stage("read rejected rows again")?;
        if page.is_empty() {
            return Ok(());
        }
        let mut found = Vec::with_capacity(page.len());
        for row in &page {
            let rejected = Rejected::from_row(row);
            // Where the record's shape is broken its fields have no meaning: bronze has the text.
            if rejected.shape_is_broken {
                continue;
            }
            let Some(path) = files.paths.get(&rejected.file) else {
                continue;
            };
            let text = texts
                .texts
                .texts(path, rejected.offset, rejected.position)
                .map_err(|error| {
                    StageError::new(
                        Exit::Bug,
                        format!("a rejected row could not be read again: {error}"),
                    )
                })?;
            let object: serde_json::Map<String, serde_json::Value> = texts
                .fields
                .iter()
                .cloned()
                .zip(text.into_iter().map(serde_json::Value::from))
                .collect();
            found.push((
                rejected.number,
                serde_json::Value::Object(object).to_string(),
            ));
        }
        texts.page.put(found);
        session
            .execute(&format!(
                "INSERT INTO quarantine_texts SELECT number, source FROM {TEXTS}()"
            ))
            .stage("keep the texts of rejected rows")?;
        first = last + 1;
    }
}

impl Rejected {
    fn from_row(row: &[Value]) -> Self {
        let number = |index: usize| row.get(index).and_then(Value::as_i64).unwrap_or_default();
        Self {
            number: number(0),
            file: i32::try_from(number(1)).unwrap_or_default(),
            position: u64::try_from(number(2)).unwrap_or_default(),
            offset: u64::try_from(number(3)).unwrap_or_default(),
            shape_is_broken: row.get(4).and_then(Value::as_bool).unwrap_or_default(),
        }
    }
}

/// Reads texts again and hands them to the engine. Registered before the session is locked.
pub struct PagedTexts {
    fields: Vec<String>,
    texts: SourceTexts,
    page: Page,
}

impl PagedTexts {
    /// Texts of the unclassified source fields that the contract names, and of no others.
    ///
    /// # Errors
    /// Engine failures.
    pub fn register(
        session: &Session,
        job: &Job<'_>,
        options: &ReaderOptions,
    ) -> Result<Self, StageError> {
        let fields = job.contract.showable_paths();
        let page = Page::default();
        session
            .register_source(TEXTS, Arc::new(page.clone()))
            .stage("register the texts")?;
        let paths = fields
            .iter()
            .map(|field| lakehouse_reader::split_path(field))
            .collect();
        let texts = SourceTexts::new(paths, options)
            .map_err(|error| StageError::from_error(Exit::Usage, &error))?;
        Ok(Self {
            fields,
            texts,
            page,
        })
    }
}

/// The page of texts that the engine reads next; one worker takes all of it.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<(i64, String)>>>);

impl Page {
    fn put(&self, texts: Vec<(i64, String)>) {
        *self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = texts;
    }
}

impl RowSource for Page {
    fn columns(&self) -> Vec<(String, ColumnKind)> {
        vec![
            ("number".to_owned(), ColumnKind::Int64),
            ("source".to_owned(), ColumnKind::Text),
        ]
    }

    fn worker(&self) -> Box<dyn RowWorker> {
        Box::new(self.clone())
    }

    fn max_threads(&self) -> usize {
        1
    }
}

impl RowWorker for Page {
    fn fill(&mut self, chunk: &mut Chunk<'_>) -> Result<usize, String> {
        let mut rest = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let taken = rest.len().min(chunk.capacity());
        for (row, (number, source)) in rest.drain(..taken).enumerate() {
            chunk.column_mut::<i64>(0)[row] = number;
            chunk.set_text(1, row, source.as_bytes());
        }
        Ok(taken)
    }
}
