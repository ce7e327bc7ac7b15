//! Copies of warehouse files that dead loads left beside them.

use lakehouse_contract::Name;
use lakehouse_stage::{Base, StageError, WarehouseFile, WarehousePlace, pipelines};

/// Removes what dead loads of a pipeline left, or of all. A load that lives has its lock, and
/// keeps what it is working on. What cannot be looked at is said and left: cleanup cleans up what
/// it can.
pub(crate) fn sweep(base: &Base, pipeline: Option<&Name>, dry_run: bool) {
    let mut removed = 0;
    for file in files(base, pipeline) {
        match remove(base, &file, dry_run) {
            Ok(count) => removed += count,
            Err(error) => {
                tracing::warn!(file = %file.path().display(), error = error.message, "cannot clean up beside the warehouse");
            }
        }
    }
    base.report.set("warehouse_files_removed", removed);
}

fn remove(base: &Base, file: &WarehouseFile, dry_run: bool) -> Result<u64, StageError> {
    let left = file.left_files();
    if left.is_empty() && !file.has_lock_file() {
        return Ok(0);
    }
    if dry_run {
        for path in &left {
            base.report
                .would_write(format_args!("{} (removed)", path.display()));
        }
        return Ok(0);
    }
    // With the lock goes its file, which a dead load may have left as well.
    let Some(lock) = file.try_lock()? else {
        return Ok(0);
    };
    let removed = file.sweep(&lock)?;
    if removed > 0 {
        tracing::info!(file = %file.path().display(), removed, "removed what a dead load had left");
    }
    Ok(removed)
}

/// The local warehouse files of a pipeline, or of all, as far as their folders can be read.
fn files(base: &Base, pipeline: Option<&Name>) -> Vec<WarehouseFile> {
    let folder = &base.settings.pipelines_dir;
    let names = match pipeline {
        Some(name) => vec![name.clone()],
        None => pipelines::list(folder)
            .map(|listing| listing.names)
            .unwrap_or_default(),
    };
    let mut files = Vec::new();
    for name in names {
        let (Some(loaded), _) = pipelines::judge_folder(&folder.join(name.as_str())) else {
            continue;
        };
        for warehouse in loaded.pipeline.warehouses.keys() {
            match loaded.warehouse_place(warehouse, &base.settings.layout) {
                Ok(WarehousePlace::Local(file)) => files.push(file),
                Ok(WarehousePlace::Object(_)) => {}
                Err(error) => {
                    tracing::warn!(pipeline = %name, warehouse = %warehouse, error = error.message, causes = ?error.causes, "cannot tell where the warehouse is");
                }
            }
        }
    }
    files
}
