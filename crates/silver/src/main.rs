//! `lake-silver`: bronze files become one typed, judged, staged partition per dataset.

use std::process::ExitCode;

fn main() -> ExitCode {
    lakehouse_stage::main_of::<lake_silver::Arguments, _>("silver", lake_silver::run)
}
