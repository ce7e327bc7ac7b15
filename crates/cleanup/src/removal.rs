//! Removing, and saying so: each removal is logged, counted by kind, and listed by a dry run.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use lakehouse_stage::{Report, StageError};
use lakehouse_store::{MultipartUpload, ObjectInfo, ObjectStore};
use serde_json::json;

/// What a removed thing was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An object of a run's staging.
    Staging,
    /// An upload that nobody will complete.
    MultipartUpload,
    /// A quarantine file or report that no published partition names.
    Quarantine,
    /// The evidence of a refused day that was published since.
    Refused,
    /// A run report.
    RunReport,
    /// A state that gold kept, and that later ones took the place of.
    KeptState,
    /// An object by which an earlier cleanup asked for the time.
    Clock,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Staging,
        Self::MultipartUpload,
        Self::Quarantine,
        Self::Refused,
        Self::RunReport,
        Self::KeptState,
        Self::Clock,
    ];

    /// Its name in the run report.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Staging => "staging_objects",
            Self::MultipartUpload => "multipart_uploads",
            Self::Quarantine => "quarantine_objects",
            Self::Refused => "refused_objects",
            Self::RunReport => "run_reports",
            Self::KeptState => "kept_states",
            Self::Clock => "clock_objects",
        }
    }
}

/// The hand that removes.
pub struct Removal {
    store: ObjectStore,
    report: Report,
    dry_run: bool,
    counts: Mutex<BTreeMap<Kind, (u64, u64)>>,
}

impl Removal {
    /// A hand that removes, or with `dry_run` only says what it would remove.
    #[must_use]
    pub fn new(store: &ObjectStore, report: &Report, dry_run: bool) -> Self {
        Self {
            store: store.clone(),
            report: report.clone(),
            dry_run,
            counts: Mutex::default(),
        }
    }

    /// Removes an object.
    ///
    /// # Errors
    /// When the store does not.
    pub async fn object(&self, kind: Kind, object: &ObjectInfo) -> Result<(), StageError> {
        if self.dry_run {
            self.report
                .would_write(format_args!("{} (removed)", object.address));
        } else {
            self.store.delete(&object.address).await?;
            tracing::info!(kind = kind.field(), address = %object.address, bytes = object.size_bytes, "removed");
        }
        self.count(kind, object.size_bytes);
        Ok(())
    }

    /// Gives up an upload.
    ///
    /// # Errors
    /// When the store does not.
    pub async fn upload(&self, upload: &MultipartUpload) -> Result<(), StageError> {
        if self.dry_run {
            self.report.would_write(format_args!(
                "{} (unfinished upload, aborted)",
                upload.address
            ));
        } else {
            self.store
                .abort_multipart_upload(&upload.address, &upload.upload_id)
                .await?;
            tracing::info!(
                kind = Kind::MultipartUpload.field(), address = %upload.address, initiated = %upload.initiated,
                "aborted an unfinished upload"
            );
        }
        self.count(Kind::MultipartUpload, 0);
        Ok(())
    }

    /// How many of a kind were removed.
    #[must_use]
    pub fn count_of(&self, kind: Kind) -> u64 {
        self.counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&kind)
            .map_or(0, |(count, _)| *count)
    }

    /// Says in the run report what was removed, zeros included.
    pub(crate) fn report(&self) {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut removed = serde_json::Map::new();
        for kind in Kind::ALL {
            removed.insert(
                kind.field().to_owned(),
                json!(counts.get(&kind).map_or(0, |(count, _)| *count)),
            );
        }
        removed.insert(
            "bytes".to_owned(),
            json!(counts.values().map(|(_, bytes)| *bytes).sum::<u64>()),
        );
        self.report.set("removed", removed);
    }

    fn count(&self, kind: Kind, size_bytes: u64) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, bytes) = counts.entry(kind).or_default();
        *count += 1;
        *bytes += size_bytes;
    }
}
