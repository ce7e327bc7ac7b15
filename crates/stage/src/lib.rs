//! What every stage shares, so that a stage's own crate holds nothing but its work.
//!
//! A stage calls [`main_of`] with its name and an async function. Everything around that
//! function is here and the same for all: arguments and `--help`, the registry of
//! environment variables ([`env`]), logs, progress, the private [`Workspace`], signals and
//! panics, the [`Report`] that is the last line on standard output, and the exit codes
//! ([`Exit`]) that a scheduler acts upon.
//!
//! The order in [`main_of`] is deliberate: arguments, environment, the pipeline with all
//! its contracts and the credentials are judged before the store is called for the first
//! time, so that a mistake in configuration never leaves half of a day behind.

mod aggregate;
mod arguments;
pub mod connection;
mod context;
mod conversions;
pub mod env;
mod error;
mod exit;
pub mod findings;
mod help;
mod kept_states;
mod logs;
mod memory;
mod output;
mod panics;
pub mod pipelines;
mod progress;
pub mod quality;
mod report;
mod run;
mod run_report;
mod section;
mod settings;
mod signals;
pub mod superseded;
pub mod units;
pub mod verdict;
pub mod warehouses;
mod workspace;

pub use aggregate::aggregate;
pub use arguments::{CommonArgs, RunId, RunIdError, StageArguments, part_of};
pub use context::{Base, Context};
pub use error::StageError;
pub use exit::Exit;
pub use findings::Finding;
pub use kept_states::worth_keeping;
pub use pipelines::LoadedPipeline;
pub use progress::{Bar, Progress};
pub use report::Report;
pub use run::{guarded, main_of, main_with, main_with_plain};
pub use run_report::{DataObject, Identity, PartReport, ReportedError, RunReport, Transfer};
pub use section::{Phase, Section};
pub use settings::{Settings, pseudonym_key};
pub use warehouses::{WarehouseFile, WarehouseLock, WarehousePlace};
pub use workspace::Workspace;
