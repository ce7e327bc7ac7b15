//! Tables of a PostgreSQL server, all at one moment.
//!
//! One connection begins a transaction and exports its snapshot; others read at that snapshot,
//! each one range of one table at a time. A range that breaks off is read again from its start, at
//! the same moment; when the transaction that holds the moment is lost, everything is.

mod catalogue;
mod error;
mod plan;
mod select;
mod session;
mod settings;
mod tls;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use lakehouse_contract::{Name, Relation};
use lakehouse_deliver::Batch;
use lakehouse_stage::{Context, DataObject, Exit, StageError, connection};
use lakehouse_store::manifest::ManifestFile;

use crate::csv;
use crate::decision::Decision;
use crate::job::{FULL, Job};
use crate::take::{Taken, Target};
use plan::{Plan, Unit};
use session::{Session, text};
use settings::Settings;

/// Takes all datasets of a source, at one moment; the manifests are written when all are there.
///
/// # Errors
/// What stops it, see [`crate::run`]; then no manifest is written.
pub(crate) async fn take_source(
    context: &Context,
    source: &Name,
    jobs: &[(Job<'_>, Decision)],
    prune: bool,
) -> Result<(), StageError> {
    let settings = Settings::new(connection::read(source)?, context.threads)?;
    if context.dry_run {
        return dry_run(&settings, jobs).await;
    }
    let started = Instant::now();
    let mut batches = Vec::with_capacity(jobs.len());
    for (job, _) in jobs {
        batches.push(job.delivery.batch().await?);
    }
    let mut attempt = 1;
    let files = loop {
        let error = match take_once(context, &settings, jobs, &batches).await {
            Ok(files) => break files,
            Err(error) => error,
        };
        if error.exit != Exit::Transient || attempt >= settings.attempts {
            return Err(error);
        }
        let pause = Duration::from_secs(1 << attempt.min(5));
        tracing::warn!(
            source = %source, attempt, attempts = settings.attempts, pause_secs = pause.as_secs(),
            error = %error.message, cause = error.causes.join(": "),
            "the source is read again from the start"
        );
        tokio::time::sleep(pause).await;
        attempt += 1;
    };
    let secs = started.elapsed().as_secs_f64();
    for (((job, decision), batch), files) in jobs.iter().zip(batches).zip(files) {
        let rows: u64 = files.iter().filter_map(|file| file.rows).sum();
        job.section().set("rows", rows);
        job.section()
            .set("rows_per_sec", (rows as f64 / secs.max(0.001)) as u64);
        let relation = match &job.table.relation {
            Relation::Table(name) | Relation::Query(name) => name,
        };
        job.section()
            .input(DataObject::at(format_args!("{source}: {relation}")).rows(rows));
        // A first load stays when the day's own rows are taken again.
        let is_full = *decision == (Decision::Take { full: true });
        let keep = |file: &ManifestFile| !is_full && file.source_name.starts_with(FULL);
        batch.finish(files, keep, prune).await?;
    }
    Ok(())
}

async fn dry_run(settings: &Settings, jobs: &[(Job<'_>, Decision)]) -> Result<(), StageError> {
    let session = Session::connect(settings).await?;
    session.begin(None).await?;
    for (job, decision) in jobs {
        let plan = plan::plan(&session, job, *decision)
            .await
            .map_err(|error| job.of_dataset(error))?;
        job.section().set("estimated_rows", plan.estimated_rows);
        job.section().set("estimated_bytes", plan.estimated_bytes);
        job.context.would_read(format_args!(
            "{}: {}",
            settings.address,
            plan.header.join(", ")
        ));
        for unit in 0..plan.units.len() {
            let name = format!("{}{unit:05}-*", job.prefix(*decision));
            job.context
                .would_write(job.delivery.partition().object(&name));
        }
        job.context.would_write(job.delivery.manifest_address());
    }
    session.commit().await
}

/// One attempt: the files of each dataset.
async fn take_once(
    context: &Context,
    settings: &Settings,
    jobs: &[(Job<'_>, Decision)],
    batches: &[Batch<'_>],
) -> Result<Vec<Vec<ManifestFile>>, StageError> {
    let holder = Session::connect(settings).await?;
    // The catalogue is read before the moment: a table that is rewritten in between is noticed.
    holder.begin(None).await?;
    let mut plans: Vec<Plan> = Vec::with_capacity(jobs.len());
    for (job, decision) in jobs {
        let planned = plan::plan(&holder, job, *decision).await;
        plans.push(planned.map_err(|error| job.of_dataset(error))?);
    }
    holder.commit().await?;
    holder.begin(None).await?;
    let rows = holder
        .rows(
            "select pg_export_snapshot(), \
             to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
        )
        .await?;
    let row = rows.first();
    let snapshot = row.map_or("", |row| text(row, 0)).to_owned();
    let moment: DateTime<Utc> = row
        .and_then(|row| text(row, 1).parse().ok())
        .unwrap_or_else(Utc::now);
    let targets: Vec<Target<'_>> = jobs
        .iter()
        .zip(batches)
        .zip(&plans)
        .map(|(((job, decision), batch), plan)| Target {
            job,
            batch,
            header: csv::header(&plan.header),
            prefix: job.prefix(*decision),
            moment,
            bar: context
                .progress
                .count(&format!("{}: rows", job.name), plan.estimated_rows),
            rows: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        })
        .collect();
    let queue: VecDeque<(usize, usize, &Unit)> = plans
        .iter()
        .enumerate()
        .flat_map(|(dataset, plan)| {
            let units = plan.units.iter().enumerate();
            units.map(move |(number, unit)| (dataset, number, unit))
        })
        .collect();
    let connections = settings.connections.min(queue.len());
    let work = Work {
        settings,
        snapshot: &snapshot,
        targets: &targets,
        queue: Mutex::new(queue),
        done: Mutex::new(Vec::new()),
    };
    if connections <= 1 {
        work.run_all(&holder).await?;
    } else {
        let readers = (0..connections).map(|_| work.run_reader());
        futures::future::try_join_all(readers).await?;
    }
    holder.commit().await?;
    let mut files: Vec<Vec<ManifestFile>> = plans.iter().map(|_| Vec::new()).collect();
    let done = std::mem::take(&mut *lock(&work.done));
    for (dataset, taken) in done {
        targets[dataset].count(&taken);
        files[dataset].extend(taken.files);
    }
    for (target, files) in targets.iter().zip(&mut files) {
        let section = target.job.section();
        section.set("rows", target.rows.load(Ordering::Relaxed));
        section.set("csv_bytes", target.bytes.load(Ordering::Relaxed));
        if files.is_empty() {
            files.push(target.empty().await?);
        }
        target.bar.finish();
    }
    Ok(files)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the readers share.
struct Work<'a> {
    settings: &'a Settings,
    snapshot: &'a str,
    targets: &'a [Target<'a>],
    queue: Mutex<VecDeque<(usize, usize, &'a Unit)>>,
    done: Mutex<Vec<(usize, Taken)>>,
}

impl Work<'_> {
    /// Reads one unit after the other on a connection of its own; what breaks off is read again on
    /// a new one, as long as the moment is held.
    async fn run_reader(&self) -> Result<(), StageError> {
        let mut session: Option<Session<'_>> = None;
        let mut attempt = 1;
        loop {
            let next = lock(&self.queue).pop_front();
            let Some((dataset, number, unit)) = next else {
                break;
            };
            let error = loop {
                let reader = match session.take() {
                    Some(reader) => reader,
                    // Where the moment is lost, everything is read again.
                    None => self.join_snapshot().await?,
                };
                let taken = self.copy(&reader, dataset, number, unit).await;
                session = taken.is_ok().then_some(reader);
                match taken {
                    Ok(taken) => {
                        lock(&self.done).push((dataset, taken));
                        break None;
                    }
                    Err(error)
                        if error.exit == Exit::Transient && attempt < self.settings.attempts =>
                    {
                        tracing::warn!(
                            attempt, attempts = self.settings.attempts, error = %error.message,
                            cause = error.causes.join(": "), "a part of a table is read again from its start"
                        );
                        tokio::time::sleep(Duration::from_secs(1 << attempt.min(5))).await;
                        attempt += 1;
                    }
                    Err(error) => break Some(error),
                }
            };
            if let Some(error) = error {
                return Err(error);
            }
        }
        match session {
            Some(session) => session.commit().await,
            None => Ok(()),
        }
    }

    async fn join_snapshot(&self) -> Result<Session<'_>, StageError> {
        let session = Session::connect(self.settings).await?;
        session.begin(Some(self.snapshot)).await.map_err(|error| {
            // The transaction that held the moment is gone, and everything with it.
            StageError {
                exit: Exit::Transient,
                ..error
            }
        })?;
        Ok(session)
    }

    /// Reads all units on the connection that holds the moment.
    async fn run_all(&self, session: &Session<'_>) -> Result<(), StageError> {
        loop {
            let next = lock(&self.queue).pop_front();
            let Some((dataset, number, unit)) = next else {
                return Ok(());
            };
            let taken = self.copy(session, dataset, number, unit).await?;
            lock(&self.done).push((dataset, taken));
        }
    }

    async fn copy(
        &self,
        session: &Session<'_>,
        dataset: usize,
        number: usize,
        unit: &Unit,
    ) -> Result<Taken, StageError> {
        let target = &self.targets[dataset];
        let of_dataset = |error| target.job.of_dataset(error);
        let statement = format!("COPY ({}) TO STDOUT WITH (FORMAT csv)", unit.select);
        let rows = session
            .client
            .copy_out(&statement)
            .await
            .map_err(|error| of_dataset(session.failed(&error)))?
            .map_err(|error| session.failed(&error));
        let taken = target.write(number, rows).await.map_err(of_dataset)?;
        // Answered only when the COPY is over for the server too.
        let file_node = match &unit.file {
            Some((oid, planned)) => {
                let now = session.file_node(oid).await.map_err(of_dataset)?;
                (now != *planned).then_some(())
            }
            None => {
                session.execute("SELECT 1").await.map_err(of_dataset)?;
                None
            }
        };
        match file_node {
            Some(()) => Err(of_dataset(
                StageError::transient("the table was emptied or rewritten while it was read")
                    .hint("run the stage again when the change is over"),
            )),
            None => Ok(taken),
        }
    }
}
