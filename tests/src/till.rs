//! A small pipeline that a test writes: receipts of a till.

use crate::Lake;

/// The day of most tests.
pub const DATE: &str = "2024-03-01";

/// Its `pipeline.yaml`.
pub const PIPELINE: &str = r#"name: till
description: Receipts of a till.
owner: tests
schedule: {cron: "0 0 * * *", timezone: UTC, start: 2024-01-01}
environment: [TILL_DIR]
datasets:
  receipts:
    contract: contracts/receipts.odcs.yaml
    from: "${TILL_DIR}"
    files: "{date:%Y-%m-%d}/*"
    format: {json: lines}
    whenMissing: skip
marts:
  per_till: {reads: {silver.receipts: day}, grain: [till], formats: [parquet, csv]}
"#;

/// Its contract.
pub const CONTRACT: &str = "apiVersion: v3.2.0
kind: DataContract
id: till-receipts
version: 1.0.0
status: active
schema:
  - name: receipts
    logicalType: object
    customProperties:
      - {property: onUnreadableFile, vendor: lakehouse, value: fail}
      - {property: unknownColumns, vendor: lakehouse, value: discard}
      - {property: maxQuarantined, vendor: lakehouse, value: 25}
    properties:
      - {name: receipt, logicalType: string, required: true, primaryKey: true, primaryKeyPosition: 1}
      - name: till
        logicalType: string
        required: true
        transformLogic: upper(till)
      - {name: amount, logicalType: number, physicalType: \"DECIMAL(18,2)\", required: true}
    quality:
      - name: no_refunds
        type: sql
        query: select count(*) from {model} where amount < 0
        mustBe: 0
        severity: error
";

/// Its mart.
pub const MART: &str = "select
    run_date() as date,
    till,
    sum(amount) as revenue,
    count(*) as receipts
from silver.receipts
group by till
";

/// Writes the pipeline into a lake, with these replacements in contract and `pipeline.yaml`.
///
/// # Panics
/// When a text to replace is not there.
pub fn till(lake: &mut Lake, replacements: &[(&str, &str)]) {
    let (mut pipeline, mut contract) = (PIPELINE.to_owned(), CONTRACT.to_owned());
    for (from, to) in replacements {
        assert!(
            pipeline.contains(from) || contract.contains(from),
            "`{from}` is not there"
        );
        pipeline = pipeline.replace(from, to);
        contract = contract.replace(from, to);
    }
    lake.env.write("pipelines/till/pipeline.yaml", pipeline);
    lake.env
        .write("pipelines/till/contracts/receipts.odcs.yaml", contract);
    lake.env.write("pipelines/till/marts/per_till.sql", MART);
    let folder = lake.env.path("till");
    lake.env
        .set("TILL_DIR", folder.to_string_lossy().into_owned());
}

/// A receipt as a line of JSON.
#[must_use]
pub fn receipt(number: u64, till: &str, amount: &str) -> String {
    format!("{{\"receipt\":\"{number}\",\"till\":\"{till}\",\"amount\":{amount}}}\n")
}
