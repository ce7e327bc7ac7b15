//! A pipeline with three datasets and four marts: `tests/fixtures/harbour`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{Lake, repository};

/// The day of the fixture.
pub const HARBOUR_DATE: &str = "2024-03-01";

/// Its datasets, in the order in which stages take them.
pub const HARBOUR_DATASETS: [&str; 3] = ["arrivals", "berths", "cargo"];

/// Copies the pipeline and its source into a lake.
pub fn harbour(lake: &mut Lake) {
    let fixture = repository().join("tests/fixtures/harbour");
    lake.env
        .copy_folder(&fixture.join("pipeline"), "pipelines/harbour");
    lake.env.copy_folder(&fixture.join("source"), "harbour");
    let folder = lake.env.path("harbour");
    lake.env
        .set("HARBOUR_DIR", folder.to_string_lossy().into_owned());
}

/// The `outcome` of each dataset or mart of a run report.
#[must_use]
pub fn outcomes(report: &Value, part: &str) -> BTreeMap<String, String> {
    report[part]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, entry)| {
            let outcome = entry["outcome"].as_str().unwrap_or("none");
            (name.clone(), outcome.to_owned())
        })
        .collect()
}
