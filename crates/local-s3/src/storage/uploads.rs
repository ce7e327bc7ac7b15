//! Multipart uploads under way, also across restarts.
//!
//! An upload is a folder with `upload.json`, a `part-<number>.json` per part, and the parts'
//! data (see [`super::parts`]). All are also in memory, where requests find them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::checksum::Algorithm;
use super::error::At;
use super::keys::path_of;
use super::meta::{Attributes, now_ms};
use super::parts::{PartRecord, Parts, TOGETHER};
use super::{Backend, StorageError};

/// What an upload will become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadPlan {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The headers to keep.
    pub attributes: Attributes,
    /// The checksum that every part and the object have.
    pub algorithm: Option<Algorithm>,
    /// Whether the object's checksum is over those of its parts.
    pub composite: bool,
}

/// An upload under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadInfo {
    /// Its id.
    pub id: String,
    /// What it will become.
    pub plan: UploadPlan,
    /// When it began, in milliseconds since 1970.
    pub initiated_ms: u64,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    plan: UploadPlan,
    initiated_ms: u64,
}

pub(super) struct Upload {
    pub info: UploadInfo,
    pub folder: PathBuf,
    parts: Mutex<Parts>,
}

impl Upload {
    /// The parts, if the upload is still open.
    pub fn parts(&self) -> Result<MutexGuard<'_, Parts>, StorageError> {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        if parts.closed {
            return Err(StorageError::NoSuchUpload(self.info.id.clone()));
        }
        Ok(parts)
    }

    /// For those that only tidy up.
    pub fn parts_even_if_closed(&self) -> MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bucket, key, id: the order in which S3 lists uploads, since ids begin with the time.
type Name = (String, String, String);

pub(super) struct Uploads {
    folder: PathBuf,
    all: Mutex<BTreeMap<Name, Arc<Upload>>>,
    counter: AtomicU64,
}

impl Uploads {
    /// Takes up the uploads that were under way; what cannot be read of them is removed.
    pub fn load(folder: PathBuf) -> Result<Self, StorageError> {
        let mut all = BTreeMap::new();
        for entry in fs::read_dir(&folder).at(&folder)? {
            let path = entry.at(&folder)?.path();
            match load_upload(&path) {
                Ok(_) if is_published(&path) => fs::remove_dir_all(&path).at(&path)?,
                Ok(upload) => {
                    all.insert(name_of(&upload.info), Arc::new(upload));
                }
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "removed an unreadable upload");
                    let removed = if path.is_dir() {
                        fs::remove_dir_all(&path)
                    } else {
                        fs::remove_file(&path)
                    };
                    removed.at(&path)?;
                }
            }
        }
        Ok(Self {
            folder,
            all: Mutex::new(all),
            counter: AtomicU64::new(0),
        })
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Name, Arc<Upload>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn find(&self, bucket: &str, key: &str, id: &str) -> Result<Arc<Upload>, StorageError> {
        let name = (bucket.to_owned(), key.to_owned(), id.to_owned());
        let found = self.all().get(&name).cloned();
        found.ok_or_else(|| StorageError::NoSuchUpload(id.to_owned()))
    }

    /// Forgets a completed or aborted upload, whose parts the caller holds locked.
    pub fn close(&self, upload: &Upload, parts: &mut Parts) {
        parts.closed = true;
        self.all().remove(&name_of(&upload.info));
        if let Err(error) = fs::remove_dir_all(&upload.folder) {
            // Its upload.json may be left: then it is listed again after the next start.
            tracing::warn!(folder = %upload.folder.display(), %error, "cannot remove an upload");
        }
    }
}

impl Backend {
    /// Begins an upload and returns its id.
    pub fn create_upload(&self, plan: UploadPlan) -> Result<String, StorageError> {
        self.check_bucket(&plan.bucket)?;
        path_of(&plan.key)?;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let count = self.uploads.counter.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:020x}{count:08x}", now.as_nanos());
        let folder = self.uploads.folder.join(&id);
        fs::create_dir(&folder).at(&folder)?;
        let stored = Stored {
            plan,
            initiated_ms: now_ms(),
        };
        write_json(&folder, "upload.json", &stored)?;
        let Stored { plan, initiated_ms } = stored;
        let info = UploadInfo {
            id: id.clone(),
            plan,
            initiated_ms,
        };
        let upload = Upload {
            folder,
            info,
            parts: Mutex::default(),
        };
        self.uploads
            .all()
            .insert(name_of(&upload.info), Arc::new(upload));
        Ok(id)
    }

    /// Gives an upload up; parts still on their way come to nothing.
    pub fn abort_upload(&self, bucket: &str, key: &str, id: &str) -> Result<(), StorageError> {
        self.check_bucket(bucket)?;
        let upload = self.uploads.find(bucket, key, id)?;
        let mut parts = upload.parts()?;
        self.uploads.close(&upload, &mut parts);
        Ok(())
    }

    /// The bucket's uploads by key, then by age.
    pub fn list_uploads(&self, bucket: &str) -> Result<Vec<UploadInfo>, StorageError> {
        self.check_bucket(bucket)?;
        let all = self.uploads.all();
        let of_bucket = all
            .values()
            .filter(|upload| upload.info.plan.bucket == bucket);
        Ok(of_bucket.map(|upload| upload.info.clone()).collect())
    }
}

fn name_of(info: &UploadInfo) -> Name {
    (
        info.plan.bucket.clone(),
        info.plan.key.clone(),
        info.id.clone(),
    )
}

/// Replaces a file of an upload's folder in one step.
pub(super) fn write_json(
    folder: &Path,
    name: &str,
    value: &impl Serialize,
) -> Result<(), StorageError> {
    let path = folder.join(name);
    let aside = folder.join(format!("{name}.new"));
    let text = serde_json::to_vec(value)
        .map_err(io::Error::from)
        .at(&path)?;
    fs::write(&aside, text).at(&aside)?;
    fs::rename(&aside, &path).at(&path)
}

fn read_json<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T, StorageError> {
    let text = fs::read(path).at(path)?;
    serde_json::from_slice(&text)
        .map_err(io::Error::from)
        .at(path)
}

/// Whether the upload was completed just before a crash: its data has a second name then, in
/// the object's blob. (A blob that was not published yet is swept before.)
fn is_published(folder: &Path) -> bool {
    fs::metadata(folder.join(TOGETHER)).is_ok_and(|together| together.nlink() > 1)
}

fn load_upload(folder: &Path) -> Result<Upload, StorageError> {
    let Stored { plan, initiated_ms } = read_json(&folder.join("upload.json"))?;
    let id = folder
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
        .to_owned();
    let mut records = BTreeMap::new();
    let mut leftovers = BTreeSet::new();
    for entry in fs::read_dir(folder).at(folder)? {
        let name = entry.at(folder)?.file_name();
        let Some(name) = name.to_str() else { continue };
        if name.starts_with("part-") && name.ends_with(".json") {
            let record: PartRecord = read_json(&folder.join(name))?;
            records.insert(record.info.number, record);
        } else if name.ends_with(".data") {
            leftovers.insert(name.to_owned());
        }
    }
    let parts = Parts::of(records);
    for name in leftovers {
        if !parts.uses(&name) {
            let path = folder.join(name);
            fs::remove_file(&path).at(&path)?;
        }
    }
    let together = folder.join(TOGETHER);
    if together.exists() && !is_published(folder) {
        // Read-only where the crash came while completing.
        fs::set_permissions(&together, fs::Permissions::from_mode(0o644)).at(&together)?;
    }
    let info = UploadInfo {
        id,
        plan,
        initiated_ms,
    };
    Ok(Upload {
        folder: folder.to_owned(),
        info,
        parts: Mutex::new(parts),
    })
}
