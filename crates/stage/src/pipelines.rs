//! Pipelines on disk: found, read and judged as a whole before any data is touched.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lakehouse_contract::{Contract, ContractError, Dataset, Name, Pipeline, expand_environment};

use crate::{Exit, StageError, env};

/// The file that makes a folder a pipeline.
pub const PIPELINE_FILE: &str = "pipeline.yaml";

/// A pipeline with everything that its folder says.
#[derive(Debug, Clone)]
pub struct LoadedPipeline {
    /// Its folder.
    pub directory: PathBuf,
    /// Its `pipeline.yaml`.
    pub pipeline: Pipeline,
    /// The contract of each dataset.
    pub contracts: BTreeMap<Name, Contract>,
    /// The text of each mart's SELECT.
    pub mart_sql: BTreeMap<Name, String>,
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
        expand_environment(&dataset.from, |name| std::env::var(name).ok()).map_err(|error| {
            let file = self.directory.join(PIPELINE_FILE);
            let stage_error = StageError::from(error);
            let hint = stage_error.hint.clone().unwrap_or_default();
            stage_error
                .context(format!("`{}` needs its environment", file.display()))
                .hint(format!(
                    "{hint}; under Airflow it belongs to the worker's environment"
                ))
        })
    }
}

/// The names of the pipelines under a folder, sorted.
///
/// # Errors
/// When the folder cannot be read: 2.
pub fn list(pipelines_dir: &Path) -> Result<Vec<Name>, StageError> {
    let entries = std::fs::read_dir(pipelines_dir).map_err(|error| {
        StageError::from_io(
            format!(
                "cannot read the folder of pipelines `{}`",
                pipelines_dir.display()
            ),
            &error,
        )
        .hint("set `LAKE_PIPELINES_DIR` to the folder that holds one folder per pipeline")
    })?;
    let mut names: Vec<Name> = entries
        .flatten()
        .filter(|entry| entry.path().join(PIPELINE_FILE).is_file())
        .filter_map(|entry| {
            entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
        })
        .collect();
    names.sort();
    Ok(names)
}

/// Reads and judges one pipeline: its `pipeline.yaml`, all its contracts, its marts' texts.
///
/// # Errors
/// When it does not exist or anything in it is wrong: 2, with the file.
pub fn load(pipelines_dir: &Path, name: &Name) -> Result<LoadedPipeline, StageError> {
    let directory = pipelines_dir.join(name.as_str());
    let file = directory.join(PIPELINE_FILE);
    if !file.is_file() {
        return Err(unknown(pipelines_dir, name)?);
    }
    load_folder(&directory)
}

/// The error for a pipeline that does not exist: 2, with those that do.
///
/// # Errors
/// When the folder of pipelines cannot be read.
pub fn unknown(pipelines_dir: &Path, name: &Name) -> Result<StageError, StageError> {
    let existing: Vec<String> = list(pipelines_dir)?
        .iter()
        .map(|name| format!("`{name}`"))
        .collect();
    let hint = if existing.is_empty() {
        format!(
            "`{}` holds no pipeline; is `LAKE_PIPELINES_DIR` right?",
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

/// Reads and judges the pipeline of a folder, wherever that lies.
///
/// # Errors
/// When anything in it is wrong: 2, with the file.
pub fn load_folder(directory: &Path) -> Result<LoadedPipeline, StageError> {
    let file = directory.join(PIPELINE_FILE);
    let wrong = |file: &Path, error: ContractError| {
        let stage_error = StageError::from(error).context(format!("`{}` is wrong", file.display()));
        match stage_error.hint {
            Some(_) => stage_error,
            None => stage_error
                .hint("mend the file; `lake validate` checks a pipeline without touching data"),
        }
    };
    let pipeline = Pipeline::parse(&read(&file)?).map_err(|error| wrong(&file, error))?;
    if directory.file_name().and_then(|name| name.to_str()) != Some(pipeline.name.as_str()) {
        return Err(StageError::usage(format!(
            "`{}` names the pipeline `{}`, unlike its folder",
            file.display(),
            pipeline.name
        ))
        .hint("give the folder and `name` the same name"));
    }
    pipeline.mart_order().map_err(|error| wrong(&file, error))?;
    let mut contracts = BTreeMap::new();
    for (dataset_name, dataset) in &pipeline.datasets {
        let file = inside(directory, &dataset.contract_path)?;
        let contract = Contract::parse(&read(&file)?).map_err(|error| wrong(&file, error))?;
        if contract.dataset_name != dataset_name.as_str() {
            return Err(StageError::usage(format!(
                "`{}` is the contract of `{}`, and `pipeline.yaml` names it for `{dataset_name}`",
                file.display(),
                contract.dataset_name
            ))
            .hint("give the dataset and the contract's `schema` entry the same name"));
        }
        contracts.insert(dataset_name.clone(), contract);
    }
    let mut mart_sql = BTreeMap::new();
    for mart in pipeline.marts.keys() {
        let file = directory.join("marts").join(format!("{mart}.sql"));
        mart_sql.insert(mart.clone(), read(&file)?);
    }
    Ok(LoadedPipeline {
        directory: directory.to_owned(),
        pipeline,
        contracts,
        mart_sql,
    })
}

fn read(file: &Path) -> Result<String, StageError> {
    std::fs::read_to_string(file).map_err(|error| {
        let mut stage_error =
            StageError::from_io(format!("cannot read `{}`", file.display()), &error);
        stage_error.exit = Exit::Usage;
        stage_error.hint("the pipeline names this file: make it, or mend the name")
    })
}

/// A file that `pipeline.yaml` names, which lies in the pipeline's folder.
fn inside(directory: &Path, relative: &str) -> Result<PathBuf, StageError> {
    use std::path::Component;
    let path = Path::new(relative);
    if path
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
    {
        Ok(directory.join(path))
    } else {
        Err(StageError::usage(format!(
            "the contract `{relative}` lies outside of `{}`",
            directory.display()
        ))
        .hint("a pipeline's folder holds all that it needs"))
    }
}
