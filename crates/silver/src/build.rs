//! The phases of a dataset, in their order: read, deduplicate, quarantine, measure, write.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lakehouse_bind::EngineFailure as _;
use lakehouse_contract::Name;
use lakehouse_contract::silver_sql::PUBLISHED;
use lakehouse_engine::{EngineError, ParquetOptions, rows_per_group};
use lakehouse_reader::SourceFile;
use lakehouse_stage::quality::{Counts, QualityReport};
use lakehouse_stage::{StageError, verdict};
use lakehouse_store::manifest::Manifest;

use crate::Job;
use crate::budget::{Budget, Day, Limits};
use crate::conservation;
use crate::deduplicate;
use crate::fetch::Fetched;
use crate::measure::{self, json_bytes};
use crate::opened::Opened;
use crate::outcomes::Outcomes;
use crate::quarantine;
use crate::sample;
use crate::source::column_kind;

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
    tokio::task::block_in_place(|| build_blocking(job, manifest, &fetched))
}

/// Builds with as many threads as there should be room for, and where memory runs out all the same
/// once more with the least that can be done with: the bytes are the same.
fn build_blocking(
    job: &Job<'_>,
    manifest: Manifest,
    fetched: &Fetched,
) -> Result<Built, StageError> {
    let context = job.context;
    let day = Day {
        source_bytes: source_bytes(&fetched.files)?,
        record_bytes: sample::record_bytes(job, &fetched.files)?,
    };
    let limits = Limits {
        memory_bytes: context.memory_limit_bytes,
        threads: context.threads as u64,
        max_record_bytes: context.max_record_bytes as u64,
    };
    let budget = Budget::of(limits, job.contract, day);
    tracing::debug!(dataset = %job.name, ?day, ?budget, "memory");
    let first = attempt(job, manifest.clone(), fetched, day, &budget, "first");
    let least = Budget::least(limits, job.contract, day);
    let mut built = match first {
        Err(error) if ran_out_of_memory(&error) && least != budget => {
            tracing::warn!(dataset = %job.name, threads = budget.threads, "memory ran out, trying again with one thread");
            attempt(job, manifest, fetched, day, &least, "second")?
        }
        other => other?,
    };
    // Nothing reads the source files again. What cannot be removed now goes with the workspace.
    let files = fetched.files.clone();
    built.background.run(move || {
        for file in files {
            let _ = std::fs::remove_file(file.path);
        }
    });
    Ok(built)
}

fn ran_out_of_memory(error: &StageError) -> bool {
    let mut causes = error.causes.iter();
    causes.any(|cause| cause.starts_with(EngineError::OUT_OF_MEMORY))
}

fn attempt(
    job: &Job<'_>,
    manifest: Manifest,
    fetched: &Fetched,
    day: Day,
    budget: &Budget,
    folder: &str,
) -> Result<Built, StageError> {
    let folder = format!("{}/{folder}", folder_name(job.name));
    let folder = job.context.workspace.directory(&folder)?;
    let opened = Opened::new(job, &fetched.files, &folder, budget)?;
    let read = opened.read(job, fetched)?;
    deduplicate(job, &opened, budget)?;
    let counts = measure::counts(&opened.session, &opened.sql)?;
    conservation::received(job.name, read.records, &counts)?;
    let rejected = folder.join("quarantine.parquet");
    let quarantine_sha256 =
        quarantine(job, &opened, &manifest, fetched, &read, &counts, &rejected)?;
    let report = measure(job, &opened, &manifest, &read, counts)?;
    let quality = json_bytes(&report)?;
    let profile = profile(job, &opened)?;
    let data = folder.join("data.parquet");
    let key_values = crate::staging::key_values(job, &manifest, &quarantine_sha256, &quality);
    write(job, &opened, &data, &key_values, day, &report.counts)?;
    let mut background = Background::default();
    // Giving a gigabyte back takes the kernel a tenth of a second, in which nothing has to wait.
    background.run(move || drop(opened));
    log(job, &report);
    Ok(Built {
        manifest,
        data,
        quarantine: rejected,
        quarantine_sha256,
        rows_published: report.counts.rows_published,
        quality,
        profile,
        background,
    })
}

fn deduplicate(job: &Job<'_>, opened: &Opened, budget: &Budget) -> Result<(), StageError> {
    let _phase = job.context.report.phase("deduplicate");
    deduplicate::deduplicate(&opened.session, opened.published(), budget)
}

/// Writes the quarantine file; returns its SHA-256.
fn quarantine(
    job: &Job<'_>,
    opened: &Opened,
    manifest: &Manifest,
    fetched: &Fetched,
    read: &Outcomes,
    counts: &Counts,
    path: &Path,
) -> Result<String, StageError> {
    let _phase = job.context.report.phase("quarantine");
    let files = quarantine::SourceFiles::new(manifest, &fetched.files);
    let rows = quarantine::write(job, opened, &files, &read.unreadable, path)?;
    let expected = counts.rows_quarantined + read.unreadable.len() as u64;
    conservation::written(job.name, "quarantine file", rows, expected)?;
    Ok(lakehouse_store::sha256_of_file(path)?.0)
}

/// The quality report with its verdict.
fn measure(
    job: &Job<'_>,
    opened: &Opened,
    manifest: &Manifest,
    read: &Outcomes,
    counts: Counts,
) -> Result<QualityReport, StageError> {
    let context = job.context;
    let _phase = context.report.phase("statistics");
    let Opened { session, sql, .. } = opened;
    let mut quality = QualityReport {
        pipeline: context.pipeline.name.to_string(),
        dataset: job.name.to_string(),
        date: context.date.to_string(),
        counts,
        files: manifest.files.len() as u64,
        unreadable_files: read.unreadable_files(manifest),
        quarantined_by_rule: measure::rule_counts(session, &sql.rules, manifest)?,
        repairs: measure::rule_counts(session, &sql.repairs, manifest)?,
        rows_repaired: 0,
        discarded_columns: read.discarded_columns(),
        absent_columns: read.absent_columns(),
        null_columns: Vec::new(),
        columns: measure::column_statistics(session, &sql.column_statistics)?,
        verdict: Default::default(),
    };
    quality.null_columns = measure::null_columns(&quality);
    if !quality.repairs.is_empty() {
        quality.rows_repaired = measure::repaired_rows(session, sql)?;
    }
    quality.verdict = verdict::judge(job.contract, &quality);
    Ok(quality)
}

fn profile(job: &Job<'_>, opened: &Opened) -> Result<Option<Vec<u8>>, StageError> {
    if !job.profile {
        return Ok(None);
    }
    let _phase = job.context.report.phase("profile");
    measure::profile(&opened.session, job, &opened.published().profile).map(Some)
}

/// Writes the data file, and holds what was written against what was counted.
fn write(
    job: &Job<'_>,
    opened: &Opened,
    path: &Path,
    key_values: &BTreeMap<String, String>,
    day: Day,
    counts: &Counts,
) -> Result<(), StageError> {
    let _phase = job.context.report.phase("write");
    let Opened { session, .. } = opened;
    let sql = opened.published();
    // By what the source holds, never by the memory of the machine: the same bytes everywhere.
    let rows = if day.is_written_in_order(session.long_text_bytes()) {
        let columns = job.contract.columns.iter();
        let columns = columns
            .map(|column| (column.name.clone(), column_kind(column.column_type)))
            .collect();
        session.write_parquet_with_long_texts(PUBLISHED, &sql.order, columns, path, key_values)
    } else {
        let layout = ParquetOptions {
            rows_per_group: rows_per_group(day.source_bytes, counts.rows_read),
        };
        session.write_parquet_with(&sql.select, path, key_values, &layout)
    };
    let rows = rows.stage("write the data file")?;
    conservation::written(job.name, "data file", rows, counts.rows_published)
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

fn log(job: &Job<'_>, quality: &QualityReport) {
    let entry = job.context.report.dataset(job.name);
    entry.counts(quality.counts);
    entry.set("files", quality.files);
    entry.set("files_unreadable", quality.unreadable_files.len() as u64);
    entry.set("absent_columns", quality.absent_columns.len() as u64);
    entry.set("null_columns", quality.null_columns.len() as u64);
    entry.set("rows_repaired", quality.rows_repaired);
    entry.set("absent_columns", quality.absent_columns.len() as u64);
    entry.set("null_columns", quality.null_columns.len() as u64);
    entry.set("rows_repaired", quality.rows_repaired);
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
    for absent in &quality.absent_columns {
        tracing::warn!(dataset = %job.name, column = %absent.column, files = absent.files, "files lack a column; it is NULL in all their rows");
    }
    for column in &quality.null_columns {
        tracing::warn!(dataset = %job.name, column = %column, "a column is NULL in every published row");
    }
    for repair in &quality.repairs {
        let column = repair.column.as_deref().unwrap_or_default();
        tracing::warn!(dataset = %job.name, column, rule = %repair.rule, rows = repair.rows, "values were repaired");
    }
    for absent in &quality.absent_columns {
        tracing::warn!(dataset = %job.name, column = %absent.column, files = absent.files, "files lack a column; it is NULL in all their rows");
    }
    for column in &quality.null_columns {
        tracing::warn!(dataset = %job.name, column = %column, "a column is NULL in every published row");
    }
    for repair in &quality.repairs {
        let column = repair.column.as_deref().unwrap_or_default();
        tracing::warn!(dataset = %job.name, column, rule = %repair.rule, rows = repair.rows, "values were repaired");
    }
    for failure in &quality.verdict.failures {
        tracing::warn!(dataset = %job.name, rule = %failure.rule, measured = %failure.measured, allowed = %failure.allowed, "check will refuse this day");
    }
}
