//! Pipelines on disk: found, read and judged as a whole before any data is touched.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lakehouse_contract::{
    Contract, Dataset, Name, Pipeline, Query, Relation, Source, Take, expand_environment,
};

use crate::{Exit, Finding, StageError, env, findings};

/// The file that makes a folder a pipeline.
pub const PIPELINE_FILE: &str = "pipeline.yaml";

/// A pipeline with everything that its folder says.
#[derive(Debug, Clone)]
pub struct LoadedPipeline {
    /// The folder that it is in.
    pub directory: PathBuf,
    /// What `pipeline.yaml` says.
    pub pipeline: Pipeline,
    /// The contract of each dataset.
    pub contracts: BTreeMap<Name, Contract>,
    /// The text of each mart's SELECT.
    pub mart_sql: BTreeMap<Name, String>,
    /// The query of each dataset that comes from one.
    pub queries: BTreeMap<Name, Query>,
}

impl LoadedPipeline {
    /// Where a dataset comes from, its environment variables filled in. Only those that
    /// `pipeline.yaml` declares can be in it.
    ///
    /// # Errors
    /// When a variable is not set: 2.
    pub fn source_of(&self, name: &Name, dataset: &Dataset) -> Result<String, StageError> {
        if let Some(root) = env::read(&env::LAKE_SOURCE_ROOT)? {
            return Ok(Path::new(&root)
                .join(name.as_str())
                .to_string_lossy()
                .into_owned());
        }
        let Source::Files(files) = &dataset.source else {
            return Err(StageError::bug(format!(
                "the dataset `{name}` comes from a database, not from files"
            )));
        };
        expand_environment(&files.from, |name| std::env::var(name).ok()).map_err(|error| {
            let file = self.directory.join(PIPELINE_FILE);
            let stage_error = StageError::from(error);
            let hint = stage_error.hint.clone().unwrap_or_default();
            stage_error
                .context(format!("`{}` needs its environment", file.display()))
                .hint(format!(
                    "{hint}; under Airflow, set it in the worker's environment"
                ))
        })
    }
}

/// The pipelines under a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Their names, sorted.
    pub names: Vec<Name>,
    /// Folders that hold a `pipeline.yaml` and whose name cannot be a pipeline's.
    pub misnamed: Vec<Finding>,
}

/// The pipelines under a folder: folders, or symbolic links to folders, with a `pipeline.yaml`.
///
/// # Errors
/// When the folder cannot be read: 2.
pub fn list(pipelines_dir: &Path) -> Result<Listing, StageError> {
    let unreadable = |path: &Path, error: &std::io::Error| {
        StageError::from_io(
            format!("cannot read the folder of pipelines `{}`", path.display()),
            error,
        )
        .hint("set `LAKE_PIPELINES_DIR` to the folder that holds one folder per pipeline")
    };
    let entries =
        std::fs::read_dir(pipelines_dir).map_err(|error| unreadable(pipelines_dir, &error))?;
    let mut listing = Listing::default();
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(pipelines_dir, &error))?;
        let file = entry.path().join(PIPELINE_FILE);
        match std::fs::metadata(&file) {
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => continue,
            Err(error) if is_absent(&error) => continue,
            Err(error) => return Err(unreadable(&file, &error)),
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        match name.parse::<Name>() {
            Ok(name) => listing.names.push(name),
            Err(error) => listing.misnamed.push(Finding {
                file: entry.path(),
                position: None,
                error: StageError {
                    hint: error.hint().map(|hint| {
                        format!("rename the folder and `name` in its `pipeline.yaml`: {hint}")
                    }),
                    ..StageError::usage(format!(
                        "the folder holds a pipeline, but `{name}` is not a name"
                    ))
                },
            }),
        }
    }
    listing.names.sort();
    listing
        .misnamed
        .sort_by(|left, right| left.file.cmp(&right.file));
    Ok(listing)
}

fn is_absent(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Reads and judges one pipeline: its `pipeline.yaml`, all its contracts, its marts' texts.
///
/// # Errors
/// When it does not exist or anything in it is wrong: 2, with the file.
pub fn load(pipelines_dir: &Path, name: &Name) -> Result<LoadedPipeline, StageError> {
    load_folder(&directory(pipelines_dir, name)?)
}

/// The folder of a pipeline.
///
/// # Errors
/// When there is none: 2, with those that there are.
pub fn directory(pipelines_dir: &Path, name: &Name) -> Result<PathBuf, StageError> {
    let directory = pipelines_dir.join(name.as_str());
    match directory.join(PIPELINE_FILE).is_file() {
        true => Ok(directory),
        false => Err(unknown(pipelines_dir, name)?),
    }
}

/// The error for a pipeline that does not exist: 2, with those that do.
///
/// # Errors
/// When the folder of pipelines cannot be read.
pub fn unknown(pipelines_dir: &Path, name: &Name) -> Result<StageError, StageError> {
    let existing: Vec<String> = list(pipelines_dir)?
        .names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect();
    let hint = if existing.is_empty() {
        format!(
            "`{}` holds no pipeline; check `LAKE_PIPELINES_DIR`",
            pipelines_dir.display()
        )
    } else {
        format!(
            "`{}` holds {}",
            pipelines_dir.display(),
            existing.join(", ")
        )
    };
    Ok(StageError::usage(format!("there is no pipeline `{name}`")).hint(hint))
}

/// Reads and judges the pipeline of a folder, wherever that is.
///
/// # Errors
/// When anything in it is wrong: 2, with everything that is, and the files.
pub fn load_folder(directory: &Path) -> Result<LoadedPipeline, StageError> {
    let (loaded, findings) = judge_folder(directory);
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    match (loaded, findings::as_error(&name, &findings)) {
        (Some(loaded), None) => Ok(loaded),
        (_, Some(error)) => Err(error),
        (None, None) => Err(StageError::bug(format!(
            "the pipeline `{name}` was neither read nor refused"
        ))),
    }
}

/// Reads the pipeline of a folder and tells everything that is wrong with it.
///
/// With findings, what was read has those datasets, contracts and marts that are sound, so that
/// they can be judged further; it cannot run.
#[must_use]
pub fn judge_folder(directory: &Path) -> (Option<LoadedPipeline>, Vec<Finding>) {
    let mut findings = Vec::new();
    let file = directory.join(PIPELINE_FILE);
    let text = match read(&file) {
        Ok(text) => text,
        Err(finding) => return (None, vec![finding]),
    };
    let (pipeline, problems) = Pipeline::judge(&text);
    findings.extend(problems.iter().map(|error| Finding::of_yaml(&file, error)));
    let Some(pipeline) = pipeline else {
        return (None, findings);
    };
    let in_pipeline = |position, message: String, hint: &str| Finding {
        file: file.clone(),
        position: Some(position),
        error: StageError::usage(message).hint(hint),
    };
    if directory.file_name().and_then(|name| name.to_str()) != Some(pipeline.name.as_str()) {
        findings.push(in_pipeline(
            pipeline.name_position,
            format!(
                "the pipeline is called `{}`, but its folder is not",
                pipeline.name
            ),
            "give the folder and `name` the same name",
        ));
    }
    let mut contracts = BTreeMap::new();
    for (dataset_name, dataset) in &pipeline.datasets {
        // `pipeline.yaml` names no path outside of the folder.
        let contract_file = directory.join(&dataset.contract_path);
        let text = match read(&contract_file) {
            Ok(text) => text,
            Err(finding) => {
                findings.push(finding);
                continue;
            }
        };
        match Contract::judge(&text) {
            Err(errors) => findings.extend(
                errors
                    .iter()
                    .map(|error| Finding::of_yaml(&contract_file, error)),
            ),
            Ok(contract) if contract.dataset_name != dataset_name.as_str() => {
                findings.push(in_pipeline(
                    dataset.contract_position,
                    format!(
                        "`{}` is the contract of `{}`, not of `{dataset_name}`",
                        dataset.contract_path, contract.dataset_name
                    ),
                    "give the dataset and the contract's `schema` entry the same name",
                ));
            }
            Ok(contract) => {
                contracts.insert(dataset_name.clone(), contract);
            }
        }
    }
    let states = pipeline.judge_states(&contracts);
    findings.extend(states.iter().map(|error| Finding::of_yaml(&file, error)));
    let takes = pipeline.judge_takes(&contracts);
    findings.extend(takes.iter().map(|error| Finding::of_yaml(&file, error)));
    let mut queries = BTreeMap::new();
    for (dataset_name, dataset) in &pipeline.datasets {
        let Some(table) = dataset.source.table() else {
            continue;
        };
        let Relation::Query(path) = &table.relation else {
            continue;
        };
        let query_file = directory.join(path);
        let text = match read(&query_file) {
            Ok(text) => text,
            Err(finding) => {
                findings.push(finding);
                continue;
            }
        };
        match Query::parse(&text) {
            Err(error) => findings.push(Finding::of_yaml(&query_file, &error)),
            Ok(query) if query.names_day() && table.take == Take::Whole => {
                findings.push(in_pipeline(
                    table.take_position,
                    format!("dataset `{dataset_name}`: `{path}` asks for the day's bounds, and `take: whole` has none"),
                    "write `take: {day: <column>}`, or a query without `:day_start` and `:day_end`",
                ));
            }
            Ok(query) => {
                queries.insert(dataset_name.clone(), query);
            }
        }
    }
    let mut mart_sql = BTreeMap::new();
    for mart in pipeline.marts.keys() {
        match read(&directory.join("marts").join(format!("{mart}.sql"))) {
            Ok(text) => {
                mart_sql.insert(mart.clone(), text);
            }
            Err(finding) => findings.push(finding),
        }
    }
    let loaded = LoadedPipeline {
        directory: directory.to_owned(),
        pipeline,
        contracts,
        mart_sql,
        queries,
    };
    (Some(loaded), findings)
}

#[allow(clippy::result_large_err, reason = "an error is rare, and read once")]
fn read(file: &Path) -> Result<String, Finding> {
    std::fs::read_to_string(file).map_err(|error| {
        let mut stage_error = StageError::from_io("cannot read the file", &error);
        stage_error.exit = Exit::Usage;
        Finding {
            file: file.to_owned(),
            position: None,
            error: stage_error.hint("the pipeline names this file: add it, or correct the name"),
        }
    })
}
