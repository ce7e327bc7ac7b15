//! What the quality report and the quarantine ask.

use super::long_texts::{self, LongTexts};
use super::{JUDGED, PUBLISHED, name};
use crate::ColumnType;
use crate::contract::{Column, Contract, Dedupe};
use crate::quote;

/// Longer texts are no use in a report, and may be megabytes.
const SHOWN_CHARACTERS: u32 = 200;

pub(super) fn counts(contract: &Contract) -> String {
    let duplicate = match contract.dedupe {
        Dedupe::None => "CAST(0 AS BIGINT)".to_owned(),
        Dedupe::ByKey { .. } | Dedupe::ByRow => "(SELECT count(*) FROM dropped)".to_owned(),
    };
    format!(
        "SELECT (SELECT count(*) FROM {JUDGED}) AS rows_read, \
         (SELECT count(*) FROM {PUBLISHED}) AS rows_published, \
         (SELECT count(*) FROM {JUDGED} WHERE _lake_reasons IS NOT NULL) AS rows_quarantined, \
         {duplicate} AS rows_duplicate"
    )
}

pub(super) fn rules() -> String {
    // By file first: then the smallest position in the first file is one integer's minimum.
    format!(
        "SELECT \"column\", \"rule\", CAST(sum(\"rows\") AS BIGINT) AS \"rows\", \
         min(_lake_file) AS _lake_file, arg_min(_lake_position, _lake_file) AS _lake_position \
         FROM (SELECT reason.\"column\" AS \"column\", reason.\"rule\" AS \"rule\", _lake_file, \
         count(*) AS \"rows\", min(_lake_position) AS _lake_position \
         FROM (SELECT _lake_file, _lake_position, unnest(_lake_reasons) AS reason FROM {JUDGED} WHERE _lake_reasons IS NOT NULL) AS _lake_reason \
         GROUP BY 1, 2, 3) AS _lake_rule \
         GROUP BY 1, 2 ORDER BY 1 NULLS FIRST, 2"
    )
}

/// Of published rows alone: a repair of a row that went elsewhere changed nothing that is read.
pub(super) fn repairs(contract: &Contract) -> String {
    let kept = kept(contract);
    format!(
        "SELECT repair.\"column\" AS \"column\", repair.\"rule\" AS \"rule\", count(*) AS \"rows\" \
         FROM (SELECT unnest(from_json(_lake_repaired, '[{{\"column\":\"VARCHAR\",\"rule\":\"VARCHAR\"}}]')) AS repair \
         FROM {JUDGED}{kept} WHERE _lake_repaired IS NOT NULL AND _lake_reasons IS NULL) AS _lake_repair \
         GROUP BY 1, 2 ORDER BY 1, 2"
    )
}

/// Published rows with a repaired value, however many such values each has.
pub(super) fn repaired_rows(contract: &Contract) -> String {
    let kept = kept(contract);
    format!(
        "SELECT count(*) AS \"rows\" FROM {JUDGED}{kept} \
         WHERE _lake_repaired IS NOT NULL AND _lake_reasons IS NULL"
    )
}

fn kept(contract: &Contract) -> &'static str {
    match contract.dedupe {
        Dedupe::None => "",
        Dedupe::ByKey { .. } | Dedupe::ByRow => {
            " ANTI JOIN dropped USING (_lake_file, _lake_offset)"
        }
    }
}

pub(super) fn column_statistics(contract: &Contract) -> String {
    let entry = |column: &Column| {
        let value = name(column);
        let extreme = |function: &str| match (column.classified, column.column_type) {
            (true, _) => "CAST(NULL AS VARCHAR)".to_owned(),
            (false, ColumnType::Text) => {
                let beginning = long_texts::beginning(&format!("{function}({value})"));
                format!("left({beginning}, {SHOWN_CHARACTERS})")
            }
            (false, _) => format!("CAST({function}({value}) AS VARCHAR)"),
        };
        format!(
            "'nulls': count(*) - count({value}), 'min': {}, 'max': {}",
            extreme("min"),
            extreme("max")
        )
    };
    per_column(
        contract,
        "entry.\"nulls\", entry.\"min\", entry.\"max\"",
        entry,
    )
}

pub(super) fn profile(contract: &Contract, long: LongTexts) -> String {
    let entry = |column: &Column| {
        let value = name(column);
        let has_quantiles = !column.classified && column.column_type.is_ordered();
        let mut entry = format!(
            "'distinct_values': count(DISTINCT {})",
            long.compared("", column)
        );
        for (label, share) in [
            ("q05", "0.05"),
            ("q25", "0.25"),
            ("q50", "0.5"),
            ("q75", "0.75"),
            ("q95", "0.95"),
        ] {
            entry.push_str(&if has_quantiles {
                format!(", '{label}': CAST(quantile_disc({value}, {share}) AS VARCHAR)")
            } else {
                format!(", '{label}': CAST(NULL AS VARCHAR)")
            });
        }
        entry
    };
    per_column(
        contract,
        "entry.\"distinct_values\", entry.\"q05\", entry.\"q25\", entry.\"q50\", entry.\"q75\", entry.\"q95\"",
        entry,
    )
}

/// One row a column, in the contract's order, from one pass over the published rows.
fn per_column(contract: &Contract, fields: &str, entry: impl Fn(&Column) -> String) -> String {
    let entries: Vec<String> = contract
        .columns
        .iter()
        .enumerate()
        .map(|(place, column)| {
            format!(
                "{{'place': {}, 'column': {}, {}}}",
                place + 1,
                quote::literal(&column.name),
                entry(column)
            )
        })
        .collect();
    format!(
        "SELECT entry.\"column\", {fields} FROM (SELECT unnest([\n  {}\n]) AS entry FROM {PUBLISHED}) AS _lake_entry \
         ORDER BY entry.\"place\"",
        entries.join(",\n  ")
    )
}
