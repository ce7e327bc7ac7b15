//! What a case expects against what came out: whole files, in order.

use std::path::{Path, PathBuf};

use lakehouse_bind::{EngineFailure, parquet_relation};
use lakehouse_contract::{Expectation, Name, RunDate};
use lakehouse_engine::{Session, SessionOptions};
use lakehouse_stage::{Base, LoadedPipeline, StageError};
use lakehouse_store::{Layout, Location, ObjectAddress};

use crate::test::case::{self, Case};
use crate::test::difference::difference;
use crate::test::server::{self, Server};

/// What is to be done with a difference.
#[derive(Debug, Clone, Copy)]
pub struct Mode {
    /// Whether what came out becomes what is expected.
    pub accept: bool,
    /// Whether all lines of a difference are shown.
    pub full: bool,
}

/// How a case ended.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What is wrong, each in lines for a person; none is a pass.
    pub failures: Vec<String>,
    /// Expected files that were written, with how they changed.
    pub accepted: Vec<String>,
}

/// Compares every expected file, and writes it where that is asked for.
///
/// # Errors
/// Engine failures, an expected file that cannot be read or written.
pub fn outputs(
    base: &Base,
    loaded: &LoadedPipeline,
    case: &Case,
    server: &Server,
    mode: Mode,
) -> Result<Verdict, StageError> {
    tokio::task::block_in_place(|| {
        let session = Session::open(&SessionOptions {
            workspace: base.workspace.path().to_path_buf(),
            memory_limit_bytes: base.settings.memory_limit_bytes,
            threads: 1,
            pseudonym_key: None,
        })
        .stage("open the engine")?;
        let mut comparison = Comparison {
            base,
            loaded,
            case,
            mode,
            session,
            data_dir: server.data_dir(),
            layout: server::layout()?,
            verdict: Verdict::default(),
        };
        comparison.all()?;
        Ok(comparison.verdict)
    })
}

/// The layers of expected files, in the order in which they are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    Silver,
    Quarantine,
    Gold,
}

impl Layer {
    const ALL: [Self; 3] = [Self::Silver, Self::Quarantine, Self::Gold];

    fn folder(self) -> &'static str {
        match self {
            Self::Silver => "silver",
            Self::Quarantine => "quarantine",
            Self::Gold => "gold",
        }
    }

    /// The datasets or marts that can have an expected file in this layer.
    fn names(self, loaded: &LoadedPipeline) -> Vec<&Name> {
        match self {
            Self::Silver | Self::Quarantine => loaded.pipeline.datasets.keys().collect(),
            Self::Gold => loaded.pipeline.marts.keys().collect(),
        }
    }
}

struct Comparison<'a> {
    base: &'a Base,
    loaded: &'a LoadedPipeline,
    case: &'a Case,
    mode: Mode,
    session: Session,
    data_dir: PathBuf,
    layout: Layout,
    verdict: Verdict,
}

impl Comparison<'_> {
    fn all(&mut self) -> Result<(), StageError> {
        let case = self.case;
        self.unknown_files()?;
        let mut files = Vec::new();
        for date in &case.case.run_dates {
            for layer in Layer::ALL {
                for name in layer.names(self.loaded) {
                    files.push((date, layer, name, self.expected_file(date, layer, name)));
                }
            }
        }
        // A case without any expected file is a new one: it gets all of them. Otherwise what is
        // not expected is what the case is not about.
        let is_new = !files.iter().any(|(_, _, _, file)| file.is_file());
        if is_new && !self.mode.accept && case.case.expect == Expectation::Published {
            self.verdict.failures.push(
                "the case expects nothing: there is no file under `expected/`\n\
                 hint: `lake test --accept` writes what came out"
                    .to_owned(),
            );
        }
        for (date, layer, name, file) in files {
            if file.is_file() || (is_new && self.mode.accept) {
                self.compare(date, layer, name, &file, is_new)?;
            }
        }
        if let Some(last) = case.case.run_dates.last()
            && case.expectation(last) == Expectation::Refused
        {
            self.nothing_published(last);
        }
        Ok(())
    }

    fn compare(
        &mut self,
        date: &RunDate,
        layer: Layer,
        name: &Name,
        file: &Path,
        is_new: bool,
    ) -> Result<(), StageError> {
        let shown = self.relative(file);
        let Some(found) = self.output(date, layer, name)? else {
            if !is_new {
                self.verdict.failures.push(format!(
                    "`{shown}` is expected, but nothing was published for it on {date}"
                ));
            }
            return Ok(());
        };
        let wanted = match is_new {
            true => String::new(),
            false => std::fs::read_to_string(file).map_err(|error| {
                StageError::from_io(format!("cannot read `{}`", file.display()), &error)
            })?,
        };
        let Some(lines) = difference(&wanted, &found, self.mode.full) else {
            return Ok(());
        };
        if self.mode.accept {
            write(file, &found)?;
            let verb = if is_new { "wrote" } else { "changed" };
            self.verdict
                .accepted
                .push(format!("{verb} `{shown}`:\n{lines}"));
        } else {
            self.verdict
                .failures
                .push(format!("`{shown}` differs:\n{lines}"));
        }
        Ok(())
    }

    /// What came out, as CSV; nothing where nothing was published.
    fn output(
        &self,
        date: &RunDate,
        layer: Layer,
        name: &Name,
    ) -> Result<Option<String>, StageError> {
        let pipeline = &self.loaded.pipeline.name;
        let path = match layer {
            Layer::Silver => self.local(&self.layout.silver_data(pipeline, name, date)),
            Layer::Gold => self.local(&self.layout.gold_data(pipeline, name, date)),
            Layer::Quarantine => {
                let partition = self.layout.quarantine_partition(pipeline, name, date);
                match self.quarantine_file(
                    &partition,
                    self.case.expectation(date) == Expectation::Refused,
                ) {
                    Some(path) => path,
                    None => return Ok(None),
                }
            }
        };
        if !path.is_file() {
            return Ok(None);
        }
        let select = match layer {
            Layer::Quarantine => quarantine_select(&path),
            Layer::Silver | Layer::Gold => format!("SELECT * FROM {}", parquet_relation(&path)),
        };
        let output = self.base.workspace.file("found.csv");
        self.session
            .write_csv(&select, &output)
            .stage("read what came out")?;
        std::fs::read_to_string(&output).map(Some).map_err(|error| {
            StageError::from_io(format!("cannot read `{}`", output.display()), &error)
        })
    }

    /// An expected file that nothing is compared with would pass for ever.
    fn unknown_files(&mut self) -> Result<(), StageError> {
        let expected = self.case.folder.join("expected");
        let dates: Vec<String> = self
            .case
            .case
            .run_dates
            .iter()
            .map(RunDate::to_string)
            .collect();
        for folder in existing(&expected)? {
            if !dates.contains(&case::file_name(&folder)) {
                self.unknown(&folder, "a run date of the case", &dates);
                continue;
            }
            for layer_folder in existing(&folder)? {
                let Some(layer) = Layer::ALL
                    .into_iter()
                    .find(|layer| layer.folder() == case::file_name(&layer_folder))
                else {
                    let layers = Layer::ALL.map(|layer| layer.folder().to_owned());
                    self.unknown(&layer_folder, "a layer", &layers);
                    continue;
                };
                let names: Vec<String> = layer
                    .names(self.loaded)
                    .iter()
                    .map(|name| format!("{name}.csv"))
                    .collect();
                for file in existing(&layer_folder)? {
                    if !names.contains(&case::file_name(&file)) {
                        self.unknown(&file, "of anything that the pipeline has", &names);
                    }
                }
            }
        }
        Ok(())
    }

    fn unknown(&mut self, path: &Path, what: &str, known: &[String]) {
        let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
        self.verdict.failures.push(format!(
            "`{}` is not {what}, so nothing is compared with it; there can be {}",
            self.relative(path),
            known.join(", ")
        ));
    }

    fn nothing_published(&mut self, date: &RunDate) {
        for dataset in self.loaded.pipeline.datasets.keys() {
            let address = self
                .layout
                .silver_data(&self.loaded.pipeline.name, dataset, date);
            if self.local(&address).exists() {
                self.verdict
                    .failures
                    .push(format!("`{address}` was published by a refused day"));
            }
        }
    }

    fn expected_file(&self, date: &RunDate, layer: Layer, name: &Name) -> PathBuf {
        self.case
            .folder
            .join("expected")
            .join(date.to_string())
            .join(layer.folder())
            .join(format!("{name}.csv"))
    }

    /// A path as a person would write it inside of the case's folder.
    fn relative(&self, path: &Path) -> String {
        path.strip_prefix(&self.case.folder)
            .unwrap_or(path)
            .display()
            .to_string()
    }

    fn local(&self, address: &ObjectAddress) -> PathBuf {
        self.data_dir.join(&address.bucket).join(&address.key)
    }

    /// The partition's only quarantine file: published, or kept as evidence of a refusal.
    fn quarantine_file(&self, partition: &Location, refused: bool) -> Option<PathBuf> {
        let mut folder = self
            .data_dir
            .join(&partition.bucket)
            .join(&partition.prefix);
        if refused {
            folder = folder.join("refused");
        }
        existing(&folder).ok()?.into_iter().find(|path| {
            path.extension()
                .is_some_and(|extension| extension == "parquet")
        })
    }
}

/// What a folder holds; nothing where it does not exist.
fn existing(folder: &Path) -> Result<Vec<PathBuf>, StageError> {
    match folder.is_dir() {
        true => case::entries(folder),
        false => Ok(Vec::new()),
    }
}

fn write(file: &Path, text: &str) -> Result<(), StageError> {
    let result = match file.parent() {
        Some(folder) => std::fs::create_dir_all(folder),
        None => Ok(()),
    };
    result
        .and_then(|()| std::fs::write(file, text))
        .map_err(|error| StageError::from_io(format!("cannot write `{}`", file.display()), &error))
}

/// One line per broken rule.
fn quarantine_select(path: &Path) -> String {
    format!(
        "SELECT source_name AS file, position, rule.\"column\" AS \"column\", rule.rule AS rule \
         FROM (SELECT source_name, position, unnest(rules) AS rule FROM {}) \
         ORDER BY file, position NULLS FIRST, \"column\" NULLS FIRST, rule",
        parquet_relation(path),
    )
}
