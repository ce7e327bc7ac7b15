//! Which partitions are loaded: those whose SHA-256 the warehouse does not have.

use std::collections::{BTreeMap, BTreeSet};

use lakehouse_contract::{Load, Name, RunDate, WarehouseTable};
use lakehouse_stage::StageError;

use crate::Arguments;
use crate::loads::Loads;
use crate::published;
use crate::warehouse::Warehouse;

/// The days that a run is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    first: Option<RunDate>,
    last: Option<RunDate>,
}

impl Range {
    /// The days that the arguments ask for.
    ///
    /// # Errors
    /// A range that ends before it begins: 2.
    pub fn of(arguments: &Arguments, date: RunDate) -> Result<Self, StageError> {
        if arguments.stale {
            return Ok(Self {
                first: arguments.from,
                last: None,
            });
        }
        match arguments.from {
            Some(first) if first > date => Err(StageError::usage(format!(
                "--from {first} is after --date {date}"
            ))
            .hint("--from is the first day of the range and --date its last")),
            first => Ok(Self {
                first: first.or(Some(date)),
                last: Some(date),
            }),
        }
    }

    const ALL: Self = Self {
        first: None,
        last: None,
    };

    fn contains(self, date: &RunDate) -> bool {
        self.first.is_none_or(|first| *date >= first) && self.last.is_none_or(|last| *date <= last)
    }

    /// The one day that it is.
    fn one_day(self) -> Option<RunDate> {
        self.first.filter(|_| self.first == self.last)
    }
}

/// A partition to load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// The mart.
    pub mart: Name,
    /// The run date.
    pub date: RunDate,
    /// The SHA-256 of its data file.
    pub sha256: String,
}

/// The partitions to load, by table, oldest first.
#[derive(Debug, Default)]
pub struct Wanted {
    by_table: BTreeMap<Name, Vec<Partition>>,
}

impl Wanted {
    /// Compares what is published with what the warehouse has.
    ///
    /// # Errors
    /// Store failures.
    pub async fn find(warehouse: &Warehouse<'_>, loads: &Loads) -> Result<Self, StageError> {
        let mut wanted = Self::default();
        for (name, table) in &warehouse.definition.tables {
            let partitions = of_table(warehouse, loads, name, table).await?;
            if !partitions.is_empty() {
                wanted.by_table.insert(name.clone(), partitions);
            }
        }
        Ok(wanted)
    }

    /// Whether there is nothing to load.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_table.is_empty()
    }

    /// The tables that are loaded, with their partitions, oldest first.
    pub fn tables(&self) -> impl Iterator<Item = (&Name, &[Partition])> {
        self.by_table
            .iter()
            .map(|(name, partitions)| (name, partitions.as_slice()))
    }

    /// All partitions.
    pub fn partitions(&self) -> impl Iterator<Item = &Partition> {
        self.by_table.values().flatten()
    }
}

async fn of_table(
    warehouse: &Warehouse<'_>,
    loads: &Loads,
    name: &Name,
    table: &WarehouseTable,
) -> Result<Vec<Partition>, StageError> {
    let context = warehouse.context;
    let is_rebuilt = warehouse.rebuild.contains(name);
    let (range, loaded) = match is_rebuilt {
        true => (Range::ALL, [].as_slice()),
        false => (warehouse.range, loads.of(name)),
    };
    let mut dates = match range.one_day() {
        Some(date) => BTreeSet::from([date]),
        None => published::dates(context, &table.mart).await?,
    };
    dates.retain(|date| range.contains(date));
    // Never an older date than the one that is in the table; but that one again where it has been
    // published anew since.
    let newest_loaded = loaded.iter().map(|loaded| loaded.date).max();
    if let (Load::Whole, Some(newest)) = (table.load, newest_loaded) {
        if dates.last().is_some_and(|date| *date < newest) {
            tracing::info!(table = %name, date = %newest, "the table has a newer date already and keeps it");
        }
        dates.retain(|date| *date > newest);
        dates.insert(newest);
    }
    let hashes = published::hashes(context, &table.mart, &dates).await?;
    let partition = |(date, sha256): (RunDate, String)| Partition {
        mart: table.mart.clone(),
        date,
        sha256,
    };
    let is_loaded = |date: &RunDate, sha256: &str| {
        loaded
            .iter()
            .any(|loaded| loaded.date == *date && loaded.sha256 == sha256 && !sha256.is_empty())
    };
    let mut found: Vec<(RunDate, String)> = hashes.into_iter().collect();
    if table.load == Load::Whole {
        found = found.pop().into_iter().collect();
    }
    Ok(found
        .into_iter()
        .filter(|(date, sha256)| !is_loaded(date, sha256))
        .map(partition)
        .collect())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::Range;
    use crate::Arguments;

    fn contained(more: &[&str]) -> Vec<&'static str> {
        let given = ["lake-load", "--pipeline", "a", "--date", "2024-03-03"];
        let arguments = Arguments::parse_from(given.iter().chain(more));
        let range = Range::of(&arguments, arguments.common.date).unwrap();
        ["2024-03-01", "2024-03-02", "2024-03-03", "2024-03-04"]
            .into_iter()
            .filter(|date| range.contains(&date.parse().unwrap()))
            .collect()
    }

    #[test]
    fn a_run_is_about_a_day_a_range_or_what_is_stale() {
        assert_eq!(contained(&[]), ["2024-03-03"]);
        let from = ["--from", "2024-03-02"];
        assert_eq!(contained(&from), ["2024-03-02", "2024-03-03"]);
        assert_eq!(contained(&["--stale"]).len(), 4);
        let both = ["--stale", "--from", "2024-03-02"];
        assert_eq!(contained(&both).len(), 3);
    }

    #[test]
    fn a_range_that_ends_before_it_begins_is_refused() {
        let arguments = Arguments::parse_from([
            "lake-load",
            "--pipeline",
            "a",
            "--date",
            "2024-03-03",
            "--from",
            "2024-03-04",
        ]);
        assert!(Range::of(&arguments, arguments.common.date).is_err());
    }
}
