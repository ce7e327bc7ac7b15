//! Every committed contract is a document of the standard, by the standard's own schema.

use std::path::PathBuf;

use lakehouse_contract::Contract;
use serde_json::Value;

fn schema() -> jsonschema::Validator {
    let text = include_str!("schema/odcs-v3.2.0.schema.json");
    let schema: Value = serde_json::from_str(text).unwrap();
    jsonschema::draft201909::new(&schema).unwrap()
}

fn document(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

/// The contracts of all pipelines and of this crate's tests.
fn contracts() -> Vec<PathBuf> {
    let mut folders = vec![PathBuf::from("tests/fixtures")];
    for pipeline in std::fs::read_dir("../../pipelines").unwrap() {
        folders.push(pipeline.unwrap().path().join("contracts"));
    }
    let mut contracts = Vec::new();
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.to_string_lossy().ends_with(".odcs.yaml") {
                contracts.push(path);
            }
        }
    }
    contracts.sort();
    contracts
}

#[test]
fn every_committed_contract_is_one_for_us_and_for_the_standard() {
    let schema = schema();
    let contracts = contracts();
    assert!(contracts.len() >= 3, "{contracts:?}");
    for path in contracts {
        let text = std::fs::read_to_string(&path).unwrap();
        if let Err(error) = Contract::parse(&text) {
            panic!("{}: {error}\nhint: {:?}", path.display(), error.hint());
        }
        let document = document(&text);
        let broken: Vec<String> = schema
            .iter_errors(&document)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(broken.is_empty(), "{}: {broken:#?}", path.display());
    }
}

#[test]
fn the_schema_would_catch_a_slip() {
    let schema = schema();
    let text = include_str!("fixtures/everything.odcs.yaml");
    assert!(schema.is_valid(&document(text)));
    for (right, wrong) in [
        ("required: true", "requird: true"),
        ("logicalType: timestamp", "logicalType: datetime"),
        ("format: i32", "format: int"),
        ("mustBeGreaterThan: 0", "mustBeGreaterThan: none"),
    ] {
        assert!(text.contains(right));
        assert!(
            !schema.is_valid(&document(&text.replacen(right, wrong, 1))),
            "{wrong}"
        );
    }
}

#[test]
fn the_smallest_contract_of_the_documentation_is_one() {
    let documentation = include_str!("../../../docs/contracts.md");
    let (_, behind) = documentation.split_once("```yaml\n").unwrap();
    let (example, _) = behind.split_once("```").unwrap();
    let contract = Contract::parse(example).unwrap();
    assert_eq!(contract.key(), ["order_id"]);
    assert!(schema().is_valid(&document(example)));
}
