//! What is read of a table: its columns, its rows, in which order, in how many ranges.

use chrono::{NaiveDateTime, TimeZone as _};
use lakehouse_contract::{Relation as Declared, Take, quote};
use lakehouse_stage::StageError;

use super::catalogue::Relation;
use super::select::{Column, DayType, select};
use super::session::Session;
use crate::columns;
use crate::decision::Decision;
use crate::job::Job;

/// A range of a large table: 128 MiB with PostgreSQL's usual pages. It is fixed, so that the cuts
/// stay where they are when the table grows.
const RANGE_PAGES: u64 = 16_384;

/// One COPY.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    pub select: String,
    /// The table and its file, where it has one.
    pub file: Option<(String, String)>,
}

/// One dataset's COPYs.
pub(super) struct Plan {
    pub header: Vec<String>,
    pub units: Vec<Unit>,
    pub estimated_rows: u64,
    pub estimated_bytes: u64,
}

/// Plans a dataset.
///
/// # Errors
/// There is no such table or column, or no right to it: 2.
pub(super) async fn plan(
    session: &Session<'_>,
    job: &Job<'_>,
    decision: Decision,
) -> Result<Plan, StageError> {
    let bounds = job.context.date.instants(&job.context.pipeline.timezone());
    let (relation, from, existing, shown) = match &job.table.relation {
        Declared::Table(name) => {
            let relation = session.relation(name).await?;
            let existing = session.columns(&relation).await?;
            let (from, shown) = (relation.quoted(), relation.shown());
            (Some(relation), from, existing, shown)
        }
        Declared::Query(path) => {
            let query = job.context.queries.get(&job.name);
            let query = query
                .ok_or_else(|| StageError::bug(format!("the query `{path}` has vanished")))?
                .bound(&instant(bounds.0), &instant(bounds.1));
            let existing = session.columns_of_query(&query).await?;
            (None, format!("({query}\n) AS q"), existing, path.clone())
        }
    };
    let names: Vec<String> = existing.iter().map(|column| column.name.clone()).collect();
    let chosen = columns::choose(&shown, &names, &job.table.columns, job.contract)?;
    let chosen: Vec<Column> = chosen
        .iter()
        .filter_map(|name| existing.iter().find(|column| column.name == *name))
        .cloned()
        .collect();
    if chosen.is_empty() {
        return Err(StageError::usage(format!(
            "the contract of dataset `{}` reads no column of `{shown}`",
            job.name
        ))
        .hint("name columns in the contract, or write `columns: all`"));
    }
    let condition = match &job.table.take {
        Take::Day { column } if decision != (Decision::Take { full: true }) => {
            Some(day_condition(job, column, &shown, &existing, bounds)?)
        }
        _ => None,
    };
    may_read(session, &shown, &chosen)?;
    let can_be_missing = chosen.iter().all(|column| column.can_be_missing);
    let filler = columns::needs_filler(&shown, chosen.len(), can_be_missing, job.contract)?;
    let mut header: Vec<String> = chosen.iter().map(|column| column.name.clone()).collect();
    if filler {
        header.push(columns::FILLER.to_owned());
    }
    let tables = match &relation {
        // What has pages of its own is read in ranges of them.
        Some(table) if condition.is_none() && matches!(table.kind, 'r' | 'm') => {
            vec![table.clone()]
        }
        Some(parent) if condition.is_none() && parent.kind == 'p' => session.leaves(parent).await?,
        _ => Vec::new(),
    };
    let has_ranges = session.version().await? >= 140_000;
    let is_large = tables.iter().map(|table| table.pages).sum::<u64>() > RANGE_PAGES;
    let have_ranges = |table: &Relation| table.readable && matches!(table.kind, 'r' | 'm');
    let units = if is_large && tables.iter().all(have_ranges) {
        let ranges = tables.iter().flat_map(|table| ranges(table, has_ranges));
        ranges
            .map(|(table, condition)| Unit {
                select: select(&chosen, filler, &table.quoted(), condition.as_deref(), &[]),
                file: Some((table.oid.clone(), table.file_node.clone())),
            })
            .collect()
    } else {
        // A large table is read in the order in which it lies: a sort would spill at the server.
        let order = match is_large {
            true => Vec::new(),
            false => order(session, relation.as_ref(), &chosen).await?,
        };
        vec![Unit {
            select: select(&chosen, filler, &from, condition.as_deref(), &order),
            file: relation
                .filter(|table| matches!(table.kind, 'r' | 'm'))
                .map(|table| (table.oid, table.file_node)),
        }]
    };
    let (mut estimated_rows, mut estimated_bytes) = (0, 0);
    let all = select(&chosen, filler, &from, condition.as_deref(), &[]);
    if job.context.dry_run || condition.is_some() || units.len() == 1 {
        (estimated_rows, estimated_bytes) = session.estimate(&all).await?;
    } else {
        estimated_rows += tables.iter().map(|table| table.estimated_rows).sum::<u64>();
    }
    Ok(Plan {
        header,
        units,
        estimated_rows,
        estimated_bytes,
    })
}

/// The ranges of a table's pages; the last one has no end, since the table may grow.
fn ranges(table: &Relation, has_ranges: bool) -> Vec<(&Relation, Option<String>)> {
    let count = table.pages.div_ceil(RANGE_PAGES).max(1);
    if !has_ranges || count == 1 {
        return vec![(table, None)];
    }
    (0..count)
        .map(|range| {
            let from = format!("ctid >= '({},0)'::tid", range * RANGE_PAGES);
            let to = format!("ctid < '({},0)'::tid", (range + 1) * RANGE_PAGES);
            let condition = match range + 1 == count {
                true => from,
                false => format!("{from} AND {to}"),
            };
            (table, Some(condition))
        })
        .collect()
}

/// A total order: the primary key, or all columns.
async fn order(
    session: &Session<'_>,
    relation: Option<&Relation>,
    chosen: &[Column],
) -> Result<Vec<String>, StageError> {
    if let Some(relation) = relation {
        let key = session.primary_key(relation).await?;
        if !key.is_empty() {
            return Ok(key.iter().map(|name| quote::identifier(name)).collect());
        }
    }
    Ok(chosen.iter().map(Column::sort_expression).collect())
}

fn may_read(session: &Session<'_>, shown: &str, chosen: &[Column]) -> Result<(), StageError> {
    let Some(column) = chosen.iter().find(|column| !column.readable) else {
        return Ok(());
    };
    let user = &session.settings.user;
    Err(StageError::usage(format!(
        "`{user}` may not read the column `{}` of `{shown}`",
        column.name
    ))
    .hint(format!(
        "let its owner say `GRANT SELECT ON {shown} TO {}`",
        quote::identifier(user)
    )))
}

/// `column >= start and column < end`, so that an index on the column is of use.
fn day_condition(
    job: &Job<'_>,
    name: &str,
    shown: &str,
    existing: &[Column],
    (start, end): (NaiveDateTime, NaiveDateTime),
) -> Result<String, StageError> {
    let Some(column) = existing.iter().find(|column| column.name == name) else {
        let known: Vec<&str> = existing.iter().map(|column| &*column.name).collect();
        return Err(StageError::usage(format!(
            "`{shown}` has no column `{name}`, which `take` names"
        ))
        .hint(lakehouse_contract::suggest::hint(name, &known, "columns")));
    };
    let (from, to) = match DayType::of(column) {
        Some(DayType::Instant) => (instant(start), instant(end)),
        Some(DayType::Local) => {
            // Its texts are in the zone that the contract names for them.
            let reader = job
                .contract
                .columns
                .iter()
                .find(|column| column.source_path.as_deref() == Some(name));
            let zone = reader.map_or(chrono_tz::Tz::UTC, |column| column.source_format.timezone);
            let local = |instant: NaiveDateTime| {
                let local = zone.from_utc_datetime(&instant).naive_local();
                format!("'{}'::timestamp", local.format("%Y-%m-%d %H:%M:%S"))
            };
            (local(start), local(end))
        }
        Some(DayType::Date) => {
            let date = |date: chrono::NaiveDate| format!("'{}'::date", date.format("%Y-%m-%d"));
            let day = job.context.date.date();
            (date(day), date(day + chrono::Days::new(1)))
        }
        None => {
            return Err(StageError::usage(format!(
                "`take` names the column `{name}` of `{shown}`, which is of type `{}`",
                column.type_name
            ))
            .hint("name a column of type timestamptz, timestamp or date; a query can make one"));
        }
    };
    let name = quote::identifier(name);
    Ok(format!("{name} >= {from} AND {name} < {to}"))
}

fn instant(instant: NaiveDateTime) -> String {
    format!("'{}+00'::timestamptz", instant.format("%Y-%m-%d %H:%M:%S"))
}
