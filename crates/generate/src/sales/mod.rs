//! A day of shop sales.

use std::path::PathBuf;

use chrono::NaiveDate;

use crate::GenerateError;
use crate::output::{OutputFile, create_folder};

mod catalogue;
mod day;
mod flaw;
mod sale;

pub use flaw::Flaw;

use day::Day;
use sale::Sale;

/// How many earlier rows are tried for one that a redelivery may repeat.
const REDELIVERY_TRIES: usize = 16;

/// What to generate.
#[derive(Debug, Clone)]
pub struct SalesOptions {
    /// The day of the sales.
    pub date: NaiveDate,
    /// How many lines, over all files.
    pub rows: u64,
    /// Chooses the sample.
    pub seed: u64,
    /// The share of lines with a flaw, 0 to 1.
    pub corrupt_rate: f64,
    /// How many files.
    pub files: u16,
    /// The folder above the day's.
    pub output: PathBuf,
}

/// What was generated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SalesSummary {
    /// The day's folder.
    pub folder: PathBuf,
    /// Files written.
    pub files: u16,
    /// Lines written.
    pub rows: u64,
    /// Size of the files together.
    pub bytes: u64,
    /// Lines per flaw, in the order of [`Flaw::ALL`].
    pub flaws: [u64; Flaw::ALL.len()],
}

/// Writes the files of one day; each appears whole.
pub fn generate_sales(options: &SalesOptions) -> Result<SalesSummary, GenerateError> {
    let folder = options.output.join(options.date.to_string());
    create_folder(&folder)?;
    let day = Day::new(options.date, options.seed, options.corrupt_rate);
    let files = u64::from(options.files.max(1));
    let mut summary = SalesSummary {
        folder,
        files: options.files.max(1),
        rows: options.rows,
        bytes: 0,
        flaws: [0; Flaw::ALL.len()],
    };
    let mut flawed = 0_usize;
    let mut line = Vec::with_capacity(512);
    for file in 0..files {
        let mut output =
            OutputFile::create(&summary.folder, &format!("sales-{:03}.jsonl", file + 1))?;
        for row in share(options.rows, files, file)..share(options.rows, files, file + 1) {
            line.clear();
            if day.is_flawed(row) {
                let mut kind = flawed % Flaw::ALL.len();
                flawed += 1;
                if Flaw::ALL[kind].repeats_earlier_row() {
                    match earlier_row(&day, row) {
                        Some(earlier) => {
                            Sale::at(&day, earlier).write_again(&day, Flaw::ALL[kind], &mut line)
                        }
                        // Nothing to repeat yet: take the first kind, so that the rate holds.
                        None => kind = 0,
                    }
                }
                if line.is_empty() {
                    Sale::at(&day, row).write(&day, Some(Flaw::ALL[kind]), &mut line);
                }
                summary.flaws[kind] += 1;
            } else {
                Sale::at(&day, row).write(&day, None, &mut line);
            }
            output.write(&line)?;
        }
        summary.bytes += output.finish()?;
    }
    Ok(summary)
}

/// The first row of file number `file`: rows are spread evenly, in order.
fn share(rows: u64, files: u64, file: u64) -> u64 {
    (u128::from(rows) * u128::from(file) / u128::from(files)) as u64
}

/// A sound row before `row`, in this file or an earlier one.
fn earlier_row(day: &Day, row: u64) -> Option<u64> {
    let mut random = day.random_of_flaw(row);
    // The first number has already decided that the row is flawed, so it is always small.
    random.next_u64();
    (0..REDELIVERY_TRIES)
        .map(|_| random.below(row))
        .find(|&earlier| earlier < row && !day.is_flawed(earlier))
}

#[cfg(test)]
mod tests;
