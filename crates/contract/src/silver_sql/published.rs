//! Which rows are published, and in which order.

use super::long_texts::{self, LongTexts};
use super::{JUDGED, PUBLISHED, names, report};
use crate::contract::{Contract, Dedupe, Keep};

/// The statements that depend on whether long texts were kept beside the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedSql {
    /// The ways to find keys that occur twice, where a contract asks for it.
    pub repeated: Option<Repeated>,
    /// Make the view `published`, of the contract's columns alone.
    pub deduplicate: Vec<String>,
    /// The contract's columns of all published rows, in a total order. Long texts are restored.
    pub select: String,
    /// The order of [`select`](Self::select), as an ORDER BY over the view `published` has it.
    pub order: String,
    /// `column`, `distinct_values`, and the quantiles `q05`, `q25`, `q50`, `q75` and `q95` as
    /// texts; these are NULL for texts, booleans and classified columns.
    pub profile: String,
}

impl PublishedSql {
    pub(super) fn new(contract: &Contract, long: LongTexts) -> Self {
        Self {
            repeated: repeated(contract, long),
            deduplicate: deduplicate(contract, long),
            select: format!(
                "SELECT {} FROM {PUBLISHED} ORDER BY {}",
                restored_names(contract, long),
                order(contract, long)
            ),
            order: order(contract, long),
            profile: report::profile(contract, long),
        }
    }
}

fn restored_names(contract: &Contract, long: LongTexts) -> String {
    if long == LongTexts::Absent {
        return names(contract);
    }
    let restored: Vec<String> = contract.columns.iter().map(long_texts::restored).collect();
    restored.join(", ")
}

/// The two ways to the table `repeated`: the hashes of all keys that occur twice, and perhaps of
/// some that do not.
///
/// Almost no row has a twin, and which may have one is known once rows are loaded (`lake_seen`, a
/// function of the engine's crate).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeated {
    /// Counts the rows whose key may have come before.
    pub seen_rows: String,
    /// Takes the keys of those rows. The engine holds them in memory: for a few.
    pub of_seen: String,
    /// Groups all rows by their keys, which spills where memory is short: for any number.
    pub of_all: String,
}

/// How `repeated` is made; `None` where all rows are published.
fn repeated(contract: &Contract, long: LongTexts) -> Option<Repeated> {
    let hash = format!(
        "hash({}) AS _lake_hash FROM {JUDGED}",
        counted(contract, long)?
    );
    Some(Repeated {
        seen_rows: format!("SELECT count(*) FROM {JUDGED} WHERE _lake_seen"),
        of_seen: format!("CREATE TABLE repeated AS SELECT DISTINCT {hash} WHERE _lake_seen"),
        of_all: format!(
            "CREATE TABLE repeated AS SELECT {hash} WHERE _lake_reasons IS NULL \
             GROUP BY _lake_hash HAVING count(*) > 1"
        ),
    })
}

/// The statements that make the view `published`, of the table `repeated` where there is one.
///
/// Only rows with those keys pass the window function, which would cost several times the whole
/// day's load otherwise, and which alone decides.
fn deduplicate(contract: &Contract, long: LongTexts) -> Vec<String> {
    let columns = names(contract);
    let view = |rest: &str| {
        format!(
            "CREATE VIEW {PUBLISHED} AS SELECT {columns} FROM {JUDGED}{rest} WHERE _lake_reasons IS NULL"
        )
    };
    let Some(counted) = counted(contract, long) else {
        return vec![view("")];
    };
    let mut order = match &contract.dedupe {
        Dedupe::ByKey {
            columns: key,
            keep,
            order_by,
        } => {
            let mut order: Vec<&String> = order_by.iter().collect();
            order.extend(contract.columns.iter().map(|column| &column.name));
            order.retain(|name| !key.contains(name));
            let direction = match keep {
                Keep::Latest => "DESC",
                Keep::First => "ASC",
            };
            ordered("", contract, long, order, direction)
        }
        Dedupe::None | Dedupe::ByRow => Vec::new(),
    };
    // Equal rows need not be the same: one may have been repaired. Which of them stays follows from
    // where they stand, never from the thread that was first.
    order.extend(["_lake_file".to_owned(), "_lake_offset".to_owned()]);
    let order = order.join(", ");
    vec![
        format!(
            "CREATE TABLE dropped AS SELECT _lake_file, _lake_offset FROM (\n  \
             SELECT _lake_file, _lake_offset, row_number() OVER (PARTITION BY {counted} ORDER BY {order}) AS _lake_rank\n  \
             FROM {JUDGED}\n  \
             WHERE _lake_reasons IS NULL AND hash({counted}) IN (SELECT _lake_hash FROM repeated)\n\
             ) AS _lake_ranked WHERE _lake_rank > 1"
        ),
        view(" ANTI JOIN dropped USING (_lake_file, _lake_offset)"),
    ]
}

/// What two rows are the same by; `None` where all rows are published.
pub(super) fn counted(contract: &Contract, long: LongTexts) -> Option<String> {
    match &contract.dedupe {
        Dedupe::None => None,
        Dedupe::ByKey { columns, .. } => Some(long.compared_list(contract, columns)),
        Dedupe::ByRow => {
            let columns = contract.columns.iter().map(|column| &column.name);
            Some(long.compared_list(contract, columns))
        }
    }
}

/// An order of the published rows that leaves no two of them open.
fn order(contract: &Contract, long: LongTexts) -> String {
    let mut order: Vec<&String> = contract.sort.iter().collect();
    match &contract.dedupe {
        // No two rows share the key: what comes behind it decides nothing, and sorting costs.
        Dedupe::ByKey { columns, .. } => order.extend(columns),
        Dedupe::None | Dedupe::ByRow => {
            order.extend(contract.columns.iter().map(|column| &column.name))
        }
    }
    // The order is of the view's columns, which restored ones of the same name would hide.
    let of = match long {
        LongTexts::Absent => String::new(),
        LongTexts::Present => format!("{PUBLISHED}."),
    };
    ordered(&of, contract, long, order, "ASC").join(", ")
}

/// The terms of an ORDER BY over these columns, each once; missing values come last.
fn ordered(
    of: &str,
    contract: &Contract,
    long: LongTexts,
    columns: Vec<&String>,
    direction: &str,
) -> Vec<String> {
    let mut seen: Vec<&String> = Vec::new();
    for column in columns {
        if !seen.contains(&column) {
            seen.push(column);
        }
    }
    seen.iter()
        .map(|column| {
            let compared = long.compared_by_name(of, contract, column);
            format!("{compared} {direction} NULLS LAST")
        })
        .collect()
}
