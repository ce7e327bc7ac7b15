//! One column of a contract.

use super::column_custom::{read_path, read_pseudonymise};
use super::column_type::column_type;
use super::custom::Properties;
use super::model::{Column, OnInvalid};
use super::options::{read_allowed, read_options};
use super::raw::{self, RawProperty};
use super::source_format::read_source_format;
use super::tokens;
use crate::yaml::{At, Position, Spanned};
use crate::{ColumnType, ContractError, Problems, SourceFormat, source_path};

const CUSTOM: [&str; 4] = ["sourcePath", "sourceFormat", "onInvalid", "pseudonymise"];
/// What readers that see the layout's folders, and our own SQL, call theirs.
const RESERVED_NAMES: [&str; 4] = ["source", "year", "month", "day"];

/// A column, and what of it concerns the whole contract.
pub(super) struct ReadColumn {
    pub column: Column,
    /// Where its name is.
    pub location: Position,
    /// Whether something about it was refused: nothing more is said of what it lacks.
    pub is_broken: bool,
    pub is_key: bool,
    pub key_position: At<i64>,
    pub unique: At<bool>,
    pub quality: Vec<Spanned<raw::RawQuality>>,
}

/// Reads a column; one with problems too, so that what names it can be judged.
pub(super) fn read(raw: Spanned<RawProperty>, problems: &mut Problems) -> ReadColumn {
    let name = raw.value.name.value.clone();
    let location = raw.value.name.referenced;
    let mut found = Problems::default();
    let mut read = read_inner(raw.value, &mut found);
    // What is missing in a column that was not understood may have been there.
    found.keep_if(|error| raw.is_whole || error.line().is_some());
    read.is_broken = !raw.is_whole || found.count() > 0;
    let place = format!("column `{name}`");
    problems.append(found, |error| error.within(&place).at(location));
    read
}

fn read_inner(raw: RawProperty, problems: &mut Problems) -> ReadColumn {
    raw::refuse(
        &[
            ("physicalName", &raw.physical_name),
            ("partitioned", &raw.partitioned),
            ("partitionKeyPosition", &raw.partition_key_position),
            ("encryptedName", &raw.encrypted_name),
            ("relationships", &raw.relationships),
            ("items", &raw.items),
            ("map", &raw.map),
            ("properties", &raw.properties),
        ],
        problems,
    );
    let location = raw.name.referenced;
    let name = raw.name.value;
    problems.keep(check_name(&name));
    let known_type = problems.keep(column_type(
        &raw.logical_type,
        &raw.physical_type,
        &raw.logical_type_options,
    ));
    let column_type = known_type.unwrap_or(ColumnType::Text);
    let custom = Properties::read(raw.custom_properties, &CUSTOM, problems);
    let transform_position = raw.transform_logic.as_ref().map(|text| text.referenced);
    let transform = raw
        .transform_logic
        .and_then(|transform| problems.keep(read_transform(transform)));
    let names_itself = match &transform {
        Some((_, names)) => names
            .columns
            .iter()
            .any(|other| other.to_lowercase() == name.to_lowercase()),
        // One that was refused may name anything.
        None => true,
    };
    let source_path = match problems.keep(custom.get("sourcePath", read_path)) {
        Some(Some(path)) => Some(path),
        // A name that is not a path, such as `Nr.`, is one key.
        _ => names_itself.then(|| match source_path::keys(&name) {
            Some(_) => name.clone(),
            None => source_path::spelling(&[&name]),
        }),
    };
    if source_path.is_none() {
        for property in ["sourceFormat", "onInvalid"] {
            problems.keep(custom.get(property, |_| {
                Err::<(), _>(
                    ContractError::invalid(format!(
                        "`{property}` has no effect: the column is only computed"
                    ))
                    .with_hint("add `sourcePath`, or leave it out"),
                )
            }));
        }
    }
    let classified = raw.classification.as_ref().is_some_and(|classification| {
        !matches!(classification.value.as_str(), "public" | "internal")
    });
    let on_invalid = custom.choose(
        "onInvalid",
        &[
            ("reject", OnInvalid::Reject),
            ("setNull", OnInvalid::SetNull),
        ],
        &["clamp", "default"],
    );
    let mut column = Column {
        name,
        column_type,
        source_path,
        source_format: SourceFormat::default(),
        on_invalid: problems.keep(on_invalid).unwrap_or_default(),
        transform: transform.map(|(text, _)| text),
        transform_position,
        pseudonymise: None,
        required: raw.required.unwrap_or(false),
        key_position: None,
        allowed: Vec::new(),
        minimum: None,
        maximum: None,
        exclusive_minimum: None,
        exclusive_maximum: None,
        min_length: None,
        max_length: None,
        pattern: None,
        classified,
        description: raw.description,
    };
    // What depends on the type can be judged only where that is known.
    if known_type.is_some() {
        let pseudonymise = custom.get("pseudonymise", |value| {
            read_pseudonymise(value, column_type, classified)
        });
        column.pseudonymise = problems.keep(pseudonymise).flatten();
        let format = custom.get("sourceFormat", |value| {
            read_source_format(value, column_type)
        });
        column.source_format = problems.keep(format).flatten().unwrap_or_default();
        column.allowed = read_allowed(raw.allowed, column_type, problems);
        if let Some(options) = raw.logical_type_options {
            problems.part(
                |error| error.at(options.referenced),
                |problems| read_options(&mut column, options.value, problems),
            );
        }
    }
    let is_key = raw.primary_key.unwrap_or(false);
    if let Some(position) = raw
        .primary_key_position
        .as_ref()
        .filter(|position| !is_key && position.value != -1)
    {
        problems.add(
            ContractError::invalid("`primaryKeyPosition` without `primaryKey: true`")
                .with_hint("add `primaryKey: true`, or leave the position out")
                .at(position.referenced),
        );
    }
    ReadColumn {
        column,
        location,
        is_broken: false,
        is_key,
        key_position: raw.primary_key_position,
        unique: raw.unique,
        quality: raw.quality.unwrap_or_default(),
    }
}

fn check_name(name: &str) -> Result<(), ContractError> {
    let lower = name.to_lowercase();
    let refuse = |why: &str, hint: &str| {
        Err(
            ContractError::invalid(format!("a column cannot be called `{name}`: {why}"))
                .with_hint(hint),
        )
    };
    if name.is_empty() || name.trim() != name || name.chars().any(char::is_control) {
        return refuse(
            "it is empty, begins or ends with a space, or holds control characters",
            "give it a name that a person can type",
        );
    }
    if lower.starts_with("_lake_") {
        return refuse(
            "names beginning with `_lake_` are the lake's own",
            "choose another name",
        );
    }
    if RESERVED_NAMES.contains(&lower.as_str()) || lower.starts_with("source.") {
        return refuse(
            "the lake's own folders and statements use the name",
            "choose another, such as `event_day`; `sourcePath` says what the source calls it",
        );
    }
    Ok(())
}

fn read_transform(raw: Spanned<String>) -> Result<(String, tokens::Names), ContractError> {
    match tokens::names(&raw.value) {
        Ok(names) => Ok((raw.value, names)),
        Err(error) => {
            let hint = error.hint().unwrap_or_default().to_owned();
            Err(ContractError::invalid(format!("`transformLogic`: {error}"))
                .with_hint(hint)
                .at(raw.referenced))
        }
    }
}
