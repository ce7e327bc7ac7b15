//! What classified columns read, no other column may read.

use std::collections::BTreeSet;

use super::model::{Column, Contract};
use super::tokens::Names;
use crate::yaml::Position;
use crate::{ContractError, Problems, source_path};

/// Tells where a contract would publish, or keep in quarantine, what it calls classified.
///
/// `sound` says of each column whether nothing else is wrong with it, and where its name is: what
/// a broken column reads is not known.
pub(super) fn check(contract: &Contract, sound: &[(bool, Position)], problems: &mut Problems) {
    check_texts(contract, sound, problems);
    let classified = classified_paths(contract);
    for (column, (is_sound, location)) in contract.columns.iter().zip(sound) {
        if !is_sound {
            continue;
        }
        let within = |error: ContractError| {
            let at = column.transform_position.unwrap_or(*location);
            error.within(format!("column `{}`", column.name)).at(at)
        };
        if column.classified && column.pseudonymise.is_none() && column.transform.is_none() {
            problems.add(within(
                ContractError::privacy("it is classified and would be published as it is").with_hint(
                    "add the custom property `pseudonymise`, or a `transformLogic`, or `classification: internal`",
                ),
            ));
        }
        let names = column.names();
        let sources = check_sources(contract, &names).map_err(within);
        if problems.keep(sources).is_some() && !column.classified {
            let texts: Vec<String> = names.texts.into_iter().collect();
            let read = check_column(contract, column, &names.columns, &texts, &classified);
            problems.keep(read.map_err(within));
        }
    }
}

/// The texts become fields of one struct, and the engine does not tell fields apart by case.
fn check_texts(contract: &Contract, sound: &[(bool, Position)], problems: &mut Problems) {
    let mut seen: Vec<(String, String)> = Vec::new();
    for (column, (_, location)) in contract.columns.iter().zip(sound) {
        for path in column.names().texts {
            let lower = path.to_lowercase();
            if seen
                .iter()
                .any(|(other, spelled)| *other == lower && *spelled != path)
            {
                problems.add(
                    ContractError::invalid(format!(
                        "`source.\"{path}\"` differs from another text only in case"
                    ))
                    .with_hint(
                        "the engine cannot tell the two apart: read one of them through a column with `sourcePath`",
                    )
                    .within(format!("column `{}`", column.name))
                    .at(column.transform_position.unwrap_or(*location)),
                );
            } else {
                seen.push((lower, path));
            }
        }
    }
}

/// A transform reads columns before any transform: one that is only computed has no value there.
fn check_sources(contract: &Contract, names: &Names) -> Result<(), ContractError> {
    for name in &names.columns {
        if let Some(read) = contract
            .column(name)
            .filter(|read| read.source_path.is_none())
        {
            return Err(ContractError::invalid(format!(
                "`transformLogic` names `{}`, which is only computed: transforms do not see one another",
                read.name
            ))
            .with_hint(format!(
                "repeat its expression, or read the source's text as `source.\"{}\"`",
                read.name
            )));
        }
    }
    Ok(())
}

/// What a column reads of the source: its own field, the fields of the columns that it names, and
/// texts.
fn paths_read(
    contract: &Contract,
    column: &Column,
    columns: &BTreeSet<String>,
    texts: &[String],
) -> Vec<String> {
    let named = columns.iter().filter_map(|name| contract.column(name));
    let fields = named.filter_map(|read| read.source_path.clone());
    column
        .source_path
        .iter()
        .cloned()
        .chain(fields)
        .chain(texts.iter().cloned())
        .collect()
}

fn classified_paths(contract: &Contract) -> Vec<(String, String)> {
    let mut paths = Vec::new();
    for column in contract.columns.iter().filter(|column| column.classified) {
        let names = column.names();
        let texts: Vec<String> = names.texts.into_iter().collect();
        for path in paths_read(contract, column, &names.columns, &texts) {
            paths.push((path, column.name.clone()));
        }
    }
    paths
}

/// Whether two paths share text: they are one field, or one is inside the other. In a CSV header
/// the keys of a path are joined by dots, so paths that are equal then are one field too.
///
/// Upper and lower case are the same: a source that writes `Email` today may write `email` tomorrow.
fn overlap(left: &str, right: &str) -> bool {
    let keys_of = |path: &str| {
        let path = path.to_lowercase();
        source_path::keys(&path).unwrap_or_else(|| vec![path])
    };
    let (left, right) = (keys_of(left), keys_of(right));
    left.starts_with(&right) || right.starts_with(&left) || left.join(".") == right.join(".")
}

fn check_column(
    contract: &Contract,
    column: &Column,
    columns: &BTreeSet<String>,
    texts: &[String],
    classified: &[(String, String)],
) -> Result<(), ContractError> {
    for path in paths_read(contract, column, columns, texts) {
        let secret = classified
            .iter()
            .find(|(classified, _)| overlap(classified, &path));
        if let Some((_, reader)) = secret {
            return Err(ContractError::privacy(format!(
                "it reads the source field `{path}`, which is classified because column `{reader}` reads it"
            ))
            .with_hint("classify this column too, or let it read something else")
            .within(format!("column `{}`", column.name)));
        }
    }
    Ok(())
}

/// See [`Contract::check_reads`].
pub(super) fn check_reads(
    contract: &Contract,
    column: &str,
    references: &BTreeSet<Vec<String>>,
) -> Result<(), ContractError> {
    let Some(column) = contract.column(column) else {
        return Err(ContractError::invalid(format!(
            "`{column}` is not a column"
        )));
    };
    let mut columns = BTreeSet::new();
    let mut texts = Vec::new();
    for reference in references {
        match reference.as_slice() {
            [first, rest @ ..] if first.eq_ignore_ascii_case("source") => {
                texts.push(rest.first().cloned().unwrap_or_default());
            }
            [first, ..] => {
                columns.insert(first.clone());
            }
            [] => {}
        }
    }
    // A text that nobody was told to keep would be a struct field that does not exist.
    let kept = column.names().texts;
    if let Some(text) = texts
        .iter()
        .find(|text| !kept.iter().any(|kept| kept.eq_ignore_ascii_case(text)))
    {
        return Err(ContractError::invalid(format!(
            "`transformLogic` reads `source` without naming a text of it (`{text}`)"
        ))
        .with_hint("name one text of the source: `source.\"product.category\"`")
        .within(format!("column `{}`", column.name)));
    }
    check_sources(
        contract,
        &Names {
            columns: columns.clone(),
            texts: BTreeSet::new(),
        },
    )
    .map_err(|error| error.within(format!("column `{}`", column.name)))?;
    if column.classified {
        return Ok(());
    }
    check_column(
        contract,
        column,
        &columns,
        &texts,
        &classified_paths(contract),
    )
}

/// See [`Contract::showable_paths`].
pub(super) fn showable_paths(contract: &Contract) -> Vec<String> {
    let classified = classified_paths(contract);
    let mut paths: BTreeSet<String> = contract.source_texts().into_iter().collect();
    paths.extend(
        contract
            .columns
            .iter()
            .filter_map(|column| column.source_path.clone()),
    );
    paths.retain(|path| !classified.iter().any(|(secret, _)| overlap(secret, path)));
    paths.into_iter().collect()
}
