//! `lake describe`: every pipeline as a scheduler needs to know it, without the engine.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::path::PathBuf;

use lakehouse_contract::{Contract, Input, Name};
use lakehouse_stage::pipelines::{self, PIPELINE_FILE};
use lakehouse_stage::{Exit, Finding, LoadedPipeline, Report, Settings, StageError, findings};
use serde_json::{Value, json};

use crate::cli::DescribeArguments;
use crate::output;

/// Describes every pipeline whose `pipeline.yaml` is sound, and tells what is wrong with any.
///
/// A contract or a mart that is broken is told, and takes its pipeline from no scheduler: its
/// stages say what is wrong, where those look who are told of a failed run. SQL is not bound:
/// that takes the engine, and is `lake validate`'s part.
///
/// # Errors
/// The folder of pipelines cannot be read, or a pipeline does not exist: 2. What is wrong with a
/// pipeline is printed, and the exit is 2.
pub fn run(report: &Report, arguments: &DescribeArguments) -> Result<Exit, StageError> {
    report.withhold();
    let folder = &Settings::from_environment()?.pipelines_dir;
    let mut found = Vec::new();
    let mut directories = Vec::new();
    if arguments.pipelines.is_empty() {
        let listing = pipelines::list(folder)?;
        found = listing.misnamed;
        directories.extend(listing.names.iter().map(|name| folder.join(name.as_str())));
    } else {
        for name in &arguments.pipelines {
            directories.push(pipelines::directory(folder, name)?);
        }
    }
    let mut described = Vec::new();
    for (directory, (loaded, problems)) in directories.iter().zip(judge_all(&directories)) {
        let file = directory.join(PIPELINE_FILE);
        if problems.iter().all(|problem| problem.file != file) {
            described.extend(loaded);
        }
        found.extend(problems);
    }
    if arguments.json {
        let pipelines: Vec<Value> = described.iter().map(description).collect();
        let problems: Vec<Value> = found.iter().map(Finding::to_json).collect();
        let document = json!({"pipelines": pipelines, "problems": problems});
        output::answer(&document.to_string());
    } else {
        for loaded in &described {
            output::answer(&summary(loaded));
        }
        for text in findings::told(&found) {
            output::answer(&text);
        }
    }
    Ok(if found.is_empty() {
        Exit::Done
    } else {
        Exit::Usage
    })
}

/// What is in each folder, in their order. Folders are judged side by side: a scheduler waits for
/// this each time that it parses its DAGs.
fn judge_all(directories: &[PathBuf]) -> Vec<(Option<LoadedPipeline>, Vec<Finding>)> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let share = directories.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let judged: Vec<_> = directories
            .chunks(share)
            .map(|share| {
                scope.spawn(|| {
                    let judged = share.iter().map(|folder| pipelines::judge_folder(folder));
                    judged.collect::<Vec<_>>()
                })
            })
            .collect();
        judged
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    })
}

/// One pipeline for a program.
fn description(loaded: &LoadedPipeline) -> Value {
    let pipeline = &loaded.pipeline;
    let schedule = pipeline.schedule.as_ref().map(|schedule| {
        json!({
            "cron": schedule.cron,
            "timezone": schedule.timezone.name(),
            "start": schedule.start.to_string(),
        })
    });
    json!({
        "name": pipeline.name,
        "folder": loaded.directory.to_string_lossy(),
        "description": pipeline.description,
        "owner": pipeline.owner,
        "tags": pipeline.tags,
        "schedule": schedule,
        "environment": pipeline.environment,
        "datasets": pipeline.datasets.keys().collect::<Vec<&Name>>(),
        "tables": tables(loaded),
        "sources": sources(loaded),
        "partition_marts": marts(loaded, false),
        "snapshot_marts": marts(loaded, true),
        "snapshot_inputs": snapshot_inputs(loaded),
        "warehouses": pipeline.warehouses.keys().collect::<Vec<&Name>>(),
        "pseudonymises": loaded.contracts.values().any(Contract::needs_pseudonym_key),
    })
}

/// The marts that read their own day alone, or those that look back: snapshots, and what reads a
/// state or a history.
fn marts(loaded: &LoadedPipeline, looks_back: bool) -> Vec<&Name> {
    let marts = loaded.pipeline.marts.iter();
    marts
        .filter(|(_, mart)| mart.looks_back() == looks_back)
        .map(|(name, _)| name)
        .collect()
}

/// The datasets that come from databases.
fn tables(loaded: &LoadedPipeline) -> Vec<&Name> {
    let datasets = loaded.pipeline.datasets.iter();
    datasets
        .filter(|(_, dataset)| dataset.source.table().is_some())
        .map(|(name, _)| name)
        .collect()
}

/// The databases that datasets come from: each is a connection of its name.
fn sources(loaded: &LoadedPipeline) -> BTreeSet<&Name> {
    let datasets = loaded.pipeline.datasets.values();
    datasets
        .filter_map(|dataset| Some(&dataset.source.table()?.source))
        .collect()
}

/// The marts of their own day that those which look back read.
fn snapshot_inputs(loaded: &LoadedPipeline) -> Vec<&Name> {
    let marts = &loaded.pipeline.marts;
    let mut inputs = self::marts(loaded, false);
    inputs.retain(|name| {
        marts
            .values()
            .any(|mart| mart.looks_back() && mart.reads.contains_key(&Input::Gold((*name).clone())))
    });
    inputs
}

/// One pipeline for a person.
fn summary(loaded: &LoadedPipeline) -> String {
    let pipeline = &loaded.pipeline;
    let listed = |names: Vec<&Name>| match names.is_empty() {
        true => "none".to_owned(),
        false => names
            .iter()
            .map(|name| name.as_str())
            .collect::<Vec<&str>>()
            .join(", "),
    };
    let schedule = match &pipeline.schedule {
        Some(schedule) => format!(
            "{} ({}), from {}",
            schedule.cron,
            schedule.timezone.name(),
            schedule.start
        ),
        None => "none".to_owned(),
    };
    format!(
        "{}: {}\n  schedule: {schedule}\n  datasets: {}\n  marts: {}\n  warehouses: {}",
        pipeline.name,
        pipeline.description.as_deref().unwrap_or("no description"),
        listed(pipeline.datasets.keys().collect()),
        listed(pipeline.marts.keys().collect()),
        listed(pipeline.warehouses.keys().collect()),
    )
}
