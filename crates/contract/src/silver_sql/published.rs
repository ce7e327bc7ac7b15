//! Which rows are published, and in which order.

use super::{JUDGED, PUBLISHED, names};
use crate::contract::{Contract, Dedupe, Keep};
use crate::quote;

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
pub(super) fn repeated(contract: &Contract) -> Option<Repeated> {
    let hash = format!("hash({}) AS _lake_hash FROM {JUDGED}", counted(contract)?);
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
pub(super) fn deduplicate(contract: &Contract) -> Vec<String> {
    let columns = names(contract);
    let view = |rest: &str| {
        format!(
            "CREATE VIEW {PUBLISHED} AS SELECT {columns} FROM {JUDGED}{rest} WHERE _lake_reasons IS NULL"
        )
    };
    let Some(counted) = counted(contract) else {
        return vec![view("")];
    };
    let (same, order) = match &contract.dedupe {
        Dedupe::ByKey {
            columns: key,
            keep,
            order_by,
        } => {
            let mut order: Vec<&String> = order_by.iter().collect();
            order.extend(contract.columns.iter().map(|column| &column.name));
            let direction = match keep {
                Keep::Latest => "DESC",
                Keep::First => "ASC",
            };
            let order = ordered(order, |name| !key.contains(name), direction);
            (quote::identifiers(key), order)
        }
        // The rows are equal: whichever stays.
        Dedupe::None | Dedupe::ByRow => (columns.clone(), String::new()),
    };
    let order = if order.is_empty() {
        "_lake_file, _lake_offset".to_owned()
    } else {
        order
    };
    vec![
        format!(
            "CREATE TABLE dropped AS SELECT _lake_file, _lake_offset FROM (\n  \
             SELECT _lake_file, _lake_offset, row_number() OVER (PARTITION BY {same} ORDER BY {order}) AS _lake_rank\n  \
             FROM {JUDGED}\n  \
             WHERE _lake_reasons IS NULL AND hash({counted}) IN (SELECT _lake_hash FROM repeated)\n\
             ) AS _lake_ranked WHERE _lake_rank > 1"
        ),
        view(" ANTI JOIN dropped USING (_lake_file, _lake_offset)"),
    ]
}

/// The columns by which two rows are the same; `None` where all rows are published.
pub(super) fn counted(contract: &Contract) -> Option<String> {
    match &contract.dedupe {
        Dedupe::None => None,
        Dedupe::ByKey { columns, .. } => Some(quote::identifiers(columns)),
        Dedupe::ByRow => Some(names(contract)),
    }
}

/// The published rows in an order that leaves no two of them open.
pub(super) fn published(contract: &Contract) -> String {
    let mut order: Vec<&String> = contract.sort.iter().collect();
    match &contract.dedupe {
        // No two rows share the key: what comes behind it decides nothing, and sorting costs.
        Dedupe::ByKey { columns, .. } => order.extend(columns),
        Dedupe::None | Dedupe::ByRow => {
            order.extend(contract.columns.iter().map(|column| &column.name))
        }
    }
    format!(
        "SELECT {} FROM {PUBLISHED} ORDER BY {}",
        names(contract),
        ordered(order, |_| true, "ASC")
    )
}

/// An ORDER BY list of those names that `keep` lets pass, each once; missing values come last.
fn ordered(columns: Vec<&String>, keep: impl Fn(&String) -> bool, direction: &str) -> String {
    let mut seen: Vec<&String> = Vec::new();
    for column in columns {
        if keep(column) && !seen.contains(&column) {
            seen.push(column);
        }
    }
    let terms: Vec<String> = seen
        .iter()
        .map(|column| format!("{} {direction} NULLS LAST", quote::identifier(column)))
        .collect();
    terms.join(", ")
}
