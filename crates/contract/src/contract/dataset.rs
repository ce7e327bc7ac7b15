//! The contract as a whole: its root, its one schema object, and what columns mean together.

use serde_json::Value;
use serde_saphyr::Spanned;

use super::column::{self, ReadColumn};
use super::custom::{self, Properties};
use super::key::{assign_key, check_unique, default_dedupe, key, key_rule, read_dedupe};
use super::model::{Contract, Dedupe, OnOtherDay, OnUnreadableFile, OnViolation, UnknownColumns};
use super::quality;
use super::raw::{self, RawContract, RawObject};
use crate::{ColumnType, ContractError, Name, suggest};

const CUSTOM: [&str; 10] = [
    "delivery",
    "dedupe",
    "eventTime",
    "sort",
    "onViolation",
    "onUnreadableFile",
    "unknownColumns",
    "onOtherDay",
    "maxQuarantined",
    "allowEmpty",
];

pub(super) fn read(raw: RawContract) -> Result<Contract, ContractError> {
    let fixed = [
        ("apiVersion", &raw.api_version, "v3.2.0"),
        ("kind", &raw.kind, "DataContract"),
    ];
    for (key, found, expected) in fixed {
        if found.value != expected {
            return Err(
                ContractError::invalid(format!("`{key}: {}` is not known", found.value))
                    .with_hint(format!("write `{key}: {expected}`"))
                    .at(found.referenced),
            );
        }
    }
    for (key, found) in [("id", &raw.id), ("version", &raw.version)] {
        if found.value.trim().is_empty() {
            return Err(ContractError::invalid(format!("`{key}` is empty"))
                .with_hint(format!("give the contract an `{key}`"))
                .at(found.referenced));
        }
    }
    raw::refuse(&[
        ("roles", &raw.roles),
        ("slaDefaultElement", &raw.sla_default_element),
        ("slaProperties", &raw.sla_properties),
    ])?;
    Properties::read(raw.custom_properties, &[])?;
    let location = raw.schema.referenced;
    let mut objects = raw.schema.value;
    match (objects.pop(), objects.is_empty()) {
        (Some(object), true) => read_object(raw.id.value, raw.version.value, object.value)
            .map_err(|error| error.at(object.referenced)),
        (found, _) => Err(ContractError::invalid(format!(
            "`schema` has {} objects",
            objects.len() + usize::from(found.is_some())
        ))
        .with_hint("a contract is about one dataset: one object, and one file each")
        .at(location)),
    }
}

fn read_object(id: String, version: String, raw: RawObject) -> Result<Contract, ContractError> {
    raw::refuse(&[
        ("physicalName", &raw.physical_name),
        ("relationships", &raw.relationships),
    ])?;
    raw.name
        .value
        .parse::<Name>()
        .map_err(|error| error.at(raw.name.referenced))?;
    if let Some(logical) = raw.logical_type.filter(|logical| logical.value != "object") {
        return Err(
            ContractError::invalid(format!("a dataset cannot be `{}`", logical.value))
                .with_hint("write `logicalType: object`, or leave it out")
                .at(logical.referenced),
        );
    }
    if raw.properties.is_empty() {
        return Err(
            ContractError::invalid("`properties` is empty").with_hint("name at least one column")
        );
    }
    let mut columns = Vec::new();
    for property in raw.properties {
        columns.push(column::read(property.value)?);
    }
    check_names(&columns)?;
    assign_key(&mut columns)?;
    let custom = Properties::read(raw.custom_properties, &CUSTOM)?;
    custom.choose("delivery", &[("event", ())], &["snapshot", "changes"])?;
    let key = key(&columns);
    let dedupe = match custom.get("dedupe", |value| read_dedupe(value, &columns, &key))? {
        Some(dedupe) => dedupe,
        None => default_dedupe(&key),
    };
    check_unique(&columns, &dedupe)?;
    let event_time = custom.get("eventTime", |value| read_event_time(value, &columns))?;
    let choices = [
        ("keep", OnOtherDay::Keep),
        ("quarantine", OnOtherDay::Quarantine),
    ];
    let on_other_day = custom.choose("onOtherDay", &choices, &[])?;
    if on_other_day == OnOtherDay::Quarantine && event_time.is_none() {
        return Err(
            ContractError::invalid("`onOtherDay: quarantine` without `eventTime`")
                .with_hint("say with `eventTime` which column tells the day")
                .at(custom.location("onOtherDay")),
        );
    }
    let sort = custom.get("sort", |value| known_columns("sort", value, &columns))?;
    let mut rules = quality::read_all(raw.quality.unwrap_or_default(), &columns)?;
    if !key.is_empty() && !matches!(dedupe, Dedupe::ByKey { .. }) {
        rules.push(key_rule(&key));
    }
    quality::check_names(&rules)?;
    Ok(Contract {
        id,
        version,
        dataset_name: raw.name.value,
        dedupe,
        event_time,
        sort: sort.unwrap_or(key),
        on_violation: custom.choose(
            "onViolation",
            &[
                ("quarantine", OnViolation::Quarantine),
                ("fail", OnViolation::Fail),
            ],
            &[],
        )?,
        on_unreadable_file: custom.choose(
            "onUnreadableFile",
            &[
                ("quarantine", OnUnreadableFile::Quarantine),
                ("fail", OnUnreadableFile::Fail),
            ],
            &[],
        )?,
        unknown_columns: custom.choose(
            "unknownColumns",
            &[
                ("discard", UnknownColumns::Discard),
                ("quarantine", UnknownColumns::Quarantine),
                ("fail", UnknownColumns::Fail),
            ],
            &[],
        )?,
        on_other_day,
        max_quarantined_percent: custom.get("maxQuarantined", read_percent)?.unwrap_or(5.0),
        allow_empty: custom
            .get("allowEmpty", |value| custom::boolean("allowEmpty", value))?
            .unwrap_or(false),
        quality: rules,
        columns: columns.into_iter().map(|read| read.column).collect(),
        sha256: String::new(),
    })
}

/// The engine's names differ by more than the case of their letters, quoted or not.
fn check_names(columns: &[ReadColumn]) -> Result<(), ContractError> {
    for (place, read) in columns.iter().enumerate() {
        let name = &read.column.name;
        let lower = name.to_lowercase();
        let twin = columns[..place]
            .iter()
            .find(|other| other.column.name.to_lowercase() == lower);
        if let Some(twin) = twin {
            return Err(ContractError::invalid(format!(
                "two columns have one name: `{}` and `{name}`",
                twin.column.name
            ))
            .with_hint("the engine does not tell small letters from capital ones: rename one"));
        }
    }
    Ok(())
}

/// A list of columns, each under the name that it was declared with.
pub(super) fn known_columns(
    property: &str,
    value: &Value,
    columns: &[ReadColumn],
) -> Result<Vec<String>, ContractError> {
    let mut found: Vec<String> = Vec::new();
    for name in custom::texts(property, value)? {
        let declared = known_column(property, &name, columns)?.name.clone();
        if found.contains(&declared) {
            return Err(
                ContractError::invalid(format!("`{property}` lists `{name}` twice"))
                    .with_hint("name each column once"),
            );
        }
        found.push(declared);
    }
    if found.is_empty() {
        return Err(ContractError::invalid(format!("`{property}` is empty"))
            .with_hint("name at least one column, or leave it out"));
    }
    Ok(found)
}

/// The declared column of that name.
pub(super) fn known_column<'a>(
    property: &str,
    name: &str,
    columns: &'a [ReadColumn],
) -> Result<&'a super::Column, ContractError> {
    let found = columns.iter().map(|read| &read.column);
    let found = found
        .into_iter()
        .find(|column| column.name.to_lowercase() == name.to_lowercase());
    found.ok_or_else(|| {
        let known: Vec<&str> = columns
            .iter()
            .map(|read| read.column.name.as_str())
            .collect();
        ContractError::invalid(format!(
            "`{property}` names `{name}`, which is not a column"
        ))
        .with_hint(suggest::hint(name, &known, "columns"))
    })
}

fn read_event_time(value: &Value, columns: &[ReadColumn]) -> Result<String, ContractError> {
    let column = known_column("eventTime", custom::text("eventTime", value)?, columns)?;
    if column.column_type != ColumnType::Timestamp {
        return Err(ContractError::invalid(format!(
            "`eventTime` is `{}`, a column of type {}",
            column.name,
            column.column_type.sql()
        ))
        .with_hint("name a column of `logicalType: timestamp`"));
    }
    Ok(column.name.clone())
}

fn read_percent(value: &Value) -> Result<f64, ContractError> {
    let percent = custom::number("maxQuarantined", value)?;
    if (0.0..=100.0).contains(&percent) {
        Ok(percent)
    } else {
        Err(
            ContractError::invalid(format!("`maxQuarantined: {value}` is not a share"))
                .with_hint("write per cent of the rows read, from 0 to 100"),
        )
    }
}

/// Rules of the dataset, and those written beside its columns.
pub(super) fn take_column_rules(
    columns: &[ReadColumn],
) -> Vec<(&str, &[Spanned<raw::RawQuality>])> {
    columns
        .iter()
        .map(|read| (read.column.name.as_str(), read.quality.as_slice()))
        .collect()
}
