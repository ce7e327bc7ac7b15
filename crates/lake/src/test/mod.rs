//! `lake test`: a pipeline's cases, run by the real stages against an embedded store.
//!
//! Each case gets a store of its own on the loopback address, in a folder that is gone
//! afterwards: nothing of a case reaches another, and no store needs to be there.

pub mod compare;
pub mod server;

use std::path::{Path, PathBuf};

use lakehouse_contract::{Expectation, Materialised, Name, RunDate, TestCase};
use lakehouse_stage::{Base, Exit, LoadedPipeline, StageError, findings};

use crate::child::{self, Call};
use crate::cli::TestArguments;
use crate::output;
use crate::test::server::Server;
use crate::validate;

/// Under which pseudonyms in expected files are computed. Documented in pipelines/README.md.
pub const TEST_PSEUDONYM_KEY: &str = "lake-test-pseudonym-key-0123456789abcdef";

/// Runs the cases.
///
/// # Errors
/// The embedded store cannot be started; a failed case is printed and counted.
pub async fn run(base: &Base, arguments: &TestArguments) -> Result<Exit, StageError> {
    base.report.withhold();
    let mut passed = 0_u64;
    let mut failed = 0_u64;
    let listing = validate::selected(base, &arguments.pipelines)?;
    if let Some(error) = findings::as_error("", &listing.misnamed) {
        return Err(error);
    }
    for name in listing.names {
        let loaded = validate::validate(base, &name)?;
        for case in cases(&loaded, arguments.case.as_deref())? {
            let label = format!(
                "{name}/{}",
                case.file_name().unwrap_or_default().to_string_lossy()
            );
            let differences = match run_case(base, &loaded, &case).await {
                Ok(differences) => differences,
                Err(error) => vec![error.render()],
            };
            if differences.is_empty() {
                passed += 1;
                output::answer(&format!("ok      {label}"));
            } else {
                failed += 1;
                output::answer(&format!("FAILED  {label}"));
                for difference in differences {
                    output::answer(&format!(
                        "        {}",
                        difference.trim_end().replace('\n', "\n        ")
                    ));
                }
            }
        }
    }
    output::answer(&format!("{passed} passed, {failed} failed"));
    Ok(if failed == 0 {
        Exit::Done
    } else {
        Exit::Refused
    })
}

/// The folders of a pipeline's cases, sorted.
fn cases(loaded: &LoadedPipeline, containing: Option<&str>) -> Result<Vec<PathBuf>, StageError> {
    let folder = loaded.directory.join("tests");
    let mut cases = Vec::new();
    if !folder.is_dir() {
        return Ok(cases);
    }
    let entries = std::fs::read_dir(&folder).map_err(|error| {
        StageError::from_io(format!("cannot read `{}`", folder.display()), &error)
    })?;
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().join("case.yaml").is_file()
            && containing.is_none_or(|text| name.contains(text))
        {
            cases.push(entry.path());
        }
    }
    cases.sort();
    Ok(cases)
}

/// Runs one case; an empty list is a pass.
async fn run_case(
    base: &Base,
    loaded: &LoadedPipeline,
    folder: &Path,
) -> Result<Vec<String>, StageError> {
    let file = folder.join("case.yaml");
    let text = std::fs::read_to_string(&file).map_err(|error| {
        StageError::from_io(format!("cannot read `{}`", file.display()), &error)
    })?;
    let case = TestCase::parse(&text).map_err(|error| {
        StageError::from_error(Exit::Usage, &error)
            .context(format!("`{}` is wrong", file.display()))
    })?;
    let server = Server::start(base).await?;
    let mut environment = server.environment();
    environment.extend([
        (
            "LAKE_PIPELINES_DIR".to_owned(),
            loaded
                .directory
                .parent()
                .unwrap_or(Path::new("."))
                .to_string_lossy()
                .into_owned(),
        ),
        (
            "LAKE_SOURCE_ROOT".to_owned(),
            folder.join("source").to_string_lossy().into_owned(),
        ),
        (
            "LAKE_PSEUDONYM_KEY".to_owned(),
            TEST_PSEUDONYM_KEY.to_owned(),
        ),
    ]);
    let mut differences = Vec::new();
    for date in &case.run_dates {
        differences.extend(run_day(loaded, date, &case, &environment).await?);
    }
    if differences.is_empty() {
        differences.extend(compare::outputs(base, loaded, folder, &case, &server).await?);
    }
    Ok(differences)
}

/// The stages of one day, and whether the day ended as the case expects.
async fn run_day(
    loaded: &LoadedPipeline,
    date: &RunDate,
    case: &TestCase,
    environment: &[(String, String)],
) -> Result<Vec<String>, StageError> {
    let call = |stage: &'static str, more: &[&str]| Call {
        stage,
        arguments: [
            "--pipeline",
            loaded.pipeline.name.as_str(),
            "--date",
            &date.to_string(),
            "--run-id",
            "test",
        ]
        .iter()
        .chain(more)
        .map(|&text| text.to_owned())
        .collect(),
        environment: environment.to_vec(),
        forward_logs: false,
    };
    let has = |kind: Materialised| {
        loaded
            .pipeline
            .marts
            .values()
            .any(|mart| mart.materialised == kind)
    };
    let mut calls = vec![call("bronze", &[]), call("silver", &[]), call("check", &[])];
    if has(Materialised::Partition) {
        calls.push(call("gold", &["--materialised", "partition"]));
    }
    if has(Materialised::Snapshot) {
        calls.push(call("gold", &["--materialised", "snapshot"]));
    }
    let mut differences = Vec::new();
    let mut refused = false;
    for call in &calls {
        let outcome = child::run(call).await?;
        match (outcome.exit(), expectation(case, date)) {
            (Exit::Done, _) => {}
            (Exit::Refused, Expectation::Refused) => {
                refused = true;
                break;
            }
            (exit, _) => {
                differences.push(format!(
                    "{date} {} ended with exit {}: {}",
                    call.stage,
                    exit.code(),
                    outcome.error_text()
                ));
                break;
            }
        }
    }
    if expectation(case, date) == Expectation::Refused && !refused && differences.is_empty() {
        differences.push(format!(
            "{date} was published, the case expects it to be refused"
        ));
    }
    child::run(&call("cleanup", &[])).await?;
    Ok(differences)
}

/// A case that is refused is refused on its last date; the earlier ones are published.
#[must_use]
pub fn expectation(case: &TestCase, date: &RunDate) -> Expectation {
    if case.run_dates.last() == Some(date) {
        case.expect
    } else {
        Expectation::Published
    }
}

/// The datasets and marts with an expected file for a date, by the file's path.
#[must_use]
pub fn expected_file(folder: &Path, date: &RunDate, layer: &str, name: &Name) -> Option<PathBuf> {
    let path = folder
        .join("expected")
        .join(date.to_string())
        .join(layer)
        .join(format!("{name}.csv"));
    path.is_file().then_some(path)
}
