//! A reader: files, a plan, and the workers that share them.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::csv::{CsvSyntax, Header, HeaderText};
use crate::error::{ReadError, Unreadable};
use crate::json::Tree;
use crate::model::{ColumnType, Format, JsonLayout};
use crate::outcome::{FileOutcome, FileProgress, FirstKey, KeysMet};
use crate::plan::ReadPlan;
use crate::rows::Targets;
use crate::split::{BlockPlace, Cut, Layout, Limits, Splitter};
use crate::worker::Worker;

/// Bytes of a block, where memory allows.
const BLOCK_BYTES: usize = 1 << 20;
const SMALLEST_BLOCK_BYTES: usize = 64 << 10;
/// A text's place in its block has 31 bits; half of that leaves room for what is unescaped.
const LARGEST_RECORD_BYTES: usize = 1 << 30;

/// How to read.
#[derive(Debug, Clone)]
pub struct ReaderOptions {
    /// What the files are; they are decoded, so neither compression nor encoding matter.
    pub format: Format,
    /// A longer record makes its file unreadable. At most 1 GiB.
    pub max_record_bytes: usize,
    /// What all workers together may take for blocks, records longer than a block aside.
    pub memory_bytes: u64,
    /// How many workers there will be.
    pub threads: usize,
    /// Bytes of a block, `None` to choose by memory; for tests, which put the ends of blocks
    /// everywhere.
    pub block_bytes: Option<usize>,
}

impl ReaderOptions {
    /// 16 MiB per record, 256 MiB for blocks, one thread.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self {
            format,
            max_record_bytes: 16 << 20,
            memory_bytes: 256 << 20,
            threads: 1,
            block_bytes: None,
        }
    }

    pub(crate) fn layout(&self) -> Layout {
        match &self.format {
            Format::Json(JsonLayout::Lines, _) => Layout::Lines,
            Format::Json(JsonLayout::Array, _) => Layout::Array,
            Format::Json(JsonLayout::Concatenated, _) => Layout::Concatenated,
            Format::Csv(csv, _) => Layout::Csv(CsvSyntax {
                delimiter: csv.delimiter,
                quote: csv.quote,
            }),
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        // A worker has a block, what is unescaped of it, and the columns of a batch.
        let share = self.memory_bytes / (self.threads.max(1) as u64 * 3);
        let by_memory = usize::try_from(share)
            .unwrap_or(BLOCK_BYTES)
            .clamp(SMALLEST_BLOCK_BYTES, BLOCK_BYTES);
        Limits {
            block_bytes: self.block_bytes.unwrap_or(by_memory).max(1),
            max_record_bytes: self.max_record_bytes.clamp(1, LARGEST_RECORD_BYTES),
        }
    }
}

/// A file to read, local and decoded (see [`crate::decode`]).
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Where it is.
    pub path: PathBuf,
    /// What `_lake_file` says of its rows.
    pub index: i32,
}

/// Where the reader is in its files.
#[derive(Debug)]
struct Claims {
    next_file: usize,
    current: Option<(usize, Splitter)>,
    failed: bool,
}

/// Reads files by a plan, with any number of workers at a time.
#[derive(Debug)]
pub struct Reader {
    pub(crate) plan: ReadPlan,
    pub(crate) tree: Arc<Tree>,
    pub(crate) targets: Arc<Targets>,
    pub(crate) layout: Layout,
    pub(crate) limits: Limits,
    pub(crate) files: Vec<SourceFile>,
    claims: Mutex<Claims>,
    progress: Vec<Mutex<FileProgress>>,
    bytes_read: AtomicU64,
}

impl Reader {
    /// A reader of these files. Nothing is opened before a worker asks for rows.
    #[must_use]
    pub fn new(plan: ReadPlan, files: Vec<SourceFile>, options: ReaderOptions) -> Self {
        Self {
            tree: Arc::new(Tree::new(&plan)),
            targets: Arc::new(Targets::new(&plan)),
            layout: options.layout(),
            limits: options.limits(),
            progress: files.iter().map(|_| Mutex::default()).collect(),
            claims: Mutex::new(Claims {
                next_file: 0,
                current: None,
                failed: false,
            }),
            bytes_read: AtomicU64::new(0),
            plan,
            files,
        }
    }

    /// The columns of every batch: the plan's fields, its texts as `source.<path>`, then
    /// `_lake_file`, `_lake_position`, `_lake_offset`, `_lake_broken`, `_lake_repaired`.
    #[must_use]
    pub fn columns(&self) -> Vec<(String, ColumnType)> {
        self.plan.columns()
    }

    /// A worker. Each takes blocks as it goes; make as many as there are threads.
    #[must_use]
    pub fn worker(self: &Arc<Self>) -> Worker {
        Worker::new(Arc::clone(self))
    }

    /// Bytes of decoded files that workers have taken so far, for a progress bar.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    /// What became of each file, in the order that they were given in. Final once every worker
    /// has returned `None`.
    #[must_use]
    pub fn outcome(&self) -> Vec<FileOutcome> {
        let first_keys = self.first_keys();
        let files = self.files.iter().zip(&self.progress);
        files
            .map(|(file, progress)| lock(progress).outcome(file.index, &first_keys))
            .collect()
    }

    /// The first keys of the plan's paths, in the order of the tree; of JSON alone.
    fn first_keys(&self) -> Vec<FirstKey> {
        if matches!(self.layout, Layout::Csv(_)) {
            return Vec::new();
        }
        let columns_of = |name: &str| -> Vec<(usize, String)> {
            let labels = self.plan.labels().zip(self.plan.paths()).enumerate();
            labels
                .filter(|(_, (_, path))| path[0] == *name)
                .map(|(place, (label, _))| (place, label))
                .collect()
        };
        let keys = self.tree.first_keys().iter();
        keys.map(|key| FirstKey {
            name: key.name.clone(),
            columns: columns_of(&key.name),
        })
        .collect()
    }

    /// Takes the next block into `buffer`. `None` when all files are read.
    pub(crate) fn claim(
        &self,
        buffer: &mut Vec<u8>,
    ) -> Result<Option<(usize, BlockPlace)>, ReadError> {
        // A worker that panicked while it held the lock left it in an unknown state.
        let mut claims = self.claims.lock().map_err(|_| ReadError::OtherWorker)?;
        if claims.failed {
            return Err(ReadError::OtherWorker);
        }
        if buffer.len() > self.limits.block_bytes * 2 {
            // A long record made it grow.
            buffer.truncate(self.limits.block_bytes);
            buffer.shrink_to_fit();
        }
        loop {
            let (file, mut splitter) = match claims.current.take() {
                Some(current) => current,
                None => {
                    let file = claims.next_file;
                    let Some(source) = self.files.get(file) else {
                        return Ok(None);
                    };
                    claims.next_file += 1;
                    let splitter = Splitter::open(&source.path, self.layout.clone(), self.limits);
                    (
                        file,
                        splitter.map_err(|error| self.io_error(&mut claims, file, error))?,
                    )
                }
            };
            if lock(&self.progress[file]).unreadable.is_some() {
                continue;
            }
            let make_header = |text: &HeaderText<'_>| match &self.layout {
                Layout::Csv(syntax) => Header::new(text, *syntax, &self.plan),
                _ => Ok(Header::default()),
            };
            let (cut, place) = splitter
                .next(buffer, make_header)
                .map_err(|error| self.io_error(&mut claims, file, error))?;
            match cut {
                Cut::Block(length) => {
                    self.bytes_read.fetch_add(length as u64, Ordering::Relaxed);
                    claims.current = Some((file, splitter));
                    return Ok(Some((file, place)));
                }
                Cut::End => {
                    if let Some(header) = splitter.header() {
                        lock(&self.progress[file]).absent.clone_from(&header.absent);
                    }
                }
                Cut::Unreadable(unreadable) => self.fail(file, unreadable),
            }
        }
    }

    fn io_error(&self, claims: &mut Claims, file: usize, source: std::io::Error) -> ReadError {
        claims.failed = true;
        ReadError::Io {
            path: self.files[file].path.clone(),
            source,
        }
    }

    /// Notes that a file cannot be read as a whole.
    pub(crate) fn fail(&self, file: usize, unreadable: Unreadable) {
        lock(&self.progress[file]).fail(unreadable);
    }

    /// Notes what a worker read of a file.
    pub(crate) fn note(&self, file: usize, records: u64, met: KeysMet) {
        lock(&self.progress[file]).add(records, met);
    }
}

/// What is counted stays right when another thread panicked between two counts.
fn lock(progress: &Mutex<FileProgress>) -> MutexGuard<'_, FileProgress> {
    progress
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_are_shared_and_workers_are_sent() {
        fn is_shared<T: Send + Sync + 'static>() {}
        fn is_sent<T: Send + 'static>() {}
        is_shared::<Reader>();
        is_sent::<Worker>();
    }

    #[test]
    fn blocks_are_smaller_where_memory_is() {
        let mut options = ReaderOptions::new(Format::Json(JsonLayout::Lines, Default::default()));
        for (memory_bytes, threads, block_bytes) in [
            (256 << 20, 1, BLOCK_BYTES),
            (24 << 20, 16, 512 << 10),
            (1 << 20, 64, SMALLEST_BLOCK_BYTES),
            (0, 0, SMALLEST_BLOCK_BYTES),
        ] {
            (options.memory_bytes, options.threads) = (memory_bytes, threads);
            assert_eq!(options.limits().block_bytes, block_bytes);
        }
    }
}
