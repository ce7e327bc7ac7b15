//! Publishing a mart: the data file is the commit; CSV and JSON follow and are derived from it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::NaiveDateTime;
use lakehouse_bind::{BoundMart, EngineFailure, parquet_relation};
use lakehouse_contract::quote::identifier;
use lakehouse_contract::{MartFormat, RunDate};
use lakehouse_engine::Session;
use lakehouse_stage::{Context, StageError};
use lakehouse_store::{ObjectAddress, PutOptions, sha256_of_file};

/// A mart that was computed and audited, ready to be published.
#[derive(Debug)]
pub struct Computed {
    /// The mart.
    pub mart: BoundMart,
    /// Its date.
    pub date: RunDate,
    /// The data file.
    pub data: PathBuf,
    /// SHA-256 of the data file.
    pub sha256: String,
    /// Its fingerprint.
    pub fingerprint: String,
    /// Files of the other formats, by extension.
    pub exports: Vec<(&'static str, PathBuf)>,
    /// Rows.
    pub rows: u64,
}

/// Computes a mart into `folder` in a total order: its grain, then all its columns.
///
/// # Errors
/// Engine failures; a disk that is full.
pub fn compute(
    session: &Session,
    mart: &BoundMart,
    date: RunDate,
    folder: &Path,
    key_values: &BTreeMap<String, String>,
) -> Result<Computed, StageError> {
    let action = format!("compute mart `{}`", mart.name);
    let order = order_by(&mart.definition.grain, &mart.columns);
    let data = folder.join(format!("{}.parquet", mart.name));
    let mut key_values = key_values.clone();
    key_values.insert("lake.mart".to_owned(), mart.name.to_string());
    key_values.insert("lake.date".to_owned(), date.to_string());
    let select = format!(
        "SELECT * FROM (\n{}\n) AS mart ORDER BY {order}",
        mart.select
    );
    let rows = session
        .write_parquet(&select, &data, &key_values)
        .stage(&action)?;
    let from_data = format!("SELECT * FROM {}", parquet_relation(&data));
    let mut exports = Vec::new();
    for format in &mart.definition.formats {
        match format {
            MartFormat::Parquet => {}
            MartFormat::Csv => {
                let path = folder.join(format!("{}.csv", mart.name));
                session.write_csv(&from_data, &path).stage(&action)?;
                exports.push(("csv", path));
            }
            MartFormat::Json => {
                let path = folder.join(format!("{}.json", mart.name));
                session.write_json(&from_data, &path).stage(&action)?;
                exports.push(("json", path));
            }
        }
    }
    Ok(Computed {
        mart: mart.clone(),
        date,
        sha256: sha256_of_file(&data)?.0,
        fingerprint: key_values
            .get("lake.fingerprint")
            .cloned()
            .unwrap_or_default(),
        data,
        exports,
        rows,
    })
}

/// A total order: the grain, then every other column.
fn order_by(grain: &[String], columns: &[(String, String)]) -> String {
    let others = columns
        .iter()
        .map(|(name, _)| name)
        .filter(|name| !grain.contains(name));
    grain
        .iter()
        .chain(others)
        .map(|name| format!("{} NULLS FIRST", identifier(name)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Publishes one computed mart.
///
/// # Errors
/// Store failures.
pub async fn publish(
    context: &Context,
    computed: &Computed,
    logical_time: Option<NaiveDateTime>,
) -> Result<(), StageError> {
    let target =
        context
            .layout
            .gold_data(&context.pipeline.name, &computed.mart.name, &computed.date);
    let options = PutOptions {
        sha256: Some(computed.sha256.clone()),
        metadata: BTreeMap::from([("fingerprint".to_owned(), computed.fingerprint.clone())]),
        ..PutOptions::default()
    };
    context
        .store
        .put_file(&target, &computed.data, &options)
        .await?;
    for (extension, path) in &computed.exports {
        let sha256 = sha256_of_file(path)?.0;
        for address in export_addresses(context, computed, extension, logical_time) {
            let options = PutOptions {
                sha256: Some(sha256.clone()),
                ..PutOptions::default()
            };
            context.store.put_file(&address, path, &options).await?;
        }
    }
    tracing::info!(mart = %computed.mart.name, date = %computed.date, rows = computed.rows, object = %target, "published");
    let entry = context.report.mart(&computed.mart.name);
    entry.set("rows_published", computed.rows);
    entry.set("published", target.to_string());
    entry.set("data_sha256", computed.sha256.clone());
    Ok(())
}

fn export_addresses(
    context: &Context,
    computed: &Computed,
    extension: &str,
    logical_time: Option<NaiveDateTime>,
) -> [ObjectAddress; 2] {
    addresses_of(
        context,
        &computed.mart,
        &computed.date,
        extension,
        logical_time,
    )
}

/// The two names of an export: in its partition, and dated beside it.
#[must_use]
pub fn addresses_of(
    context: &Context,
    mart: &BoundMart,
    date: &RunDate,
    extension: &str,
    logical_time: Option<NaiveDateTime>,
) -> [ObjectAddress; 2] {
    let pipeline = &context.pipeline.name;
    let time = logical_time.unwrap_or_else(|| date.date().and_time(chrono::NaiveTime::MIN));
    [
        context
            .layout
            .gold_format(pipeline, &mart.name, date, extension),
        context
            .layout
            .gold_dated(pipeline, &mart.name, time, extension),
    ]
}

/// Says what a run would write for a mart.
pub fn plan(
    context: &Context,
    mart: &BoundMart,
    date: &RunDate,
    logical_time: Option<NaiveDateTime>,
) {
    context.would_write(
        context
            .layout
            .gold_data(&context.pipeline.name, &mart.name, date),
    );
    for format in &mart.definition.formats {
        let extension = match format {
            MartFormat::Parquet => continue,
            MartFormat::Csv => "csv",
            MartFormat::Json => "json",
        };
        for address in addresses_of(context, mart, date, extension, logical_time) {
            context.would_write(address);
        }
    }
}
