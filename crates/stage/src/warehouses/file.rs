//! A warehouse file in a folder: one loader at a time, and what dead ones leave.
//!
//! A load works on a copy beside the file, `.<name>.loading`, under the lock `.<name>.lock`,
//! which the system releases when its process ends, however it ends. So whoever has the lock
//! knows that a copy that is there belongs to nobody any more.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::StageError;

/// A warehouse file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarehouseFile {
    path: PathBuf,
}

impl WarehouseFile {
    /// The file at a path.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The file that readers open.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder that it is in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        }
    }

    /// The copy that a load works on.
    #[must_use]
    pub fn loading_path(&self) -> PathBuf {
        self.folder().join(self.loading_name())
    }

    /// Where the engine keeps what whoever opened the file for writing has not written into it
    /// yet.
    #[must_use]
    pub fn wal_path(&self) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(".wal");
        path.into()
    }

    fn loading_name(&self) -> String {
        format!(".{}.loading", self.file_name())
    }

    /// Whether the lock's file is there: it is while a load lives, and after one that was killed.
    #[must_use]
    pub fn has_lock_file(&self) -> bool {
        self.lock_path().exists()
    }

    fn lock_path(&self) -> PathBuf {
        self.folder().join(format!(".{}.lock", self.file_name()))
    }

    fn file_name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// Takes the lock; none while another process has it.
    ///
    /// # Errors
    /// When the folder is missing or cannot be written: 2; else 75.
    pub fn try_lock(&self) -> Result<Option<WarehouseLock>, StageError> {
        let path = self.lock_path();
        let failed = |error: &std::io::Error| {
            StageError::from_io(
                format!("cannot lock the warehouse `{}`", self.path.display()),
                error,
            )
            .hint(
                "the folder of the warehouse must exist, and this user must be able to write in it",
            )
        };
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| failed(&error))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            Err(error) => return Err(failed(&error.into())),
        }
        // Its last holder may have removed it between the two calls.
        match is_at(&file, &path) {
            true => Ok(Some(WarehouseLock { _file: file, path })),
            false => Ok(None),
        }
    }

    /// Removes what a dead load left; the caller holds the lock.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn sweep(&self, _lock: &WarehouseLock) -> Result<u64, StageError> {
        let mut removed = 0;
        for path in self.left_files() {
            std::fs::remove_file(&path).map_err(|error| {
                StageError::from_io(format!("cannot remove `{}`", path.display()), &error)
            })?;
            removed += 1;
        }
        Ok(removed)
    }

    /// The copies, and what the engine keeps beside them.
    #[must_use]
    pub fn left_files(&self) -> Vec<PathBuf> {
        let name = self.loading_name();
        let mut found: Vec<PathBuf> = std::fs::read_dir(self.folder())
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| {
                let entry = entry.file_name().to_string_lossy().into_owned();
                let rest = entry.strip_prefix(&name);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
            .map(|entry| entry.path())
            .collect();
        found.sort();
        found
    }
}

/// The right to replace a warehouse file, until it is dropped or the process ends.
#[derive(Debug)]
pub struct WarehouseLock {
    _file: File,
    path: PathBuf,
}

impl Drop for WarehouseLock {
    fn drop(&mut self) {
        // While it is held: whoever opened it meanwhile finds that it is gone.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Whether the open file is still the one at the path.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(open), Ok(named)) => open.dev() == named.dev() && open.ino() == named.ino(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::WarehouseFile;

    #[test]
    fn one_loader_has_the_lock_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = WarehouseFile::new(folder.path().join("a.duckdb"));
        let lock = file.try_lock().unwrap().unwrap();
        assert!(file.try_lock().unwrap().is_none());
        drop(lock);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(file.try_lock().unwrap().is_some());
    }

    #[test]
    fn what_a_dead_load_left_is_swept_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = WarehouseFile::new(folder.path().join("a.duckdb"));
        let kept = [
            "a.duckdb",
            "a.duckdb.wal",
            ".b.duckdb.loading",
            ".a.duckdb.loadings",
        ];
        let left = [".a.duckdb.loading", ".a.duckdb.loading.wal"];
        for name in kept.iter().chain(&left) {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let lock = file.try_lock().unwrap().unwrap();
        assert_eq!(file.sweep(&lock).unwrap(), 2);
        drop(lock);
        let names: std::collections::BTreeSet<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        assert_eq!(names, kept.map(str::to_owned).into());
    }

    #[test]
    fn many_at_once_have_it_one_after_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let file = WarehouseFile::new(folder.path().join("a.duckdb"));
        let count = folder.path().join("count");
        std::fs::write(&count, "0").unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let lock = loop {
                            match file.try_lock().unwrap() {
                                Some(lock) => break lock,
                                None => std::thread::yield_now(),
                            }
                        };
                        let before: u32 = std::fs::read_to_string(&count).unwrap().parse().unwrap();
                        std::fs::write(&count, (before + 1).to_string()).unwrap();
                        drop(lock);
                    }
                });
            }
        });
        assert_eq!(std::fs::read_to_string(&count).unwrap(), "160");
    }

    #[test]
    fn a_missing_folder_is_configuration() {
        let file = WarehouseFile::new("/nowhere/at/all/a.duckdb".into());
        assert_eq!(file.try_lock().unwrap_err().exit, crate::Exit::Usage);
    }
}
