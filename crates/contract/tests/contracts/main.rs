//! What a contract may say, what is refused, and whether the refusal helps.

mod accepted;
mod all_at_once;
mod deliveries;
mod privacy;
mod quality;
mod refused;
mod values;

use lakehouse_contract::{Contract, ContractError};

const EVERYTHING: &str = include_str!("../fixtures/everything.odcs.yaml");

/// The smallest contract, with more keys of the root, of the dataset and of the columns.
fn contract(root: &str, dataset: &str, columns: &[&str]) -> String {
    let mut text = format!(
        "apiVersion: v3.2.0\nkind: DataContract\nid: test\nversion: 1.0.0\n{root}schema:\n- name: test\n{dataset}  properties:\n"
    );
    for column in columns {
        text.push_str(&format!("  - {{{column}}}\n"));
    }
    text
}

fn refused(text: &str) -> ContractError {
    let error = Contract::parse(text).unwrap_err();
    assert!(
        error.hint().is_some_and(|hint| !hint.is_empty()),
        "no hint: {error}\n{text}"
    );
    assert!(!error.problem().message.ends_with('.'), "{error}");
    error
}

fn custom(name: &str, value: &str) -> String {
    format!("  customProperties: [{{property: {name}, vendor: lakehouse, value: {value}}}]\n")
}

const A: &str = "name: a, logicalType: string";
const KEY: &str = "name: k, logicalType: string, primaryKey: true";
