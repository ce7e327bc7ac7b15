//! `lake-load`: published marts into warehouses, in one transaction each.

use std::process::ExitCode;

fn main() -> ExitCode {
    lakehouse_stage::main_of::<lake_load::Arguments, _>("load", lake_load::run)
}
