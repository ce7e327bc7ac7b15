//! The frame around a stage: from its arguments to its last line.

use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use clap::error::ErrorKind;
use lakehouse_store::{ObjectAddress, ObjectStore, PutOptions};

use crate::signals::SignalCleanup;
use crate::{
    Base, Context, Exit, Progress, Report, Settings, StageArguments, StageError, Workspace, help,
    logs, output, panics, signals,
};

/// How long the store may take to keep the run report.
const KEEP_REPORT_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs a stage over one pipeline and date.
///
/// Everything configured is judged before `run` is called; whatever `run` returns, and
/// however it ends, the workspace is removed, the report is the last line on standard
/// output, and a copy is kept in the staging bucket.
pub fn main_of<A, F>(stage: &'static str, run: F) -> ExitCode
where
    A: StageArguments,
    F: AsyncFnOnce(Context, A) -> Result<Exit, StageError>,
{
    main_with::<A, _>(stage, async |base, arguments| {
        let context = Context::open(&base, arguments.common(), A::PLACES).await?;
        let (store, layout) = (context.store.clone(), context.layout.clone());
        let common = arguments.common().clone();
        let name = match arguments.part() {
            Some(part) => format!("{stage}-{part}"),
            None => stage.to_owned(),
        };
        let result = guarded(run(context, arguments)).await;
        if result.is_err() {
            // What a task was still sending when another one failed.
            let _ = tokio::time::timeout(KEEP_REPORT_TIMEOUT, store.abort_open_uploads()).await;
        }
        if !common.dry_run {
            let address = layout.run_report(
                &common.pipeline,
                &common.date,
                common.run_id.as_str(),
                &name,
            );
            base.keep_report(&store, &address, &result).await;
        }
        result
    })
}

/// Runs an executable that is not a stage of one date, such as `lake` or the sweep of cleanup,
/// within the same frame. It connects to the store itself, where it needs one.
pub fn main_with<A, F>(stage: &'static str, run: F) -> ExitCode
where
    A: clap::Parser,
    F: AsyncFnOnce(Base, A) -> Result<Exit, StageError>,
{
    main_with_plain(stage, |_, arguments| ControlFlow::Continue(arguments), run)
}

/// As [`main_with`], but `plain` is asked first: what it answers needs no workspace, and is answered
/// where nothing can be written. What it hands back goes to `run`.
pub fn main_with_plain<A, P, F>(stage: &'static str, plain: P, run: F) -> ExitCode
where
    A: clap::Parser,
    P: FnOnce(&Report, A) -> ControlFlow<Result<Exit, StageError>, A>,
    F: AsyncFnOnce(Base, A) -> Result<Exit, StageError>,
{
    let report = Report::new(stage);
    let arguments = match parse::<A>(stage) {
        Ok(arguments) => arguments,
        Err(NotParsed::Printed) => return ExitCode::SUCCESS,
        Err(NotParsed::Wrong(error)) => return end(&report, &Progress::hidden(), Err(error), None),
    };
    panics::start();
    let answered = std::panic::catch_unwind(AssertUnwindSafe(|| plain(&report, arguments)));
    let arguments = match answered.unwrap_or_else(|_| ControlFlow::Break(Err(panics::error()))) {
        ControlFlow::Continue(arguments) => arguments,
        ControlFlow::Break(result) => return end(&report, &Progress::hidden(), result, None),
    };
    let progress = Progress::new();
    let cleanup = SignalCleanup::default();
    let workspace = &mut None;
    let result = frame(
        stage, &report, &progress, &cleanup, workspace, arguments, run,
    );
    end(&report, &progress, result, workspace.take())
}

fn frame<A, F>(
    stage: &'static str,
    report: &Report,
    progress: &Progress,
    cleanup: &SignalCleanup,
    workspace: &mut Option<Workspace>,
    arguments: A,
    run: F,
) -> Result<Exit, StageError>
where
    F: AsyncFnOnce(Base, A) -> Result<Exit, StageError>,
{
    logs::start(stage, progress)?;
    cleanup.start(report)?;
    let settings = Settings::from_environment()?;
    let workspaces_swept = Workspace::sweep(&settings.workspace_dir);
    let private = cleanup.keep(|| Workspace::create(&settings.workspace_dir, stage))?;
    *workspace = Some(private.clone());
    if workspaces_swept > 0 {
        tracing::info!(
            workspaces = workspaces_swept,
            "removed what dead runs had left on this machine"
        );
    }
    let dry_run = Arc::new(AtomicBool::new(false));
    let base = Base {
        stage,
        settings,
        workspace: private,
        workspaces_swept,
        report: report.clone(),
        progress: progress.clone(),
        cleanup: cleanup.clone(),
        dry_run: Arc::clone(&dry_run),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| StageError::from_io("cannot start threads", &error))?;
    let result = runtime.block_on(guarded(run(base, arguments)));
    // Calls of the engine that nobody waits for any more must not hold the process.
    runtime.shutdown_background();
    if result.is_ok() && dry_run.load(Ordering::Relaxed) {
        progress.suspend(|| output::print_error_text(&report.render_plan()));
    }
    result
}

/// The result of a future, a panic in it included: one dataset's bug must not keep the others
/// from being tried.
///
/// # Errors
/// What the future returns; 70 when it panics.
pub async fn guarded<T>(
    future: impl Future<Output = Result<T, StageError>>,
) -> Result<T, StageError> {
    use futures::FutureExt as _;
    AssertUnwindSafe(future)
        .catch_unwind()
        .await
        .unwrap_or_else(|_| Err(panics::error()))
}

fn end(
    report: &Report,
    progress: &Progress,
    result: Result<Exit, StageError>,
    workspace: Option<Workspace>,
) -> ExitCode {
    progress.clear();
    if let Some(workspace) = workspace {
        workspace.remove();
    }
    let exit = exit_of(&result);
    if let Err(error) = &result {
        output::print_error_text(&error.render());
    }
    if !report.is_withheld() && !output::print_report(&report.render(exit, result.as_ref().err())) {
        signals::await_end();
    }
    exit.into()
}

fn exit_of(result: &Result<Exit, StageError>) -> Exit {
    match result {
        Ok(exit) => *exit,
        Err(error) => error.exit,
    }
}

enum NotParsed {
    /// Help or version: it has been printed.
    Printed,
    Wrong(StageError),
}

fn parse<A: clap::Parser>(stage: &'static str) -> Result<A, NotParsed> {
    // The executable's name is the name of the arguments' command: `#[command(name = "lake-…")]`.
    let command = A::command()
        .version(env!("CARGO_PKG_VERSION"))
        .after_help("`--help` also lists exit codes and environment variables.")
        .after_long_help(help::after(stage));
    let parsed = command
        .try_get_matches()
        .and_then(|matches| A::from_arg_matches(&matches));
    parsed.map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            output::print_answer(&error.render().to_string());
            NotParsed::Printed
        }
        _ => NotParsed::Wrong(usage_error(&error)),
    })
}

/// An error of the arguments in the form of all others: clap's first line, the rest as it is.
fn usage_error(error: &clap::Error) -> StageError {
    let text = error.render().to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let message = lines
        .next()
        .unwrap_or("wrong arguments")
        .trim_start_matches("error: ")
        .to_owned();
    let mut stage_error = StageError::usage(message);
    for line in lines {
        if line.starts_with("For more information") || line.starts_with("Usage:") {
            continue;
        }
        stage_error = stage_error.cause(line);
    }
    stage_error.hint("`--help` explains every argument")
}

impl Base {
    /// Keeps the report in the store. A store that fails here must not change how the stage
    /// ended, and what is written here is not counted as the stage's work.
    pub async fn keep_report(
        &self,
        store: &ObjectStore,
        address: &ObjectAddress,
        result: &Result<Exit, StageError>,
    ) {
        self.report.stop_counting();
        let report = self.report.render(exit_of(result), result.as_ref().err());
        let body = Bytes::from(format!("{}\n", report.to_line()));
        let options = PutOptions::default();
        let put = store.put_bytes(address, body, &options);
        match tokio::time::timeout(KEEP_REPORT_TIMEOUT, put).await {
            Ok(Ok(_)) => tracing::debug!(address = %address, "kept the run report"),
            Ok(Err(error)) => {
                tracing::warn!(address = %address, error = %error, "could not keep the run report")
            }
            Err(_) => {
                tracing::warn!(address = %address, "the store was too slow to keep the run report")
            }
        }
    }
}
