//! Stages as child processes: found beside this executable, killed with it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use lakehouse_stage::{Exit, StageError};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

/// Lines of a child's log that are kept for the case that it dies without a report.
const KEPT_LOG_LINES: usize = 40;

/// One call of a stage.
#[derive(Debug, Clone)]
pub struct Call {
    /// The stage's name: `bronze`, `silver`, ….
    pub stage: &'static str,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// What is added to its environment.
    pub environment: Vec<(String, String)>,
    /// Whether its log lines are passed on as they come.
    pub forward_logs: bool,
}

/// How a call ended.
#[derive(Debug, Clone)]
pub struct StageOutcome {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Its run report; `Null` when it died without one.
    pub report: Value,
    /// Its wall time.
    pub elapsed: Duration,
    /// The last lines of its log.
    pub log: Vec<String>,
}

impl StageOutcome {
    /// How it ended.
    #[must_use]
    pub fn exit(&self) -> Exit {
        Exit::from_code(self.code)
    }

    /// The error of the report, as a person reads it.
    #[must_use]
    pub fn error_text(&self) -> String {
        let error = &self.report["error"];
        let Some(message) = error["message"].as_str() else {
            let ended = self.code.map_or("ended by a signal".to_owned(), |code| {
                format!("exit {code}")
            });
            return format!("{ended} without a run report\n{}", self.log.join("\n"));
        };
        let mut text = message.to_owned();
        for cause in error["causes"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            text.push_str("\n  Caused by: ");
            text.push_str(cause);
        }
        if let Some(hint) = error["hint"].as_str() {
            text.push_str("\nhint: ");
            text.push_str(hint);
        }
        text
    }
}

/// The executable of a stage: in `LAKE_BIN_DIR`, or beside this one.
///
/// # Errors
/// Exit 2 when it is in neither.
pub fn executable(name: &str) -> Result<PathBuf, StageError> {
    let folder = match std::env::var_os("LAKE_BIN_DIR").filter(|value| !value.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => std::env::current_exe()
            .ok()
            .and_then(|path| path.parent().map(PathBuf::from))
            .unwrap_or_default(),
    };
    let path = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if path.is_file() {
        return Ok(path);
    }
    Err(
        StageError::usage(format!("`{name}` is not in `{}`", folder.display())).hint(
            "build it with `make build`, or set LAKE_BIN_DIR to the folder that has the stages",
        ),
    )
}

/// Runs a stage to its end.
///
/// # Errors
/// The stage cannot be started.
pub async fn run(call: &Call) -> Result<StageOutcome, StageError> {
    let started = Instant::now();
    let path = executable(&format!("lake-{}", call.stage))?;
    let mut command = Command::new(&path);
    command
        .args(call.arguments.iter().map(OsString::from))
        .envs(call.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    die_with_parent(&mut command);
    let mut child = command.spawn().map_err(|error| {
        StageError::from_io(format!("cannot start `{}`", path.display()), &error)
    })?;
    let stdout = child.stdout.take();
    let stderr = child.stderr.take();
    let report = async {
        let mut text = String::new();
        if let Some(mut stdout) = stdout {
            let _ = stdout.read_to_string(&mut text).await;
        }
        text
    };
    let log = async {
        let mut kept = Vec::new();
        let Some(stderr) = stderr else { return kept };
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if call.forward_logs {
                crate::output::log_line(&line);
            }
            if kept.len() == KEPT_LOG_LINES {
                kept.remove(0);
            }
            kept.push(line);
        }
        kept
    };
    let (text, log, status) = tokio::join!(report, log, child.wait());
    let status = status
        .map_err(|error| StageError::from_io(format!("lost `{}`", path.display()), &error))?;
    let report = text
        .lines()
        .last()
        .and_then(|line| serde_json::from_str(line).ok())
        .unwrap_or(Value::Null);
    Ok(StageOutcome {
        code: status.code(),
        report,
        elapsed: started.elapsed(),
        log,
    })
}

/// A killed `lake` must not leave stages behind that go on writing.
pub fn die_with_parent(command: &mut Command) {
    #[cfg(target_os = "linux")]
    // SAFETY: between fork and exec only one async-signal-safe system call is made.
    unsafe {
        command.pre_exec(|| {
            rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))
                .map_err(std::io::Error::from)
        });
    }
    #[cfg(not(target_os = "linux"))]
    let _ = command;
}

/// Becomes the stage: its exit code, output and signals are those of the stage itself.
pub fn become_stage(
    stage: &str,
    arguments: impl Iterator<Item = OsString>,
) -> std::process::ExitCode {
    use std::os::unix::process::CommandExt;
    let path = match executable(&format!("lake-{stage}")) {
        Ok(path) => path,
        Err(error) => {
            crate::output::note(error.render().trim_end());
            return error.exit.into();
        }
    };
    let error = std::process::Command::new(&path).args(arguments).exec();
    crate::output::note(&format!(
        "error: cannot start `{}`\n  Caused by: {error}",
        path.display()
    ));
    Exit::Usage.into()
}
