//! `pipeline.yaml`: what flows, from which source, under which contracts, into which marts.

mod format;
mod graph;
mod mart;
mod pattern;
mod raw;
mod schedule;

use std::collections::BTreeMap;
use std::fmt;

use chrono::NaiveDate;
use chrono_tz::Tz;

pub use pattern::{FileGlob, FilePattern};

use crate::{ContractError, Name};

/// One pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// Its name; the folder's and the DAG's too.
    pub name: Name,
    /// What it is for, for people.
    pub description: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// When it runs.
    pub schedule: Option<Schedule>,
    /// What it reads from the environment besides the lake's own variables.
    pub environment: Vec<String>,
    /// Its datasets.
    pub datasets: BTreeMap<Name, Dataset>,
    /// Its marts.
    pub marts: BTreeMap<Name, Mart>,
}

/// When a pipeline runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Five fields of cron.
    pub cron: String,
    /// The zone in which the fields are meant, and in which a day is a day.
    pub timezone: Tz,
    /// The first day.
    pub start: NaiveDate,
}

/// One table of a pipeline and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// The contract's path, relative to the pipeline's folder.
    pub contract_path: String,
    /// The source: a folder or `s3://bucket/prefix`, with `${NAME}` still in it.
    pub from: String,
    /// Which of its files belong to a day.
    pub files: FilePattern,
    /// What the files are.
    pub format: Format,
    /// What a day without files and without manifest is.
    pub when_missing: WhenMissing,
}

/// What the files of a dataset are: declared, never guessed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON objects.
    Json(JsonLayout, Compression),
    /// Lines of fields.
    Csv(CsvFormat, Compression),
}

impl Format {
    /// How the files are compressed.
    #[must_use]
    pub fn compression(&self) -> Compression {
        match self {
            Self::Json(_, compression) | Self::Csv(_, compression) => *compression,
        }
    }
}

/// How objects lie in a JSON file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonLayout {
    /// One object a line.
    Lines,
    /// One array of objects.
    Array,
    /// One object after the other, with any white space between them.
    Concatenated,
}

/// How fields lie in a CSV file. Its first record is the header, always.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvFormat {
    /// What separates fields.
    pub delimiter: u8,
    /// What encloses a field that holds delimiters or line ends.
    pub quote: u8,
    /// The WHATWG name of the encoding, in small letters.
    pub encoding: String,
}

impl Default for CsvFormat {
    fn default() -> Self {
        Self {
            delimiter: b',',
            quote: b'"',
            encoding: "utf-8".to_owned(),
        }
    }
}

/// How a file is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

/// What a day without files and without manifest is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenMissing {
    /// Nothing to do: exit 99.
    #[default]
    Skip,
    /// Refused: exit 1.
    Fail,
}

/// One gold table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mart {
    /// What its SELECT may read, and how much of it.
    pub reads: BTreeMap<Input, Window>,
    /// The columns that no two rows share and that no row misses.
    pub grain: Vec<String>,
    /// What it is written as; Parquet always, and first.
    pub formats: Vec<MartFormat>,
    /// Whether it is of one day or as of one day.
    pub materialised: Materialised,
}

/// What a mart reads: `silver.<dataset>` or `gold.<mart>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Input {
    /// A dataset.
    Silver(Name),
    /// Another mart.
    Gold(Name),
}

impl fmt::Display for Input {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silver(name) => write!(formatter, "silver.{name}"),
            Self::Gold(name) => write!(formatter, "gold.{name}"),
        }
    }
}

/// How far back a mart reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The run date's partition.
    Day,
    /// The run date's partition and those before it, this many days in all.
    Days(u32),
    /// Every partition up to the run date.
    All,
}

impl fmt::Display for Window {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day => formatter.write_str("day"),
            Self::Days(days) => write!(formatter, "{days} days"),
            Self::All => formatter.write_str("all"),
        }
    }
}

/// What a mart is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MartFormat {
    /// Apache Parquet; always there.
    Parquet,
    /// CSV.
    Csv,
    /// JSON.
    Json,
}

impl MartFormat {
    /// The ending of its files, without a point.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }
}

/// Whether a mart is of one day or as of one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Materialised {
    /// The rows of a day, from inputs of that day.
    #[default]
    Partition,
    /// The state as of a day, from partial results of many days.
    Snapshot,
}

impl fmt::Display for Materialised {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Partition => "partition",
            Self::Snapshot => "snapshot",
        })
    }
}

impl Pipeline {
    /// Reads a `pipeline.yaml`, and refuses what could not run.
    pub fn parse(yaml: &str) -> Result<Self, ContractError> {
        let pipeline = raw::parse(yaml)?;
        graph::check(&pipeline)?;
        Ok(pipeline)
    }

    /// The marts, each after those that it reads; those that could come in any order by name.
    pub fn mart_order(&self) -> Result<Vec<Name>, ContractError> {
        graph::order(&self.marts)
    }

    /// The zone in which a day of this pipeline is a day: the schedule's, or UTC without one.
    #[must_use]
    pub fn timezone(&self) -> Tz {
        self.schedule
            .as_ref()
            .map_or(Tz::UTC, |schedule| schedule.timezone)
    }
}
