//! Opening the data folder: marker, lock, and the sweep of what a crash left.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::blobs::BlobId;
use super::error::At;
use super::{MARKER, OBJECTS, StorageError, UPLOADS};

/// What the marker says; another text would be another layout of the folder.
const FORMAT: &str = "lake-local-s3 data folder, format 1\n";

/// Makes the folder where needed and takes its lock. A folder that holds something else is
/// refused, since the sweep removes what it does not know.
pub(crate) fn lock(folder: &Path) -> Result<(PathBuf, File), StorageError> {
    fs::create_dir_all(folder).at(folder)?;
    let root = fs::canonicalize(folder).at(folder)?;
    let marker = root.join(MARKER);
    if !marker.exists() && fs::read_dir(&root).at(&root)?.next().is_some() {
        return Err(StorageError::FolderForeign);
    }
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(&marker)
        .at(&marker)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(StorageError::FolderLocked),
        Err(TryLockError::Error(error)) => return Err(error).at(&marker),
    }
    let text = fs::read_to_string(&marker).at(&marker)?;
    if text.is_empty() {
        file.write_all(FORMAT.as_bytes()).at(&marker)?;
    } else if text != FORMAT {
        return Err(StorageError::FolderForeign);
    }
    for name in [OBJECTS, UPLOADS] {
        let path = root.join(name);
        fs::create_dir_all(&path).at(&path)?;
    }
    Ok((root, file))
}

/// Removes the blobs that no link names: unfinished, replaced, or deleted just before a crash.
pub(crate) fn sweep(root: &Path) -> Result<(), StorageError> {
    let mut named = HashSet::new();
    for entry in fs::read_dir(root).at(root)? {
        let entry = entry.at(root)?;
        let is_bucket = entry
            .file_name()
            .to_str()
            .is_some_and(s3s::path::check_bucket_name);
        if is_bucket && entry.file_type().at(&entry.path())?.is_dir() {
            collect_named(&entry.path(), &mut named)?;
        }
    }
    let (mut kept, mut removed) = (0_u64, 0_u64);
    let objects = root.join(OBJECTS);
    for shard in folders_in(&objects)? {
        for blob in folders_in(&shard)? {
            let id = blob
                .file_name()
                .and_then(|name| BlobId::parse(name.to_str()?));
            if id.is_some_and(|id| named.contains(&id)) {
                kept += 1;
            } else {
                fs::remove_dir_all(&blob).at(&blob)?;
                removed += 1;
            }
        }
    }
    if removed > 0 {
        tracing::info!(removed, kept, "swept objects that nothing names");
    }
    let lost = named.len() as u64 - kept;
    if lost > 0 {
        tracing::warn!(lost, "keys whose data is gone from `{OBJECTS}`");
    }
    Ok(())
}

fn collect_named(folder: &Path, named: &mut HashSet<BlobId>) -> Result<(), StorageError> {
    for entry in fs::read_dir(folder).at(folder)? {
        let entry = entry.at(folder)?;
        let (path, kind) = (entry.path(), entry.file_type().at(folder)?);
        if kind.is_dir() {
            collect_named(&path, named)?;
        } else if kind.is_symlink() {
            named.extend(BlobId::of_link(&fs::read_link(&path).at(&path)?));
        }
    }
    Ok(())
}

fn folders_in(folder: &Path) -> Result<Vec<PathBuf>, StorageError> {
    let entries: io::Result<Vec<_>> = fs::read_dir(folder).at(folder)?.collect();
    Ok(entries
        .at(folder)?
        .into_iter()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect())
}
