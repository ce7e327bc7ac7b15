//! The contract of a dataset: a strict subset of the Open Data Contract Standard 3.2.0.
//!
//! What a contract says is either enforced or refused. Keys that only describe are accepted,
//! keys that would promise something that is not enforced are refused with what to do instead, and unknown
//! keys are refused with the closest known one.

mod column;
mod column_custom;
mod column_type;
mod custom;
mod dataset;
mod delivery;
mod key;
mod model;
mod options;
mod privacy;
mod quality;
mod raw;
mod source_format;
mod tokens;
#[cfg(test)]
mod tokens_tests;

pub(crate) use quality::MODEL_WORDS;

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

pub use model::{
    Bound, Column, Contract, Dedupe, Delivery, Keep, OnInvalid, OnOtherDay, OnUnreadableFile,
    OnViolation, Pseudonymise, QualityKind, QualityRule, Severity, Unit, UnknownColumns,
};

use crate::{ContractError, Problems, error, yaml};

/// What the parts of a contract are called in errors.
const LABELS: [(&str, &str); 3] = [
    ("properties", "column"),
    ("quality", "quality rule"),
    ("customProperties", "custom property"),
];

impl Contract {
    /// Reads a contract and refuses everything that would not be enforced.
    ///
    /// # Errors
    /// The first of what is wrong with it, in the order of the text.
    pub fn parse(text: &str) -> Result<Self, ContractError> {
        Self::judge(text).map_err(error::first)
    }

    /// Reads a contract and tells everything that is wrong with it.
    ///
    /// # Errors
    /// All that is wrong, in the order of the text; never an empty list.
    pub fn judge(text: &str) -> Result<Self, Vec<ContractError>> {
        let mut problems = Problems::default();
        let raw = yaml::read(text, &raw::refused_keys(), &LABELS, &mut problems);
        let contract = raw.and_then(|raw| dataset::read(raw, &mut problems));
        let mut contract = problems.into_result(contract)?;
        contract.sha256 = contract.fingerprint();
        Ok(contract)
    }

    /// The paths of the source texts that transforms ask for with `source."…"`, in order.
    #[must_use]
    pub fn source_texts(&self) -> Vec<String> {
        let mut paths = BTreeSet::new();
        for column in &self.columns {
            paths.extend(column.names().texts);
        }
        paths.into_iter().collect()
    }

    /// Whether `LAKE_PSEUDONYM_KEY` is needed.
    #[must_use]
    pub fn needs_pseudonym_key(&self) -> bool {
        self.columns
            .iter()
            .any(|column| column.pseudonymise.is_some())
    }

    /// The paths of the source fields whose text may be shown: those that the contract names and
    /// that no classified column reads, in order.
    #[must_use]
    pub fn showable_paths(&self) -> Vec<String> {
        privacy::showable_paths(self)
    }

    /// Holds what the engine says that a column's transform reads against the rules of privacy.
    ///
    /// `columns` are the paths of the column references in the expression, each in its parts:
    /// `["amount"]`, `["source", "client.email"]`. [`Contract::parse`] has held the expression's
    /// words against the same rules; the engine knows its grammar.
    pub fn check_reads(
        &self,
        column: &str,
        columns: &BTreeSet<Vec<String>>,
    ) -> Result<(), ContractError> {
        privacy::check_reads(self, column, columns)
    }

    /// The column of that name; upper and lower case are the same.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns
            .iter()
            .find(|column| column.name.to_lowercase() == name.to_lowercase())
    }

    /// The columns whose values are published under their own names and types, in order.
    #[must_use]
    pub fn published_types(&self) -> Vec<(String, String)> {
        let types = self.columns.iter();
        types
            .map(|column| (column.name.clone(), column.column_type.sql()))
            .collect()
    }

    /// The key's columns, in the order of the key.
    #[must_use]
    pub fn key(&self) -> Vec<String> {
        let mut key: BTreeMap<u32, &str> = BTreeMap::new();
        for column in &self.columns {
            if let Some(position) = column.key_position {
                key.insert(position, &column.name);
            }
        }
        key.into_values().map(str::to_owned).collect()
    }

    fn fingerprint(&self) -> String {
        // Cannot fail: every key of the model is a text and every value has a form in JSON.
        let canonical = serde_json::to_string(self).unwrap_or_default();
        hex::encode(Sha256::digest(canonical))
    }
}

impl Column {
    /// What the column's transform names; nothing without one.
    fn names(&self) -> tokens::Names {
        let expression = self.transform.as_deref();
        // Cannot fail: the expression was read when the contract was.
        expression
            .map(|text| tokens::names(text).unwrap_or_default())
            .unwrap_or_default()
    }
}
