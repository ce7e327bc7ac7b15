//! Tables of warehouses beside the columns of their marts.

use lakehouse_contract::{Load, Pipeline, RUN_DATE_COLUMN};
use lakehouse_stage::StageError;

use crate::{BoundMart, Misfit};

/// What does not fit between a mart and the tables that it is loaded into: a key column that it
/// does not return, a column of its own where the load puts the run date.
#[must_use]
pub fn judge_tables(pipeline: &Pipeline, mart: &BoundMart) -> Vec<Misfit> {
    let mut misfits = Vec::new();
    let tables = pipeline
        .warehouses
        .iter()
        .flat_map(|(warehouse, entry)| entry.tables.iter().map(move |table| (warehouse, table)))
        .filter(|(_, (_, table))| table.mart == mart.name);
    for (warehouse, (name, table)) in tables {
        let mut refuse = |position, message: String, hint: &str| {
            misfits.push(Misfit {
                position: Some(position),
                error: StageError::usage(format!(
                    "warehouse `{warehouse}`: table `{name}`: {message}"
                ))
                .hint(hint),
            });
        };
        let own_run_date = mart
            .columns
            .iter()
            .find(|(column, _)| column.eq_ignore_ascii_case(RUN_DATE_COLUMN));
        if let (Load::Day, Some((column, _))) = (table.load, own_run_date) {
            refuse(
                table.mart_position,
                format!("the mart has a column `{column}`, where `load: day` puts the run date"),
                "leave the column out of the SELECT, or give it another name with `as`",
            );
        }
        for key in &table.key {
            let is_run_date = table.load == Load::Day && key == RUN_DATE_COLUMN;
            if !is_run_date && !mart.columns.iter().any(|(column, _)| column == key) {
                refuse(
                    table.key_position,
                    format!(
                        "the key names `{key}`, which the mart `{}` does not return",
                        mart.name
                    ),
                    "correct `key` in pipeline.yaml or the SELECT",
                );
            }
        }
    }
    misfits
}
