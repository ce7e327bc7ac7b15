//! What two pipelines may not share of a warehouse file.
//!
//! They may share the file: analysts join across pipelines, and loaders wait for each other. They
//! may not share a table, which would hold the rows of whichever came last, nor disagree on the
//! file's storage version, which would change with every load.

use lakehouse_contract::{
    DuckDbFile, Name, Position, Warehouse, WarehouseDatabase, expand_environment,
};

use crate::{Finding, LoadedPipeline, StageError, pipelines};

/// What each of these pipelines claims that another one claims as well.
#[must_use]
pub fn claims(pipelines: &[LoadedPipeline]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pipeline in pipelines {
        let others = || {
            let others = pipelines.iter();
            others.filter(|other| other.pipeline.name != pipeline.pipeline.name)
        };
        for (name, warehouse) in &pipeline.pipeline.warehouses {
            for other in others() {
                for their in other.pipeline.warehouses.values() {
                    compare(pipeline, name, warehouse, &other.pipeline.name, their)
                        .into_iter()
                        .for_each(|finding| findings.push(finding));
                }
            }
        }
    }
    findings
}

fn compare(
    pipeline: &LoadedPipeline,
    name: &Name,
    own: &Warehouse,
    other: &Name,
    their: &Warehouse,
) -> Vec<Finding> {
    let (WarehouseDatabase::DuckDb(own_file), WarehouseDatabase::DuckDb(their_file)) =
        (&own.database, &their.database);
    if path_of(own_file) != path_of(their_file) {
        return Vec::new();
    }
    let finding = |position: Position, message: String, hint: &str| Finding {
        file: pipeline.directory.join(pipelines::PIPELINE_FILE),
        position: Some(position),
        error: StageError::usage(format!("warehouse `{name}`: {message}")).hint(hint),
    };
    let mut findings = Vec::new();
    if own_file.storage_version != their_file.storage_version {
        findings.push(finding(
            own_file.path_position,
            format!(
                "its file is also a warehouse of the pipeline `{other}`, which has `storage_version: {}` and not {}",
                their_file.storage_version, own_file.storage_version
            ),
            "give both pipelines the same `storage_version`, or files of their own",
        ));
    }
    for (table, entry) in &own.tables {
        if their.tables.contains_key(table) {
            findings.push(finding(
                entry.mart_position,
                format!("the pipeline `{other}` loads the table `{table}` of the same file"),
                "let one pipeline load the table; give the other's another name or file",
            ));
        }
    }
    findings
}

/// The path as the environment has it, or as it is written where a variable is not set.
fn path_of(file: &DuckDbFile) -> String {
    expand_environment(&file.path, |name| std::env::var(name).ok())
        .unwrap_or_else(|_| file.path.clone())
}
