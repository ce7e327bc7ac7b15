//! What a process did.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Output;

use serde_json::Value;

/// Exit code, output and messages of a process that has ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What was run, for messages.
    pub command: String,
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Outcome {
    pub(crate) fn new(command: String, output: &Output) -> Self {
        Self {
            command,
            code: output.status.code(),
            signal: output.status.signal(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Holds the exit code against the one that is expected; shows all that was said otherwise.
    ///
    /// # Panics
    /// When it is another one.
    #[track_caller]
    pub fn expect_code(&self, expected: i32) -> &Self {
        assert!(
            self.code == Some(expected),
            "expected exit code {expected} of {self}"
        );
        self
    }

    /// The run report: the only line on standard output, as JSON.
    ///
    /// # Panics
    /// When there is not exactly one line, or it is no JSON object.
    #[must_use]
    #[track_caller]
    pub fn report(&self) -> Value {
        let lines: Vec<&str> = self.stdout.lines().collect();
        let [line] = lines.as_slice() else {
            panic!("expected one line on standard output of {self}");
        };
        match serde_json::from_str(line) {
            Ok(report @ Value::Object(_)) => report,
            _ => panic!("expected a JSON object on standard output of {self}"),
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            command,
            code,
            signal,
            stdout,
            stderr,
        } = self;
        write!(
            formatter,
            "`{command}`\n  code {code:?}, signal {signal:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---"
        )
    }
}
