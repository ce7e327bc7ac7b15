//! `lake`: run, validate, test and look at pipelines without a scheduler.
//!
//! `lake run` calls the same executables that Airflow calls, as child processes, for a range
//! of days; nothing here does a stage's work.

pub mod child;
pub mod cli;
pub mod describe;
pub mod output;
pub mod run;
pub mod show;
pub mod test;
pub mod validate;

use std::ops::ControlFlow;
use std::process::ExitCode;

use lakehouse_stage::Report;

/// Parses the command line and runs what it asks for.
#[must_use]
pub fn main() -> ExitCode {
    // `lake <stage> …` is the stage itself: its arguments are its own, so clap never sees them.
    let mut arguments = std::env::args_os().skip(1);
    if let Some(stage) = arguments.next().and_then(|first| first.into_string().ok())
        && cli::STAGES.contains(&stage.as_str())
    {
        return child::become_stage(&stage, arguments);
    }
    // Whatever parses DAGs describes pipelines: often, and maybe where nothing can be written.
    let plain = |report: &Report, arguments: cli::Arguments| match arguments.command {
        cli::Command::Describe(arguments) => ControlFlow::Break(describe::run(report, &arguments)),
        _ => ControlFlow::Continue(arguments),
    };
    lakehouse_stage::main_with_plain("lake", plain, async |base, arguments| {
        match arguments.command {
            cli::Command::Run(arguments) => run::run(&base, &arguments).await,
            cli::Command::Validate(arguments) => validate::run(&base, &arguments),
            cli::Command::Describe(arguments) => describe::run(&base.report, &arguments),
            cli::Command::Test(arguments) => test::run(&base, &arguments).await,
            cli::Command::Show(arguments) => show::run(&base, &arguments).await,
        }
    })
}
