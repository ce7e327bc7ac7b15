//! Sample sources, so that the lakehouse can be tried, tested and measured without anybody's
//! data. This crate plays the outside world: it knows what the shipped pipelines `sales` and
//! `community` are fed with, and nothing of the lake.
//!
//! Same arguments, same bytes: every row is a pure function of (seed, date, row number) through
//! a fixed generator of random numbers ([`random`]), and nothing asks the clock, the machine or
//! the order of threads. Rows are formatted by hand into a buffer, since a day of 500 MB is an
//! everyday argument.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;

mod cli;
pub mod community;
mod error;
mod output;
pub mod random;
pub mod sales;

pub use community::{CommunityOptions, CommunitySummary, generate_community};
pub use error::GenerateError;
pub use sales::{SalesOptions, SalesSummary, generate_sales};

/// Parses the arguments, generates, reports; what `main` returns.
pub fn main() -> ExitCode {
    let arguments = match cli::Cli::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nothing is left to say when the terminal is gone.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match cli::run(&arguments) {
        Ok(text) => match write!(std::io::stdout(), "{text}") {
            // A closed pipe (`| head`) is not a failure: the files are written.
            Ok(()) | Err(_) => ExitCode::SUCCESS,
        },
        Err(error) => {
            let _ = write!(std::io::stderr(), "{}", error.render());
            ExitCode::from(error.exit_code())
        }
    }
}
