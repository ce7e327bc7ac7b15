//! `lake-gold`: one SQL SELECT per mart, audited before the first is published.

use std::process::ExitCode;

fn main() -> ExitCode {
    lakehouse_stage::main_of::<lake_gold::Arguments, _>("gold", lake_gold::run)
}
