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

use std::process::ExitCode;

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
    lakehouse_stage::main_with::<cli::Arguments, _>("lake", async |base, arguments| match arguments
        .command
    {
        cli::Command::Run(arguments) => run::run(&base, &arguments).await,
        cli::Command::Validate(arguments) => validate::run(&base, &arguments),
        cli::Command::Describe(arguments) => describe::run(&base, &arguments),
        cli::Command::Test(arguments) => test::run(&base, &arguments).await,
        cli::Command::Show(arguments) => show::run(&base, &arguments).await,
    })
}
