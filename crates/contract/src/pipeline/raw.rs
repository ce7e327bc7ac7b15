//! `pipeline.yaml` as it is written, and into what it is meant.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::format::{RawFormat, read_format};
use super::mart::{RawMart, read_mart};
use super::schedule::check_cron;
use super::{Dataset, Pipeline, Schedule, WhenMissing};
use crate::types::timezone;
use crate::yaml::{self, At, choose_or_default};
use crate::{ContractError, Name, RunDate, environment, environment_names};

/// Keys that are known only to be refused.
const REFUSED: [&str; 2] = ["lateness_days", "portable"];

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
    datasets: Spanned<BTreeMap<String, Spanned<RawDataset>>>,
    #[serde(default)]
    marts: BTreeMap<String, Spanned<RawMart>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSchedule {
    cron: String,
    timezone: Option<String>,
    start: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDataset {
    contract: Spanned<String>,
    from: Spanned<String>,
    files: Spanned<String>,
    format: Spanned<RawFormat>,
    #[serde(rename = "whenMissing")]
    when_missing: At<String>,
}

pub(super) fn parse(text: &str) -> Result<Pipeline, ContractError> {
    let raw: RawPipeline = yaml::parse(text, &REFUSED)?;
    let name = raw
        .name
        .value
        .parse()
        .map_err(|error: ContractError| error.at(raw.name.referenced))?;
    let environment = raw
        .environment
        .iter()
        .map(variable)
        .collect::<Result<Vec<String>, _>>()?;
    if raw.datasets.value.is_empty() {
        return Err(ContractError::invalid("`datasets` is empty")
            .with_hint("name at least one dataset")
            .at(raw.datasets.referenced));
    }
    let mut datasets = BTreeMap::new();
    for (key, dataset) in raw.datasets.value {
        let place = format!("dataset `{key}`");
        let location = dataset.referenced;
        let read = key
            .parse::<Name>()
            .and_then(|name| Ok((name, read_dataset(dataset.value, &environment)?)));
        let (name, dataset) = read.map_err(|error| error.within(place).at(location))?;
        datasets.insert(name, dataset);
    }
    let mut marts = BTreeMap::new();
    for (key, mart) in raw.marts {
        let place = format!("mart `{key}`");
        let location = mart.referenced;
        let read = key
            .parse::<Name>()
            .and_then(|name| Ok((name, read_mart(mart.value)?)));
        let (name, mart) = read.map_err(|error| error.within(place).at(location))?;
        marts.insert(name, mart);
    }
    let schedule = raw.schedule.map(read_schedule).transpose()?;
    Ok(Pipeline {
        name,
        description: raw.description,
        owner: raw.owner,
        tags: raw.tags,
        schedule,
        environment,
        datasets,
        marts,
    })
}

fn variable(name: &Spanned<String>) -> Result<String, ContractError> {
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
            "names are made of capital letters, digits and `_`",
        );
    }
    let secret = text.starts_with("AWS_")
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
    if secret {
        return refuse(
            format!("`{text}` looks like a credential"),
            "credentials come from connections, never through `environment`",
        );
    }
    Ok(text.clone())
}

fn read_schedule(raw: Spanned<RawSchedule>) -> Result<Schedule, ContractError> {
    let location = raw.referenced;
    let read = |raw: RawSchedule| {
        check_cron(&raw.cron)?;
        let timezone = raw.timezone.as_deref().map_or(Ok(Tz::UTC), timezone)?;
        let start = raw.start.parse::<RunDate>()?.date();
        Ok(Schedule {
            cron: raw.cron,
            timezone,
            start,
        })
    };
    read(raw.value).map_err(|error: ContractError| error.within("schedule").at(location))
}

fn read_dataset(raw: RawDataset, environment: &[String]) -> Result<Dataset, ContractError> {
    let contract = &raw.contract;
    let inside = contract
        .value
        .split('/')
        .all(|part| !matches!(part, "" | "." | ".."));
    if !inside {
        return Err(ContractError::invalid(format!(
            "`{}` is not a path inside the pipeline's folder",
            contract.value
        ))
        .with_hint("write it as `contracts/<dataset>.odcs.yaml`")
        .at(contract.referenced));
    }
    check_source(&raw.from.value, environment).map_err(|error| error.at(raw.from.referenced))?;
    let files = raw
        .files
        .value
        .parse()
        .map_err(|error: ContractError| error.at(raw.files.referenced))?;
    let location = raw.format.referenced;
    let format = read_format(raw.format.value).map_err(|error| error.at(location))?;
    let choices = [("skip", WhenMissing::Skip), ("fail", WhenMissing::Fail)];
    Ok(Dataset {
        contract_path: raw.contract.value,
        from: raw.from.value,
        files,
        format,
        when_missing: choose_or_default("whenMissing", raw.when_missing, &choices, &[])?,
    })
}

fn check_source(from: &str, environment: &[String]) -> Result<(), ContractError> {
    if from.is_empty() {
        return Err(ContractError::invalid("`from` is empty")
            .with_hint("name a folder, or `s3://bucket/prefix`"));
    }
    match environment_names(from)?
        .into_iter()
        .find(|name| !environment.contains(name))
    {
        None => Ok(()),
        Some(name) => Err(ContractError::invalid(format!(
            "`from` needs the variable `{name}`, which `environment` does not declare"
        ))
        .with_hint(format!("add it: `environment: [{name}]`"))),
    }
}
