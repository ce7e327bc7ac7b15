//! The engine with the reader in it: opened for one dataset, locked, and the day read into it.

use std::path::Path;
use std::sync::Arc;

use lakehouse_bind::EngineFailure as _;
use lakehouse_contract::silver_sql::{PublishedSql, SilverSql, silver_sql};
use lakehouse_engine::{Session, SessionOptions};
use lakehouse_reader::{ReadPlan, Reader, ReaderOptions, SourceFile};
use lakehouse_stage::{Exit, StageError};

use crate::Job;
use crate::budget::Budget;
use crate::fetch::Fetched;
use crate::outcomes::Outcomes;
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
    pub fn read(&self, job: &Job<'_>, fetched: &Fetched) -> Result<Outcomes, StageError> {
        let _phase = job.context.report.phase("read");
        self.session
            .execute(&self.sql.load)
            .stage("read, cast and judge")?;
        let read = Outcomes::of(self.reader.outcome(), fetched.unreadable.clone());
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
