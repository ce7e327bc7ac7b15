//! The contract's SQL over the reader: judged rows, duplicates, data file, quality report.

use std::path::PathBuf;
use std::sync::Arc;

use lakehouse_bind::EngineFailure;
use lakehouse_contract::Name;
use lakehouse_contract::silver_sql::{SilverSql, silver_sql};
use lakehouse_engine::{ParquetOptions, Session, SessionOptions, Value, rows_per_group};
use lakehouse_reader::{ReadPlan, Reader, ReaderOptions, SourceFile};
use lakehouse_stage::quality::{
    ColumnCount, ColumnStatistics, Counts, Example, QualityReport, RuleCount, UnreadableFile,
};
use lakehouse_stage::{Exit, StageError, verdict};
use lakehouse_store::manifest::Manifest;

use crate::Job;
use crate::budget::Budget;
use crate::deduplicate;
use crate::fetch::Fetched;
use crate::quarantine;
use crate::source::ReaderSource;

/// The reader as the engine sees it.
const SOURCE: &str = "source_rows";

/// A dataset, ready to be staged.
pub struct Built {
    /// What bronze delivered.
    pub manifest: Manifest,
    /// Published rows as Parquet; key-values are added when the other names are known.
    pub data: PathBuf,
    /// Rejected rows with their reasons.
    pub quarantine: PathBuf,
    /// SHA-256 of [`Built::quarantine`].
    pub quarantine_sha256: String,
    /// The rows in [`Built::data`].
    pub rows_published: u64,
    /// The quality report, as the bytes that are staged.
    pub quality: Vec<u8>,
    /// Distinct counts and quantiles, when asked for.
    pub profile: Option<Vec<u8>>,
    /// What is given back beside the upload; waited for when this is dropped.
    pub background: Background,
}

/// Work that nobody waits for but the end of the dataset.
#[derive(Default)]
pub struct Background(Vec<std::thread::JoinHandle<()>>);

impl Background {
    fn run(&mut self, work: impl FnOnce() + Send + 'static) {
        self.0.push(std::thread::spawn(work));
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        for thread in self.0.drain(..) {
            let _ = thread.join();
        }
    }
}

/// The folder of what is staged of a dataset, in the workspace.
pub(crate) fn folder_name(dataset: &Name) -> String {
    format!("{dataset}.out")
}

/// Runs the whole contract. Blocking work is kept off the async threads.
///
/// # Errors
/// Engine failures (memory, disk, a contract's SQL that fails at run time) and counts that do
/// not reconcile, which is a bug.
pub async fn build(
    job: &Job<'_>,
    manifest: Manifest,
    fetched: Fetched,
) -> Result<Built, StageError> {
    // Scoped threads would do as well; the engine must only stay off tokio's workers.
    tokio::task::block_in_place(|| build_blocking(job, manifest, fetched))
}

fn build_blocking(
    job: &Job<'_>,
    manifest: Manifest,
    fetched: Fetched,
) -> Result<Built, StageError> {
    let context = job.context;
    let folder = context.workspace.directory(&folder_name(job.name))?;
    let source_bytes = source_bytes(&fetched.files)?;
    let budget = Budget::of(
        context.memory_limit_bytes,
        context.threads as u64,
        context.max_record_bytes as u64,
        job.contract,
        source_bytes,
    );
    let session = Session::open(&SessionOptions {
        workspace: context.workspace.path().to_path_buf(),
        memory_limit_bytes: budget.engine_bytes,
        threads: context.threads,
        pseudonym_key: job
            .pseudonym_key
            .as_ref()
            .map(|key| key.expose().to_owned()),
    })
    .stage("open the engine")?;

    let options = ReaderOptions {
        max_record_bytes: context.max_record_bytes,
        memory_bytes: budget.reader_bytes,
        threads: context.threads,
        ..ReaderOptions::new(job.dataset.format.clone())
    };
    let plan = ReadPlan::from_contract(job.contract)
        .map_err(|error| StageError::from_error(Exit::Usage, &error))?;
    let mut texts = quarantine::PagedTexts::register(&session, job, &options)?;
    let reader = Arc::new(Reader::new(plan, fetched.files.clone(), options));
    session
        .register_source(
            SOURCE,
            Arc::new(ReaderSource::new(Arc::clone(&reader), context.threads)),
        )
        .stage("register the reader")?;
    if let Some(bytes) = budget.seen_bytes {
        session.register_seen(bytes).stage("register the keys")?;
    }
    session
        .define_run_date(context.date.date())
        .stage("define run_date()")?;
    session.lock().stage("lock the engine")?;

    let timezone = context.pipeline.timezone();
    let sql = silver_sql(
        job.contract,
        &format!("{SOURCE}()"),
        &context.date,
        &timezone,
    );
    {
        let _phase = context.report.phase("read");
        session.execute(&sql.load).stage("read, cast and judge")?;
    }
    let mut unreadable = fetched.unreadable;
    let mut discarded = std::collections::BTreeMap::<String, u64>::new();
    for outcome in reader.outcome() {
        match outcome.unreadable {
            Some(reason) => unreadable.push((outcome.index, reason)),
            None => {
                for (name, rows) in outcome.discarded {
                    *discarded.entry(name).or_default() += rows;
                }
            }
        }
    }
    unreadable.sort_by_key(|(index, _)| *index);
    let dropped: Vec<i32> = unreadable.iter().map(|(index, _)| *index).collect();
    if !dropped.is_empty() {
        session
            .execute(&sql.drop_files(&dropped))
            .stage("set unreadable files aside")?;
    }

    {
        let _phase = context.report.phase("deduplicate");
        deduplicate::deduplicate(&session, &sql, &budget)?;
    }
    let counts = counts(&session, &sql)?;

    let quarantine_path = folder.join("quarantine.parquet");
    let quarantine_sha256 = {
        let _phase = context.report.phase("quarantine");
        let files = quarantine::SourceFiles::new(&manifest, &fetched.files);
        quarantine::write(
            &session,
            job,
            &files,
            &mut texts,
            &unreadable,
            &quarantine_path,
        )?
    };

    let mut background = Background::default();
    // Nothing reads the source files again: their disk space is the engine's to spill into. What
    // cannot be removed now goes with the workspace.
    let files = fetched.files;
    background.run(move || {
        for file in files {
            let _ = std::fs::remove_file(file.path);
        }
    });

    let mut quality = QualityReport {
        pipeline: context.pipeline.name.to_string(),
        dataset: job.name.to_string(),
        date: context.date.to_string(),
        counts,
        files: manifest.files.len() as u64,
        unreadable_files: unreadable
            .iter()
            .map(|(index, reason)| {
                let file = &manifest.files[*index as usize];
                UnreadableFile {
                    source_name: file.source_name.clone(),
                    sha256: file.sha256.clone(),
                    position: Some(reason.position),
                    reason: reason.reason.clone(),
                }
            })
            .collect(),
        quarantined_by_rule: rule_counts(&session, &sql.rules, &manifest)?,
        repairs: rule_counts(&session, &sql.repairs, &manifest)?,
        discarded_columns: discarded
            .into_iter()
            .map(|(name, rows)| ColumnCount { name, rows })
            .collect(),
        columns: Vec::new(),
        verdict: Default::default(),
    };
    {
        let _phase = context.report.phase("statistics");
        quality.columns = column_statistics(&session, &sql.column_statistics)?;
    }
    quality.verdict = verdict::judge(job.contract, &quality);
    let quality_bytes = json_bytes(&quality)?;
    let profile = match job.profile {
        true => {
            let _phase = context.report.phase("profile");
            Some(profile(&session, job, &sql.profile)?)
        }
        false => None,
    };

    let data = folder.join("data.parquet");
    {
        let _phase = context.report.phase("write");
        let key_values = crate::staging::key_values(
            job,
            &manifest,
            &quarantine_sha256,
            &quality_bytes,
            profile.as_deref(),
        );
        // By what the source holds, never by the memory of the machine: the same bytes everywhere.
        let layout = ParquetOptions {
            rows_per_group: rows_per_group(source_bytes, quality.counts.rows_read),
        };
        let rows = session
            .write_parquet_with(&sql.published, &data, &key_values, &layout)
            .stage("write the data file")?;
        if rows != quality.counts.rows_published {
            return Err(not_conserved(job, &quality.counts, rows));
        }
    }
    if !quality.counts.are_conserved() {
        return Err(not_conserved(
            job,
            &quality.counts,
            quality.counts.rows_published,
        ));
    }
    // Giving a gigabyte back takes the kernel a tenth of a second, in which nothing has to wait.
    background.run(move || drop(session));
    report(job, &quality);
    Ok(Built {
        manifest,
        data,
        quarantine: quarantine_path,
        quarantine_sha256,
        rows_published: quality.counts.rows_published,
        quality: quality_bytes,
        profile,
        background,
    })
}

/// The size of all decoded files.
fn source_bytes(files: &[SourceFile]) -> Result<u64, StageError> {
    files.iter().try_fold(0, |total, file| {
        let metadata = std::fs::metadata(&file.path).map_err(|error| {
            StageError::from_io(format!("cannot read `{}`", file.path.display()), &error)
        })?;
        Ok(total + metadata.len())
    })
}

fn not_conserved(job: &Job<'_>, counts: &Counts, written: u64) -> StageError {
    StageError::new(
        Exit::Bug,
        format!(
            "dataset `{}` does not add up: {} rows read, {} published ({written} written), {} quarantined, {} duplicate",
            job.name, counts.rows_read, counts.rows_published, counts.rows_quarantined, counts.rows_duplicate
        ),
    )
    .hint("nothing was published; this is a bug of the lakehouse: please report it with the run report")
}

fn counts(session: &Session, sql: &SilverSql) -> Result<Counts, StageError> {
    let rows = session.query(&sql.counts).stage("count rows")?;
    let row = rows.first().map(Vec::as_slice).unwrap_or_default();
    let number = |index: usize| row.get(index).and_then(Value::as_u64).unwrap_or_default();
    Ok(Counts {
        rows_read: number(0),
        rows_published: number(1),
        rows_quarantined: number(2),
        rows_duplicate: number(3),
    })
}

fn rule_counts(
    session: &Session,
    sql: &str,
    manifest: &Manifest,
) -> Result<Vec<RuleCount>, StageError> {
    Ok(session
        .query(sql)
        .stage("count broken rules")?
        .into_iter()
        .map(|row| {
            let text = |index: usize| row.get(index).and_then(Value::as_str).map(str::to_owned);
            let file = row
                .get(3)
                .and_then(Value::as_u64)
                .and_then(|index| manifest.files.get(usize::try_from(index).ok()?));
            let example = file
                .zip(row.get(4).and_then(Value::as_u64))
                .map(|(file, position)| Example {
                    source_name: file.source_name.clone(),
                    position,
                });
            RuleCount {
                example,
                column: text(0),
                rule: text(1).unwrap_or_default(),
                rows: row.get(2).and_then(Value::as_u64).unwrap_or_default(),
            }
        })
        .collect())
}

fn column_statistics(session: &Session, sql: &str) -> Result<Vec<ColumnStatistics>, StageError> {
    Ok(session
        .query(sql)
        .stage("column statistics")?
        .into_iter()
        .map(|row| {
            let text = |index: usize| row.get(index).and_then(Value::as_str).map(str::to_owned);
            ColumnStatistics {
                name: text(0).unwrap_or_default(),
                nulls: row.get(1).and_then(Value::as_u64).unwrap_or_default(),
                min: text(2),
                max: text(3),
            }
        })
        .collect())
}

/// The profile as JSON: the engine's own rows, one object per column.
fn profile(session: &Session, job: &Job<'_>, sql: &str) -> Result<Vec<u8>, StageError> {
    let names: Vec<String> = session
        .describe(sql)
        .stage("profile")?
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let columns: Vec<serde_json::Value> = session
        .query(sql)
        .stage("profile")?
        .into_iter()
        .map(|row| {
            names
                .iter()
                .cloned()
                .zip(row.iter().map(json))
                .collect::<serde_json::Map<_, _>>()
                .into()
        })
        .collect();
    let profile = serde_json::json!({
        "pipeline": job.context.pipeline.name.to_string(),
        "dataset": job.name.to_string(),
        "date": job.context.date.to_string(),
        "columns": columns,
    });
    json_bytes(&profile)
}

/// A value of a profile: numbers stay numbers, everything else is the engine's text.
fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => {
            i64::try_from(*value).map_or_else(|_| value.to_string().into(), Into::into)
        }
        Value::Double(value) => (*value).into(),
        Value::List(values) => values.iter().map(json).collect(),
        other => other.to_string().into(),
    }
}

/// JSON as it is stored: readable, and the same bytes for the same content.
fn json_bytes(value: &impl serde::Serialize) -> Result<Vec<u8>, StageError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| {
        StageError::bug("a report cannot be written as JSON").cause(error.to_string())
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn report(job: &Job<'_>, quality: &QualityReport) {
    let entry = job.context.report.dataset(job.name);
    entry.counts(quality.counts);
    entry.set("files", quality.files);
    entry.set("files_unreadable", quality.unreadable_files.len() as u64);
    entry.set("accepted", quality.verdict.accepted);
    tracing::info!(
        dataset = %job.name,
        rows_read = quality.counts.rows_read,
        rows_published = quality.counts.rows_published,
        rows_quarantined = quality.counts.rows_quarantined,
        rows_duplicate = quality.counts.rows_duplicate,
        accepted = quality.verdict.accepted,
        "judged"
    );
    for failure in &quality.verdict.failures {
        tracing::warn!(dataset = %job.name, rule = %failure.rule, measured = %failure.measured, allowed = %failure.allowed, "check will refuse this day");
    }
}
