//! `pipeline.yaml` as it is written, and what it means.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;
use serde::Deserialize;

use super::format::RawFormat;
use super::mart::{RawMart, read_mart};
use super::schedule::check_cron;
use super::source::{self, RawDatabase, RawSource, RawTable, RawTake};
use super::warehouse::{RawWarehouse, read_warehouse};
use super::{Database, Dataset, Pipeline, Schedule, WhenMissing};
use crate::types::timezone;
use crate::yaml::{self, At, Spanned, TextOr, choose_or_default};
use crate::{ContractError, Name, Problems, RunDate, environment, environment_names};

/// Keys that are known only to be refused.
const REFUSED: [&str; 4] = ["lateness_days", "portable", "references", "views"];
/// What the parts of a pipeline are called in errors.
const LABELS: [(&str, &str); 5] = [
    ("sources", "source"),
    ("datasets", "dataset"),
    ("marts", "mart"),
    ("warehouses", "warehouse"),
    ("tables", "table"),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPipeline {
    name: Spanned<String>,
    description: Option<String>,
    owner: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    schedule: At<RawSchedule>,
    #[serde(default)]
    environment: Vec<Spanned<String>>,
    #[serde(default)]
    sources: BTreeMap<String, Spanned<RawDatabase>>,
    datasets: Spanned<BTreeMap<String, Spanned<RawDataset>>>,
    #[serde(default)]
    marts: BTreeMap<String, Spanned<RawMart>>,
    #[serde(default)]
    warehouses: BTreeMap<String, Spanned<RawWarehouse>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSchedule {
    cron: Spanned<String>,
    timezone: At<String>,
    start: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDataset {
    contract: Spanned<String>,
    from: Spanned<TextOr<RawTable>>,
    files: At<String>,
    format: At<RawFormat>,
    #[serde(rename = "whenMissing")]
    when_missing: At<String>,
    take: At<TextOr<RawTake>>,
    columns: At<String>,
    except: At<Vec<String>>,
    compression: At<String>,
}

/// A pipeline, and what of its text is not in it.
pub(super) struct ReadPipeline {
    pub pipeline: Pipeline,
    /// Datasets and marts that are named, but broken: nothing more is said of what reads them.
    pub broken: BTreeSet<String>,
}

pub(super) fn read(text: &str, problems: &mut Problems) -> Option<ReadPipeline> {
    let raw: Spanned<RawPipeline> = yaml::read(text, &REFUSED, &LABELS, problems)?;
    let is_whole = raw.is_whole;
    let raw = raw.value;
    let name_position = raw.name.referenced;
    let name = raw.name.value.parse::<Name>().and_then(not_reserved);
    let name = problems.keep(name.map_err(|error| error.at(name_position)));
    let mut environment = Vec::new();
    for variable in &raw.environment {
        problems.keep(check_variable(variable));
        // One that was refused is still declared: what needs it is not told again.
        environment.push(variable.value.clone());
    }
    if raw.datasets.value.is_empty() && raw.datasets.is_whole {
        problems.add(
            ContractError::invalid("`datasets` is empty")
                .with_hint("name at least one dataset")
                .at(raw.datasets.referenced),
        );
    }
    let (sources, sources_are_whole) = read_sources(raw.sources, problems);
    // Where one of them is broken, a dataset may well name it.
    let databases = (is_whole && sources_are_whole).then_some(&sources);
    let mut broken = BTreeSet::new();
    let mut datasets = BTreeMap::new();
    for (key, dataset) in raw.datasets.value {
        let mut found = Problems::default();
        let name = found.keep(key.parse::<Name>());
        let declared = is_whole.then_some(environment.as_slice());
        let (value, dataset_is_whole) = (dataset.value, dataset.is_whole);
        let read = read_dataset(value, dataset_is_whole, declared, databases, &mut found);
        match (name, read) {
            (Some(name), Some(read)) if found.count() == 0 => {
                datasets.insert(name, read);
            }
            _ => {
                broken.insert(format!("silver.{key}"));
            }
        }
        problems.append(found, |error| {
            error
                .within(format!("dataset `{key}`"))
                .at(dataset.referenced)
        });
    }
    let mut marts = BTreeMap::new();
    for (key, mart) in raw.marts {
        let mut found = Problems::default();
        let name = found.keep(key.parse::<Name>());
        let read = read_mart(mart.value, &mut found);
        match (name, read) {
            (Some(name), Some(read)) if found.count() == 0 => {
                marts.insert(name, read);
            }
            _ => {
                broken.insert(format!("gold.{key}"));
            }
        }
        problems.append(found, |error| {
            error.within(format!("mart `{key}`")).at(mart.referenced)
        });
    }
    let mut warehouses = BTreeMap::new();
    let declared = is_whole.then_some(environment.as_slice());
    for (key, warehouse) in raw.warehouses {
        let position = warehouse.referenced;
        let mut found = Problems::default();
        let name = found.keep(key.parse::<Name>());
        let read = read_warehouse(warehouse, declared, &mut found);
        // With problems, its sound tables can still be judged; it cannot be loaded.
        if let (Some(name), Some(read)) = (name, read) {
            warehouses.insert(name, read);
        }
        problems.append(found, |error| {
            error.within_also(format!("warehouse `{key}`")).at(position)
        });
    }
    if !is_whole {
        // An entry may be out of the tree, so nothing is known of it but its name.
        for (section, layer) in [("datasets", "silver"), ("marts", "gold")] {
            let names = yaml::keys_below(text, section);
            broken.extend(names.iter().map(|name| format!("{layer}.{name}")));
        }
    }
    let schedule = raw.schedule.and_then(|schedule| {
        let at = schedule.referenced;
        problems.part(
            |error| error.within("schedule").at(at),
            |problems| read_schedule(schedule.value, problems),
        )
    });
    let pipeline = Pipeline {
        name: name?,
        name_position,
        description: raw.description,
        owner: raw.owner,
        tags: raw.tags,
        schedule,
        environment,
        sources,
        datasets,
        marts,
        warehouses,
    };
    Some(ReadPipeline { pipeline, broken })
}

/// The DAG that serves all pipelines has this name.
fn not_reserved(name: Name) -> Result<Name, ContractError> {
    match name.as_str() {
        "lakehouse_janitor" => Err(ContractError::invalid(format!(
            "`{name}` is the name of the lakehouse's own DAG"
        ))
        .with_hint("choose another name for the pipeline and its folder")),
        _ => Ok(name),
    }
}

fn check_variable(name: &Spanned<String>) -> Result<(), ContractError> {
    let refuse = |message: String, hint: &str| {
        Err(ContractError::invalid(message)
            .with_hint(hint)
            .within("environment")
            .at(name.referenced))
    };
    let text = &name.value;
    if !environment::is_variable_name(text) {
        return refuse(
            format!("`{text}` is not the name of an environment variable"),
            "use uppercase letters, digits and `_`",
        );
    }
    let is_credential = ["AWS_", "AIRFLOW_"]
        .iter()
        .any(|start| text.starts_with(start))
        || [
            "SECRET",
            "PASSWORD",
            "TOKEN",
            "CREDENTIAL",
            "PSEUDONYM_KEY",
            "PRIVATE_KEY",
        ]
        .iter()
        .any(|word| text.contains(word));
    if is_credential {
        return refuse(
            format!("`{text}` looks like a credential"),
            "credentials come from connections, never through `environment`",
        );
    }
    Ok(())
}

fn read_schedule(raw: RawSchedule, problems: &mut Problems) -> Option<Schedule> {
    let cron = check_cron(&raw.cron.value).map_err(|error| error.at(raw.cron.referenced));
    let cron = problems.keep(cron);
    let zone = match &raw.timezone {
        None => Some(Tz::UTC),
        Some(zone) => {
            let known = timezone(&zone.value);
            problems.keep(known.map_err(|error| error.at(zone.referenced)))
        }
    };
    let start = raw.start.value.parse::<RunDate>();
    let start = problems.keep(start.map_err(|error| error.at(raw.start.referenced)));
    cron?;
    Some(Schedule {
        cron: raw.cron.value,
        timezone: zone?,
        start: start?.date(),
    })
}

/// The databases, and whether all that are named are sound.
fn read_sources(
    raw: BTreeMap<String, Spanned<RawDatabase>>,
    problems: &mut Problems,
) -> (BTreeMap<Name, Database>, bool) {
    let mut sources = BTreeMap::new();
    let mut are_whole = true;
    for (key, database) in raw {
        let at = database.referenced;
        are_whole &= database.is_whole;
        let read = match database.is_whole {
            true => source::read_database(&key, database),
            // What is missing may just not have been understood, and that was told.
            false => continue,
        };
        let place = format!("source `{key}`");
        match problems.keep(read.map_err(|error| match error.line() {
            Some(_) => error.within(place),
            None => error.within(place).at(at),
        })) {
            Some((name, database)) => {
                sources.insert(name, database);
            }
            None => are_whole = false,
        }
    }
    (sources, are_whole)
}

fn read_dataset(
    raw: RawDataset,
    is_whole: bool,
    declared: Option<&[String]>,
    databases: Option<&BTreeMap<Name, Database>>,
    problems: &mut Problems,
) -> Option<Dataset> {
    let contract = &raw.contract;
    let inside = contract
        .value
        .split('/')
        .all(|part| !matches!(part, "" | "." | ".."));
    if !inside {
        problems.add(
            ContractError::invalid(format!(
                "`{}` is not a path inside the pipeline's folder",
                contract.value
            ))
            .with_hint("write it as `contracts/<dataset>.odcs.yaml`")
            .at(contract.referenced),
        );
    }
    let choices = [("skip", WhenMissing::Skip), ("fail", WhenMissing::Fail)];
    let when_missing = choose_or_default("whenMissing", raw.when_missing.clone(), &choices, &[]);
    let when_missing = problems.keep_default(when_missing);
    let source = RawSource {
        from: raw.from,
        files: raw.files,
        format: raw.format,
        when_missing: raw.when_missing,
        take: raw.take,
        columns: raw.columns,
        except: raw.except,
        compression: raw.compression,
    };
    let source = source::read_source(source, is_whole, declared, databases, problems);
    Some(Dataset {
        contract_position: raw.contract.referenced,
        contract_path: raw.contract.value,
        source: source?,
        when_missing,
    })
}

/// `declared` is none where it is not known what `environment` declares.
pub(super) fn check_files_from(
    from: &str,
    declared: Option<&[String]>,
) -> Result<(), ContractError> {
    if from.is_empty() {
        return Err(ContractError::invalid("`from` is empty")
            .with_hint("name a folder, or `s3://bucket/prefix`"));
    }
    match environment_names(from)?
        .into_iter()
        .find(|name| declared.is_some_and(|declared| !declared.contains(name)))
    {
        None => Ok(()),
        Some(name) => Err(ContractError::invalid(format!(
            "`from` needs the variable `{name}`, which `environment` does not declare"
        ))
        .with_hint(format!("add it: `environment: [{name}]`"))),
    }
}
