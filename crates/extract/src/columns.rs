//! Which columns leave a database, and how unlike names are told.

use lakehouse_contract::{Columns, Contract, UnknownColumns, source_path, suggest};
use lakehouse_stage::StageError;

/// The name of a second column that says nothing, where there would be only one: a line of one
/// missing value is an empty line, and readers skip those.
pub(crate) const FILLER: &str = "_";

/// The columns that a contract reads, in the order of the contract.
pub(crate) fn of_contract(contract: &Contract) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let paths = contract
        .columns
        .iter()
        .filter_map(|column| column.source_path.clone())
        .chain(contract.source_texts());
    for path in paths {
        // A CSV header has the keys of a path joined by dots.
        let name = source_path::keys(&path).map_or(path, |keys| keys.join("."));
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The columns to take of those that a relation has.
///
/// # Errors
/// The relation lacks one that the contract reads, or one that `except` names: 2, with what
/// there is instead.
pub(crate) fn choose(
    relation: &str,
    existing: &[String],
    columns: &Columns,
    contract: &Contract,
) -> Result<Vec<String>, StageError> {
    let mut chosen = of_contract(contract);
    for name in &chosen {
        require(relation, existing, name, "the contract reads")?;
    }
    if let Columns::All { except } = columns {
        for name in except {
            require(relation, existing, name, "`except` names")?;
            if chosen.contains(name) {
                return Err(StageError::usage(format!(
                    "`except` names the column `{name}`, which the contract reads"
                ))
                .hint("take it out of one of the two"));
            }
        }
        for name in existing {
            if !chosen.contains(name) && !except.contains(name) {
                chosen.push(name.clone());
            }
        }
    }
    Ok(chosen)
}

fn require(
    relation: &str,
    existing: &[String],
    name: &String,
    who: &str,
) -> Result<(), StageError> {
    if existing.contains(name) {
        return Ok(());
    }
    let known: Vec<&str> = existing.iter().map(String::as_str).collect();
    let mut hint = suggest::hint(name, &known, "columns");
    if name.contains('.') {
        hint.push_str(
            "; a part of a JSON column is taken out by a query: `select product->>'category' as \"product.category\"`",
        );
    }
    Err(StageError::usage(format!("`{relation}` has no column `{name}`, which {who}")).hint(hint))
}

/// Whether a second column has to be added to a single one.
///
/// # Errors
/// It has to, and the contract does not let unknown columns pass: 2.
pub(crate) fn needs_filler(
    relation: &str,
    columns: usize,
    can_be_missing: bool,
    contract: &Contract,
) -> Result<bool, StageError> {
    if columns != 1 || !can_be_missing {
        return Ok(false);
    }
    if contract.unknown_columns != UnknownColumns::Discard {
        return Err(StageError::usage(format!(
            "only one column of `{relation}` is taken, and it can be NULL: a line of it alone would be empty"
        ))
        .hint("write `unknownColumns: discard` into the contract, so that a column `_` beside it may come along, or take another column as well"));
    }
    Ok(true)
}
