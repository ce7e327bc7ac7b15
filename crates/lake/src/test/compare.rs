//! What a case expects against what came out: whole files, in order.

use std::path::{Path, PathBuf};

use lakehouse_bind::EngineFailure;
use lakehouse_contract::{Expectation, Name, RunDate, TestCase};
use lakehouse_engine::{Session, SessionOptions};
use lakehouse_stage::{Base, LoadedPipeline, StageError};
use lakehouse_store::{Location, ObjectAddress};

use crate::test::server::{self, Server};
use crate::test::{expectation, expected_file};

/// Lines of a difference that are shown.
const SHOWN_LINES: usize = 8;

/// Compares every expected file; an empty list is a pass.
///
/// # Errors
/// Engine failures, an expected file that cannot be read.
pub async fn outputs(
    base: &Base,
    loaded: &LoadedPipeline,
    folder: &Path,
    case: &TestCase,
    server: &Server,
) -> Result<Vec<String>, StageError> {
    tokio::task::block_in_place(|| {
        let comparison = Comparison {
            base,
            loaded,
            folder,
            case,
            data_dir: server.data_dir(),
        };
        comparison.all()
    })
}

struct Comparison<'a> {
    base: &'a Base,
    loaded: &'a LoadedPipeline,
    folder: &'a Path,
    case: &'a TestCase,
    data_dir: PathBuf,
}

impl Comparison<'_> {
    fn all(&self) -> Result<Vec<String>, StageError> {
        let mut differences = Vec::new();
        let mut compared = 0;
        let layout = server::layout()?;
        let pipeline = &self.loaded.pipeline.name;
        for date in &self.case.run_dates {
            for dataset in self.loaded.pipeline.datasets.keys() {
                if let Some(expected) = expected_file(self.folder, date, "silver", dataset) {
                    compared += 1;
                    let data = self.local(&layout.silver_data(pipeline, dataset, date));
                    differences.extend(self.compare(
                        &expected,
                        &data,
                        &format!("SELECT * FROM {}", relation(&data)),
                    )?);
                }
                if let Some(expected) = expected_file(self.folder, date, "quarantine", dataset) {
                    compared += 1;
                    let partition = layout.quarantine_partition(pipeline, dataset, date);
                    match self.quarantine_file(
                        &partition,
                        expectation(self.case, date) == Expectation::Refused,
                    ) {
                        Some(path) => differences.extend(self.compare(
                            &expected,
                            &path,
                            &quarantine_select(&path),
                        )?),
                        None => {
                            differences.push(format!("{date}: `{dataset}` has no quarantine file"))
                        }
                    }
                }
            }
            for mart in self.loaded.pipeline.marts.keys() {
                if let Some(expected) = expected_file(self.folder, date, "gold", mart) {
                    compared += 1;
                    let data = self.local(&layout.gold_data(pipeline, mart, date));
                    differences.extend(self.compare(
                        &expected,
                        &data,
                        &format!("SELECT * FROM {}", relation(&data)),
                    )?);
                }
            }
            differences.extend(self.unknown_names(date)?);
            if expectation(self.case, date) == Expectation::Refused {
                differences.extend(self.nothing_published(date));
            }
        }
        if compared == 0 && self.case.expect == Expectation::Published {
            differences
                .push("the case expects nothing: there is no file under `expected/`".to_owned());
        }
        Ok(differences)
    }

    /// An expected file for what the pipeline does not have would never be compared.
    fn unknown_names(&self, date: &RunDate) -> Result<Vec<String>, StageError> {
        let mut unknown = Vec::new();
        let datasets: Vec<&Name> = self.loaded.pipeline.datasets.keys().collect();
        let marts: Vec<&Name> = self.loaded.pipeline.marts.keys().collect();
        for (layer, names) in [
            ("silver", &datasets),
            ("quarantine", &datasets),
            ("gold", &marts),
        ] {
            let folder = self
                .folder
                .join("expected")
                .join(date.to_string())
                .join(layer);
            let Ok(entries) = std::fs::read_dir(&folder) else {
                continue;
            };
            for entry in entries.flatten() {
                let file = entry.file_name().to_string_lossy().into_owned();
                if !names.iter().any(|name| file == format!("{name}.csv")) {
                    unknown.push(format!(
                        "`{}` is of nothing that the pipeline has",
                        folder.join(file).display()
                    ));
                }
            }
        }
        Ok(unknown)
    }

    fn nothing_published(&self, date: &RunDate) -> Vec<String> {
        let Ok(layout) = server::layout() else {
            return Vec::new();
        };
        self.loaded
            .pipeline
            .datasets
            .keys()
            .map(|dataset| layout.silver_data(&self.loaded.pipeline.name, dataset, date))
            .filter(|address| self.local(address).exists())
            .map(|address| format!("`{address}` was published by a refused day"))
            .collect()
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
        std::fs::read_dir(folder)
            .ok()?
            .flatten()
            .map(|entry| entry.path())
            .find(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "parquet")
            })
    }

    fn compare(
        &self,
        expected: &Path,
        data: &Path,
        select: &str,
    ) -> Result<Vec<String>, StageError> {
        if !data.exists() {
            return Ok(vec![format!(
                "`{}` has nothing to be compared with: it was not published",
                expected.display()
            )]);
        }
        let session = Session::open(&SessionOptions {
            workspace: self.base.workspace.path().to_path_buf(),
            memory_limit_bytes: self.base.settings.memory_limit_bytes,
            threads: 1,
            pseudonym_key: None,
        })
        .stage("open the engine")?;
        let output = self.base.workspace.file("found.csv");
        session
            .write_csv(select, &output)
            .stage("read what came out")?;
        let read = |path: &Path| {
            std::fs::read_to_string(path).map_err(|error| {
                StageError::from_io(format!("cannot read `{}`", path.display()), &error)
            })
        };
        let (wanted, found) = (read(expected)?, read(&output)?);
        Ok(difference(&wanted, &found)
            .map(|lines| vec![format!("`{}` differs:\n{lines}", expected.display())])
            .unwrap_or_default())
    }
}

fn relation(path: &Path) -> String {
    lakehouse_bind::parquet_relation(path)
}

/// One line per broken rule.
fn quarantine_select(path: &Path) -> String {
    format!(
        "SELECT source_name AS file, position, rule.\"column\" AS \"column\", rule.rule AS rule \
         FROM (SELECT source_name, position, unnest(rules) AS rule FROM {}) \
         ORDER BY file, position NULLS FIRST, \"column\" NULLS FIRST, rule",
        relation(path),
    )
}

/// The lines that differ, as `-` expected and `+` found; nothing when all are the same.
fn difference(wanted: &str, found: &str) -> Option<String> {
    let lines = |text: &str| {
        text.lines()
            .map(|line| line.trim_end_matches('\r').to_owned())
            .collect::<Vec<_>>()
    };
    let (wanted, found) = (lines(wanted), lines(found));
    if wanted == found {
        return None;
    }
    let mut text = Vec::new();
    for index in 0..wanted.len().max(found.len()) {
        let (left, right) = (wanted.get(index), found.get(index));
        if left == right {
            continue;
        }
        let number = index + 1;
        text.extend(left.map(|line| format!("- {number}: {line}")));
        text.extend(right.map(|line| format!("+ {number}: {line}")));
        if text.len() >= SHOWN_LINES {
            text.push(format!(
                "… ({} lines expected, {} found)",
                wanted.len(),
                found.len()
            ));
            break;
        }
    }
    Some(text.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn a_difference_names_the_lines() {
        assert_eq!(difference("a\nb\n", "a\r\nb"), None);
        assert_eq!(
            difference("a\nb\n", "a\nc\nd\n").unwrap(),
            "- 2: b\n+ 2: c\n+ 3: d"
        );
    }
}
