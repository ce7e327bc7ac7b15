//! `warehouses`: the databases that gold is loaded into.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::raw::ReadPipeline;
use super::{Mart, Materialised};
use crate::yaml::{At, Position, Spanned, choose, choose_or_default};
use crate::{ContractError, Name, Problems, environment_names, suggest};

/// The lake's own variable that a warehouse's path may name without declaring it.
pub const WAREHOUSE_DIR: &str = "LAKE_WAREHOUSE_DIR";
/// The column of a table that is loaded by day: the run date that a row came from.
pub const RUN_DATE_COLUMN: &str = "run_date";
/// The names of a warehouse's own tables begin so.
const RESERVED_PREFIX: &str = "lake_";
/// The ending of a warehouse file.
const FILE_ENDING: &str = ".duckdb";

/// A database that gold is loaded into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warehouse {
    /// Where `pipeline.yaml` declares it.
    pub position: Position,
    /// Which database it is.
    pub database: WarehouseDatabase,
    /// Its tables.
    pub tables: BTreeMap<Name, WarehouseTable>,
}

/// Which database a warehouse is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WarehouseDatabase {
    /// A DuckDB file.
    DuckDb(DuckDbFile),
}

/// A DuckDB file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuckDbFile {
    /// A local path or `s3://bucket/key`, with `${NAME}` still in it.
    pub path: String,
    /// Where `pipeline.yaml` says so.
    pub path_position: Position,
    /// The releases of DuckDB that can read it.
    pub storage_version: StorageVersion,
}

/// The form in which DuckDB stores a file: releases from this one on can read it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum StorageVersion {
    /// DuckDB 1.2 and later.
    V1_2,
    /// DuckDB 1.4, which has long-term support, and later.
    #[default]
    V1_4,
    /// DuckDB 1.5 and later.
    V1_5,
    /// DuckDB 2.0 and later.
    V2_0,
}

impl StorageVersion {
    /// All of them, oldest first, as they are written.
    pub const ALL: [(&'static str, Self); 4] = [
        ("v1.2.0", Self::V1_2),
        ("v1.4.0", Self::V1_4),
        ("v1.5.0", Self::V1_5),
        ("v2.0.0", Self::V2_0),
    ];

    /// The version as DuckDB writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_2 => "v1.2.0",
            Self::V1_4 => "v1.4.0",
            Self::V1_5 => "v1.5.0",
            Self::V2_0 => "v2.0.0",
        }
    }
}

impl fmt::Display for StorageVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// One table of a warehouse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarehouseTable {
    /// The mart whose rows it holds.
    pub mart: Name,
    /// Where `pipeline.yaml` says so.
    pub mart_position: Position,
    /// What a load replaces.
    pub load: Load,
    /// The columns that no two of its rows share and that no row misses; none is not checked.
    pub key: Vec<String>,
    /// Where `pipeline.yaml` says so, or the table's place.
    pub key_position: Position,
}

/// What a load of a table replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// The rows of the run date.
    Day,
    /// The whole table.
    Whole,
}

impl fmt::Display for Load {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Day => "day",
            Self::Whole => "whole",
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWarehouse {
    duckdb: At<RawDuckDb>,
    postgres: At<IgnoredAny>,
    tables: Spanned<BTreeMap<String, Spanned<RawTable>>>,
    views: At<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDuckDb {
    path: Spanned<String>,
    storage_version: At<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTable {
    from: Spanned<String>,
    load: Spanned<String>,
    key: At<Vec<String>>,
    references: At<IgnoredAny>,
}

/// Reads one entry. `declared` is none where it is not known what `environment` declares.
pub(super) fn read_warehouse(
    raw: Spanned<RawWarehouse>,
    declared: Option<&[String]>,
    problems: &mut Problems,
) -> Option<Warehouse> {
    let (position, is_whole) = (raw.referenced, raw.is_whole);
    let raw = raw.value;
    let database = match (raw.duckdb, raw.postgres) {
        (_, Some(postgres)) => {
            problems.add(
                ContractError::not_supported_yet("a PostgreSQL warehouse")
                    .with_hint(
                        "load into a DuckDB file: `duckdb: {path: \"${LAKE_WAREHOUSE_DIR}/<name>.duckdb\"}`",
                    )
                    .at(postgres.referenced),
            );
            None
        }
        (Some(duckdb), None) => {
            read_duckdb(duckdb.value, declared, problems).map(WarehouseDatabase::DuckDb)
        }
        (None, None) if !is_whole => None,
        (None, None) => {
            problems.add(
                ContractError::invalid("it does not say which database it is")
                    .with_hint("add `duckdb: {path: \"${LAKE_WAREHOUSE_DIR}/<name>.duckdb\"}`"),
            );
            None
        }
    };
    if let Some(views) = raw.views {
        problems.add(
            ContractError::not_supported_yet("`views`")
                .with_hint("leave `views` out; let a mart compute what the view would")
                .at(views.referenced),
        );
    }
    if raw.tables.value.is_empty() && raw.tables.is_whole {
        problems.add(
            ContractError::invalid("`tables` is empty")
                .with_hint("name at least one: `tables: {<table>: {from: gold.<mart>, load: day}}`")
                .at(raw.tables.referenced),
        );
    }
    let mut tables = BTreeMap::new();
    for (key, table) in raw.tables.value {
        let mut found = Problems::default();
        let name = found.keep(key.parse::<Name>().and_then(not_reserved));
        let read = read_table(table.value, table.referenced, &mut found);
        if let (Some(name), Some(read)) = (name, read) {
            tables.insert(name, read);
        }
        problems.append(found, |error| {
            error.within(format!("table `{key}`")).at(table.referenced)
        });
    }
    Some(Warehouse {
        position,
        database: database?,
        tables,
    })
}

fn not_reserved(name: Name) -> Result<Name, ContractError> {
    if name.as_str().starts_with(RESERVED_PREFIX) {
        return Err(ContractError::invalid(format!(
            "`{name}` is reserved: what begins with `{RESERVED_PREFIX}` belongs to the lake, such as `lake_loads`"
        ))
        .with_hint("choose another name for the table"));
    }
    Ok(name)
}

fn read_duckdb(
    raw: RawDuckDb,
    declared: Option<&[String]>,
    problems: &mut Problems,
) -> Option<DuckDbFile> {
    let version = choose_or_default(
        "storage_version",
        raw.storage_version,
        &StorageVersion::ALL,
        &[],
    );
    let storage_version = problems.keep_default(version);
    let path_position = raw.path.referenced;
    let path = check_path(&raw.path.value, declared);
    problems.keep(path.map_err(|error| error.at(path_position)))?;
    Some(DuckDbFile {
        path: raw.path.value,
        path_position,
        storage_version,
    })
}

fn check_path(path: &str, declared: Option<&[String]>) -> Result<(), ContractError> {
    const EXAMPLE: &str = "name a file such as `${LAKE_WAREHOUSE_DIR}/analytics.duckdb` or \
         `s3://bucket/analytics.duckdb`";
    let undeclared = environment_names(path)?.into_iter().find(|name| {
        name != WAREHOUSE_DIR && declared.is_some_and(|declared| !declared.contains(name))
    });
    if let Some(name) = undeclared {
        return Err(ContractError::invalid(format!(
            "`path` needs the variable `{name}`, which `environment` does not declare"
        ))
        .with_hint(format!(
            "use `{WAREHOUSE_DIR}`, or add it: `environment: [{name}]`"
        )));
    }
    let file = path.rsplit('/').next().unwrap_or_default();
    if !file.ends_with(FILE_ENDING) || file == FILE_ENDING || file.starts_with('.') {
        return Err(ContractError::invalid(format!(
            "`{path}` is not the path of a file that ends in `{FILE_ENDING}`"
        ))
        .with_hint(EXAMPLE));
    }
    match path.split_once("://") {
        None | Some(("s3", _)) => Ok(()),
        Some((scheme, _)) => Err(ContractError::invalid(format!(
            "a warehouse cannot be at `{scheme}://`"
        ))
        .with_hint(EXAMPLE)),
    }
}

fn read_table(
    raw: RawTable,
    position: Position,
    problems: &mut Problems,
) -> Option<WarehouseTable> {
    if let Some(references) = raw.references {
        problems.add(
            ContractError::not_supported_yet("`references`")
                .with_hint("leave `references` out")
                .at(references.referenced),
        );
    }
    let mart = match raw.from.value.split_once('.') {
        Some(("gold", mart)) => mart.parse(),
        Some(("silver", _)) => Err(ContractError::invalid(format!(
            "a warehouse cannot be loaded from `{}`: it reads gold, never silver",
            raw.from.value
        ))
        .with_hint("let a mart select what the table needs, and write `from: gold.<mart>`")),
        _ => Err(ContractError::invalid(format!(
            "a warehouse cannot be loaded from `{}`",
            raw.from.value
        ))
        .with_hint("write `from: gold.<mart>`")),
    };
    let mart = problems.keep(mart.map_err(|error| error.at(raw.from.referenced)));
    let load = choose(
        "load",
        &raw.load.value,
        &[("day", Load::Day), ("whole", Load::Whole)],
        &[],
    );
    let load = problems.keep(load.map_err(|error| error.at(raw.load.referenced)));
    let (key, key_position) = match raw.key {
        None => (Vec::new(), position),
        Some(key) => {
            let position = key.referenced;
            let read = problems.keep(read_key(key.value).map_err(|error| error.at(position)));
            (read.unwrap_or_default(), position)
        }
    };
    Some(WarehouseTable {
        mart: mart?,
        mart_position: raw.from.referenced,
        load: load?,
        key,
        key_position,
    })
}

fn read_key(key: Vec<String>) -> Result<Vec<String>, ContractError> {
    if key.is_empty() {
        return Err(ContractError::invalid("`key` is empty").with_hint(
            "name the columns that no two rows of the table share, or leave `key` out",
        ));
    }
    let twice = key.iter().enumerate().find(|(place, column)| {
        key[..*place]
            .iter()
            .any(|other| other.eq_ignore_ascii_case(column))
    });
    match twice {
        None => Ok(key),
        Some((_, column)) => Err(
            ContractError::invalid(format!("`key` lists `{column}` twice"))
                .with_hint("name each column once"),
        ),
    }
}

/// Tells which tables cannot be loaded from their marts, and which files are named twice.
pub(super) fn check(read: &ReadPipeline, problems: &mut Problems) {
    let pipeline = &read.pipeline;
    let mut paths: BTreeMap<&str, &Name> = BTreeMap::new();
    for (name, warehouse) in &pipeline.warehouses {
        let place = format!("warehouse `{name}`");
        let WarehouseDatabase::DuckDb(file) = &warehouse.database;
        if let Some(first) = paths.insert(&file.path, name) {
            problems.add(
                ContractError::invalid(format!("it is the same file as the warehouse `{first}`"))
                    .with_hint("put the tables of one file under one warehouse")
                    .within(&place)
                    .at(file.path_position),
            );
        }
        for (table, entry) in &warehouse.tables {
            if read.broken.contains(&format!("gold.{}", entry.mart)) {
                continue;
            }
            let checked = check_table(&pipeline.marts, entry);
            problems.keep(checked.map_err(|error| {
                error
                    .within(format!("{place}: table `{table}`"))
                    .at(entry.mart_position)
            }));
        }
    }
}

fn check_table(marts: &BTreeMap<Name, Mart>, table: &WarehouseTable) -> Result<(), ContractError> {
    let Some(mart) = marts.get(&table.mart) else {
        let known: Vec<&str> = marts.keys().map(Name::as_str).collect();
        return Err(ContractError::invalid(format!(
            "it is loaded from `gold.{0}`, but there is no mart `{0}`",
            table.mart
        ))
        .with_hint(suggest::hint(table.mart.as_str(), &known, "marts")));
    };
    if table.load == Load::Day && mart.materialised == Materialised::Snapshot {
        return Err(ContractError::invalid(format!(
            "`load: day` of the snapshot mart `gold.{}` would add the whole state again every day",
            table.mart
        ))
        .with_hint("use `load: whole`, or load the partition mart that the snapshot reads"));
    }
    Ok(())
}
