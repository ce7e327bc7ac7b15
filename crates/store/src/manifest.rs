//! The list of a bronze partition's objects, `_manifest.json`.
//!
//! It is written last and says which objects count; objects beside it that it does not name are
//! not there for readers. Two writers never lose each other's work: the one that comes second
//! meets [`StoreError::PreconditionFailed`] and starts again from what is there now.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use lakehouse_contract::{Name, RunDate};
use serde::{Deserialize, Serialize};

use crate::{Condition, ObjectAddress, ObjectStore, PutOptions, StoreError, Written};

/// The version that this code writes and reads.
pub const VERSION: u32 = 1;

/// What a bronze partition holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of this format.
    pub version: u32,
    /// The pipeline's name.
    pub pipeline: String,
    /// The dataset's name.
    pub dataset: String,
    /// The run date, `YYYY-MM-DD`.
    pub date: String,
    /// The objects that count, by source name.
    pub files: Vec<ManifestFile>,
}

/// One object of a bronze partition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestFile {
    /// The source file's path relative to the dataset's `from`.
    pub source_name: String,
    /// The object's key relative to the partition: the source name, or another one after a
    /// redelivery.
    pub object: String,
    /// Its size.
    pub size_bytes: u64,
    /// Its SHA-256, 64 lowercase hex digits.
    pub sha256: String,
    /// When the source file was last modified, as the source said.
    pub modified_at: DateTime<Utc>,
    /// How many rows it has; only of what was taken out of a database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}

impl Manifest {
    /// A manifest that lists nothing yet.
    #[must_use]
    pub fn new(pipeline: &Name, dataset: &Name, date: &RunDate) -> Self {
        Self {
            version: VERSION,
            pipeline: pipeline.to_string(),
            dataset: dataset.to_string(),
            date: date.to_string(),
            files: Vec::new(),
        }
    }

    /// The file with this source name.
    #[must_use]
    pub fn file(&self, source_name: &str) -> Option<&ManifestFile> {
        self.files
            .iter()
            .find(|file| file.source_name == source_name)
    }

    /// Reads a manifest's text.
    ///
    /// # Errors
    /// The reason, in words, when it is not one.
    pub fn from_json(text: &[u8]) -> Result<Self, String> {
        let manifest: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if manifest.version != VERSION {
            return Err(format!(
                "it has version {}, and this program knows version {VERSION}",
                manifest.version
            ));
        }
        Ok(manifest)
    }

    /// The text that is stored: the same for the same content, files by source name, readable.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut sorted = self.clone();
        sorted.files.sort();
        // Strings, numbers and times only: there is nothing in it that cannot be written.
        let mut text = serde_json::to_vec_pretty(&sorted).unwrap_or_default();
        text.push(b'\n');
        text
    }
}

/// Reads a partition's manifest with the ETag that [`save`] wants; nothing when there is none.
///
/// # Errors
/// [`StoreError::Malformed`] when the object is no manifest, and what else the store can say.
pub async fn load(
    store: &ObjectStore,
    address: &ObjectAddress,
) -> Result<Option<(Manifest, String)>, StoreError> {
    let Some((info, bytes)) = store.get_bytes(address).await? else {
        return Ok(None);
    };
    let manifest = Manifest::from_json(&bytes).map_err(|reason| StoreError::Malformed {
        address: address.to_string(),
        reason,
    })?;
    Ok(Some((manifest, info.etag)))
}

/// Writes a partition's manifest, provided that it is still as it was read: absent when `etag`
/// is `None`, with that ETag otherwise.
///
/// # Errors
/// [`StoreError::PreconditionFailed`] when another writer was faster.
pub async fn save(
    store: &ObjectStore,
    address: &ObjectAddress,
    manifest: &Manifest,
    etag: Option<&str>,
) -> Result<Written, StoreError> {
    let condition = etag.map_or(Condition::IfAbsent, |etag| {
        Condition::IfMatch(etag.to_owned())
    });
    let options = PutOptions {
        condition,
        ..PutOptions::default()
    };
    match store
        .put_bytes(address, Bytes::from(manifest.to_json()), &options)
        .await
    {
        // The manifest that was read has been removed since.
        Err(StoreError::NotFound { address }) => Err(StoreError::PreconditionFailed { address }),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::{Manifest, ManifestFile, VERSION};

    fn file(source_name: &str) -> ManifestFile {
        ManifestFile {
            source_name: source_name.to_owned(),
            object: source_name.to_owned(),
            size_bytes: 3,
            sha256: "00".repeat(32),
            modified_at: chrono::DateTime::UNIX_EPOCH,
            rows: None,
        }
    }

    fn manifest() -> Manifest {
        let (pipeline, dataset, date) = ("sales", "orders", "2011-08-12");
        let mut manifest = Manifest::new(
            &pipeline.parse().expect("a name"),
            &dataset.parse().expect("a name"),
            &date.parse().expect("a date"),
        );
        manifest.files = vec![file("b.json"), file("a.json")];
        manifest
    }

    #[test]
    fn the_text_is_the_same_whatever_the_order_of_files() {
        let mut other = manifest();
        other.files.reverse();
        assert_eq!(manifest().to_json(), other.to_json());
        let read = Manifest::from_json(&manifest().to_json()).expect("a manifest");
        assert_eq!(read.files[0].source_name, "a.json");
        assert_eq!(read.file("b.json"), Some(&file("b.json")));
        assert_eq!(read.file("c.json"), None);
    }

    #[test]
    fn another_version_and_unknown_keys_are_refused() {
        let mut later = manifest();
        later.version = VERSION + 1;
        assert_eq!(
            Manifest::from_json(&later.to_json()),
            Err("it has version 2, and this program knows version 1".to_owned())
        );
        assert!(Manifest::from_json(br#"{"version":1,"files":[],"more":1}"#).is_err());
        assert!(Manifest::from_json(b"").is_err());
    }
}
