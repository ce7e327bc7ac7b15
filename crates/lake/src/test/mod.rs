//! `lake test`: a pipeline's cases, run by the real stages against an embedded store.
//!
//! Each case gets a store of its own on the loopback address, in a folder that is gone
//! afterwards: nothing of a case reaches another, and no store needs to be there.

pub mod case;
pub mod compare;
pub mod difference;
pub mod server;

use lakehouse_contract::{Expectation, RunDate};
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
    let run_dates = &case.case.run_dates;
    for date in run_dates {
        let failures = run_day(loaded, date, case.expectation(date), &environment).await?;
        if !failures.is_empty() {
            return Ok(Verdict {
                failures,
                accepted: Vec::new(),
            });
        }
    }
    if case.case.expect == Expectation::Published && !run_dates.is_sorted() {
        let failures = build_stale(loaded, run_dates, &environment).await?;
        if !failures.is_empty() {
            return Ok(Verdict {
                failures,
                accepted: Vec::new(),
            });
        }
    }
    compare::outputs(base, loaded, case, &server, mode)
}

/// What looked back at a day that came late is built anew, as `lake run` does it.
async fn build_stale(
    loaded: &LoadedPipeline,
    run_dates: &[RunDate],
    environment: &[(String, String)],
) -> Result<Vec<String>, StageError> {
    let Some(last) = run_dates.last() else {
        return Ok(Vec::new());
    };
    let more = ["--stale", "--materialised", "snapshot"];
    let outcome = child::run(&call(loaded, last, "gold", &more, environment)).await?;
    Ok(match outcome.exit() {
        Exit::Done | Exit::Nothing => Vec::new(),
        exit => vec![format!(
            "gold --stale ended with exit {}: {}",
            exit.code(),
            outcome.error_text()
        )],
    })
}

/// A call of a stage for a day.
fn call(
    loaded: &LoadedPipeline,
    date: &RunDate,
    stage: &'static str,
    more: &[&str],
    environment: &[(String, String)],
) -> Call {
    Call {
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
    }
}

/// The stages of one day, and whether the day ended as the case expects.
async fn run_day(
    loaded: &LoadedPipeline,
    date: &RunDate,
    expected: Expectation,
    environment: &[(String, String)],
) -> Result<Vec<String>, StageError> {
    let call = |stage, more: &[&str]| call(loaded, date, stage, more, environment);
    let has = |looks_back: bool| {
        let mut marts = loaded.pipeline.marts.values();
        marts.any(|mart| mart.looks_back() == looks_back)
    };
    let mut calls = vec![call("bronze", &[]), call("silver", &[]), call("check", &[])];
    if has(false) {
        calls.push(call("gold", &["--materialised", "partition"]));
    }
    if has(true) {
        calls.push(call("gold", &["--materialised", "snapshot"]));
    }
    let mut differences = Vec::new();
    let mut refused = false;
    for call in &calls {
        let outcome = child::run(call).await?;
        match (outcome.exit(), expected) {
            (Exit::Done, _) => {}
            // A day may have nothing for marts of one kind.
            (Exit::Nothing, _) if call.stage == "gold" => {}
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
