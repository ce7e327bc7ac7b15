//! Completing a multipart upload: from parts to one object.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::PermissionsExt;

use super::blobs::{StagedBlob, link_or_copy};
use super::checksum::{Checksums, composite, multipart_etag};
use super::error::At;
use super::meta::{ObjectMeta, now_ms};
use super::parts::{PartPlace, PartRecord, Parts, TOGETHER};
use super::uploads::{Upload, UploadPlan};
use super::{Backend, Condition, StorageError};

/// All parts but the last have at least this size, as in S3.
const SMALLEST_PART_BYTES: u64 = 5 * 1024 * 1024;

/// A part as the completing request names it.
#[derive(Debug, Clone, Default)]
pub struct CompletedPart {
    /// Its number.
    pub number: u16,
    /// Its ETag without quotes.
    pub etag: String,
    /// Checksums that the client has of it.
    pub checksums: Checksums,
}

/// What completes an upload.
#[derive(Debug, Clone, Default)]
pub struct Completion {
    /// The parts of the object, ascending.
    pub parts: Vec<CompletedPart>,
    /// Checksums that the client has of the object.
    pub checksums: Checksums,
    /// The size that the client expects.
    pub size_bytes: Option<u64>,
    /// What must hold of the object that is replaced.
    pub condition: Condition,
}

impl Backend {
    /// Turns the parts into the object, in one step; the upload stays when that fails.
    pub fn complete_upload(
        &self,
        bucket: &str,
        key: &str,
        id: &str,
        completion: &Completion,
    ) -> Result<ObjectMeta, StorageError> {
        self.check_bucket(bucket)?;
        let upload = self.uploads.find(bucket, key, id)?;
        let mut parts = upload.parts()?;
        let chosen = choose(&parts, &completion.parts)?;
        let size_bytes = chosen.iter().map(|record| record.info.size_bytes).sum();
        if completion
            .size_bytes
            .is_some_and(|expected| expected != size_bytes)
        {
            return Err(StorageError::InvalidRequest(format!(
                "the parts have {size_bytes} bytes together, not what x-amz-mp-object-size says"
            )));
        }
        let plan = &upload.info.plan;
        let staged = self.stage()?;
        assemble(&upload, &parts, &chosen, &staged)?;
        let checksums = object_checksums(plan, &chosen, &staged)?;
        verify(&checksums, &completion.checksums)?;
        let md5s: Vec<[u8; 16]> = chosen.iter().map(|record| record.info.md5).collect();
        let meta = ObjectMeta {
            key: key.to_owned(),
            size_bytes,
            etag: multipart_etag(&md5s),
            modified_ms: now_ms(),
            attributes: plan.attributes.clone(),
            composite: plan.composite && !checksums.is_empty(),
            checksums,
        };
        if let Err(error) = self.publish(bucket, key, staged, &meta, &completion.condition) {
            // The parts can be written to again: publishing had made them read-only.
            let together = upload.folder.join(TOGETHER);
            let _ = fs::set_permissions(together, Permissions::from_mode(0o644));
            return Err(error);
        }
        self.uploads.close(&upload, &mut parts);
        Ok(meta)
    }
}

/// The records of the named parts, if they are what the request says.
fn choose(parts: &Parts, named: &[CompletedPart]) -> Result<Vec<PartRecord>, StorageError> {
    if named.is_empty() {
        return Err(StorageError::InvalidRequest(
            "at least one part is needed".to_owned(),
        ));
    }
    if !named.is_sorted_by(|a, b| a.number < b.number) {
        return Err(StorageError::InvalidPartOrder);
    }
    let mut chosen = Vec::with_capacity(named.len());
    for part in named {
        let record = parts
            .records
            .get(&part.number)
            .filter(|record| record.info.etag() == part.etag)
            .ok_or(StorageError::InvalidPart(part.number))?;
        let differs = part.checksums.iter().any(|(algorithm, sum)| {
            record
                .info
                .checksums
                .get(algorithm)
                .is_some_and(|known| known != sum)
        });
        if differs {
            return Err(StorageError::InvalidPart(part.number));
        }
        chosen.push(record.clone());
    }
    let mut all_but_last = chosen.iter().rev().skip(1).rev();
    if let Some(small) = all_but_last.find(|record| record.info.size_bytes < SMALLEST_PART_BYTES) {
        return Err(StorageError::PartTooSmall {
            number: small.info.number,
            size_bytes: small.info.size_bytes,
        });
    }
    Ok(chosen)
}

/// Fills the blob with the parts: by a second name for `together` where they lie (or can be
/// put) there in their order, else by copying each.
fn assemble(
    upload: &Upload,
    parts: &Parts,
    chosen: &[PartRecord],
    staged: &StagedBlob,
) -> Result<(), StorageError> {
    let target = staged.data_path();
    let together = upload.folder.join(TOGETHER);
    if let Some(stride) = parts.stride
        && fits_together(parts, chosen, stride)
    {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&together)
            .at(&together)?;
        let mut end = 0;
        for record in chosen {
            let offset = stride * u64::from(record.info.number - 1);
            if let PartPlace::Own(name) = &record.place {
                let path = upload.folder.join(name);
                let mut own = File::open(&path).at(&path)?;
                file.seek(SeekFrom::Start(offset)).at(&together)?;
                io::copy(&mut own, &mut file).at(&together)?;
            }
            end = offset + record.info.size_bytes;
        }
        // Parts that failed may lie behind the end.
        file.set_len(end).at(&together)?;
        file.rewind().at(&together)?;
        return link_or_copy(&file, &together, &target);
    }
    let mut data = File::create(&target).at(&target)?;
    for record in chosen {
        let (path, offset) = match &record.place {
            PartPlace::Together(offset) => (together.clone(), *offset),
            PartPlace::Own(name) => (upload.folder.join(name), 0),
        };
        let mut source = File::open(&path).at(&path)?;
        source.seek(SeekFrom::Start(offset)).at(&path)?;
        let copied = io::copy(&mut source.take(record.info.size_bytes), &mut data).at(&target)?;
        if copied != record.info.size_bytes {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof)).at(&path);
        }
    }
    Ok(())
}

/// Whether `together` can become the object: parts 1 to N, each of one stride but the last,
/// nobody writing there, and no part in it that the object leaves out.
fn fits_together(parts: &Parts, chosen: &[PartRecord], stride: u64) -> bool {
    let in_order = chosen
        .iter()
        .zip(1..)
        .all(|(record, number)| record.info.number == number);
    let last = chosen.len() - 1;
    let in_step = chosen.iter().enumerate().all(|(index, record)| {
        record.info.size_bytes == stride || (index == last && record.info.size_bytes < stride)
    });
    let all_chosen = parts
        .records
        .values()
        .filter(|record| matches!(record.place, PartPlace::Together(_)))
        .all(|record| usize::from(record.info.number) <= chosen.len());
    in_order && in_step && all_chosen && parts.writing.is_empty()
}

fn object_checksums(
    plan: &UploadPlan,
    chosen: &[PartRecord],
    staged: &StagedBlob,
) -> Result<Checksums, StorageError> {
    let Some(algorithm) = plan.algorithm else {
        return Ok(Checksums::new());
    };
    if !plan.composite {
        return staged.checksum(algorithm);
    }
    let sums = chosen
        .iter()
        .filter_map(|record| record.info.checksums.get(&algorithm));
    let sum =
        composite(algorithm, sums.map(String::as_str)).map(|sum| format!("{sum}-{}", chosen.len()));
    Ok(sum.into_iter().map(|sum| (algorithm, sum)).collect())
}

fn verify(actual: &Checksums, expected: &Checksums) -> Result<(), StorageError> {
    for (algorithm, sum) in expected {
        // Clients may leave the number of parts out.
        let matches = actual
            .get(algorithm)
            .is_some_and(|known| known == sum || known.split('-').next() == Some(sum));
        if !matches {
            return Err(StorageError::BadDigest {
                what: algorithm.name().to_owned(),
            });
        }
    }
    Ok(())
}
