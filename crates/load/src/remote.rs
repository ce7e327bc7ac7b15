//! A warehouse file in the store: downloaded, changed, and put back on the condition that nobody
//! else did so meanwhile.

use std::time::Duration;

use lakehouse_bind::EngineFailure;
use lakehouse_engine::Session;
use lakehouse_stage::{DataObject, Exit, StageError};
use lakehouse_store::{Condition, ObjectAddress, PutOptions, StoreError};

use crate::fetched::Fetched;
use crate::inspect::{Inspected, inspect};
use crate::loads::Loads;
use crate::local::{change_file, report};
use crate::session_options;
use crate::warehouse::Warehouse;

/// How often the file is taken again after another load was faster.
const ATTEMPTS: u32 = 20;
/// The longest wait before the second attempt; it grows with each.
const WAIT: Duration = Duration::from_millis(200);

/// Loads into an object.
///
/// # Errors
/// As for a local file; 75 when other loads were faster every time.
pub async fn load(warehouse: &Warehouse<'_>, address: &ObjectAddress) -> Result<Exit, StageError> {
    let store = &warehouse.context.store;
    if !warehouse.context.dry_run {
        store.ensure_bucket(&address.bucket).await?;
    }
    let mut fetched = Fetched::default();
    for number in 1..=ATTEMPTS {
        if let Some(exit) = attempt(warehouse, address, &mut fetched).await? {
            return Ok(exit);
        }
        tracing::info!(warehouse = %warehouse.name, attempt = number, "another load was faster; taking its file");
        tokio::time::sleep(WAIT * number + jitter()).await;
    }
    Err(StageError::transient(format!(
        "other loads replaced `{address}` {ATTEMPTS} times meanwhile"
    ))
    .hint("load again once they are done"))
}

/// Loads that met once do not meet again at the same moment.
fn jitter() -> Duration {
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.subsec_nanos());
    Duration::from_millis(u64::from(nanos ^ std::process::id()) % 200)
}

/// One try; nothing when another load was faster.
async fn attempt(
    warehouse: &Warehouse<'_>,
    address: &ObjectAddress,
    fetched: &mut Fetched,
) -> Result<Option<Exit>, StageError> {
    let context = warehouse.context;
    let path = context
        .workspace
        .file(&format!("warehouse.{}.duckdb", warehouse.name));
    let condition = {
        let _phase = warehouse.section.phase("copy");
        match context.store.get_to_file(address, &path).await {
            Ok(downloaded) => Condition::IfMatch(downloaded.info.etag),
            Err(StoreError::NotFound { .. }) => {
                let _ = std::fs::remove_file(&path);
                Condition::IfAbsent
            }
            Err(error) => return Err(error.into()),
        }
    };
    // A session for each file: it is a new one every time.
    let session = Session::open(&session_options(context)).stage("open the engine")?;
    let mut loads = Loads::default();
    if condition != Condition::IfAbsent {
        let version = warehouse.storage_version();
        loads = match tokio::task::block_in_place(|| inspect(&session, &path, version))? {
            Inspected::Loads(loads) => loads,
            Inspected::Locked => {
                return Err(StageError::bug("a file of the workspace is locked"));
            }
        };
    }
    let wanted = warehouse.wanted(&loads).await?;
    if context.dry_run {
        warehouse.show(&wanted, address);
        return Ok(Some(Exit::Done));
    }
    if wanted.is_empty() {
        return Ok(Some(warehouse.nothing_to_do()));
    }
    fetched.fetch(warehouse, &wanted).await?;
    let changed = tokio::task::block_in_place(|| {
        change_file(warehouse, &session, &path, &loads, &wanted, fetched)
    })?;
    drop(session);
    let _phase = warehouse.section.phase("publish");
    let options = PutOptions {
        condition,
        ..PutOptions::default()
    };
    let written = match context.store.put_file(address, &path, &options).await {
        Ok(written) => written,
        Err(StoreError::PreconditionFailed { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    report(warehouse, fetched, &wanted)?;
    warehouse.section.output(
        DataObject::at(address)
            .rows(changed.rows)
            .bytes(written.size_bytes)
            .sha256(written.sha256),
    );
    tracing::info!(warehouse = %warehouse.name, object = %address, rows = changed.rows, "loaded");
    Ok(Some(Exit::Done))
}
