//! Blobs: immutable folders `.objects/<2 hex>/<id>/` with an object's `data` and `meta.json`.
//!
//! A blob is complete before a link names it, is never changed after, and is removed once no
//! link names it. Whoever has its data open reads on.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, Permissions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::checksum::{Algorithm, Checksums, Digester, Digests};
use super::error::At;
use super::meta::ObjectMeta;
use super::{OBJECTS, StorageError};

const DATA: &str = "data";
const META: &str = "meta.json";
const LINK: &str = "link";

/// The name of a blob, 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct BlobId(u128);

impl BlobId {
    pub fn parse(name: &str) -> Option<Self> {
        let well_formed = name.len() == 32
            && name
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        well_formed
            .then(|| u128::from_str_radix(name, 16).ok().map(Self))
            .flatten()
    }

    /// The blob that a link's target names: `…/.objects/<2 hex>/<id>/data`.
    pub fn of_link(target: &Path) -> Option<Self> {
        let mut backwards = target.iter().rev();
        let data = backwards.next()?;
        let id = Self::parse(backwards.next()?.to_str()?)?;
        let shard = backwards.next()?.to_str()?;
        let objects = backwards.next()?;
        let ours = data == DATA && objects == OBJECTS && id.name().starts_with(shard);
        ours.then_some(id)
    }

    pub fn name(self) -> String {
        format!("{:032x}", self.0)
    }
}

pub(crate) struct Blobs {
    folder: PathBuf,
    seed: u64,
    counter: AtomicU64,
    fsync: bool,
}

impl Blobs {
    pub fn new(folder: PathBuf, fsync: bool) -> Self {
        // Names differ between runs by the seed (taken from the system's randomness), within a
        // run by the counter; the folder has one server at a time.
        let seed = RandomState::new().hash_one(std::process::id());
        Self {
            folder,
            seed,
            counter: AtomicU64::new(0),
            fsync,
        }
    }

    pub fn folder_of(&self, id: BlobId) -> PathBuf {
        let name = id.name();
        self.folder.join(&name[..2]).join(name)
    }

    pub fn data_of(&self, id: BlobId) -> PathBuf {
        self.folder_of(id).join(DATA)
    }

    pub fn read_meta(&self, id: BlobId) -> Result<ObjectMeta, StorageError> {
        let path = self.folder_of(id).join(META);
        let bytes = fs::read(&path).at(&path)?;
        serde_json::from_slice(&bytes)
            .map_err(io::Error::from)
            .at(&path)
    }

    /// A new, empty blob that no link names; it goes when it is dropped unpublished.
    pub fn stage(self: &Arc<Self>) -> Result<StagedBlob, StorageError> {
        let count = self.counter.fetch_add(1, Ordering::Relaxed);
        // The fast-moving byte first spreads the blobs over 256 folders.
        let id = BlobId(
            (u128::from(count & 0xff) << 120)
                | (u128::from(self.seed) << 56)
                | u128::from(count >> 8),
        );
        let folder = self.folder_of(id);
        fs::create_dir_all(&folder).at(&folder)?;
        Ok(StagedBlob {
            id,
            folder,
            blobs: Arc::clone(self),
            published: false,
        })
    }

    /// Removes a blob that no link names; what fails is left for the next start.
    pub fn remove(&self, id: BlobId) {
        let folder = self.folder_of(id);
        if let Err(error) = fs::remove_dir_all(&folder)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(folder = %folder.display(), %error, "cannot remove an old object");
        }
    }
}

/// A blob in the making.
pub struct StagedBlob {
    id: BlobId,
    folder: PathBuf,
    blobs: Arc<Blobs>,
    published: bool,
}

impl StagedBlob {
    /// Opens its data for writing, to be hashed by the given algorithms on the way.
    pub fn writer(self, algorithms: &BTreeSet<Algorithm>) -> Result<BlobWriter, StorageError> {
        let path = self.data_path();
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .at(&path)?;
        Ok(BlobWriter {
            staged: self,
            path,
            file,
            digester: Digester::new(algorithms),
        })
    }

    /// Reads the data again, for a checksum that was not computed while it was written.
    pub fn checksum(&self, algorithm: Algorithm) -> Result<Checksums, StorageError> {
        let path = self.data_path();
        let mut file = File::open(&path).at(&path)?;
        let mut digester = Digester::new(&BTreeSet::from([algorithm]));
        for_each_chunk(&mut file, &path, |chunk| {
            digester.update(chunk);
            Ok(())
        })?;
        Ok(digester.finish().checksums)
    }

    pub(crate) fn data_path(&self) -> PathBuf {
        self.folder.join(DATA)
    }

    /// Writes the metadata and makes the link that will name the blob, still beside it.
    pub(crate) fn seal(&self, meta: &ObjectMeta, depth: usize) -> Result<PathBuf, StorageError> {
        let data = self.data_path();
        // Other tools may read the folder; what they must not do is write into an object.
        fs::set_permissions(&data, Permissions::from_mode(0o444)).at(&data)?;
        let path = self.folder.join(META);
        let mut file = File::create(&path).at(&path)?;
        let text = serde_json::to_vec(meta)
            .map_err(io::Error::from)
            .at(&path)?;
        file.write_all(&text).at(&path)?;
        if self.blobs.fsync {
            file.sync_all().at(&path)?;
            File::open(&data)
                .and_then(|file| file.sync_all())
                .at(&data)?;
            for folder in self.folder.ancestors().take(3) {
                sync_folder(folder)?;
            }
        }
        let name = self.id.name();
        let mut target: PathBuf = std::iter::repeat_n("..", depth).collect();
        target.extend([OBJECTS, &name[..2], &name, DATA]);
        let link = self.folder.join(LINK);
        // A commit that was refused may have left its link.
        match fs::remove_file(&link) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).at(&link),
            _ => {}
        }
        std::os::unix::fs::symlink(&target, &link).at(&link)?;
        Ok(link)
    }

    pub(crate) fn published(mut self) {
        self.published = true;
    }
}

impl Drop for StagedBlob {
    fn drop(&mut self) {
        if !self.published {
            self.blobs.remove(self.id);
        }
    }
}

/// Writes and hashes an object's data.
pub struct BlobWriter {
    staged: StagedBlob,
    path: PathBuf,
    file: File,
    digester: Digester,
}

impl BlobWriter {
    /// Appends.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        self.digester.update(bytes);
        self.file.write_all(bytes).at(&self.path)
    }

    /// The blob, and what was written to it.
    #[must_use]
    pub fn finish(self) -> (StagedBlob, Digests) {
        (self.staged, self.digester.finish())
    }
}

/// Reads to the end in pieces of a megabyte.
pub(crate) fn for_each_chunk(
    source: &mut impl Read,
    path: &Path,
    mut take: impl FnMut(&[u8]) -> Result<(), StorageError>,
) -> Result<(), StorageError> {
    let mut buffer = vec![0; 1024 * 1024];
    loop {
        match source.read(&mut buffer).at(path)? {
            0 => return Ok(()),
            length => take(&buffer[..length])?,
        }
    }
}

pub(crate) fn sync_folder(folder: &Path) -> Result<(), StorageError> {
    File::open(folder)
        .and_then(|file| file.sync_all())
        .at(folder)
}

/// A second name for immutable data; a copy where the file system has no more links to give.
pub(crate) fn link_or_copy(file: &File, path: &Path, to: &Path) -> Result<(), StorageError> {
    if fs::hard_link(path, to).is_ok() {
        return Ok(());
    }
    let mut target = File::create(to).at(to)?;
    io::copy(&mut { file }, &mut target).at(to)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_links_name_blobs() {
        let name = "0123456789abcdef0123456789abcdef";
        let target = |text: &str| BlobId::of_link(Path::new(text)).map(BlobId::name);
        assert_eq!(
            target(&format!("../../.objects/01/{name}/data")).as_deref(),
            Some(name)
        );
        for other in [
            format!("../.objects/02/{name}/data"),
            format!("../objects/01/{name}/data"),
            format!("../.objects/01/{name}/meta.json"),
            format!("../.objects/01/{}/data", &name[1..]),
            format!("../.objects/01/{}/data", name.to_uppercase()),
            "/etc/passwd".to_owned(),
            "data".to_owned(),
        ] {
            assert_eq!(target(&other), None, "{other}");
        }
    }
}
