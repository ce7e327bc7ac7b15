//! `lake test`: a pipeline's cases, run by the real stages against an embedded store.
//!
//! Each case gets a store of its own on the loopback address, in a folder that is gone
//! afterwards: nothing of a case reaches another, and no store needs to be there.

pub mod case;
pub mod compare;
pub mod difference;
pub mod server;

use lakehouse_contract::{Expectation, Materialised, RunDate};
use lakehouse_stage::{Base, Exit, LoadedPipeline, StageError, findings};

use crate::child::{self, Call};
use crate::cli::TestArguments;
use crate::output;
use crate::test::case::Case;
use crate::test::compare::{Mode, Verdict};
use crate::test::server::Server;
use crate::validate;

/// Under which pseudonyms in expected files are computed. Documented in pipelines/README.md.
pub const TEST_PSEUDONYM_KEY: &str = "lake-test-pseudonym-key-0123456789abcdef";

/// Runs the cases.
///
/// # Errors
/// A pipeline or a case that cannot be run as it is written; a failed case is printed and
/// counted.
pub async fn run(base: &Base, arguments: &TestArguments) -> Result<Exit, StageError> {
    base.report.withhold();
    let mode = Mode {
        accept: arguments.accept,
        full: arguments.full,
    };
    let mut passed = 0_u64;
    let mut failed = 0_u64;
    let mut written = 0;
    let mut exits = vec![Exit::Done];
    let listing = validate::selected(base, &arguments.pipelines)?;
    if let Some(error) = findings::as_error("", &listing.misnamed) {
        return Err(error);
    }
    for name in listing.names {
        let found = validate::validate(base, &name).and_then(|loaded| {
            case::cases(&loaded, arguments.case.as_deref()).map(|cases| (loaded, cases))
        });
        let (loaded, cases) = match found {
            Ok(found) => found,
            Err(error) => {
                exits.push(error.exit);
                output::answer(&format!("FAILED  {name}"));
                print_indented(&error.render());
                continue;
            }
        };
        for case in &cases {
            let verdict = match run_case(base, &loaded, case, mode).await {
                Ok(verdict) => verdict,
                Err(error) => {
                    exits.push(error.exit);
                    Verdict {
                        failures: vec![error.render()],
                        accepted: Vec::new(),
                    }
                }
            };
            let word = match (verdict.failures.is_empty(), verdict.accepted.is_empty()) {
                (true, true) => "ok",
                (true, false) => "WRITTEN",
                (false, _) => "FAILED",
            };
            output::answer(&format!("{word:<7} {name}/{}", case.name));
            for text in verdict.accepted.iter().chain(&verdict.failures) {
                print_indented(text);
            }
            written += verdict.accepted.len();
            if verdict.failures.is_empty() {
                passed += 1;
            } else {
                failed += 1;
                exits.push(Exit::Refused);
            }
        }
    }
    if passed + failed == 0 && exits == [Exit::Done] {
        no_cases(arguments)?;
    }
    if mode.accept {
        output::answer(&format!("{written} expected files written"));
    }
    output::answer(&format!("{passed} passed, {failed} failed"));
    Ok(Exit::worst(exits))
}

/// A part of a name that is in no case's name is a slip; a pipeline without cases is not.
fn no_cases(arguments: &TestArguments) -> Result<(), StageError> {
    match &arguments.case {
        Some(text) => Err(
            StageError::usage(format!("no case has `{text}` in its name"))
                .hint("a case is named as its folder under the pipeline's `tests`"),
        ),
        None => {
            output::answer(
                "there are no test cases: a case is a folder `tests/<case>` of a pipeline",
            );
            Ok(())
        }
    }
}

fn print_indented(text: &str) {
    output::answer(&format!(
        "        {}",
        text.trim_end().replace('\n', "\n        ")
    ));
}

/// Runs one case.
async fn run_case(
    base: &Base,
    loaded: &LoadedPipeline,
    case: &Case,
    mode: Mode,
) -> Result<Verdict, StageError> {
    let server = Server::start(base).await?;
    let pipelines_dir = case.pipelines_dir(loaded, server.folder())?;
    let source_root = case.source_root(loaded, server.folder())?;
    let mut environment = server.environment();
    environment.extend([
        (
            "LAKE_PIPELINES_DIR".to_owned(),
            pipelines_dir.to_string_lossy().into_owned(),
        ),
        (
            "LAKE_SOURCE_ROOT".to_owned(),
            source_root.to_string_lossy().into_owned(),
        ),
        (
            "LAKE_PSEUDONYM_KEY".to_owned(),
            TEST_PSEUDONYM_KEY.to_owned(),
        ),
    ]);
    for date in &case.case.run_dates {
        let failures = run_day(loaded, date, case.expectation(date), &environment).await?;
        if !failures.is_empty() {
            return Ok(Verdict {
                failures,
                accepted: Vec::new(),
            });
        }
    }
    compare::outputs(base, loaded, case, &server, mode)
}

/// The stages of one day, and whether the day ended as the case expects.
async fn run_day(
    loaded: &LoadedPipeline,
    date: &RunDate,
    expected: Expectation,
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
        match (outcome.exit(), expected) {
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
    if expected == Expectation::Refused && !refused && differences.is_empty() {
        differences.push(format!(
            "{date} was published, but the case expects it to be refused"
        ));
    }
    child::run(&call("cleanup", &[])).await?;
    Ok(differences)
}
