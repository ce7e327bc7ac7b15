//! `pipeline.yaml`: what flows, from which source, under which contracts, into which marts.

mod format;
mod graph;
mod mart;
mod pattern;
mod raw;
mod schedule;
mod source;
mod states;
mod takes;
mod warehouse;
mod window;

use std::collections::BTreeMap;
use std::fmt;

use chrono::NaiveDate;
use chrono_tz::Tz;

pub use pattern::{FileGlob, FilePattern};
pub use source::{Columns, Database, Relation, Source, Table, Take};
pub use warehouse::{
    DuckDbFile, Load, RUN_DATE_COLUMN, StorageVersion, WAREHOUSE_DIR, Warehouse, WarehouseDatabase,
    WarehouseTable,
};
pub use window::{BeforeFirst, HISTORY_DATE, Window};

use crate::{ContractError, Name, Position, Problems, error};

/// One pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// The name, which its folder and its DAG have too.
    pub name: Name,
    /// Where `pipeline.yaml` says so.
    pub name_position: Position,
    /// What it is for, for people.
    pub description: Option<String>,
    /// The team that is responsible for it.
    pub owner: Option<String>,
    /// Words by which people find it.
    pub tags: Vec<String>,
    /// When it runs.
    pub schedule: Option<Schedule>,
    /// What it reads from the environment besides the lake's own variables.
    pub environment: Vec<String>,
    /// The databases that datasets come from.
    pub sources: BTreeMap<Name, Database>,
    /// The tables that it reads.
    pub datasets: BTreeMap<Name, Dataset>,
    /// The gold tables that it makes.
    pub marts: BTreeMap<Name, Mart>,
    /// The databases that its gold tables are loaded into.
    pub warehouses: BTreeMap<Name, Warehouse>,
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
    /// Where `pipeline.yaml` names the contract.
    pub contract_position: Position,
    /// Where it comes from.
    pub source: Source,
    /// What a day without a source and without a manifest is.
    pub when_missing: WhenMissing,
}

/// Files of a folder or of an S3 prefix.
#[derive(Clone, Debug, PartialEq)]
pub struct Files {
    /// The folder or `s3://bucket/prefix`, with `${NAME}` still in it.
    pub from: String,
    /// Which of its files belong to a day.
    pub files: FilePattern,
    /// What the files are.
    pub format: Format,
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

/// How objects are arranged in a JSON file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonLayout {
    /// One object a line.
    Lines,
    /// One array of objects.
    Array,
    /// One object after the other, with any white space between them.
    Concatenated,
}

/// How fields are written in a CSV file. Its first record is the header, always.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvFormat {
    /// What separates fields.
    pub delimiter: u8,
    /// What encloses a field that holds delimiters or line ends.
    pub quote: u8,
    /// The WHATWG name of the encoding, in lowercase.
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
    /// Where `pipeline.yaml` says so of each input.
    pub reads_positions: BTreeMap<Input, Position>,
    /// The columns that no two rows share and that no row misses.
    pub grain: Vec<String>,
    /// Where `pipeline.yaml` says so.
    pub grain_position: Position,
    /// What it is written as; Parquet always, and first.
    pub formats: Vec<MartFormat>,
    /// Whether it is of one day or as of one day.
    pub materialised: Materialised,
    /// What it is, for people; the comment of the warehouse's tables that hold it.
    pub description: Option<String>,
    /// What its columns are, for people; the comments of the warehouse's columns.
    pub columns: BTreeMap<String, ColumnDescription>,
}

/// What a mart's column is, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnDescription {
    /// The text.
    pub text: String,
    /// Where `pipeline.yaml` has it.
    pub position: Position,
}

impl Mart {
    /// Whether it reads more than its own day: a snapshot, or what reads a state or a history. Such
    /// marts are built after a range's other marts, one day at a time, in the order of dates.
    #[must_use]
    pub fn looks_back(&self) -> bool {
        self.materialised == Materialised::Snapshot
            || self.reads.values().any(|window| window.is_of_state())
    }
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
    /// The ending of its files, without a dot.
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
    ///
    /// # Errors
    /// The first of what is wrong with it, in the order of the text.
    pub fn parse(yaml: &str) -> Result<Self, ContractError> {
        let (pipeline, problems) = Self::judge(yaml);
        match (pipeline, problems.is_empty()) {
            (Some(pipeline), true) => Ok(pipeline),
            _ => Err(error::first(problems)),
        }
    }

    /// Reads a `pipeline.yaml` and tells everything that is wrong with it, in the order of the
    /// text.
    ///
    /// With problems, the pipeline has those of its datasets and marts that are sound, so that
    /// they can be judged further; it cannot run.
    #[must_use]
    pub fn judge(yaml: &str) -> (Option<Self>, Vec<ContractError>) {
        let mut problems = Problems::default();
        let read = raw::read(yaml, &mut problems);
        if let Some(read) = &read {
            graph::check(read, &mut problems);
            warehouse::check(read, &mut problems);
        }
        let problems = problems.into_result(None::<()>).err().unwrap_or_default();
        (read.map(|read| read.pipeline), problems)
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
