//! The private folder of one stage, gone when it ends.
//!
//! Beside each folder `<name>` lies `<name>.lock`, held by `flock` as long as its stage
//! lives, in whatever container. A stage that starts sweeps the folders whose locks nobody
//! holds: those were left by a kill that no process survives. The lock lies beside the
//! folder and not in it, so that a folder without a lock does not exist at any moment.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{FlockOperation, flock};

use crate::units::readable_bytes;
use crate::{Exit, StageError};

const LOCK_EXTENSION: &str = "lock";
/// A folder that is being removed has this extension: nobody can make files in it any more
/// by the path that they know.
const DEAD_EXTENSION: &str = "dead";

/// The private folder of one stage; clones are the same folder.
#[derive(Debug, Clone)]
pub struct Workspace {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    /// Taken by whoever removes the folder.
    lock: Mutex<Option<File>>,
}

impl Workspace {
    /// Makes a folder under `base`.
    ///
    /// # Errors
    /// When the folder cannot be made: 75 for a full disk, else 2.
    pub fn create(base: &Path, stage: &str) -> Result<Self, StageError> {
        let failed = |error: &std::io::Error| {
            StageError::from_io(format!("cannot make a workspace in `{}`", base.display()), error)
                .hint("set `LAKE_WORKSPACE_DIR` to a folder that this user may write, on a disk with room")
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(base)
            .map_err(|error| failed(&error))?;
        for attempt in 0..1000_u32 {
            let name = format!("{stage}-{}-{attempt}", std::process::id());
            let path = base.join(name);
            if let Some(lock) = take(&path).map_err(|error| failed(&error))? {
                let inner = Inner {
                    path,
                    lock: Mutex::new(Some(lock)),
                };
                return Ok(Self {
                    inner: Arc::new(inner),
                });
            }
        }
        Err(StageError::transient(format!(
            "no free name for a workspace in `{}`",
            base.display()
        )))
    }

    /// Removes the folders of dead stages, and says how many there were.
    pub(crate) fn sweep(base: &Path) -> u64 {
        let Ok(entries) = std::fs::read_dir(base) else {
            return 0;
        };
        let mut swept = 0;
        for entry in entries.flatten() {
            let lock_path = entry.path();
            if lock_path
                .extension()
                .is_none_or(|extension| extension != LOCK_EXTENSION)
            {
                continue;
            }
            let Ok(lock) = OpenOptions::new().write(true).open(&lock_path) else {
                continue;
            };
            if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok()
                && is_at(&lock, &lock_path)
            {
                remove_named(&lock_path.with_extension(""));
                swept += 1;
            }
        }
        swept
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// The path of a file in the folder.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.inner.path.join(name)
    }

    /// Makes a folder in the folder, private too.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn directory(&self, name: &str) -> Result<PathBuf, StageError> {
        let mut path = self.inner.path.clone();
        // One by one: when the workspace itself is gone, its removal has begun, and it must not be
        // made anew.
        for part in Path::new(name).components() {
            path.push(part);
            match DirBuilder::new().mode(0o700).create(&path) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                    let message = format!("cannot make `{}`", path.display());
                    return Err(StageError::from_io(message, &error));
                }
                _ => {}
            }
        }
        Ok(path)
    }

    /// The bytes of all files in the folder.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        size_of(&self.inner.path)
    }

    /// The bytes that the disk under the folder still has for this user.
    ///
    /// # Errors
    /// When the disk does not answer.
    pub fn free_bytes(&self) -> Result<u64, StageError> {
        let stat = rustix::fs::statvfs(&self.inner.path).map_err(|error| {
            StageError::from_io(
                format!(
                    "cannot ask for the free space of `{}`",
                    self.inner.path.display()
                ),
                &error.into(),
            )
        })?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Refuses to start what the disk has no room for.
    ///
    /// # Errors
    /// With 75 when fewer bytes are free.
    pub fn require_free(&self, needed_bytes: u64) -> Result<(), StageError> {
        let free_bytes = self.free_bytes()?;
        if free_bytes >= needed_bytes {
            return Ok(());
        }
        Err(StageError::new(
            Exit::Transient,
            format!(
                "the disk of the workspace `{}` has {} free, {} are needed",
                self.inner.path.display(),
                readable_bytes(free_bytes),
                readable_bytes(needed_bytes)
            ),
        )
        .hint("free disk space, or point `LAKE_WORKSPACE_DIR` at a larger disk"))
    }

    /// Removes the folder with all that is in it; the second time it does nothing. A thread that
    /// is second waits for the first: after either call the folder is gone, and the process may
    /// end.
    ///
    /// Other threads may still be writing, as under a signal: the folder is renamed first,
    /// so that they make nothing new, and removed until nothing is left.
    pub fn remove(&self) {
        let mut lock = self
            .inner
            .lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if lock.is_some() {
            remove_named(&self.inner.path);
            *lock = None;
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let lock = self
            .lock
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if lock.is_some() {
            remove_named(&self.path);
        }
    }
}

/// Takes a name: its lock first, then its folder. Nothing when the name is taken.
fn take(path: &Path) -> std::io::Result<Option<File>> {
    let lock_path = path.with_extension(LOCK_EXTENSION);
    let opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&lock_path);
    let lock = match opened {
        Ok(lock) => lock,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(None),
        Err(error) => return Err(error),
    };
    // A sweeper may have taken the file between its making and this line for a dead one's.
    if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() || !is_at(&lock, &lock_path)
    {
        return Ok(None);
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => Ok(Some(lock)),
        Err(error) => {
            let _ = std::fs::remove_file(&lock_path);
            if error.kind() == ErrorKind::AlreadyExists {
                Ok(None)
            } else {
                Err(error)
            }
        }
    }
}

/// Whether the open file is still the one at the path.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(open), Ok(named)) => open.dev() == named.dev() && open.ino() == named.ino(),
        _ => false,
    }
}

/// Removes a folder, and its lock last; the caller holds the lock.
fn remove_named(path: &Path) {
    let dead = path.with_extension(DEAD_EXTENSION);
    let _ = std::fs::rename(path, &dead);
    for remains in [&dead, &path.to_path_buf()] {
        for _ in 0..50 {
            match std::fs::remove_dir_all(remains) {
                Err(error) if error.kind() != ErrorKind::NotFound => continue,
                _ => break,
            }
        }
    }
    let _ = std::fs::remove_file(path.with_extension(LOCK_EXTENSION));
}

fn size_of(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size_of(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::{Workspace, take};

    #[test]
    fn a_workspace_that_is_gone_is_not_made_anew() {
        let base = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(base.path(), "gold").unwrap();
        assert!(workspace.directory("a/b").unwrap().is_dir());
        assert!(workspace.directory("a/b").is_ok());
        workspace.remove();
        // As a thread does that a signal has not reached.
        assert!(workspace.directory("a/c").is_err());
        assert!(!workspace.path().exists());
    }

    #[test]
    fn a_workspace_is_private_sized_and_gone_in_the_end() {
        let base = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(base.path(), "silver").unwrap();
        assert_eq!(
            std::fs::metadata(workspace.path()).unwrap().mode() & 0o777,
            0o700
        );
        let nested = workspace.directory("a").unwrap();
        std::fs::write(nested.join("b"), [0; 10]).unwrap();
        std::fs::write(workspace.file("c"), [0; 5]).unwrap();
        assert_eq!(workspace.size_bytes(), 15);
        workspace.require_free(1).unwrap();
        assert_eq!(
            workspace.require_free(u64::MAX).unwrap_err().exit,
            crate::Exit::Transient
        );
        let second = workspace.clone();
        second.remove();
        workspace.remove();
        assert_eq!(std::fs::read_dir(base.path()).unwrap().count(), 0);
    }

    #[test]
    fn whoever_removes_it_second_finds_it_gone() {
        let base = tempfile::tempdir().unwrap();
        for _ in 0..20 {
            let workspace = Workspace::create(base.path(), "silver").unwrap();
            for file in 0..200 {
                std::fs::write(workspace.file(&file.to_string()), "").unwrap();
            }
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        workspace.remove();
                        assert_eq!(std::fs::read_dir(base.path()).unwrap().count(), 0);
                    });
                }
            });
        }
    }

    #[test]
    fn a_dropped_workspace_is_gone() {
        let base = tempfile::tempdir().unwrap();
        drop(Workspace::create(base.path(), "gold").unwrap());
        assert_eq!(std::fs::read_dir(base.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_dead_are_swept_and_the_living_are_not() {
        let base = tempfile::tempdir().unwrap();
        let living = Workspace::create(base.path(), "silver").unwrap();
        // A dead one: its folder and its lock file exist, and nobody holds the lock.
        let dead = base.path().join("silver-1-0");
        drop(take(&dead).unwrap().unwrap());
        std::fs::write(dead.join("spill"), "x").unwrap();
        // One that died while it was being removed.
        let half = base.path().join("silver-2-0");
        drop(take(&half).unwrap().unwrap());
        std::fs::rename(&half, half.with_extension("dead")).unwrap();
        // Whatever else lies there is none of ours.
        std::fs::create_dir(base.path().join("precious")).unwrap();

        assert_eq!(Workspace::sweep(base.path()), 2);
        assert!(!dead.exists() && !half.with_extension("dead").exists());
        assert!(living.path().exists() && base.path().join("precious").exists());
        assert_eq!(Workspace::sweep(&base.path().join("never_made")), 0);
    }

    #[test]
    fn many_at_once_get_folders_of_their_own() {
        let base = tempfile::tempdir().unwrap();
        let workspaces: Vec<Workspace> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|_| scope.spawn(|| Workspace::create(base.path(), "bronze").unwrap()))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        let paths: std::collections::BTreeSet<_> =
            workspaces.iter().map(|one| one.path().to_owned()).collect();
        assert_eq!(paths.len(), 16);
        assert!(paths.iter().all(|path| path.exists()));
    }
}
