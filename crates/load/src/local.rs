//! A warehouse file in a folder: copied, changed beside the old one, renamed over it.
//!
//! Readers hold the old file open as long as they like: the rename gives its name to another file.
//! Nothing of a load is seen before the rename, and everything after it.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lakehouse_bind::EngineFailure;
use lakehouse_engine::Session;
use lakehouse_stage::{DataObject, Exit, StageError, WarehouseFile, WarehouseLock};

use crate::change;
use crate::fetched::Fetched;
use crate::inspect::{Inspected, attach_failure, inspect};
use crate::loads::Loads;
use crate::session_options;
use crate::wanted::Wanted;
use crate::warehouse::Warehouse;

/// How often a waiting loader asks for the lock.
const LOCK_INTERVAL: Duration = Duration::from_millis(100);
/// How often a file that somebody else changes meanwhile is taken again.
const ATTEMPTS: u32 = 3;

/// Loads into a local file.
///
/// # Errors
/// As [`change::apply`]; a file that cannot be read, or that somebody else is writing to.
pub async fn load(warehouse: &Warehouse<'_>, file: &WarehouseFile) -> Result<Exit, StageError> {
    let context = warehouse.context;
    let session = Session::open(&session_options(context)).stage("open the engine")?;
    if context.dry_run {
        let loads = look(warehouse, file, &session)?;
        let wanted = warehouse.wanted(&loads).await?;
        warehouse.show(&wanted, file.path().display());
        return Ok(Exit::Done);
    }
    let lock = lock(warehouse, file).await?;
    if file.sweep(&lock)? > 0 {
        tracing::info!(warehouse = %warehouse.name, "removed what a dead load had left beside the file");
    }
    let mut fetched = Fetched::default();
    for _ in 0..ATTEMPTS {
        if let Some(exit) = attempt(warehouse, file, &session, &mut fetched).await? {
            return Ok(exit);
        }
        tracing::warn!(warehouse = %warehouse.name, "somebody else changed the file meanwhile; taking it again");
    }
    Err(written_by_others(file))
}

/// Waits for the lock: two loads of one file come one after the other.
async fn lock(
    warehouse: &Warehouse<'_>,
    file: &WarehouseFile,
) -> Result<WarehouseLock, StageError> {
    let _phase = warehouse.section.phase("lock");
    let started = Instant::now();
    let mut is_told = false;
    loop {
        if let Some(lock) = file.try_lock()? {
            return Ok(lock);
        }
        if !is_told && started.elapsed() > LOCK_INTERVAL {
            tracing::info!(warehouse = %warehouse.name, "another load has the file, waiting for it");
            is_told = true;
        }
        tokio::time::sleep(LOCK_INTERVAL).await;
    }
}

/// What the file has, for a run that touches nothing beside it.
fn look(
    warehouse: &Warehouse<'_>,
    file: &WarehouseFile,
    session: &Session,
) -> Result<Loads, StageError> {
    if Identity::of(file.path())?.is_none() {
        return Ok(Loads::default());
    }
    let version = warehouse.storage_version();
    tokio::task::block_in_place(|| {
        if let Inspected::Loads(loads) = inspect(session, file.path(), version)? {
            return Ok(loads);
        }
        let copy = warehouse.context.workspace.file("warehouse.duckdb");
        copy_file(file.path(), &copy)?;
        match inspect(session, &copy, version)? {
            Inspected::Loads(loads) => Ok(loads),
            Inspected::Locked => Err(written_by_others(file)),
        }
    })
}

/// One try; nothing when the file changed meanwhile.
async fn attempt(
    warehouse: &Warehouse<'_>,
    file: &WarehouseFile,
    session: &Session,
    fetched: &mut Fetched,
) -> Result<Option<Exit>, StageError> {
    let copy = Copy::new(file);
    let before = Identity::of(file.path())?;
    require_no_wal(file)?;
    let version = warehouse.storage_version();
    let mut is_copied = false;
    let mut loads = Loads::default();
    if before.is_some() {
        let inspected = tokio::task::block_in_place(|| inspect(session, file.path(), version))?;
        loads = match inspected {
            Inspected::Loads(loads) => loads,
            Inspected::Locked => {
                is_copied = true;
                copy.make(warehouse, file)?;
                match tokio::task::block_in_place(|| inspect(session, &copy.path, version))? {
                    Inspected::Loads(loads) => loads,
                    Inspected::Locked => return Err(written_by_others(file)),
                }
            }
        };
    }
    let wanted = warehouse.wanted(&loads).await?;
    if wanted.is_empty() {
        return Ok(Some(warehouse.nothing_to_do()));
    }
    fetched.fetch(warehouse, &wanted).await?;
    if before.is_some() && !is_copied {
        copy.make(warehouse, file)?;
    }
    if Identity::of(file.path())? != before {
        return Ok(None);
    }
    let changed = tokio::task::block_in_place(|| {
        change_file(warehouse, session, &copy.path, &loads, &wanted, fetched)
    })?;
    let _phase = warehouse.section.phase("publish");
    let beside = file.left_files();
    if beside != [copy.path.clone()] {
        return Err(StageError::bug(
            "the engine left something beside the closed file",
        ));
    }
    let bytes = copy.sync()?;
    require_no_wal(file)?;
    if Identity::of(file.path())? != before {
        return Ok(None);
    }
    copy.publish(file)?;
    report(warehouse, fetched, &wanted)?;
    let output = DataObject::at(file.path().display());
    warehouse
        .section
        .output(output.rows(changed.rows).bytes(bytes));
    tracing::info!(warehouse = %warehouse.name, file = %file.path().display(), rows = changed.rows, "loaded");
    Ok(Some(Exit::Done))
}

/// Changes the copy, and closes it.
///
/// # Errors
/// As [`change::apply`].
pub fn change_file(
    warehouse: &Warehouse<'_>,
    session: &Session,
    path: &Path,
    loads: &Loads,
    wanted: &Wanted,
    fetched: &Fetched,
) -> Result<change::Changed, StageError> {
    session
        .attach_to_write(path, warehouse.storage_version())
        .map_err(attach_failure)?;
    let changed = change::apply(warehouse, session, loads, wanted, fetched)?;
    let _phase = warehouse.section.phase("checkpoint");
    session
        .checkpoint_and_detach()
        .stage("write the warehouse file")?;
    Ok(changed)
}

/// Names in the run report what was loaded.
///
/// # Errors
/// A partition that was not fetched: a bug.
pub fn report(
    warehouse: &Warehouse<'_>,
    fetched: &Fetched,
    wanted: &Wanted,
) -> Result<(), StageError> {
    let context = warehouse.context;
    for partition in wanted.partitions() {
        let address =
            context
                .layout
                .gold_data(&context.pipeline.name, &partition.mart, &partition.date);
        let file = fetched.file(partition)?;
        warehouse.section.input(
            DataObject::at(address)
                .sha256(file.sha256.clone())
                .bytes(file.bytes),
        );
    }
    Ok(())
}

/// The copy that is changed; gone when it is dropped without having been published.
struct Copy {
    path: PathBuf,
    file: WarehouseFile,
}

impl Copy {
    fn new(file: &WarehouseFile) -> Self {
        Self {
            path: file.loading_path(),
            file: file.clone(),
        }
    }

    fn make(&self, warehouse: &Warehouse<'_>, file: &WarehouseFile) -> Result<(), StageError> {
        let _phase = warehouse.section.phase("copy");
        let way = tokio::task::block_in_place(|| copy_file(file.path(), &self.path))?;
        warehouse.section.set("copied_by", way);
        Ok(())
    }

    /// Waits until the disk has it; its size.
    fn sync(&self) -> Result<u64, StageError> {
        let synced = || -> std::io::Result<u64> {
            let file = File::open(&self.path)?;
            file.sync_all()?;
            Ok(file.metadata()?.len())
        };
        synced().map_err(|error| failed("write", &self.path, &error))
    }

    /// Gives it the file's name.
    fn publish(&self, file: &WarehouseFile) -> Result<(), StageError> {
        let renamed = || -> std::io::Result<()> {
            std::fs::rename(&self.path, file.path())?;
            // The name itself is on the disk only with its folder.
            File::open(file.folder())?.sync_all()
        };
        renamed().map_err(|error| failed("replace", file.path(), &error))
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        for path in self.file.left_files() {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Copies a file: its blocks are shared where the file system can, and read and written where it
/// cannot. Says which of the two it was.
fn copy_file(from: &Path, to: &Path) -> Result<&'static str, StageError> {
    let copied = || -> std::io::Result<&'static str> {
        #[cfg(target_os = "linux")]
        {
            let source = File::open(from)?;
            let target = File::create(to)?;
            if rustix::fs::ioctl_ficlone(&target, &source).is_ok() {
                std::fs::set_permissions(to, source.metadata()?.permissions())?;
                return Ok("reflink");
            }
        }
        std::fs::copy(from, to)?;
        Ok("copy")
    };
    copied().map_err(|error| {
        failed("copy", from, &error).hint(format!(
            "the folder of `{}` needs room for a second file of that size",
            to.display()
        ))
    })
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> StageError {
    StageError::from_io(format!("cannot {what} `{}`", path.display()), error)
}

/// Which file it is and in which state; none where there is no file.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl Identity {
    fn of(path: &Path) -> Result<Option<Self>, StageError> {
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => Ok(Some(Self {
                device: metadata.dev(),
                inode: metadata.ino(),
                bytes: metadata.len(),
                modified: (metadata.mtime(), metadata.mtime_nsec()),
            })),
            Ok(_) => Err(
                StageError::usage(format!("`{}` is not a file", path.display()))
                    .hint("correct `path` in pipeline.yaml"),
            ),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", path, &error)),
        }
    }
}

/// What somebody wrote into the file by hand may not be in it yet, and would be lost.
fn require_no_wal(file: &WarehouseFile) -> Result<(), StageError> {
    let wal = file.wal_path();
    if !wal.exists() {
        return Ok(());
    }
    Err(StageError::transient(format!(
        "somebody has opened `{}` for writing, and `{}` holds what is not written into it yet",
        file.path().display(),
        wal.display()
    ))
    .hint("close the session that writes to it, then load again; open a warehouse read-only: `duckdb -readonly`, `duckdb.connect(path, read_only=True)`"))
}

fn written_by_others(file: &WarehouseFile) -> StageError {
    StageError::transient(format!(
        "`{}` is being written to by somebody else",
        file.path().display()
    ))
    .hint("open a warehouse read-only: `duckdb -readonly`, `duckdb.connect(path, read_only=True)`")
}
