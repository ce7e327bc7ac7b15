//! What instances read, in the workspace: published data files, several fetched at once, and
//! those that were computed by this run before.

mod open;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use futures::StreamExt;
use lakehouse_contract::quote::{identifier, literal};
use lakehouse_contract::{Input, RunDate};
use lakehouse_stage::{Context, StageError};
use lakehouse_store::StoreError;

use crate::instance::{Instance, Pins};
use crate::marts::Marts;
use crate::published::data_address;
use crate::state::Versions;

/// Objects that are fetched at once. Partials are small: latency, not bandwidth, is the cost.
const FETCHES_AT_ONCE: usize = 16;
/// The column that tells which day a row came from, in the table of an input that is looked back
/// at.
const DATE_COLUMN: &str = "_lake_date";

/// What is known of one partition of an input.
enum Held {
    /// A local data file.
    File {
        sha256: String,
        path: PathBuf,
        /// A copy made for reading; a computed file is still to be published.
        is_copy: bool,
    },
    /// Its rows are in the input's table, the file is gone.
    Loaded { sha256: String },
    /// It is not published.
    Absent,
    /// It could not be fetched.
    Failed(StageError),
}

/// The inputs of a run.
///
/// An input of which one partition is read is a view over that one's file. One that is looked back
/// at is a table, into which each partition goes once however many instances read it, and out of
/// which views cut their windows. States of changes are computed and opened by
/// [`States`](crate::state::States).
pub struct Inputs<'a> {
    context: &'a Context,
    marts: &'a Marts,
    held: BTreeMap<(Input, RunDate), Held>,
    /// The inputs that have a table, with the dates in it and the SHA-256 that each came from.
    tables: BTreeMap<Input, BTreeMap<RunDate, String>>,
}

impl<'a> Inputs<'a> {
    /// Nothing is held yet.
    #[must_use]
    pub fn new(context: &'a Context, marts: &'a Marts) -> Self {
        Self {
            context,
            marts,
            held: BTreeMap::new(),
            tables: BTreeMap::new(),
        }
    }

    /// Fetches partitions that are not held yet. One that cannot be fetched fails the instances
    /// that read it, when they ask for their pins.
    pub async fn fetch(&mut self, wanted: impl IntoIterator<Item = (Input, RunDate)>) {
        let missing: BTreeSet<(Input, RunDate)> = wanted
            .into_iter()
            .filter(|partition| !self.held.contains_key(partition))
            .collect();
        if missing.is_empty() {
            return;
        }
        let _phase = self.context.report.phase("fetch");
        let context = self.context;
        let mut fetches = futures::stream::iter(missing)
            .map(|(input, date)| async move {
                let held = fetch_one(context, &input, &date).await;
                ((input, date), held.unwrap_or_else(Held::Failed))
            })
            .buffer_unordered(FETCHES_AT_ONCE);
        while let Some((partition, held)) = fetches.next().await {
            self.held.insert(partition, held);
        }
    }

    /// Holds what this run computed; it replaces what was published.
    pub fn add(&mut self, input: Input, date: RunDate, sha256: String, path: &Path) {
        let computed = Held::File {
            sha256,
            path: path.to_path_buf(),
            is_copy: false,
        };
        self.held.insert((input, date), computed);
    }

    /// What an instance is computed from, of the given partitions, which have been fetched.
    ///
    /// # Errors
    /// That of the first partition that could not be fetched.
    pub fn pins(
        &self,
        instance: &Instance<'_>,
        partitions: &[(Input, RunDate)],
    ) -> Result<Pins, StageError> {
        let mut pins: Pins = instance
            .mart
            .definition
            .reads
            .keys()
            .map(|input| (input.clone(), Vec::new()))
            .collect();
        for partition in partitions {
            let sha256 = match self.held.get(partition) {
                Some(Held::File { sha256, .. } | Held::Loaded { sha256 }) => sha256.clone(),
                Some(Held::Failed(error)) => return Err(error.clone()),
                Some(Held::Absent) | None => continue,
            };
            let (input, date) = partition;
            pins.entry(input.clone()).or_default().push((*date, sha256));
        }
        for days in pins.values_mut() {
            days.sort();
        }
        Ok(pins)
    }

    /// A partition's versions and their SHA-256, of one that has been fetched; none where it is not
    /// published.
    ///
    /// # Errors
    /// That it could not be fetched.
    pub fn versions(
        &self,
        input: &Input,
        date: RunDate,
    ) -> Result<Option<(String, Versions)>, StageError> {
        Ok(match self.held.get(&(input.clone(), date)) {
            Some(Held::File { sha256, path, .. }) => {
                Some((sha256.clone(), Versions::File(path.clone())))
            }
            Some(Held::Loaded { sha256 }) => {
                let select = format!(
                    "SELECT {} FROM {} WHERE {DATE_COLUMN} = {}",
                    self.names(input),
                    table(input),
                    day(date.date())
                );
                Some((sha256.clone(), Versions::Table(select)))
            }
            Some(Held::Failed(error)) => return Err(error.clone()),
            Some(Held::Absent) | None => None,
        })
    }

    /// Lets go of partitions that were fetched and are in no table.
    pub fn release(&mut self, input: &Input, dates: impl IntoIterator<Item = RunDate>) {
        for date in dates {
            let partition = (input.clone(), date);
            if let Some(Held::File {
                path,
                is_copy: true,
                ..
            }) = self.held.get(&partition)
            {
                remove(path);
                self.held.remove(&partition);
            }
        }
    }

    /// Lets go of the files that the instances of a date read and made.
    pub fn release_files(&mut self) {
        let tables = &self.tables;
        self.held.retain(|(input, date), held| {
            let Held::File { sha256, path, .. } = &*held else {
                return !matches!(held, Held::Failed(_));
            };
            remove(path);
            let sha256 = sha256.clone();
            let is_loaded = tables
                .get(input)
                .is_some_and(|loaded| loaded.get(date) == Some(&sha256));
            if is_loaded {
                *held = Held::Loaded { sha256 };
            }
            is_loaded
        });
    }

    /// The columns of an input with their types.
    #[must_use]
    pub fn columns(&self, input: &Input) -> Vec<(String, String)> {
        match input {
            Input::Silver(dataset) => self.context.contracts[dataset].published_types(),
            Input::Gold(mart) => self.marts.columns_of(mart).to_vec(),
        }
    }

    fn names(&self, input: &Input) -> String {
        let columns = self.columns(input);
        let names: Vec<String> = columns.iter().map(|(name, _)| identifier(name)).collect();
        names.join(", ")
    }
}

async fn fetch_one(context: &Context, input: &Input, date: &RunDate) -> Result<Held, StageError> {
    let path = context
        .workspace
        .directory(&format!("{input}.in"))?
        .join(format!("{date}.parquet"));
    let address = data_address(context, input, date);
    match context.store.get_to_file(&address, &path).await {
        Ok(downloaded) => Ok(Held::File {
            sha256: downloaded.sha256,
            path,
            is_copy: true,
        }),
        Err(StoreError::NotFound { .. }) => Ok(Held::Absent),
        Err(error) => Err(StageError::from(error)),
    }
}

/// Removes a local file: a range of days must not add up on the disk.
fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::debug!(path = %path.display(), %error, "local file not removed");
    }
}

fn table(input: &Input) -> String {
    format!("partials.{}", identifier(&input.to_string()))
}

fn day(date: NaiveDate) -> String {
    format!("CAST({} AS DATE)", literal(&date.to_string()))
}
