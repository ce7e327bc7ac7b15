//! Contract to SQL: the statements that make a partition's silver rows from what the reader read.
//!
//! They are run in this order, in one session:
//!
//! 1. [`SilverSql::load`] makes the table `judged`: every row read, its published values, and
//!    what is wrong with it.
//! 2. [`SilverSql::drop_files`] takes out the rows of files that turned out to be unreadable.
//! 3. One of [`PublishedSql::repeated`], then [`PublishedSql::deduplicate`], each statement in turn,
//!    make the view `published`.
//! 4. All others only ask.
//!
//! The statements are a pure function of the contract, the run date and the schedule's zone, and
//! every one has a test that holds its text. Names of the contract and its literals pass
//! [`crate::quote`]; only `transformLogic` is SQL already, and it has been through the tokenizer.

mod load;
mod long_texts;
mod published;
#[cfg(test)]
mod published_tests;
mod report;
mod rules;
#[cfg(test)]
mod tests;

pub use long_texts::{DIGEST_CHARACTERS, LONG_TEXT_BYTES, PLACE_CHARACTERS};
pub use published::{PublishedSql, Repeated};

use std::fmt::Write as _;

use chrono_tz::Tz;

use long_texts::LongTexts;

use crate::contract::{Column, Contract};
use crate::{RunDate, quote};

/// The table of all rows that were read.
pub const JUDGED: &str = "judged";
/// The view of the rows that are published.
pub const PUBLISHED: &str = "published";
/// The SQL type of the column `_lake_reasons`.
pub const REASONS_TYPE: &str = "STRUCT(\"column\" VARCHAR, \"rule\" VARCHAR)[]";

/// The statements for one dataset and one run date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SilverSql {
    /// Makes the table `judged`: the published columns, `_lake_file`, `_lake_position`,
    /// `_lake_offset`, `_lake_repaired`, and `_lake_reasons`, which is NULL for a clean row.
    pub load: String,
    /// What is published where no long text was kept beside the engine.
    pub published: PublishedSql,
    /// What is published where some were.
    pub published_with_long_texts: PublishedSql,
    /// `rows_read`, `rows_published`, `rows_quarantined` and `rows_duplicate`, each counted by
    /// itself, in one row.
    pub counts: String,
    /// `column` (NULL: the whole record), `rule` and `rows`, for rows that break a rule.
    pub rules: String,
    /// `column`, `rule` and `rows`, for values of published rows that were repaired.
    pub repairs: String,
    /// How many published rows have a repaired value.
    pub repaired_rows: String,
    /// `column`, `nulls`, `min` and `max` of the published rows; the last two are texts, of at
    /// most 200 characters, and NULL for a classified column.
    pub column_statistics: String,
}

impl SilverSql {
    /// Takes the rows of unreadable files out of `judged`: they are counted as files.
    #[must_use]
    pub fn drop_files(&self, files: &[i32]) -> String {
        let mut statement = format!("DELETE FROM {JUDGED} WHERE ");
        if files.is_empty() {
            statement.push_str("false");
        } else {
            let numbers: Vec<String> = files.iter().map(i32::to_string).collect();
            let _ = write!(statement, "_lake_file IN ({})", numbers.join(", "));
        }
        statement
    }
}

/// The statements for `contract` on `run_date`.
///
/// `source_table` is what the engine reads the reader's rows from, as SQL writes it: the call of
/// a table function or a quoted name. `timezone` is the schedule's: in it the day is a day.
#[must_use]
pub fn silver_sql(
    contract: &Contract,
    source_table: &str,
    run_date: &RunDate,
    timezone: &Tz,
) -> SilverSql {
    SilverSql {
        load: load::load(contract, source_table, run_date, timezone),
        published: PublishedSql::new(contract, LongTexts::Absent),
        published_with_long_texts: PublishedSql::new(contract, LongTexts::Present),
        counts: report::counts(contract),
        rules: report::rules(),
        repairs: report::repairs(contract),
        repaired_rows: report::repaired_rows(contract),
        column_statistics: report::column_statistics(contract),
    }
}

/// A column's quoted name.
fn name(column: &Column) -> String {
    quote::identifier(&column.name)
}

/// The quoted names of all columns.
fn names(contract: &Contract) -> String {
    quote::identifiers(contract.columns.iter().map(|column| &column.name))
}
