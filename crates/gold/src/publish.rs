//! Computing and publishing an instance: the data file is the commit; CSV and JSON follow and are
//! derived from it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::NaiveDateTime;
use lakehouse_bind::{BoundMart, EngineFailure};
use lakehouse_contract::quote::identifier;
use lakehouse_contract::{Input, MartFormat, Name, RunDate};
use lakehouse_engine::{EngineError, Export, Session};
use lakehouse_stage::{Context, Exit, StageError};
use lakehouse_store::{ObjectAddress, PutOptions, sha256_of_file};

use crate::audit;
use crate::instance::{Instance, Pins};
use crate::published::{ABSENT_INPUTS, FINGERPRINT, Partition, Published};
use crate::state::Source;

/// An instance that was computed and audited, ready to be published.
#[derive(Debug)]
pub struct Computed<'a> {
    /// The instance.
    pub instance: Instance<'a>,
    /// The data file.
    pub data: PathBuf,
    /// SHA-256 of the data file.
    pub sha256: String,
    /// Its fingerprint.
    pub fingerprint: String,
    /// Inputs that have nothing for its date.
    pub absent_inputs: Vec<String>,
    /// From where the states that it read came.
    pub states: BTreeMap<Name, Source>,
    /// Files of the other formats.
    pub exports: Vec<Export>,
    /// Rows.
    pub rows: u64,
}

/// Computes an instance over its inputs, which are open, in a total order: its grain, then all
/// its columns. Audits it, and writes its other formats.
///
/// # Errors
/// A refusal (exit 1), also where values of the data cannot be computed with; engine failures; a
/// disk that is full.
pub fn compute<'a>(
    context: &Context,
    session: &Session,
    instance: Instance<'a>,
    pins: &Pins,
) -> Result<Computed<'a>, StageError> {
    let mart = instance.mart;
    let folder = context
        .workspace
        .directory(&format!("gold.out/{}", instance.date))?;
    session
        .define_run_date(instance.date.date())
        .stage("define run_date()")?;
    let data = folder.join(format!("{}.parquet", mart.name));
    let key_values = instance.key_values(pins);
    let select = format!(
        "SELECT * FROM (\n{}\n) AS mart ORDER BY {}",
        mart.select,
        order_by(&mart.definition.grain, &mart.columns)
    );
    let rows = session
        .write_parquet(&select, &data, &key_values)
        .map_err(|error| failed(&instance, error))?;
    let mut computed = Computed {
        instance,
        sha256: sha256_of_file(&data)?.0,
        fingerprint: instance.fingerprint(pins),
        absent_inputs: instance.absent_inputs(pins),
        data,
        states: BTreeMap::new(),
        exports: Vec::new(),
        rows,
    };
    audit::check(session, &computed)?;
    computed.exports = session
        .export(&computed.data, &mart.definition.formats)
        .map_err(|error| failed(&instance, error))?;
    Ok(computed)
}

/// A mart binds before any data is touched: what fails over data is refused for its values.
fn failed(instance: &Instance<'_>, error: EngineError) -> StageError {
    if !error.is_caused_by_values() {
        let compute: Result<(), EngineError> = Err(error);
        return match compute.stage(&format!("compute {instance}")) {
            Err(error) => error,
            Ok(()) => StageError::bug(format!("{instance} failed without an error")),
        };
    }
    StageError::new(
        Exit::Refused,
        format!("{instance} cannot be computed from its data"),
    )
    .cause(error.to_string())
    .hint(format!(
        "let marts/{}.sql expect such values, for example with a wider type or `nullif(…, 0)`, or correct them at their source; then run gold again for this day",
        instance.mart.name
    ))
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

/// Publishes one computed instance.
///
/// # Errors
/// Store failures.
pub async fn publish(
    context: &Context,
    computed: &Computed<'_>,
    logical_time: Option<NaiveDateTime>,
    published: &mut Published<'_>,
) -> Result<ObjectAddress, StageError> {
    let Instance { mart, date } = computed.instance;
    let target = context
        .layout
        .gold_data(&context.pipeline.name, &mart.name, &date);
    let absent_inputs = serde_json::Value::from(computed.absent_inputs.clone()).to_string();
    let options = PutOptions {
        sha256: Some(computed.sha256.clone()),
        metadata: BTreeMap::from([
            (FINGERPRINT.to_owned(), computed.fingerprint.clone()),
            (ABSENT_INPUTS.to_owned(), absent_inputs),
        ]),
        ..PutOptions::default()
    };
    context
        .store
        .put_file(&target, &computed.data, &options)
        .await?;
    published.note(
        &Input::Gold(mart.name.clone()),
        date,
        Partition {
            sha256: computed.sha256.clone(),
            fingerprint: Some(computed.fingerprint.clone()),
            absent_inputs: Some(computed.absent_inputs.clone()),
        },
    );
    for export in &computed.exports {
        let sha256 = sha256_of_file(&export.path)?.0;
        let extension = export.format.extension();
        for address in addresses_of(context, mart, &date, extension, logical_time) {
            let options = PutOptions {
                sha256: Some(sha256.clone()),
                ..PutOptions::default()
            };
            context
                .store
                .put_file(&address, &export.path, &options)
                .await?;
        }
    }
    Ok(target)
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

/// Says what a run would write for an instance.
pub fn would_write(
    context: &Context,
    instance: &Instance<'_>,
    logical_time: Option<NaiveDateTime>,
) {
    let Instance { mart, date } = *instance;
    context.would_write(
        context
            .layout
            .gold_data(&context.pipeline.name, &mart.name, &date),
    );
    for format in &mart.definition.formats {
        if *format != MartFormat::Parquet {
            for address in addresses_of(context, mart, &date, format.extension(), logical_time) {
                context.would_write(address);
            }
        }
    }
}
