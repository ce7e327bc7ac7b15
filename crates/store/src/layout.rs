//! The five places, and which object lies where in them.

use std::fmt;

use chrono::NaiveDateTime;
use lakehouse_contract::{Name, RunDate};

use crate::key::{Key, StagedFile, kept_states, partition, run, run_reports};
use crate::{Location, ObjectAddress};

/// The five places of the lakehouse. Every key is built and parsed here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Copies of what sources delivered.
    pub bronze: Location,
    /// What is not published yet, and run reports.
    pub staging: Location,
    /// Published datasets.
    pub silver: Location,
    /// Rejected rows and quality reports.
    pub quarantine: Location,
    /// Published marts.
    pub gold: Location,
}

/// One of the five places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Copies of what sources delivered.
    Bronze,
    /// What is not published yet.
    Staging,
    /// Published datasets.
    Silver,
    /// Rejected rows and quality reports.
    Quarantine,
    /// Published marts.
    Gold,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Bronze => "bronze",
            Self::Staging => "staging",
            Self::Silver => "silver",
            Self::Quarantine => "quarantine",
            Self::Gold => "gold",
        })
    }
}

/// Places that get into each other's way, or a name that cannot be an object's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// One place lies in another: a sweep of one could remove objects of the other.
    #[error(
        "{inner} at `{inner_location}` is inside {outer} at `{outer_location}`; the five places must be apart"
    )]
    Overlap {
        /// The place inside.
        inner: Place,
        /// Where it is.
        inner_location: Location,
        /// The place around it.
        outer: Place,
        /// Where that is.
        outer_location: Location,
    },
    /// A source file whose name cannot become a key.
    #[error("`{name}` cannot be the name of a bronze object: {reason}")]
    SourceName {
        /// The source's name.
        name: String,
        /// Why not.
        reason: &'static str,
    },
}

impl Layout {
    /// The five places, which must not lie in one another.
    ///
    /// # Errors
    /// [`LayoutError::Overlap`].
    pub fn new(
        bronze: Location,
        staging: Location,
        silver: Location,
        quarantine: Location,
        gold: Location,
    ) -> Result<Self, LayoutError> {
        let layout = Self {
            bronze,
            staging,
            silver,
            quarantine,
            gold,
        };
        layout.check()?;
        Ok(layout)
    }

    /// Checks that no place lies in another.
    ///
    /// # Errors
    /// [`LayoutError::Overlap`].
    pub fn check(&self) -> Result<(), LayoutError> {
        for (outer_index, (outer, outer_location)) in self.places().into_iter().enumerate() {
            for (inner_index, (inner, inner_location)) in self.places().into_iter().enumerate() {
                if outer_index != inner_index && outer_location.contains(inner_location) {
                    return Err(LayoutError::Overlap {
                        inner,
                        inner_location: inner_location.clone(),
                        outer,
                        outer_location: outer_location.clone(),
                    });
                }
            }
        }
        Ok(())
    }

    /// The places by name.
    #[must_use]
    pub fn places(&self) -> [(Place, &Location); 5] {
        [
            (Place::Bronze, &self.bronze),
            (Place::Staging, &self.staging),
            (Place::Silver, &self.silver),
            (Place::Quarantine, &self.quarantine),
            (Place::Gold, &self.gold),
        ]
    }

    /// The buckets that the places need, each once.
    #[must_use]
    pub fn buckets(&self) -> Vec<&str> {
        let mut buckets: Vec<&str> = self
            .places()
            .into_iter()
            .map(|(_, location)| location.bucket.as_str())
            .collect();
        buckets.sort_unstable();
        buckets.dedup();
        buckets
    }

    /// Where an object lies.
    #[must_use]
    pub fn address(&self, key: &Key) -> ObjectAddress {
        let (place, relative) = key.relative();
        self.location_of(place).object(&relative)
    }

    /// What an object is; nothing for what the lakehouse did not write.
    #[must_use]
    pub fn parse(&self, address: &ObjectAddress) -> Option<Key> {
        [
            Place::Bronze,
            Place::Staging,
            Place::Silver,
            Place::Quarantine,
            Place::Gold,
        ]
        .into_iter()
        .find_map(|place| Key::parse(place, self.location_of(place).relative(address)?))
    }

    /// The bronze partition of a dataset.
    #[must_use]
    pub fn bronze_partition(&self, pipeline: &Name, dataset: &Name, date: &RunDate) -> Location {
        self.bronze.child(&partition(pipeline, dataset, date))
    }

    /// An object of a bronze partition; `object` is relative to the partition, as manifests
    /// have it.
    #[must_use]
    pub fn bronze_object(
        &self,
        pipeline: &Name,
        dataset: &Name,
        date: &RunDate,
        object: &str,
    ) -> ObjectAddress {
        self.address(&Key::BronzeObject {
            pipeline: pipeline.clone(),
            dataset: dataset.clone(),
            date: *date,
            object: object.to_owned(),
        })
    }

    /// The manifest of a bronze partition.
    #[must_use]
    pub fn bronze_manifest(
        &self,
        pipeline: &Name,
        dataset: &Name,
        date: &RunDate,
    ) -> ObjectAddress {
        self.address(&Key::BronzeManifest {
            pipeline: pipeline.clone(),
            dataset: dataset.clone(),
            date: *date,
        })
    }

    /// All that one run staged.
    #[must_use]
    pub fn staging_run(&self, pipeline: &Name, date: &RunDate, run_id: &str) -> Location {
        self.staging.child(&run(pipeline, date, run_id))
    }

    /// What one run staged of one dataset.
    #[must_use]
    pub fn staging_dataset(
        &self,
        pipeline: &Name,
        date: &RunDate,
        run_id: &str,
        dataset: &Name,
    ) -> Location {
        self.staging_run(pipeline, date, run_id)
            .child(dataset.as_str())
    }

    /// One staged object.
    #[must_use]
    pub fn staged_object(
        &self,
        pipeline: &Name,
        date: &RunDate,
        run_id: &str,
        dataset: &Name,
        file: StagedFile,
    ) -> ObjectAddress {
        self.address(&Key::Staged {
            pipeline: pipeline.clone(),
            dataset: dataset.clone(),
            date: *date,
            run_id: run_id.to_owned(),
            file,
        })
    }

    /// The states of a dataset that gold keeps.
    #[must_use]
    pub fn kept_states(&self, pipeline: &Name, dataset: &Name) -> Location {
        self.staging.child(&kept_states(pipeline, dataset))
    }

    /// The state of a dataset that gold keeps for a date.
    #[must_use]
    pub fn kept_state(&self, pipeline: &Name, dataset: &Name, date: &RunDate) -> ObjectAddress {
        self.address(&Key::KeptState {
            pipeline: pipeline.clone(),
            dataset: dataset.clone(),
            date: *date,
        })
    }

    /// The reports of all stages of one run.
    #[must_use]
    pub fn run_reports(&self, pipeline: &Name, date: &RunDate, run_id: &str) -> Location {
        self.staging.child(&run_reports(pipeline, date, run_id))
    }

    /// Where a place is.
    #[must_use]
    pub const fn location_of(&self, place: Place) -> &Location {
        match place {
            Place::Bronze => &self.bronze,
            Place::Staging => &self.staging,
            Place::Silver => &self.silver,
            Place::Quarantine => &self.quarantine,
            Place::Gold => &self.gold,
        }
    }

    /// The report of one stage of one run, or of one part of it (`gold-snapshot`).
    #[must_use]
    pub fn run_report(
        &self,
        pipeline: &Name,
        date: &RunDate,
        run_id: &str,
        stage: &str,
    ) -> ObjectAddress {
        self.address(&Key::RunReport {
            pipeline: pipeline.clone(),
            date: *date,
            run_id: run_id.to_owned(),
            stage: stage.to_owned(),
        })
    }

    /// The published partition of a dataset.
    #[must_use]
    pub fn silver_data(&self, pipeline: &Name, dataset: &Name, date: &RunDate) -> ObjectAddress {
        self.address(&Key::SilverData {
            pipeline: pipeline.clone(),
            dataset: dataset.clone(),
            date: *date,
        })
    }

    /// The quarantine files and reports of a partition, refused ones included.
    #[must_use]
    pub fn quarantine_partition(
        &self,
        pipeline: &Name,
        dataset: &Name,
        date: &RunDate,
    ) -> Location {
        self.quarantine.child(&partition(pipeline, dataset, date))
    }

    /// A quarantine file or report under the name made of its content.
    #[must_use]
    pub fn quarantine_object(
        &self,
        pipeline: &Name,
        dataset: &Name,
        date: &RunDate,
        sha256: &str,
        extension: &str,
    ) -> ObjectAddress {
        self.address(&Key::Quarantine {
            pipeline: pipeline.clone(),
            dataset: dataset.clone(),
            date: *date,
            refused: false,
            sha256: sha256.to_owned(),
            extension: extension.to_owned(),
        })
    }

    /// The evidence of a refused day under the name made of its content.
    #[must_use]
    pub fn refused_object(
        &self,
        pipeline: &Name,
        dataset: &Name,
        date: &RunDate,
        sha256: &str,
        extension: &str,
    ) -> ObjectAddress {
        self.address(&Key::Quarantine {
            pipeline: pipeline.clone(),
            dataset: dataset.clone(),
            date: *date,
            refused: true,
            sha256: sha256.to_owned(),
            extension: extension.to_owned(),
        })
    }

    /// The published partition of a mart.
    #[must_use]
    pub fn gold_data(&self, pipeline: &Name, mart: &Name, date: &RunDate) -> ObjectAddress {
        self.address(&Key::GoldData {
            pipeline: pipeline.clone(),
            mart: mart.clone(),
            date: *date,
        })
    }

    /// The same rows in another format beside it.
    #[must_use]
    pub fn gold_format(
        &self,
        pipeline: &Name,
        mart: &Name,
        date: &RunDate,
        extension: &str,
    ) -> ObjectAddress {
        self.address(&Key::GoldFormat {
            pipeline: pipeline.clone(),
            mart: mart.clone(),
            date: *date,
            extension: extension.to_owned(),
        })
    }

    /// The same rows under a dated name: `<mart>/<mart>_YYYYMMDDTHHMMSS.csv`.
    #[must_use]
    pub fn gold_dated(
        &self,
        pipeline: &Name,
        mart: &Name,
        logical_time: NaiveDateTime,
        extension: &str,
    ) -> ObjectAddress {
        self.address(&Key::GoldDated {
            pipeline: pipeline.clone(),
            mart: mart.clone(),
            logical_time,
            extension: extension.to_owned(),
        })
    }

    /// Where all partitions of a silver dataset are.
    #[must_use]
    pub fn silver_dataset(&self, pipeline: &Name, dataset: &Name) -> Location {
        self.silver.child(&format!("{pipeline}/{dataset}"))
    }

    /// Where all partitions of a mart are, and its dated files.
    #[must_use]
    pub fn gold_mart(&self, pipeline: &Name, mart: &Name) -> Location {
        self.gold.child(&format!("{pipeline}/{mart}"))
    }

    /// The run date of the partition that an object belongs to.
    #[must_use]
    pub fn partition_date(&self, address: &ObjectAddress) -> Option<RunDate> {
        self.parse(address)?.date().copied()
    }
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
