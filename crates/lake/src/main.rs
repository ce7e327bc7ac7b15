//! `lake`: the person's command.

use std::process::ExitCode;

fn main() -> ExitCode {
    lake::main()
}
