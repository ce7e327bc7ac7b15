//! The parts of a multipart upload.
//!
//! Almost all uploads cut their object into parts of one size, so parts are written straight to
//! their place in one file, `together`, and completing costs no second copy of the data. A part
//! that does not fit that (it came before the size was known, or it is uploaded again) goes to a
//! file of its own and is moved when the upload completes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::blobs::for_each_chunk;
use super::checksum::{Algorithm, Checksums, Digester, Digests};
use super::error::At;
use super::meta::now_ms;
use super::uploads::{Upload, write_json};
use super::{Backend, StorageError};

/// The file that holds the parts in their places.
pub(super) const TOGETHER: &str = "together";

/// A part that was uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartInfo {
    /// Its number, from 1.
    pub number: u16,
    /// Its size.
    pub size_bytes: u64,
    /// The MD5 of its data; in hexadecimal it is the part's ETag.
    pub md5: [u8; 16],
    /// Its checksums.
    pub checksums: Checksums,
    /// When it was complete, in milliseconds since 1970.
    pub modified_ms: u64,
}

impl PartInfo {
    /// The ETag without its quotes.
    #[must_use]
    pub fn etag(&self) -> String {
        hex::encode(self.md5)
    }
}

/// Where a part's data is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PartPlace {
    /// In `together`, from this offset.
    Together(u64),
    /// In a file of its own.
    Own(String),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PartRecord {
    pub info: PartInfo,
    pub place: PartPlace,
}

#[derive(Default)]
pub(super) struct Parts {
    pub records: BTreeMap<u16, PartRecord>,
    /// The distance between two parts in `together`: the size of part 1.
    pub stride: Option<u64>,
    /// Parts that are being written to `together` right now.
    pub writing: BTreeSet<u16>,
    /// Completed or aborted.
    pub closed: bool,
}

impl Parts {
    /// The parts of an upload that was under way when the server stopped.
    pub fn of(records: BTreeMap<u16, PartRecord>) -> Self {
        let stride = records.values().find_map(|record| match record.place {
            PartPlace::Together(0) => Some(record.info.size_bytes),
            PartPlace::Together(offset) => Some(offset / u64::from(record.info.number - 1)),
            PartPlace::Own(_) => None,
        });
        Self {
            records,
            stride,
            ..Self::default()
        }
    }

    pub fn uses(&self, name: &str) -> bool {
        self.records
            .values()
            .any(|record| matches!(&record.place, PartPlace::Own(own) if own == name))
    }

    /// The offset in `together` where a part of this size may be written now.
    fn claim(&mut self, number: u16, size_bytes: Option<u64>) -> Option<u64> {
        let size_bytes = size_bytes.filter(|size| *size > 0)?;
        if self.stride.is_none() && number == 1 {
            self.stride = Some(size_bytes);
        }
        let stride = self.stride.filter(|stride| size_bytes <= *stride)?;
        // A part that is there must outlive a failed second upload of it.
        let free = !self.records.contains_key(&number) && self.writing.insert(number);
        free.then(|| stride * u64::from(number - 1))
    }
}

/// Writes and hashes one part.
pub struct PartWriter {
    upload: Arc<Upload>,
    number: u16,
    place: PartPlace,
    path: PathBuf,
    file: File,
    announced_bytes: Option<u64>,
    digester: Digester,
    kept: bool,
}

impl Backend {
    /// Begins a part; its size, where known, decides where it is written.
    pub fn begin_part(
        &self,
        (bucket, key, id): (&str, &str, &str),
        number: u16,
        size_bytes: Option<u64>,
        algorithms: &BTreeSet<Algorithm>,
    ) -> Result<PartWriter, StorageError> {
        if !(1..=10_000).contains(&number) {
            return Err(StorageError::InvalidRequest(
                "part numbers go from 1 to 10000".to_owned(),
            ));
        }
        self.check_bucket(bucket)?;
        let upload = self.uploads.find(bucket, key, id)?;
        let mut algorithms = algorithms.clone();
        algorithms.extend(upload.info.plan.algorithm);
        let mut parts = upload.parts()?;
        let claimed = parts.claim(number, size_bytes);
        let opened = match claimed {
            Some(offset) => {
                open_together(&upload).map(|(path, file)| (PartPlace::Together(offset), path, file))
            }
            None => create_own(&upload, number),
        };
        let (place, path, file) = opened.inspect_err(|_| {
            if claimed.is_some() {
                parts.writing.remove(&number);
            }
        })?;
        drop(parts);
        let digester = Digester::new(&algorithms);
        let announced_bytes = size_bytes;
        Ok(PartWriter {
            upload,
            number,
            place,
            path,
            file,
            announced_bytes,
            digester,
            kept: false,
        })
    }
}

impl PartWriter {
    /// Appends; never more than was announced, since the next part begins there.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        let written = self.digester.size_bytes();
        if let Some(announced_bytes) = self.announced_bytes
            && written + bytes.len() as u64 > announced_bytes
        {
            return Err(StorageError::TooManyBytes { announced_bytes });
        }
        let begin = match self.place {
            PartPlace::Together(offset) => offset,
            PartPlace::Own(_) => 0,
        };
        self.file
            .write_all_at(bytes, begin + written)
            .at(&self.path)?;
        self.digester.update(bytes);
        Ok(())
    }

    /// Appends so much of a file, from there, as was announced. Blocking for as long as it takes.
    pub fn copy_from(&mut self, mut source: File, offset: u64) -> Result<(), StorageError> {
        let path = self.path.clone();
        source.seek(SeekFrom::Start(offset)).at(&path)?;
        let mut source = source.take(self.announced_bytes.unwrap_or(u64::MAX));
        for_each_chunk(&mut source, &path, |chunk| self.write(chunk))
    }

    /// Ends the part: it counts if `check` passes, and replaces an earlier one of its number.
    pub fn finish<E: From<StorageError>>(
        mut self,
        check: impl FnOnce(&Digests) -> Result<(), E>,
    ) -> Result<PartInfo, E> {
        let digester = std::mem::replace(&mut self.digester, Digester::new(&BTreeSet::new()));
        let digests = digester.finish();
        check(&digests)?;
        if self
            .announced_bytes
            .is_some_and(|announced| announced != digests.size_bytes)
        {
            return Err(StorageError::InvalidRequest("the part is incomplete".to_owned()).into());
        }
        let info = PartInfo {
            number: self.number,
            size_bytes: digests.size_bytes,
            md5: digests.md5,
            checksums: digests.checksums,
            modified_ms: now_ms(),
        };
        let record = PartRecord {
            info: info.clone(),
            place: self.place.clone(),
        };
        let upload = Arc::clone(&self.upload);
        let mut parts = upload.parts()?;
        write_json(
            &upload.folder,
            &format!("part-{:05}.json", self.number),
            &record,
        )?;
        let replaced = parts.records.insert(self.number, record);
        self.kept = true;
        // A part in a file of its own says nothing of another writer of the same number.
        if matches!(self.place, PartPlace::Together(_)) {
            parts.writing.remove(&self.number);
        }
        if let Some(PartRecord {
            place: PartPlace::Own(name),
            ..
        }) = replaced
        {
            // Left over at worst until the upload ends.
            let _ = fs::remove_file(upload.folder.join(name));
        }
        drop(parts);
        Ok(info)
    }
}

impl Drop for PartWriter {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        match self.place {
            // Only now is it certain that nobody writes to that place any more.
            PartPlace::Together(_) => {
                self.upload
                    .parts_even_if_closed()
                    .writing
                    .remove(&self.number);
            }
            PartPlace::Own(_) => {
                let _ = fs::remove_file(&self.path);
            }
        }
    }
}

fn open_together(upload: &Upload) -> Result<(PathBuf, File), StorageError> {
    let path = upload.folder.join(TOGETHER);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .at(&path)?;
    Ok((path, file))
}

fn create_own(upload: &Upload, number: u16) -> Result<(PartPlace, PathBuf, File), StorageError> {
    let mut attempt = 0_u32;
    loop {
        let name = format!("part-{number:05}-{attempt}.data");
        let path = upload.folder.join(&name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => attempt += 1,
            file => return Ok((PartPlace::Own(name), path.clone(), file.at(&path)?)),
        }
    }
}
