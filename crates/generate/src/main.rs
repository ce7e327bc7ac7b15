//! `lake-generate`: sample sources for the lakehouse.

use std::process::ExitCode;

fn main() -> ExitCode {
    lake_generate::main()
}
