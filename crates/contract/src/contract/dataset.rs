//! The contract as a whole: its root, its one schema object, and what columns mean together.

use serde_json::Value;

use super::column::{self, ReadColumn};
use super::custom::{self, Properties};
use super::key::{assign_key, check_unique, default_dedupe, key, key_rule, read_dedupe};
use super::model::{
    Contract, Dedupe, Delivery, OnOtherDay, OnUnreadableFile, OnViolation, UnknownColumns,
};
use super::raw::{self, RawContract, RawObject};
use super::{delivery, privacy, quality};
use crate::yaml::{Position, Spanned};
use crate::{ColumnType, ContractError, Name, Problems, suggest};

const CUSTOM: [&str; 12] = [
    "delivery",
    "tombstone",
    "dedupe",
    "eventTime",
    "sort",
    "onViolation",
    "onUnreadableFile",
    "unknownColumns",
    "onOtherDay",
    "maxQuarantined",
    "maxRepaired",
    "allowEmpty",
];

/// Versions of the standard whose keys, as far as they are read here, mean the same.
const API_VERSIONS: [&str; 6] = ["v3.2.0", "v3.1.1", "v3.1.0", "v3.0.2", "v3.0.1", "v3.0.0"];

pub(super) fn read(raw: RawContract, problems: &mut Problems) -> Option<Contract> {
    if !API_VERSIONS.contains(&raw.api_version.value.as_str()) {
        let version = &raw.api_version.value;
        problems.add(
            ContractError::invalid(format!("`apiVersion: {version}` is not supported"))
                .with_hint(format!("write one of {}", listed(&API_VERSIONS)))
                .at(raw.api_version.referenced),
        );
    }
    if raw.kind.value != "DataContract" {
        problems.add(
            ContractError::invalid(format!("`kind: {}` is not supported", raw.kind.value))
                .with_hint("write `kind: DataContract`")
                .at(raw.kind.referenced),
        );
    }
    for (key, found) in [("id", &raw.id), ("version", &raw.version)] {
        if found.value.trim().is_empty() {
            problems.add(
                ContractError::invalid(format!("`{key}` is empty"))
                    .with_hint(format!("add `{key}` to the contract"))
                    .at(found.referenced),
            );
        }
    }
    raw::refuse(
        &[
            ("roles", &raw.roles),
            ("slaDefaultElement", &raw.sla_default_element),
            ("slaProperties", &raw.sla_properties),
        ],
        problems,
    );
    Properties::read(raw.custom_properties, &[], problems);
    let location = raw.schema.referenced;
    let is_whole = raw.schema.is_whole;
    let mut objects = raw.schema.value;
    match (objects.pop(), objects.is_empty()) {
        (Some(object), true) => {
            let start = object.referenced;
            problems.part(
                |error| error.at(start),
                |problems| read_object(raw.id.value, raw.version.value, object, problems),
            )
        }
        (None, _) if !is_whole => None,
        (found, _) => {
            problems.add(
                ContractError::invalid(format!(
                    "`schema` has {} objects",
                    objects.len() + usize::from(found.is_some())
                ))
                .with_hint("a contract is about one dataset: write one object in each file")
                .at(location),
            );
            None
        }
    }
}

fn listed(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

fn read_object(
    id: String,
    version: String,
    raw: Spanned<RawObject>,
    problems: &mut Problems,
) -> Option<Contract> {
    let is_whole = raw.is_whole;
    let raw = raw.value;
    raw::refuse(
        &[
            ("physicalName", &raw.physical_name),
            ("relationships", &raw.relationships),
        ],
        problems,
    );
    let name = raw.name.value.parse::<Name>();
    problems.keep(name.map_err(|error| error.at(raw.name.referenced)));
    if let Some(logical) = raw.logical_type.filter(|logical| logical.value != "object") {
        problems.add(
            ContractError::invalid(format!("a dataset cannot be `{}`", logical.value))
                .with_hint("write `logicalType: object`, or leave it out")
                .at(logical.referenced),
        );
    }
    if raw.properties.is_empty() && is_whole {
        problems.add(
            ContractError::invalid("`properties` is empty").with_hint("name at least one column"),
        );
    }
    let mut columns: Vec<ReadColumn> = raw
        .properties
        .into_iter()
        .map(|property| column::read(property, problems))
        .collect();
    check_names(&columns, problems);
    assign_key(&mut columns, problems);
    let columns = columns;
    let custom = Properties::read(raw.custom_properties, &CUSTOM, problems);
    let key = key(&columns);
    let dedupe = custom.get("dedupe", |value| read_dedupe(value, &columns, &key));
    let (delivery, tombstone) = delivery::read(&custom, &columns, problems);
    if is_whole {
        delivery::check(delivery, &custom, &columns, dedupe.as_ref().ok(), problems);
    }
    let dedupe = match problems.keep(dedupe) {
        Some(dedupe) => {
            let dedupe = dedupe.unwrap_or_else(|| default_dedupe(&key));
            check_unique(&columns, &dedupe, problems);
            dedupe
        }
        None => default_dedupe(&key),
    };
    let event_time = custom.get("eventTime", |value| read_event_time(value, &columns));
    let has_event_time = !matches!(event_time, Ok(None));
    let choices = [
        ("keep", OnOtherDay::Keep),
        ("quarantine", OnOtherDay::Quarantine),
    ];
    let on_other_day = problems.keep_default(custom.choose("onOtherDay", &choices, &[]));
    if on_other_day == OnOtherDay::Quarantine && !has_event_time && is_whole {
        problems.add(
            ContractError::invalid("`onOtherDay: quarantine` without `eventTime`")
                .with_hint("name the column that tells the day with `eventTime`")
                .at(custom.location("onOtherDay")),
        );
    }
    let sort = custom.get("sort", |value| known_columns("sort", value, &columns));
    let mut rules = quality::read_all(raw.quality.unwrap_or_default(), &columns, problems);
    if !key.is_empty() && !matches!(dedupe, Dedupe::ByKey { .. }) {
        rules.push(key_rule(&key));
    }
    quality::check_names(&rules, problems);
    let on_violation = custom.choose(
        "onViolation",
        &[
            ("quarantine", OnViolation::Quarantine),
            ("fail", OnViolation::Fail),
        ],
        &[],
    );
    let on_unreadable_file = custom.choose(
        "onUnreadableFile",
        &[
            ("quarantine", OnUnreadableFile::Quarantine),
            ("fail", OnUnreadableFile::Fail),
        ],
        &[],
    );
    let unknown_columns = custom.choose(
        "unknownColumns",
        &[
            ("discard", UnknownColumns::Discard),
            ("quarantine", UnknownColumns::Quarantine),
            ("fail", UnknownColumns::Fail),
        ],
        &[],
    );
    let max_quarantined = custom.get("maxQuarantined", |value| {
        custom::percent("maxQuarantined", value)
    });
    let max_repaired = custom.get("maxRepaired", |value| custom::percent("maxRepaired", value));
    let allow_empty = custom.get("allowEmpty", |value| custom::boolean("allowEmpty", value));
    let sound: Vec<(bool, Position)> = columns
        .iter()
        .map(|read| (!read.is_broken, read.location))
        .collect();
    let contract = Contract {
        id,
        version,
        dataset_name: raw.name.value,
        delivery,
        tombstone,
        dedupe,
        event_time: problems.keep_default(event_time),
        sort: problems.keep_default(sort).unwrap_or(key),
        on_violation: problems.keep_default(on_violation),
        on_unreadable_file: problems.keep_default(on_unreadable_file),
        unknown_columns: problems.keep_default(unknown_columns),
        on_other_day,
        max_quarantined_percent: problems.keep_default(max_quarantined).unwrap_or(5.0),
        max_repaired_percent: problems.keep_default(max_repaired),
        allow_empty: problems
            .keep_default(allow_empty)
            .unwrap_or(delivery == Delivery::Changes),
        quality: rules,
        columns: columns.into_iter().map(|read| read.column).collect(),
        sha256: String::new(),
    };
    privacy::check(&contract, &sound, problems);
    Some(contract)
}

/// The engine does not tell names apart by case, quoted or not.
fn check_names(columns: &[ReadColumn], problems: &mut Problems) {
    for (place, read) in columns.iter().enumerate() {
        let name = &read.column.name;
        let lower = name.to_lowercase();
        let twin = columns[..place]
            .iter()
            .find(|other| other.column.name.to_lowercase() == lower);
        if let Some(twin) = twin {
            problems.add(
                ContractError::invalid(format!(
                    "two columns have the same name: `{}` and `{name}`",
                    twin.column.name
                ))
                .with_hint("the engine does not tell names apart by case: rename one")
                .at(read.location),
            );
        }
    }
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

pub(super) fn is_broken(columns: &[ReadColumn], name: &str) -> bool {
    let found = columns.iter().find(|read| read.column.name == name);
    found.is_some_and(|read| read.is_broken)
}

fn read_event_time(value: &Value, columns: &[ReadColumn]) -> Result<String, ContractError> {
    let column = known_column("eventTime", custom::text("eventTime", value)?, columns)?;
    if column.column_type != ColumnType::Timestamp && !is_broken(columns, &column.name) {
        return Err(ContractError::invalid(format!(
            "`eventTime` is `{}`, a column of type {}",
            column.name,
            column.column_type.sql()
        ))
        .with_hint("name a column of `logicalType: timestamp`"));
    }
    Ok(column.name.clone())
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
