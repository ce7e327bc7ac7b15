//! A document of the standard as it is written: every key that is accepted, and every key that is
//! known only to be refused with a reason.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::yaml::{At, Spanned};
use crate::{ContractError, Problems};

/// A key whose value is not looked at: it describes.
type Described = Option<IgnoredAny>;
/// A key that is refused.
type Refused = At<IgnoredAny>;

/// Keys of the standard that are refused, why, and what to do instead.
const REFUSED: [(&str, &str, &str); 17] = [
    (
        "physicalName",
        "it names another output column than `name`, which nothing writes",
        "where the source has another name for it, use the custom property `sourcePath`",
    ),
    (
        "partitioned",
        "the layout is by run date, always",
        "leave it out",
    ),
    (
        "partitionKeyPosition",
        "the layout is by run date, always",
        "leave it out",
    ),
    (
        "encryptedName",
        "nothing writes a second, encrypted column",
        "use the custom property `pseudonymise`",
    ),
    (
        "relationships",
        "a day's dataset is checked by itself, so nothing checks references to another",
        "leave it out, or put it in `description`; a mart that reads both datasets can list what \
         has no match",
    ),
    (
        "slaProperties",
        "nothing measures them",
        "leave them out, or put them in `description`",
    ),
    (
        "slaDefaultElement",
        "nothing measures service levels",
        "leave it out",
    ),
    (
        "roles",
        "nothing here grants or denies access",
        "grant access in the store, and describe it in `description`",
    ),
    (
        "items",
        "columns are plain values",
        "read each nested field with `sourcePath`",
    ),
    (
        "map",
        "columns are plain values",
        "read each nested field with `sourcePath`",
    ),
    (
        "properties",
        "columns are plain values",
        "read each nested field with `sourcePath`",
    ),
    (
        "multipleOf",
        "nothing checks it",
        "write a rule of `type: sql` under `quality`",
    ),
    (
        "scheduler",
        "rules are measured each time a day is checked",
        "leave it out",
    ),
    (
        "schedule",
        "rules are measured each time a day is checked",
        "leave it out",
    ),
    (
        "method",
        "nothing reconciles datasets",
        "write a rule of `type: sql`",
    ),
    (
        "engine",
        "rules are measured by the lake's own engine",
        "write a rule of `type: sql`",
    ),
    (
        "implementation",
        "rules are measured by the lake's own engine",
        "write a rule of `type: sql`",
    ),
];

/// The keys that are never offered as keys to use.
pub(super) fn refused_keys() -> Vec<&'static str> {
    REFUSED.iter().map(|(key, _, _)| *key).collect()
}

/// Tells each of `keys` that is there.
pub(super) fn refuse(keys: &[(&str, &Refused)], problems: &mut Problems) {
    for (key, value) in keys {
        if let Some(value) = value {
            let known = REFUSED.iter().find(|(refused, _, _)| refused == key);
            let (why, instead) = known.map_or(
                ("nothing enforces it", "leave it out"),
                |(_, why, instead)| (*why, *instead),
            );
            problems.add(
                ContractError::not_enforced(format!(
                    "`{key}` would promise something that is not enforced: {why}"
                ))
                .with_hint(instead)
                .at(value.referenced),
            );
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(
    dead_code,
    reason = "keys that describe are accepted and not looked at"
)]
pub(super) struct RawContract {
    pub api_version: Spanned<String>,
    pub kind: Spanned<String>,
    pub id: Spanned<String>,
    pub version: Spanned<String>,
    pub schema: Spanned<Vec<Spanned<RawObject>>>,
    pub custom_properties: Option<Vec<Spanned<RawCustomProperty>>>,
    name: Described,
    tenant: Described,
    tags: Described,
    status: Described,
    servers: Described,
    data_product: Described,
    description: Described,
    domain: Described,
    context: Described,
    support: Described,
    price: Described,
    team: Described,
    authoritative_definitions: Described,
    contract_created_ts: Described,
    pub roles: Refused,
    pub sla_default_element: Refused,
    pub sla_properties: Refused,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(
    dead_code,
    reason = "keys that describe are accepted and not looked at"
)]
pub(super) struct RawObject {
    pub name: Spanned<String>,
    pub logical_type: At<String>,
    #[serde(default)]
    pub properties: Vec<Spanned<RawProperty>>,
    pub quality: Option<Vec<Spanned<RawQuality>>>,
    pub custom_properties: Option<Vec<Spanned<RawCustomProperty>>>,
    id: Described,
    physical_type: Described,
    description: Described,
    business_name: Described,
    deprecated: Described,
    synonyms: Described,
    authoritative_definitions: Described,
    tags: Described,
    data_granularity_description: Described,
    context: Described,
    pub physical_name: Refused,
    pub relationships: Refused,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(
    dead_code,
    reason = "keys that describe are accepted and not looked at"
)]
pub(super) struct RawProperty {
    pub name: Spanned<String>,
    pub logical_type: At<String>,
    pub physical_type: At<String>,
    pub logical_type_options: At<RawOptions>,
    pub required: Option<bool>,
    pub unique: At<bool>,
    pub primary_key: Option<bool>,
    pub primary_key_position: At<i64>,
    #[serde(rename = "enum")]
    pub allowed: At<Vec<RawEnumValue>>,
    pub classification: At<String>,
    pub transform_logic: At<String>,
    pub custom_properties: Option<Vec<Spanned<RawCustomProperty>>>,
    pub quality: Option<Vec<Spanned<RawQuality>>>,
    pub description: Option<String>,
    id: Described,
    business_name: Described,
    deprecated: Described,
    synonyms: Described,
    authoritative_definitions: Described,
    tags: Described,
    semantic_type: Described,
    transform_source_objects: Described,
    transform_description: Described,
    examples: Described,
    critical_data_element: Described,
    pub physical_name: Refused,
    pub partitioned: Refused,
    pub partition_key_position: Refused,
    pub encrypted_name: Refused,
    pub relationships: Refused,
    pub items: Refused,
    pub map: Refused,
    pub properties: Refused,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawOptions {
    pub minimum: At<String>,
    pub maximum: At<String>,
    pub exclusive_minimum: At<String>,
    pub exclusive_maximum: At<String>,
    pub min_length: At<u64>,
    pub max_length: At<u64>,
    pub pattern: At<String>,
    pub format: At<String>,
    pub timezone: At<bool>,
    pub default_timezone: At<String>,
    pub multiple_of: Refused,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(
    dead_code,
    reason = "keys that describe are accepted and not looked at"
)]
pub(super) struct RawEnumValue {
    pub value: Spanned<String>,
    label: Described,
    id: Described,
    description: Described,
    custom_properties: Described,
    authoritative_definitions: Described,
    tags: Described,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(
    dead_code,
    reason = "keys that describe are accepted and not looked at"
)]
pub(super) struct RawCustomProperty {
    pub property: Spanned<String>,
    pub value: Spanned<Value>,
    pub vendor: Option<String>,
    id: Described,
    description: Described,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(
    dead_code,
    reason = "keys that describe are accepted and not looked at"
)]
pub(super) struct RawQuality {
    pub name: At<String>,
    #[serde(rename = "type")]
    pub kind: At<String>,
    pub metric: At<String>,
    pub rule: At<String>,
    pub arguments: At<RawArguments>,
    pub query: At<String>,
    pub unit: At<String>,
    pub severity: At<String>,
    pub dimension: At<String>,
    pub must_be: At<String>,
    pub must_not_be: At<String>,
    pub must_be_greater_than: At<String>,
    pub must_be_greater_or_equal_to: At<String>,
    pub must_be_less_than: At<String>,
    pub must_be_less_or_equal_to: At<String>,
    pub must_be_between: At<Vec<String>>,
    pub must_not_be_between: At<Vec<String>>,
    pub description: Option<String>,
    id: Described,
    business_impact: Described,
    tags: Described,
    authoritative_definitions: Described,
    custom_properties: Described,
    pub scheduler: Refused,
    pub schedule: Refused,
    pub method: Refused,
    pub engine: Refused,
    pub implementation: Refused,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawArguments {
    pub properties: Option<Vec<String>>,
}
