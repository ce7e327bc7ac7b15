//! `lake-extract`: takes a day's rows out of databases.

use std::process::ExitCode;

fn main() -> ExitCode {
    lakehouse_stage::main_of("extract", lake_extract::run)
}
