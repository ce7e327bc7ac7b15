//! Every kind of object that the lakehouse writes, as a type.
//!
//! Keys are put together and taken apart here and in [`Layout`](crate::Layout), nowhere else.

use chrono::NaiveDateTime;
use lakehouse_contract::{Name, RunDate};

use crate::layout::Place;
use crate::run_id;

/// What silver stages of one dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StagedFile {
    /// The rows to publish.
    Data,
    /// The rejected rows.
    Quarantine,
    /// The quality report.
    Quality,
    /// Distinct counts and quantiles, when asked for.
    Profile,
}

impl StagedFile {
    /// All of them, in the order in which silver writes them but for `Data`, which is last.
    pub const ALL: [Self; 4] = [Self::Quarantine, Self::Profile, Self::Quality, Self::Data];

    /// The object's name below its dataset.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Data => "data.parquet",
            Self::Quarantine => "quarantine.parquet",
            Self::Quality => "quality.json",
            Self::Profile => "profile.json",
        }
    }

    pub(crate) fn from_file_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|file| file.file_name() == name)
    }
}

/// One object of the lakehouse, by what it is. Its fields are what the words of the
/// architecture say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "fields named by the words of the architecture")]
pub enum Key {
    /// A source file's copy; `object` is its name below the partition.
    BronzeObject {
        pipeline: Name,
        dataset: Name,
        date: RunDate,
        object: String,
    },
    /// The list of a bronze partition's objects.
    BronzeManifest {
        pipeline: Name,
        dataset: Name,
        date: RunDate,
    },
    /// What silver put aside for check.
    Staged {
        pipeline: Name,
        date: RunDate,
        run_id: String,
        dataset: Name,
        file: StagedFile,
    },
    /// The state of a dataset, as gold merged it for a date: a cache.
    KeptState {
        pipeline: Name,
        dataset: Name,
        date: RunDate,
    },
    /// What a stage said about a run.
    RunReport {
        pipeline: Name,
        date: RunDate,
        run_id: String,
        stage: String,
    },
    /// A published partition of a dataset.
    SilverData {
        pipeline: Name,
        dataset: Name,
        date: RunDate,
    },
    /// A quarantine file (`parquet`) or a report (`json`), named by its content, or the profile that
    /// belongs to a report (`profile.json`), named by the content of that report.
    Quarantine {
        pipeline: Name,
        dataset: Name,
        date: RunDate,
        /// Whether it is the evidence of a day that check refused.
        refused: bool,
        /// The SHA-256 of its content.
        sha256: String,
        extension: String,
    },
    /// A published partition of a mart.
    GoldData {
        pipeline: Name,
        mart: Name,
        date: RunDate,
    },
    /// The same rows in another format.
    GoldFormat {
        pipeline: Name,
        mart: Name,
        date: RunDate,
        extension: String,
    },
    /// The same rows under a dated name.
    GoldDated {
        pipeline: Name,
        mart: Name,
        logical_time: NaiveDateTime,
        extension: String,
    },
}

/// The name of a manifest; no source file may have it.
pub(crate) const MANIFEST_NAME: &str = "_manifest.json";
pub(crate) const DATA_STEM: &str = "data";
pub(crate) const DATA_NAME: &str = "data.parquet";
pub(crate) const REFUSED: &str = "refused";
pub(crate) const REPORTS: &str = "_reports";
pub(crate) const STATES: &str = "_state";
pub(crate) const DATED_FORMAT: &str = "%Y%m%dT%H%M%S";

impl Key {
    /// The place, and the key relative to it.
    pub(crate) fn relative(&self) -> (Place, String) {
        match self {
            Self::BronzeObject {
                pipeline,
                dataset,
                date,
                object,
            } => (
                Place::Bronze,
                format!("{}/{object}", partition(pipeline, dataset, date)),
            ),
            Self::BronzeManifest {
                pipeline,
                dataset,
                date,
            } => (
                Place::Bronze,
                format!("{}/{MANIFEST_NAME}", partition(pipeline, dataset, date)),
            ),
            Self::Staged {
                pipeline,
                date,
                run_id,
                dataset,
                file,
            } => (
                Place::Staging,
                format!(
                    "{}/{dataset}/{}",
                    run(pipeline, date, run_id),
                    file.file_name()
                ),
            ),
            Self::KeptState {
                pipeline,
                dataset,
                date,
            } => (
                Place::Staging,
                format!("{}/{date}.parquet", kept_states(pipeline, dataset)),
            ),
            Self::RunReport {
                pipeline,
                date,
                run_id,
                stage,
            } => (
                Place::Staging,
                format!("{REPORTS}/{}/{stage}.json", run(pipeline, date, run_id)),
            ),
            Self::SilverData {
                pipeline,
                dataset,
                date,
            } => (
                Place::Silver,
                format!("{}/{DATA_NAME}", partition(pipeline, dataset, date)),
            ),
            Self::Quarantine {
                pipeline,
                dataset,
                date,
                refused,
                sha256,
                extension,
            } => {
                let folder = if *refused { "refused/" } else { "" };
                let partition = partition(pipeline, dataset, date);
                (
                    Place::Quarantine,
                    format!("{partition}/{folder}{sha256}.{extension}"),
                )
            }
            Self::GoldData {
                pipeline,
                mart,
                date,
            } => (
                Place::Gold,
                format!("{}/{DATA_NAME}", partition(pipeline, mart, date)),
            ),
            Self::GoldFormat {
                pipeline,
                mart,
                date,
                extension,
            } => {
                let partition = partition(pipeline, mart, date);
                (Place::Gold, format!("{partition}/{DATA_STEM}.{extension}"))
            }
            Self::GoldDated {
                pipeline,
                mart,
                logical_time,
                extension,
            } => {
                let time = logical_time.format(DATED_FORMAT);
                (
                    Place::Gold,
                    format!("{pipeline}/{mart}/{mart}_{time}.{extension}"),
                )
            }
        }
    }

    /// The run date of the partition or run that the object belongs to; a dated file of a mart
    /// belongs to none.
    #[must_use]
    pub fn date(&self) -> Option<&RunDate> {
        match self {
            Self::BronzeObject { date, .. }
            | Self::BronzeManifest { date, .. }
            | Self::Staged { date, .. }
            | Self::KeptState { date, .. }
            | Self::RunReport { date, .. }
            | Self::SilverData { date, .. }
            | Self::Quarantine { date, .. }
            | Self::GoldData { date, .. }
            | Self::GoldFormat { date, .. } => Some(date),
            Self::GoldDated { .. } => None,
        }
    }
}

/// `<pipeline>/<dataset>/year=…/month=…/day=…`
pub(crate) fn partition(pipeline: &Name, dataset: &Name, date: &RunDate) -> String {
    format!("{pipeline}/{dataset}/{}", date.partition())
}

/// `<pipeline>/<date>/<run>`
pub(crate) fn run(pipeline: &Name, date: &RunDate, run_id: &str) -> String {
    format!("{pipeline}/{date}/{}", run_id::encode(run_id))
}

/// `_state/<pipeline>/<dataset>`
pub(crate) fn kept_states(pipeline: &Name, dataset: &Name) -> String {
    format!("{STATES}/{pipeline}/{dataset}")
}

/// `_reports/<pipeline>/<date>/<run>`
pub(crate) fn run_reports(pipeline: &Name, date: &RunDate, run_id: &str) -> String {
    format!("{REPORTS}/{}", run(pipeline, date, run_id))
}
