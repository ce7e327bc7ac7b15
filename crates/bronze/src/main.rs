//! `lake-bronze`: copies a day's source files, byte for byte.

use std::process::ExitCode;

fn main() -> ExitCode {
    lakehouse_stage::main_of("bronze", lake_bronze::run)
}
