//! The data folder: buckets, objects, listings, multipart uploads. Blocking, without HTTP.
//!
//! ```text
//! DIR/.lake-local-s3             marker and lock
//! DIR/.objects/<2 hex>/<id>/     a blob: `data` and `meta.json`, immutable
//! DIR/.uploads/<id>/             a multipart upload under way
//! DIR/<bucket>/<key>             a link to the data of the object's blob
//! ```
//!
//! The link is the object: it is renamed into place, so data and metadata change in one step,
//! and a reader has the old object or the new one, whole. Blobs that no link names, left by a
//! crash, are swept when the server starts.

mod assemble;
mod blobs;
mod checksum;
mod data_folder;
mod error;
mod keys;
mod listing;
mod locks;
mod meta;
mod objects;
mod parts;
mod uploads;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

pub use assemble::{CompletedPart, Completion};
pub use blobs::{BlobWriter, StagedBlob};
pub(crate) use checksum::base64;
pub use checksum::{Algorithm, Checksums, Digests};
pub use error::StorageError;
pub use listing::{After, ListEntry, ListPage, ListRequest};
pub use meta::{Attributes, ObjectMeta, now_ms, time_of};
pub use objects::{Condition, OpenObject};
pub use parts::{PartInfo, PartWriter};
pub use uploads::{UploadInfo, UploadPlan};

use blobs::Blobs;
use error::At;
use locks::KeyLocks;
use uploads::Uploads;

const OBJECTS: &str = ".objects";
const UPLOADS: &str = ".uploads";
const MARKER: &str = ".lake-local-s3";

/// How the folder is used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Flush every object to the disk before it becomes visible.
    pub fsync: bool,
}

/// The storage of one server.
pub struct Backend {
    root: PathBuf,
    blobs: Arc<Blobs>,
    uploads: Uploads,
    locks: KeyLocks,
    fsync: bool,
    folder_reads: AtomicU64,
    /// Held open: the lock goes with it.
    _lock: File,
}

impl Backend {
    /// Opens or makes the data folder, locks it, and sweeps what a crash left.
    pub fn open(folder: &Path, options: Options) -> Result<Self, StorageError> {
        let (root, lock) = data_folder::lock(folder)?;
        let blobs = Arc::new(Blobs::new(root.join(OBJECTS), options.fsync));
        data_folder::sweep(&root)?;
        let uploads = Uploads::load(root.join(UPLOADS))?;
        Ok(Self {
            root,
            blobs,
            uploads,
            locks: KeyLocks::new(),
            fsync: options.fsync,
            folder_reads: AtomicU64::new(0),
            _lock: lock,
        })
    }

    /// Makes a bucket.
    pub fn create_bucket(&self, bucket: &str) -> Result<(), StorageError> {
        if !s3s::path::check_bucket_name(bucket) {
            return Err(StorageError::InvalidBucketName(bucket.to_owned()));
        }
        let path = self.root.join(bucket);
        match fs::create_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(StorageError::BucketExists(bucket.to_owned()))
            }
            made => made.at(&path),
        }
    }

    /// Fails when the bucket does not exist.
    pub fn check_bucket(&self, bucket: &str) -> Result<(), StorageError> {
        self.bucket_folder(bucket).map(|_| ())
    }

    /// All buckets by name, with the time they were made.
    pub fn list_buckets(&self) -> Result<Vec<(String, SystemTime)>, StorageError> {
        let mut buckets = Vec::new();
        for entry in fs::read_dir(&self.root).at(&self.root)? {
            let entry = entry.at(&self.root)?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                continue;
            };
            let details = entry.metadata().at(&entry.path())?;
            if details.is_dir() && s3s::path::check_bucket_name(&name) {
                let made = details.created().or_else(|_| details.modified());
                buckets.push((name, made.at(&entry.path())?));
            }
        }
        buckets.sort();
        Ok(buckets)
    }

    /// How many folders were read so far, for listings. Tests compare their cost by it.
    #[must_use]
    pub fn folder_reads(&self) -> u64 {
        self.folder_reads.load(Ordering::Relaxed)
    }

    fn bucket_folder(&self, bucket: &str) -> Result<PathBuf, StorageError> {
        let path = self.root.join(bucket);
        // The name is checked too: `.objects` is a folder and no bucket.
        if s3s::path::check_bucket_name(bucket) && path.is_dir() {
            Ok(path)
        } else {
            Err(StorageError::NoSuchBucket(bucket.to_owned()))
        }
    }
}
