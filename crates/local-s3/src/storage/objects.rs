//! Objects: publish, open, copy, delete.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

use super::blobs::{BlobId, StagedBlob, link_or_copy, sync_folder};
use super::error::At;
use super::keys::{depth_of, path_of};
use super::meta::ObjectMeta;
use super::{Backend, StorageError};

/// What must hold of the object that a write replaces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Condition {
    /// Anything.
    #[default]
    None,
    /// There is none: `If-None-Match: *`.
    IfAbsent,
    /// It has this ETag: `If-Match`.
    IfMatch(String),
}

/// An object, open for reading: later writes do not change it.
#[derive(Debug)]
pub struct OpenObject {
    /// Its metadata.
    pub meta: ObjectMeta,
    /// Its data, positioned at the start.
    pub file: File,
}

const ABOVE: &str = "a key above it is an object";

/// How often a rename is tried while others remove the emptied folders in its way.
const ATTEMPTS: usize = 1000;

impl Backend {
    /// A new blob, to be filled and published.
    pub fn stage(&self) -> Result<StagedBlob, StorageError> {
        self.blobs.stage()
    }

    /// Makes the blob the object of that key, in one step, if the condition holds.
    pub fn publish(
        &self,
        bucket: &str,
        key: &str,
        staged: StagedBlob,
        meta: &ObjectMeta,
        condition: &Condition,
    ) -> Result<(), StorageError> {
        let folder = self.bucket_folder(bucket)?;
        let path = folder.join(path_of(key)?);
        let link = staged.seal(meta, depth_of(key))?;
        let replaced = {
            let _writing = self.locks.write(bucket, key);
            let current = self.named_by(&path)?;
            self.check_condition(key, current, condition)?;
            self.rename_into_place(key, &link, &path)?;
            staged.published();
            current
        };
        if self.fsync {
            for parent in path.ancestors().skip(1) {
                sync_folder(parent)?;
                if parent == folder {
                    break;
                }
            }
        }
        if let Some(old) = replaced {
            self.blobs.remove(old);
        }
        Ok(())
    }

    /// Opens the object of that key.
    pub fn open_object(&self, bucket: &str, key: &str) -> Result<OpenObject, StorageError> {
        let _reading = self.locks.read(bucket, key);
        let (meta, file, _) = self.open_locked(bucket, key)?;
        Ok(OpenObject { meta, file })
    }

    /// The metadata of the object of that key.
    pub fn head_object(&self, bucket: &str, key: &str) -> Result<ObjectMeta, StorageError> {
        let _reading = self.locks.read(bucket, key);
        self.blobs.read_meta(self.find(bucket, key)?)
    }

    /// A new blob with the data of an existing object that passes `check`; no byte is moved
    /// where the file system has hard links.
    pub fn stage_copy<E: From<StorageError>>(
        &self,
        bucket: &str,
        key: &str,
        check: impl FnOnce(&ObjectMeta) -> Result<(), E>,
    ) -> Result<(StagedBlob, ObjectMeta), E> {
        let staged = self.stage()?;
        let _reading = self.locks.read(bucket, key);
        let (meta, file, id) = self.open_locked(bucket, key)?;
        check(&meta)?;
        link_or_copy(&file, &self.blobs.data_of(id), &staged.data_path())?;
        Ok((staged, meta))
    }

    /// Removes the object of that key; it is no error when there is none.
    pub fn delete_object(&self, bucket: &str, key: &str) -> Result<(), StorageError> {
        let folder = self.bucket_folder(bucket)?;
        let Ok(relative) = path_of(key) else {
            return Ok(());
        };
        let path = folder.join(relative);
        let removed = {
            let _writing = self.locks.write(bucket, key);
            let Some(current) = self.named_by(&path)? else {
                return Ok(());
            };
            fs::remove_file(&path).at(&path)?;
            current
        };
        self.blobs.remove(removed);
        // A folder that is not empty, or is being filled, stays: `rmdir` decides that, and a
        // writer whose folder went makes it again.
        for parent in path.ancestors().skip(1) {
            if parent == folder || fs::remove_dir(parent).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn open_locked(
        &self,
        bucket: &str,
        key: &str,
    ) -> Result<(ObjectMeta, File, BlobId), StorageError> {
        let id = self.find(bucket, key)?;
        let path = self.blobs.data_of(id);
        let file = File::open(&path).at(&path)?;
        Ok((self.blobs.read_meta(id)?, file, id))
    }

    fn find(&self, bucket: &str, key: &str) -> Result<BlobId, StorageError> {
        let folder = self.bucket_folder(bucket)?;
        let missing = || StorageError::NoSuchKey(key.to_owned());
        let path = folder.join(path_of(key).map_err(|_| missing())?);
        self.named_by(&path)?.ok_or_else(missing)
    }

    /// The blob that the link at this path names; `None` where no object is.
    pub(super) fn named_by(&self, path: &Path) -> Result<Option<BlobId>, StorageError> {
        match fs::read_link(path) {
            Ok(target) => match BlobId::of_link(&target) {
                Some(id) => Ok(Some(id)),
                None => Err(StorageError::NotOurs(path.to_owned())),
            },
            Err(error) => match error.kind() {
                ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename => {
                    Ok(None)
                }
                // It is there and no link: a folder of other keys, or a file of somebody else.
                ErrorKind::InvalidInput if path.is_dir() => Ok(None),
                ErrorKind::InvalidInput => Err(StorageError::NotOurs(path.to_owned())),
                _ => Err(error).at(path),
            },
        }
    }

    fn check_condition(
        &self,
        key: &str,
        current: Option<BlobId>,
        condition: &Condition,
    ) -> Result<(), StorageError> {
        match (condition, current) {
            (Condition::None, _) | (Condition::IfAbsent, None) => Ok(()),
            (Condition::IfAbsent, Some(_)) => Err(StorageError::PreconditionFailed),
            (Condition::IfMatch(_), None) => Err(StorageError::NoSuchKey(key.to_owned())),
            (Condition::IfMatch(etag), Some(id)) => {
                if self.blobs.read_meta(id)?.etag == *etag {
                    Ok(())
                } else {
                    Err(StorageError::PreconditionFailed)
                }
            }
        }
    }

    fn rename_into_place(&self, key: &str, link: &Path, path: &Path) -> Result<(), StorageError> {
        let clash = |obstacle| StorageError::KeyClash {
            key: key.to_owned(),
            obstacle,
        };
        let mut last = io::Error::from(ErrorKind::NotFound);
        for _ in 0..ATTEMPTS {
            let Err(error) = fs::rename(link, path) else {
                return Ok(());
            };
            match error.kind() {
                ErrorKind::NotFound => {}
                ErrorKind::IsADirectory if remove_empty_folders(path) => continue,
                ErrorKind::IsADirectory => return Err(clash("there are keys below it")),
                ErrorKind::NotADirectory => return Err(clash(ABOVE)),
                ErrorKind::InvalidFilename => {
                    return Err(StorageError::KeyTooLong(
                        "its path is too long for this machine",
                    ));
                }
                _ => return Err(error).at(path),
            }
            // The folder is not there yet, or a delete has just removed it.
            if let Some(parent) = path.parent()
                && let Err(error) = fs::create_dir_all(parent)
            {
                match error.kind() {
                    ErrorKind::NotADirectory => return Err(clash(ABOVE)),
                    ErrorKind::AlreadyExists if is_no_folder(parent) => return Err(clash(ABOVE)),
                    // It was there, and then a delete removed it: once more.
                    ErrorKind::NotFound | ErrorKind::AlreadyExists => {}
                    ErrorKind::InvalidFilename => {
                        return Err(StorageError::KeyTooLong(
                            "its path is too long for this machine",
                        ));
                    }
                    _ => return Err(error).at(parent),
                }
            }
            last = error;
        }
        Err(last).at(path)
    }
}

fn is_no_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| !found.is_dir())
}

/// Removes a folder that holds nothing but empty folders; true when it is gone.
fn remove_empty_folders(folder: &Path) -> bool {
    if let Ok(entries) = fs::read_dir(folder) {
        for entry in entries.flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_dir())
                || !remove_empty_folders(&entry.path())
            {
                return false;
            }
        }
    }
    match fs::remove_dir(folder) {
        Ok(()) => true,
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}
