//! The engine with the reader in it: opened for one dataset, locked, and the day read into it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use lakehouse_bind::EngineFailure as _;
use lakehouse_contract::silver_sql::{PublishedSql, SilverSql, silver_sql};
use lakehouse_engine::{Session, SessionOptions};
use lakehouse_reader::{FileOutcome, ReadPlan, Reader, ReaderOptions, SourceFile, Unreadable};
use lakehouse_stage::{Exit, StageError};

use crate::Job;
use crate::budget::Budget;
use crate::fetch::Fetched;
use crate::source::ReaderSource;

/// The reader as the engine sees it.
const SOURCE: &str = "source_rows";
/// The file of long texts.
const LONG_TEXTS: &str = "long-texts";

/// A locked session, the reader that it selects from, and the contract as SQL.
pub struct Opened {
    /// The engine.
    pub session: Session,
    /// The statements of the contract.
    pub sql: SilverSql,
    /// How the files are read.
    pub options: ReaderOptions,
    reader: Arc<Reader>,
}

/// What reading the files left besides rows.
pub struct Read {
    /// Files that do not count, by their index in the manifest, in that order.
    pub unreadable: Vec<(i32, Unreadable)>,
    /// Columns that no contract names, and in how many rows they were.
    pub discarded: BTreeMap<String, u64>,
    /// Rows of all other files, as the reader counted them.
    pub records: u64,
}

impl Opened {
    /// Opens the engine for a dataset. The contract's SQL runs after the session is locked.
    ///
    /// # Errors
    /// Settings that the engine does not take.
    pub fn new(
        job: &Job<'_>,
        files: &[SourceFile],
        folder: &Path,
        budget: &Budget,
    ) -> Result<Self, StageError> {
        let context = job.context;
        let session = Session::open(&SessionOptions {
            workspace: context.workspace.path().to_path_buf(),
            memory_limit_bytes: budget.engine_bytes,
            threads: budget.threads,
            pseudonym_key: job
                .pseudonym_key
                .as_ref()
                .map(|key| key.expose().to_owned()),
        })
        .stage("open the engine")?;
        let options = ReaderOptions {
            max_record_bytes: context.max_record_bytes,
            memory_bytes: budget.reader_bytes,
            threads: budget.threads,
            ..ReaderOptions::new(job.dataset.source.format().clone())
        };
        let plan = ReadPlan::from_contract(job.contract)
            .map_err(|error| StageError::from_error(Exit::Usage, &error))?;
        let reader = Arc::new(Reader::new(plan, files.to_vec(), options.clone()));
        session
            .register_source(
                SOURCE,
                Arc::new(ReaderSource::new(Arc::clone(&reader), budget.threads)),
            )
            .stage("register the reader")?;
        if let Some(bytes) = budget.seen_bytes {
            session.register_seen(bytes).stage("register the keys")?;
        }
        session
            .keep_long_texts(&folder.join(LONG_TEXTS))
            .stage("keep long texts")?;
        if budget.small_pieces {
            session.sort_small_pieces().stage("open the engine")?;
        }
        session
            .define_run_date(context.date.date())
            .stage("define run_date()")?;
        session.lock().stage("lock the engine")?;
        let sql = silver_sql(
            job.contract,
            &format!("{SOURCE}()"),
            &context.date,
            &context.pipeline.timezone(),
        );
        Ok(Self {
            session,
            sql,
            options,
            reader,
        })
    }

    /// Reads, casts and judges every row, and sets the rows of unreadable files aside.
    ///
    /// # Errors
    /// What the engine or the reader reports.
    pub fn read(&self, job: &Job<'_>, fetched: &Fetched) -> Result<Read, StageError> {
        let _phase = job.context.report.phase("read");
        self.session
            .execute(&self.sql.load)
            .stage("read, cast and judge")?;
        let read = Read::of(fetched.unreadable.clone(), self.reader.outcome());
        let dropped: Vec<i32> = read.unreadable.iter().map(|(index, _)| *index).collect();
        if !dropped.is_empty() {
            self.session
                .execute(&self.sql.drop_files(&dropped))
                .stage("set unreadable files aside")?;
        }
        Ok(read)
    }
    /// The statements for what is published, now that all rows are read.
    #[must_use]
    pub fn published(&self) -> &PublishedSql {
        match self.session.long_text_bytes() {
            0 => &self.sql.published,
            _ => &self.sql.published_with_long_texts,
        }
    }
}

impl Read {
    fn of(unreadable: Vec<(i32, Unreadable)>, outcomes: Vec<FileOutcome>) -> Self {
        let mut read = Self {
            unreadable,
            discarded: BTreeMap::new(),
            records: 0,
        };
        for outcome in outcomes {
            match outcome.unreadable {
                Some(reason) => read.unreadable.push((outcome.index, reason)),
                None => {
                    read.records += outcome.records;
                    for (name, rows) in outcome.discarded {
                        *read.discarded.entry(name).or_default() += rows;
                    }
                }
            }
        }
        read.unreadable.sort_by_key(|(index, _)| *index);
        read
    }
}
