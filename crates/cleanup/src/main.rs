//! `lake-cleanup`: removes what runs leave behind.

use std::process::ExitCode;

fn main() -> ExitCode {
    lakehouse_stage::main_with("cleanup", lake_cleanup::run)
}
