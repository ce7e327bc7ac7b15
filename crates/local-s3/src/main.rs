//! `lake-local-s3`: see the library for everything.

use std::process::ExitCode;

fn main() -> ExitCode {
    lake_local_s3::main()
}
