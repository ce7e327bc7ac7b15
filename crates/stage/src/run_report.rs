//! What a run report holds, as types: the JSON line is made of them, and whoever reads a kept
//! report (lineage, metrics, a test) parses it into the same.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::quality::Counts;

/// What a stage did, as its last line says it. `docs/run-report.md` names the fields.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RunReport {
    /// The stage: `bronze`, `silver`, ….
    pub stage: String,
    /// The version of its executable.
    pub version: String,
    /// Which run it was.
    #[serde(flatten)]
    pub identity: Identity,
    /// How it ended, as a word: one of [`Exit::outcome`](crate::Exit::outcome), or `killed`.
    pub outcome: String,
    /// How it ended, as the process's exit code.
    pub exit_code: i32,
    /// Why, where it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ReportedError>,
    /// Each dataset that it worked on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub datasets: BTreeMap<String, PartReport>,
    /// Each mart that it worked on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub marts: BTreeMap<String, PartReport>,
    /// Each warehouse that it worked on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub warehouses: BTreeMap<String, PartReport>,
    /// Of a dry run: what would be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub would_read: Option<Vec<String>>,
    /// Of a dry run: what would be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub would_write: Option<Vec<String>>,
    /// What went between the stage and the store, where it was connected to one.
    #[serde(flatten)]
    pub transfer: Option<Transfer>,
    /// Seconds by phase, in the order in which the phases began.
    #[serde(default)]
    pub phases: Map<String, Value>,
    /// When it started, in UTC (RFC 3339).
    pub started_at: String,
    /// How long it took.
    pub duration_secs: f64,
    /// The most memory that the process had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_resident_bytes: Option<u64>,
    /// What one stage alone says of the whole run. Last, since it takes what no other field is.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl RunReport {
    /// The report as one line of JSON, without its end.
    #[must_use]
    pub fn to_line(&self) -> String {
        // Its keys are texts and its numbers finite: there is nothing that JSON cannot say.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The names of the fields that [`RunReport::more`] cannot use.
    pub(crate) const OWN_FIELDS: [&'static str; 25] = [
        "stage",
        "version",
        "pipeline",
        "date",
        "run_id",
        "dry_run",
        "outcome",
        "exit_code",
        "error",
        "datasets",
        "marts",
        "warehouses",
        "would_read",
        "would_write",
        "objects_read",
        "bytes_read",
        "objects_written",
        "bytes_written",
        "objects_copied",
        "listings",
        "retries",
        "phases",
        "started_at",
        "duration_secs",
        "peak_resident_bytes",
    ];
}

/// What names a run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Identity {
    /// The pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<String>,
    /// The run date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// The run's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// Whether nothing was touched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

/// An error as a report says it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReportedError {
    /// What failed.
    pub message: String,
    /// What caused it, outermost first.
    #[serde(default)]
    pub causes: Vec<String>,
    /// What a person does next.
    pub hint: Option<String>,
}

/// What is said of one dataset or mart.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PartReport {
    /// How it ended, as a word: one of [`Exit::outcome`](crate::Exit::outcome), or `withheld`;
    /// none while it is being worked on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// How it ended, as an exit code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<u8>,
    /// Why, where it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ReportedError>,
    /// Where the rows went, once they are counted.
    #[serde(flatten)]
    pub counts: Option<Counts>,
    /// What it was made of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<DataObject>,
    /// What was written, in the order of writing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<DataObject>,
    /// Seconds by phase.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub phases: Map<String, Value>,
    /// What one stage alone says of it. Last, since it takes what no other field is.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// An object, or all objects of a folder, that a stage read or wrote.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DataObject {
    /// Its address: `s3://bucket/key`, or the folder of a source.
    pub address: String,
    /// The SHA-256 of its bytes, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The rows in it, where it has rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Its size; of a folder, that of all objects that were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// How many objects a folder stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<u64>,
    /// Of an input of a mart: as what it was read, such as `day`, `7 days` or `state`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
}

impl DataObject {
    /// What is at this address.
    #[must_use]
    pub fn at(address: impl std::fmt::Display) -> Self {
        Self {
            address: address.to_string(),
            ..Self::default()
        }
    }

    /// The SHA-256 of its bytes.
    #[must_use]
    pub fn sha256(mut self, sha256: impl Into<String>) -> Self {
        self.sha256 = Some(sha256.into());
        self
    }

    /// The rows in it.
    #[must_use]
    pub const fn rows(mut self, rows: u64) -> Self {
        self.rows = Some(rows);
        self
    }

    /// Its size.
    #[must_use]
    pub const fn bytes(mut self, bytes: u64) -> Self {
        self.bytes = Some(bytes);
        self
    }

    /// As what a mart read it.
    #[must_use]
    pub fn window(mut self, window: impl Into<String>) -> Self {
        self.window = Some(window.into());
        self
    }

    /// How many objects it stands for.
    #[must_use]
    pub const fn objects(mut self, objects: u64) -> Self {
        self.objects = Some(objects);
        self
    }
}

/// What went between a stage and the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Transfer {
    /// Objects whose content was read.
    pub objects_read: u64,
    /// Bytes of content received.
    pub bytes_read: u64,
    /// Objects written.
    pub objects_written: u64,
    /// Bytes of the objects written.
    pub bytes_written: u64,
    /// Objects that the store copied by itself.
    pub objects_copied: u64,
    /// Pages of listings.
    pub listings: u64,
    /// Attempts beyond the first.
    pub retries: u64,
}

impl From<lakehouse_store::Counters> for Transfer {
    fn from(counters: lakehouse_store::Counters) -> Self {
        Self {
            objects_read: counters.objects_read,
            bytes_read: counters.bytes_read,
            objects_written: counters.objects_written,
            bytes_written: counters.bytes_written,
            objects_copied: counters.objects_copied,
            listings: counters.listings,
            retries: counters.retries,
        }
    }
}
