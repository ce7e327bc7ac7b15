//! The test cases of a pipeline on disk: found, judged, and set up for a run.

use std::path::{Path, PathBuf};

use lakehouse_contract::{Expectation, Name, RunDate, TestCase, with_max_quarantined};
use lakehouse_stage::{Exit, LoadedPipeline, StageError};

/// A test case and its folder.
#[derive(Debug)]
pub struct Case {
    /// The folder's name.
    pub name: String,
    /// The folder, with `source/` and `expected/`.
    pub folder: PathBuf,
    /// What `case.yaml` says.
    pub case: TestCase,
}

impl Case {
    /// How a day must end. A case that expects a refusal is refused on its last date; the earlier
    /// ones are published.
    #[must_use]
    pub fn expectation(&self, date: &RunDate) -> Expectation {
        if self.case.run_dates.last() == Some(date) {
            self.case.expect
        } else {
            Expectation::Published
        }
    }

    /// The folder of pipelines that the stages read: the person's own, or one below `scratch` with
    /// a copy of the pipeline whose contracts have the case's `maxQuarantined`.
    ///
    /// # Errors
    /// When a contract cannot be changed so, or the copy cannot be written.
    pub fn pipelines_dir(
        &self,
        loaded: &LoadedPipeline,
        scratch: &Path,
    ) -> Result<PathBuf, StageError> {
        let Some(percent) = self.case.max_quarantined_percent else {
            return Ok(loaded
                .directory
                .parent()
                .unwrap_or(Path::new("."))
                .to_owned());
        };
        let copy = scratch.join("pipelines");
        let target = copy.join(loaded.pipeline.name.as_str());
        copy_folder(&loaded.directory, &target, &["tests"]).map_err(|error| {
            StageError::from_io(
                format!("cannot copy `{}` for the case", loaded.directory.display()),
                &error,
            )
        })?;
        for dataset in loaded.pipeline.datasets.values() {
            let file = target.join(&dataset.contract_path);
            let changed = with_max_quarantined(&read(&file)?, percent).map_err(|error| {
                StageError::from_error(Exit::Usage, &error).context(format!(
                    "case `{}` sets `maxQuarantined`, and `{}` cannot take it",
                    self.name, dataset.contract_path
                ))
            })?;
            std::fs::write(&file, changed).map_err(|error| {
                StageError::from_io(format!("cannot write `{}`", file.display()), &error)
            })?;
        }
        Ok(copy)
    }

    /// The folder that stands in for every source: the case's own, or one below `scratch` where a
    /// dataset has no folder in it. Such a dataset has no file on any of the days.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn source_root(
        &self,
        loaded: &LoadedPipeline,
        scratch: &Path,
    ) -> Result<PathBuf, StageError> {
        let own = self.folder.join("source");
        let is_there = |dataset: &Name| own.join(dataset.as_str()).is_dir();
        let mut datasets = loaded.pipeline.datasets.keys();
        if !own.is_dir() || datasets.all(is_there) {
            return Ok(own);
        }
        let root = scratch.join("source");
        let made = || -> std::io::Result<()> {
            std::fs::create_dir_all(&root)?;
            for dataset in loaded.pipeline.datasets.keys() {
                let folder = root.join(dataset.as_str());
                match is_there(dataset) {
                    true => std::os::unix::fs::symlink(
                        std::path::absolute(own.join(dataset.as_str()))?,
                        folder,
                    )?,
                    false => std::fs::create_dir(folder)?,
                }
            }
            Ok(())
        };
        made().map_err(|error| {
            StageError::from_io(format!("cannot make `{}`", root.display()), &error)
        })?;
        Ok(root)
    }
}

/// The cases of a pipeline in the order of their names, or those whose name contains a text.
///
/// # Errors
/// Exit 2 when a folder under `tests/` is not a case, or a case cannot be run as it is written.
pub fn cases(loaded: &LoadedPipeline, containing: Option<&str>) -> Result<Vec<Case>, StageError> {
    let mut cases = Vec::new();
    for folder in folders(&loaded.directory.join("tests"))? {
        let name = file_name(&folder);
        if containing.is_some_and(|text| !name.contains(text)) {
            continue;
        }
        let file = folder.join("case.yaml");
        if !file.is_file() {
            return Err(
                StageError::usage(format!("`{}` has no `case.yaml`", folder.display())).hint(
                    "write one, with at least `run_dates: […]`, or move the folder out of `tests`",
                ),
            );
        }
        let case = TestCase::parse(&read(&file)?).map_err(|error| {
            StageError::from_error(Exit::Usage, &error)
                .context(format!("`{}` is wrong", file.display()))
        })?;
        check_sources(loaded, &folder.join("source"))?;
        cases.push(Case { name, folder, case });
    }
    Ok(cases)
}

/// A file that belongs to no dataset would never be read, and the case would pass without it.
fn check_sources(loaded: &LoadedPipeline, source: &Path) -> Result<(), StageError> {
    if !source.is_dir() {
        return Ok(());
    }
    let datasets = &loaded.pipeline.datasets;
    for entry in entries(source)? {
        let name = file_name(&entry);
        if entry.is_dir() && datasets.keys().any(|dataset| dataset.as_str() == name) {
            continue;
        }
        let names: Vec<String> = datasets
            .keys()
            .map(|dataset| format!("`source/{dataset}/`"))
            .collect();
        return Err(StageError::usage(format!(
            "`{}` is not the folder of a dataset of pipeline `{}`",
            entry.display(),
            loaded.pipeline.name
        ))
        .hint(format!("put the files of a case in {}", names.join(", "))));
    }
    Ok(())
}

/// What a folder holds, in the order of the names, without hidden files.
///
/// # Errors
/// When it cannot be read.
pub fn entries(folder: &Path) -> Result<Vec<PathBuf>, StageError> {
    let read = || -> std::io::Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if !file_name(&path).starts_with('.') {
                paths.push(path);
            }
        }
        paths.sort();
        Ok(paths)
    };
    read()
        .map_err(|error| StageError::from_io(format!("cannot read `{}`", folder.display()), &error))
}

/// The folders in a folder; none where it does not exist.
fn folders(folder: &Path) -> Result<Vec<PathBuf>, StageError> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut folders = entries(folder)?;
    folders.retain(|path| path.is_dir());
    Ok(folders)
}

/// The last part of a path, as text.
#[must_use]
pub fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn read(file: &Path) -> Result<String, StageError> {
    std::fs::read_to_string(file)
        .map_err(|error| StageError::from_io(format!("cannot read `{}`", file.display()), &error))
}

/// Copies a folder; what is left out is only left out at the top.
fn copy_folder(from: &Path, to: &Path, without: &[&str]) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if without.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if source.is_dir() {
            copy_folder(&source, &target, &[])?;
        } else {
            std::fs::copy(&source, &target)?;
        }
    }
    Ok(())
}
