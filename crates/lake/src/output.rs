//! The only place of `lake` that prints.

use std::io::Write;

/// Passes on one line of a stage's log.
pub fn log_line(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// A text for the person, on standard error: standard output is the run report's.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// What a command is asked for, on standard output.
pub fn answer(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}
