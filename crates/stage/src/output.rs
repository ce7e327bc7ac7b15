//! The only module that writes to standard output and standard error.
//!
//! Standard output carries the run report and nothing else, once. Whoever ends the process
//! first, the stage or a signal, takes the one right to print it.

use std::io::Write;
use std::sync::Mutex;

use crate::RunReport;

/// Whether the last line has been written.
static LAST_LINE: Mutex<bool> = Mutex::new(false);

/// Prints the run report, unless it has been printed already.
///
/// The lock is held while printing, so that a signal that arrives meanwhile does not end the
/// process in the middle of the line. A reader that has gone away is no failure of the stage.
pub(crate) fn print_report(report: &RunReport) -> bool {
    let mut printed = LAST_LINE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if *printed {
        return false;
    }
    *printed = true;
    let mut line = report.to_line();
    line.push('\n');
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(line.as_bytes());
    let _ = stdout.flush();
    true
}

/// Writes to standard error as one piece.
pub(crate) fn print_error_text(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes());
    let _ = stderr.flush();
}

/// Prints what was asked for instead of a run: `--help` or `--version`.
pub(crate) fn print_answer(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}
