//! One column of a contract.

use serde_saphyr::Spanned;

use super::column_custom::{read_path, read_pseudonymise, read_source_format};
use super::column_type::column_type;
use super::custom::Properties;
use super::model::{Column, OnInvalid};
use super::options::{read_allowed, read_options};
use super::raw::{self, RawProperty};
use super::tokens;
use crate::ContractError;
use crate::yaml::At;

const CUSTOM: [&str; 4] = ["sourcePath", "sourceFormat", "onInvalid", "pseudonymise"];
/// What readers that see the layout's folders, and our own SQL, call theirs.
const TAKEN: [&str; 4] = ["source", "year", "month", "day"];

/// A column, and what of it concerns the whole contract.
pub(super) struct ReadColumn {
    pub column: Column,
    pub is_key: bool,
    pub key_position: At<i64>,
    pub unique: At<bool>,
    pub quality: Vec<Spanned<raw::RawQuality>>,
}

pub(super) fn read(raw: RawProperty) -> Result<ReadColumn, ContractError> {
    let name = raw.name.value.clone();
    let location = raw.name.referenced;
    read_inner(raw).map_err(|error| error.within(format!("column `{name}`")).at(location))
}

fn read_inner(raw: RawProperty) -> Result<ReadColumn, ContractError> {
    raw::refuse(&[
        ("physicalName", &raw.physical_name),
        ("partitioned", &raw.partitioned),
        ("partitionKeyPosition", &raw.partition_key_position),
        ("encryptedName", &raw.encrypted_name),
        ("relationships", &raw.relationships),
        ("items", &raw.items),
        ("map", &raw.map),
        ("properties", &raw.properties),
    ])?;
    let name = raw.name.value;
    check_name(&name)?;
    let column_type = column_type(
        &raw.logical_type,
        &raw.physical_type,
        &raw.logical_type_options,
    )?;
    let custom = Properties::read(raw.custom_properties, &CUSTOM)?;
    let transform = raw.transform_logic.map(read_transform).transpose()?;
    let names_itself = transform.as_ref().is_none_or(|(_, names)| {
        names
            .columns
            .iter()
            .any(|other| other.to_lowercase() == name.to_lowercase())
    });
    let source_path = match custom.get("sourcePath", read_path)? {
        Some(path) => Some(path),
        None => names_itself.then(|| name.clone()),
    };
    if source_path.is_none() {
        for property in ["sourceFormat", "onInvalid"] {
            custom.get(property, |_| {
                Err::<(), _>(
                    ContractError::invalid(format!(
                        "`{property}` has no effect: the column is only computed"
                    ))
                    .with_hint("add `sourcePath`, or leave it out"),
                )
            })?;
        }
    }
    let classified = raw.classification.as_ref().is_some_and(|classification| {
        !matches!(classification.value.as_str(), "public" | "internal")
    });
    let pseudonymise = custom.get("pseudonymise", |value| {
        read_pseudonymise(value, column_type, classified)
    })?;
    let on_invalid = custom.choose(
        "onInvalid",
        &[
            ("reject", OnInvalid::Reject),
            ("setNull", OnInvalid::SetNull),
        ],
        &["clamp", "default"],
    )?;
    let source_format = custom
        .get("sourceFormat", |value| {
            read_source_format(value, column_type)
        })?
        .unwrap_or_default();
    let allowed = read_allowed(raw.allowed, column_type)?;
    let mut column = Column {
        name,
        column_type,
        source_path,
        source_format,
        on_invalid,
        transform: transform.map(|(text, _)| text),
        pseudonymise,
        required: raw.required.unwrap_or(false),
        key_position: None,
        allowed,
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
    if let Some(options) = raw.logical_type_options {
        read_options(&mut column, options.value).map_err(|error| error.at(options.referenced))?;
    }
    let is_key = raw.primary_key.unwrap_or(false);
    if let Some(position) = raw
        .primary_key_position
        .as_ref()
        .filter(|position| !is_key && position.value != -1)
    {
        return Err(
            ContractError::invalid("`primaryKeyPosition` without `primaryKey: true`")
                .with_hint("add `primaryKey: true`, or leave the position out")
                .at(position.referenced),
        );
    }
    Ok(ReadColumn {
        column,
        is_key,
        key_position: raw.primary_key_position,
        unique: raw.unique,
        quality: raw.quality.unwrap_or_default(),
    })
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
    if TAKEN.contains(&lower.as_str()) || lower.starts_with("source.") {
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
