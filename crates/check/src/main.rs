//! `lake-check`: audits what silver staged, and publishes the day only when all of it passes.

use std::process::ExitCode;

fn main() -> ExitCode {
    lakehouse_stage::main_of::<lake_check::Arguments, _>("check", lake_check::run)
}
