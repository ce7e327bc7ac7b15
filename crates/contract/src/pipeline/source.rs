//! Where datasets come from: `sources`, and the `from` of each dataset.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::raw::check_files_from;
use super::{Compression, CsvFormat, Files, Format};
use crate::yaml::{At, Position, Spanned, TextOr, choose, choose_or_default};
use crate::{ContractError, Name, Problems, suggest};

/// A database that datasets come from. Its address and credentials are in the connection of the
/// same name, never here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// A database of a PostgreSQL server.
    Postgres,
    /// A keyspace of a Cassandra cluster.
    Cassandra {
        /// The keyspace.
        keyspace: String,
    },
}

/// Where a dataset comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// Files of a folder or of an S3 prefix.
    Files(Files),
    /// A table of a database.
    Table(Table),
}

impl Source {
    /// How it is written in bronze.
    #[must_use]
    pub fn format(&self) -> &Format {
        match self {
            Self::Files(files) => &files.format,
            Self::Table(table) => &table.format,
        }
    }

    /// How one of its objects in bronze is written. What was taken out of a database says by its
    /// name whether it is compressed: old days stay readable when `compression` changes.
    #[must_use]
    pub fn format_of(&self, object: &str) -> Format {
        match self {
            Self::Files(files) => files.format.clone(),
            Self::Table(_) => table_format(match object.ends_with(".zst") {
                true => Compression::Zstd,
                false => Compression::None,
            }),
        }
    }

    /// The table, for a dataset that comes from a database.
    #[must_use]
    pub fn table(&self) -> Option<&Table> {
        match self {
            Self::Files(_) => None,
            Self::Table(table) => Some(table),
        }
    }
}

/// A table of a database, and which of its rows and columns are taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The database, one of the pipeline's `sources`.
    pub source: Name,
    /// The table or query.
    pub relation: Relation,
    /// Which rows.
    pub take: Take,
    /// Where `pipeline.yaml` says which.
    pub take_position: Position,
    /// Which columns.
    pub columns: Columns,
    /// How they are written in bronze: CSV, compressed or not.
    pub format: Format,
}

/// What is read of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relation {
    /// A table or view, `schema.table` or `table`.
    Table(String),
    /// The SELECT in a file, its path relative to the pipeline's folder.
    Query(String),
}

/// Which rows are a day's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Take {
    /// All, as they are now.
    Whole,
    /// Those whose column lies in the run date, in the schedule's zone.
    Day {
        /// The column.
        column: String,
    },
}

/// Which columns leave the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Columns {
    /// Those that the contract reads.
    OfContract,
    /// All but these.
    All {
        /// What stays in the database.
        except: Vec<String>,
    },
}

/// CSV as everything that is taken out of a database is written.
fn table_format(compression: Compression) -> Format {
    Format::Csv(CsvFormat::default(), compression)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDatabase {
    postgres: At<RawPostgres>,
    cassandra: At<RawCassandra>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPostgres {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCassandra {
    keyspace: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTable {
    source: Spanned<String>,
    table: At<String>,
    query: At<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTake {
    day: Spanned<String>,
}

/// What an entry of `datasets` says of its source.
pub(super) struct RawSource {
    pub from: Spanned<TextOr<RawTable>>,
    pub files: At<String>,
    pub format: Option<Spanned<super::format::RawFormat>>,
    pub when_missing: At<String>,
    pub take: Option<Spanned<TextOr<RawTake>>>,
    pub columns: At<String>,
    pub except: Option<Spanned<Vec<String>>>,
    pub compression: At<String>,
}

/// The databases of a pipeline, by name.
pub(super) fn read_database(
    key: &str,
    raw: Spanned<RawDatabase>,
) -> Result<(Name, Database), ContractError> {
    let name = key.parse::<Name>()?;
    // Airflow's connections have one space of names.
    if matches!(name.as_str(), "minio_default" | "lake_pseudonym") {
        return Err(ContractError::invalid(format!(
            "`{name}` is the name of a connection of the lake's own"
        ))
        .with_hint("choose another name for the source and its connection"));
    }
    match (raw.value.postgres, raw.value.cassandra) {
        (Some(_), None) => Ok((name, Database::Postgres)),
        (None, Some(cassandra)) => {
            let keyspace = cassandra.value.keyspace;
            if keyspace.value.is_empty() {
                return Err(ContractError::invalid("`keyspace` is empty")
                    .with_hint("name the keyspace that the tables are in")
                    .at(keyspace.referenced));
            }
            let keyspace = keyspace.value;
            Ok((name, Database::Cassandra { keyspace }))
        }
        _ => Err(
            ContractError::invalid("it must name exactly one of `postgres` and `cassandra`")
                .with_hint("write `{postgres: {}}` or `{cassandra: {keyspace: <name>}}`"),
        ),
    }
}

/// `databases` is none where it is not known what `sources` has.
pub(super) fn read_source(
    raw: RawSource,
    is_whole: bool,
    environment: Option<&[String]>,
    databases: Option<&BTreeMap<Name, Database>>,
    problems: &mut Problems,
) -> Option<Source> {
    let at = raw.from.referenced;
    match raw.from.value {
        TextOr::Text(ref from) => {
            for (key, place) in [
                ("take", raw.take.as_ref().map(|take| take.referenced)),
                ("columns", raw.columns.as_ref().map(|text| text.referenced)),
                ("except", raw.except.as_ref().map(|list| list.referenced)),
                (
                    "compression",
                    raw.compression.as_ref().map(|text| text.referenced),
                ),
            ] {
                let hint = match key {
                    "compression" => "write it in `format`",
                    _ => "leave it out, or write `from: {source: …, table: …}`",
                };
                refuse(key, place, "a table of a database", hint, problems);
            }
            let from = from.clone();
            read_files(raw, &from, at, is_whole, environment, problems).map(Source::Files)
        }
        TextOr::Other(ref table) => {
            for (key, place) in [
                ("files", raw.files.as_ref().map(|text| text.referenced)),
                (
                    "format",
                    raw.format.as_ref().map(|format| format.referenced),
                ),
                (
                    "whenMissing",
                    raw.when_missing.as_ref().map(|text| text.referenced),
                ),
            ] {
                let hint = match key {
                    "format" => {
                        "leave it out: what is taken out of a database is CSV; `compression: zstd` compresses it"
                    }
                    _ => "leave it out",
                };
                refuse(key, place, "files", hint, problems);
            }
            read_table(table, &raw, is_whole, databases, problems).map(Source::Table)
        }
    }
}

fn refuse(key: &str, place: Option<Position>, whose: &str, hint: &str, problems: &mut Problems) {
    if let Some(place) = place {
        problems.add(
            ContractError::invalid(format!("`{key}` is for a dataset that comes from {whose}"))
                .with_hint(hint)
                .at(place),
        );
    }
}

/// The error of a key that is needed; nothing where it may have been there and not understood.
fn missing(key: &'static str, hint: &str, at: Position, is_whole: bool, problems: &mut Problems) {
    if is_whole {
        problems.add(
            ContractError::shape(format!("the key `{key}` is missing"))
                .with_hint(hint)
                .at(at),
        );
    }
}

fn read_files(
    raw: RawSource,
    from: &str,
    at: Position,
    is_whole: bool,
    environment: Option<&[String]>,
    problems: &mut Problems,
) -> Option<Files> {
    problems.keep(check_files_from(from, environment).map_err(|error| error.at(at)));
    let files = match raw.files {
        Some(files) => {
            let read = files.value.parse();
            problems.keep(read.map_err(|error: ContractError| error.at(files.referenced)))
        }
        None => {
            missing("files", "add `files`", at, is_whole, problems);
            None
        }
    };
    let format = match raw.format {
        Some(format) => {
            let (location, format_is_whole) = (format.referenced, format.is_whole);
            match super::format::read_format(format.value) {
                // What is missing in a format that was not understood may have been there.
                Err(error) if !format_is_whole && error.line().is_none() => None,
                read => problems.keep(read.map_err(|error| error.at(location))),
            }
        }
        None => {
            missing("format", "add `format`", at, is_whole, problems);
            None
        }
    };
    Some(Files {
        from: from.to_owned(),
        files: files?,
        format: format?,
    })
}

fn read_table(
    table: &RawTable,
    raw: &RawSource,
    is_whole: bool,
    databases: Option<&BTreeMap<Name, Database>>,
    problems: &mut Problems,
) -> Option<Table> {
    let at = raw.from.referenced;
    let source = find_source(&table.source, databases);
    let source = problems.keep(source.map_err(|error| error.at(table.source.referenced)));
    let database = match (&source, databases) {
        (Some(name), Some(databases)) => databases.get(name),
        _ => None,
    };
    let relation = match (&table.table, &table.query) {
        (Some(name), None) => {
            let checked = check_table(&name.value, database);
            problems.keep(checked.map_err(|error| error.at(name.referenced)))
        }
        (None, Some(path)) => {
            let checked = check_query(&path.value, database);
            problems.keep(checked.map_err(|error| error.at(path.referenced)))
        }
        _ => {
            if raw.from.is_whole {
                problems.add(
                    ContractError::invalid("`from` must name exactly one of `table` and `query`")
                        .with_hint(
                            "write `from: {source: <name>, table: <schema>.<table>}`, or `query: queries/<name>.sql`",
                        )
                        .at(at),
                );
            }
            None
        }
    };
    let take = match &raw.take {
        None => {
            let hint = "add `take: whole` (the table as it is), or `take: {day: <column>}` (the rows of the day)";
            missing("take", hint, at, is_whole, problems);
            None
        }
        Some(take) => {
            let read = read_take(&take.value);
            problems
                .keep(read.map_err(|error| error.at(take.referenced)))
                .map(|read| (read, take.referenced))
        }
    };
    let columns = problems.keep(read_columns(raw));
    let compressions = [("none", Compression::None), ("zstd", Compression::Zstd)];
    let compression = choose_or_default("compression", raw.compression.clone(), &compressions, &[]);
    let compression = problems.keep(compression);
    let (take, take_position) = take?;
    Some(Table {
        source: source?,
        relation: relation?,
        take,
        take_position,
        columns: columns?,
        format: table_format(compression?),
    })
}

fn find_source(
    source: &Spanned<String>,
    databases: Option<&BTreeMap<Name, Database>>,
) -> Result<Name, ContractError> {
    let name = source.value.parse::<Name>()?;
    let Some(databases) = databases else {
        return Ok(name);
    };
    if databases.contains_key(&name) {
        return Ok(name);
    }
    let known: Vec<&str> = databases.keys().map(Name::as_str).collect();
    let hint = match known.is_empty() {
        true => format!("declare it: `sources: {{{name}: {{postgres: {{}}}}}}`"),
        false => suggest::hint(name.as_str(), &known, "sources"),
    };
    Err(ContractError::invalid(format!("there is no source `{name}`")).with_hint(hint))
}

fn check_table(name: &str, database: Option<&Database>) -> Result<Relation, ContractError> {
    let parts: Vec<&str> = name.split('.').collect();
    let is_cassandra = matches!(database, Some(Database::Cassandra { .. }));
    let most_parts = if is_cassandra { 1 } else { 2 };
    if parts.len() > most_parts || parts.iter().any(|part| part.is_empty()) {
        let hint = match is_cassandra {
            true => "write the table's name alone: its keyspace is in `sources`",
            false => {
                "write `<schema>.<table>` or `<table>`; for a name with a dot in it write a `query`"
            }
        };
        return Err(
            ContractError::invalid(format!("`{name}` is not the name of a table")).with_hint(hint),
        );
    }
    Ok(Relation::Table(name.to_owned()))
}

fn check_query(path: &str, database: Option<&Database>) -> Result<Relation, ContractError> {
    if matches!(database, Some(Database::Cassandra { .. })) {
        return Err(ContractError::invalid("a query is for PostgreSQL alone")
            .with_hint("write `table: <name>`: Cassandra's tables are read whole or by a day"));
    }
    let inside = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if !inside || !path.ends_with(".sql") {
        return Err(ContractError::invalid(format!(
            "`{path}` is not the path of an `.sql` file inside the pipeline's folder"
        ))
        .with_hint("write it as `queries/<name>.sql`"));
    }
    Ok(Relation::Query(path.to_owned()))
}

fn read_take(raw: &TextOr<RawTake>) -> Result<Take, ContractError> {
    match raw {
        TextOr::Text(text) => choose("take", text, &[("whole", ())], &[])
            .map(|()| Take::Whole)
            .map_err(|error| error.with_hint("write `take: whole` or `take: {day: <column>}`")),
        TextOr::Other(take) if take.day.value.is_empty() => {
            Err(ContractError::invalid("`day` is empty")
                .with_hint("name the column whose day is the run date")
                .at(take.day.referenced))
        }
        TextOr::Other(take) => Ok(Take::Day {
            column: take.day.value.clone(),
        }),
    }
}

fn read_columns(raw: &RawSource) -> Result<Columns, ContractError> {
    match (&raw.columns, &raw.except) {
        (None, None) => Ok(Columns::OfContract),
        (None, Some(except)) => Err(ContractError::invalid("`except` needs `columns: all`")
            .with_hint(
                "leave `except` out: without `columns: all` only what the contract reads leaves the database",
            )
            .at(except.referenced)),
        (Some(columns), except) => {
            choose("columns", &columns.value, &[("all", ())], &[])
                .map_err(|error| error.at(columns.referenced))?;
            let except = except.as_ref().map(|list| list.value.clone());
            Ok(Columns::All {
                except: except.unwrap_or_default(),
            })
        }
    }
}
