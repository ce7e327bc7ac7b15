//! What a contract says, once it is read and found sound.

use serde::Serialize;

use crate::{ColumnType, Number, Position, SourceFormat};

/// The contract of one dataset.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Contract {
    /// The contract's `id`.
    pub id: String,
    /// The contract's `version`.
    pub version: String,
    /// The name of its one schema object.
    pub dataset_name: String,
    /// What the partition of a day holds.
    #[serde(skip_serializing_if = "Delivery::is_event")]
    pub delivery: Delivery,
    /// The BOOLEAN column that is true in a version which says that its key is gone; of changes
    /// alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tombstone: Option<String>,
    /// What is published, in this order.
    pub columns: Vec<Column>,
    /// Which rows are one row.
    pub dedupe: Dedupe,
    /// The TIMESTAMP column that says when a row happened.
    pub event_time: Option<String>,
    /// The columns that the published order begins with; all others follow, so that it is total.
    pub sort: Vec<String>,
    /// What happens to a row that breaks a rule.
    pub on_violation: OnViolation,
    /// What happens to a file that cannot be read as a whole.
    pub on_unreadable_file: OnUnreadableFile,
    /// What happens to source fields that the contract does not name.
    pub unknown_columns: UnknownColumns,
    /// What happens to a row whose `event_time` is on another day.
    pub on_other_day: OnOtherDay,
    /// Per cent of the rows read; more in quarantine refuses the day.
    pub max_quarantined_percent: f64,
    /// Per cent of the rows published; more with a repaired value refuse the day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_repaired_percent: Option<f64>,
    /// Whether a day may publish no row.
    pub allow_empty: bool,
    /// Rules about the dataset as a whole, which check measures.
    pub quality: Vec<QualityRule>,
    /// The SHA-256, in hexadecimal, of everything above: of what is enforced, so that
    /// comments, the order of keys and descriptions do not change it.
    #[serde(skip)]
    pub sha256: String,
}

/// What the partition of a day holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Delivery {
    /// The rows of that day.
    #[default]
    Event,
    /// The whole table as it was on that day.
    Snapshot,
    /// New versions of keys.
    Changes,
}

impl Delivery {
    /// Whether it is the default, which adds nothing to a contract's fingerprint.
    fn is_event(&self) -> bool {
        *self == Self::Event
    }
}

/// One published column.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Column {
    /// The name that it is published under.
    pub name: String,
    /// Its type, both of what is read and of what is published.
    pub column_type: ColumnType,
    /// Where its value is in the source, such as `product.category`; none for a column that is
    /// only computed.
    pub source_path: Option<String>,
    /// How the source writes it.
    pub source_format: SourceFormat,
    /// What happens to a source text that is not of the type.
    pub on_invalid: OnInvalid,
    /// An SQL expression over the columns of the row, cast and repaired, that makes the value.
    pub transform: Option<String>,
    /// Where the contract's text has that expression.
    #[serde(skip)]
    pub transform_position: Option<Position>,
    /// Whether and how the value is replaced by a keyed hash of it.
    pub pseudonymise: Option<Pseudonymise>,
    /// Whether a missing value breaks the contract.
    pub required: bool,
    /// The place in the key, from 1; none for a column outside of it.
    pub key_position: Option<u32>,
    /// The only values that are allowed, in the type's own spelling; all when empty.
    pub allowed: Vec<String>,
    /// The least value.
    pub minimum: Option<String>,
    /// The greatest value.
    pub maximum: Option<String>,
    /// What every value is greater than.
    pub exclusive_minimum: Option<String>,
    /// What every value is less than.
    pub exclusive_maximum: Option<String>,
    /// The least number of characters.
    pub min_length: Option<u64>,
    /// The greatest number of characters.
    pub max_length: Option<u64>,
    /// A regular expression that is found in every value.
    pub pattern: Option<String>,
    /// Whether neither the source's text nor the least and greatest value may be shown.
    pub classified: bool,
    /// What it means, for people.
    #[serde(skip)]
    pub description: Option<String>,
}

/// What happens to a source text that is not of its column's type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum OnInvalid {
    /// The row breaks the contract.
    #[default]
    Reject,
    /// The value is missing, and the repair is counted.
    SetNull,
}

/// A value is replaced by the first characters of its HMAC-SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pseudonymise {
    /// How many hexadecimal characters are kept: even, 16 to 64.
    pub length: u8,
}

/// Which rows are one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Dedupe {
    /// No two rows are the same.
    None,
    /// Rows with one key.
    ByKey {
        /// The key's columns.
        columns: Vec<String>,
        /// Which of the rows stays.
        keep: Keep,
        /// What decides; ties are decided by all columns.
        order_by: Vec<String>,
    },
    /// Rows that are equal in every published column.
    ByRow,
}

/// Which of several rows with one key stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Keep {
    /// The one with the greatest values.
    #[default]
    Latest,
    /// The one with the least values.
    First,
}

/// What happens to a row that breaks a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum OnViolation {
    /// The row goes to quarantine.
    #[default]
    Quarantine,
    /// The day is refused.
    Fail,
}

/// What happens to a file that cannot be read as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum OnUnreadableFile {
    /// The day goes on without it.
    Quarantine,
    /// The day is refused.
    #[default]
    Fail,
}

/// What happens to source fields that the contract does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum UnknownColumns {
    /// They are counted by name and left out.
    #[default]
    Discard,
    /// The row goes to quarantine.
    Quarantine,
    /// The day is refused.
    Fail,
}

/// What happens to a row whose event time is on another day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum OnOtherDay {
    /// It is published with the day it came with.
    #[default]
    Keep,
    /// It goes to quarantine.
    Quarantine,
}

/// A rule about a dataset as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QualityRule {
    /// Its name, unique in the contract.
    pub name: String,
    /// Whether breaking it refuses the day.
    pub severity: Severity,
    /// What is measured.
    pub kind: QualityKind,
    /// What the measured value must be.
    pub bound: Bound,
    /// In what it is measured.
    pub unit: Unit,
    /// Where the contract's text has the rule's query, or the rule.
    #[serde(skip)]
    pub position: Option<Position>,
    /// The dimension of quality that it belongs to, in the standard's words.
    #[serde(skip)]
    pub dimension: Option<String>,
    /// What it is for, for people.
    #[serde(skip)]
    pub description: Option<String>,
}

/// Whether breaking a rule refuses the day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// The day is refused.
    #[default]
    Error,
    /// The day is published and the report says so.
    Warning,
}

/// What a rule measures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum QualityKind {
    /// How many rows there are.
    RowCount,
    /// How many rows miss a value of a column.
    NullValues {
        /// The column.
        column: String,
    },
    /// How many rows are more than the first with their values.
    DuplicateValues {
        /// The columns that the values are in.
        columns: Vec<String>,
    },
    /// The value of a query.
    Sql {
        /// One SELECT of one value; `{model}` and `${model}` stand for the dataset.
        query: String,
    },
}

/// In what a rule measures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Unit {
    /// As it is: rows, or the value of a query.
    #[default]
    Rows,
    /// Per cent of all rows.
    Percent,
}

/// What a measured value must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Bound {
    /// `mustBe`.
    Is(Number),
    /// `mustNotBe`.
    IsNot(Number),
    /// `mustBeGreaterThan`.
    GreaterThan(Number),
    /// `mustBeGreaterOrEqualTo`.
    GreaterOrEqualTo(Number),
    /// `mustBeLessThan`.
    LessThan(Number),
    /// `mustBeLessOrEqualTo`.
    LessOrEqualTo(Number),
    /// `mustBeBetween`, both ends included.
    Between(Number, Number),
    /// `mustNotBeBetween`, both ends included.
    NotBetween(Number, Number),
}
