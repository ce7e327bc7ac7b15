//! The command line of `lake`.

use clap::{Args, Parser, Subcommand};
use lakehouse_contract::{Name, RunDate};

/// Stages that `lake <stage> …` calls.
pub const STAGES: [&str; 7] = [
    "bronze", "extract", "silver", "check", "gold", "load", "cleanup",
];

/// Arguments of `lake`.
#[derive(Debug, Parser)]
#[command(
    name = "lake",
    version,
    about = "Run, show, validate and test pipelines without a scheduler",
    long_about = "Run, show, validate and test pipelines without a scheduler.\n\n\
        `lake bronze`, `lake extract`, `lake silver`, `lake check`, `lake gold`, `lake load` and `lake cleanup` call the stage of that \
        name with the arguments that follow."
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `lake` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run every stage of a pipeline for a range of days
    Run(RunArguments),
    /// Check pipelines offline: contracts, and every expression and mart bound by the engine
    Validate(PipelinesArguments),
    /// Describe all pipelines for a scheduler: schedules, datasets, marts
    Describe(DescribeArguments),
    /// Run the test cases of pipelines against an embedded store
    Test(TestArguments),
    /// Show what is published and what was refused for a range of days: counts, reasons, gold; or
    /// what is in the warehouses
    Show(ShowArguments),
}

/// Arguments of `lake run`.
#[derive(Debug, Args)]
pub struct RunArguments {
    /// The pipeline, a folder under `LAKE_PIPELINES_DIR`
    pub pipeline: Name,
    /// The first run date
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub from: RunDate,
    /// The last run date; by default the first
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub to: Option<RunDate>,
    /// How many days run at once; memory and threads are divided among them. By default as many
    /// as both allow
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// Skip days whose partitions are all published; the others start with bronze, so that a late
    /// file is found
    #[arg(long)]
    pub only_missing: bool,
    /// Remove from bronze what the source no longer has
    #[arg(long)]
    pub prune: bool,
    /// Also write distinct counts and quantiles per column
    #[arg(long)]
    pub profile: bool,
    /// The name of this execution; by default made from the time
    #[arg(long, value_name = "TEXT")]
    pub run_id: Option<lakehouse_stage::RunId>,
    /// Say what each stage would read and write, and touch nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Which pipelines a command is about.
#[derive(Debug, Args)]
pub struct PipelinesArguments {
    /// Pipelines, folders under `LAKE_PIPELINES_DIR`; all of them by default
    pub pipelines: Vec<Name>,
}

/// Arguments of `lake describe`.
#[derive(Debug, Args)]
pub struct DescribeArguments {
    /// Pipelines, folders under `LAKE_PIPELINES_DIR`; all of them by default
    pub pipelines: Vec<Name>,
    /// Print one JSON document: `pipelines`, and `problems`, each with file, line and column
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `lake test`.
#[derive(Debug, Args)]
pub struct TestArguments {
    /// Pipelines, folders under `LAKE_PIPELINES_DIR`; all of them by default
    pub pipelines: Vec<Name>,
    /// Only the cases whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub case: Option<String>,
    /// Write what came out as what is expected, and show how the expected files change. A case
    /// without expected files gets all of them; any other has those rewritten that it has
    #[arg(long)]
    pub accept: bool,
    /// Show every line that differs, not only the first of them
    #[arg(long)]
    pub full: bool,
}

/// Arguments of `lake show`.
#[derive(Debug, Args)]
pub struct ShowArguments {
    /// The pipeline, a folder under `LAKE_PIPELINES_DIR`
    pub pipeline: Name,
    /// The first run date
    #[arg(
        long,
        value_name = "YYYY-MM-DD",
        required_unless_present = "warehouse",
        conflicts_with = "warehouse"
    )]
    pub from: Option<RunDate>,
    /// The last run date; by default the first
    #[arg(long, value_name = "YYYY-MM-DD", requires = "from")]
    pub to: Option<RunDate>,
    /// Show the pipeline's warehouses instead: where they are, what each table holds, how to open
    /// them
    #[arg(long)]
    pub warehouse: bool,
    /// How many rows of each mart to show
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub rows: u32,
}
