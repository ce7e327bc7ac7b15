//! The command line: one subcommand per kind of source.

use std::path::PathBuf;

use chrono::{Datelike as _, NaiveDate};
use clap::{Args, Parser, Subcommand};

use crate::sales::{self, Flaw, SalesOptions, SalesSummary};
use crate::{
    CommunityOptions, CommunitySummary, GenerateError, generate_community, generate_sales,
};

const EXIT_CODES: &str = "\
Exit codes:
  0   the files are written
  2   wrong arguments, or a folder that cannot be written
  75  the disk is full

Environment variables: none are read.";

/// Writes sample sources for the lakehouse's pipelines.
///
/// The same arguments give the same bytes, on every machine and at any time.
#[derive(Debug, Parser)]
#[command(name = "lake-generate", version, after_help = EXIT_CODES, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    source: Source,
}

#[derive(Debug, Subcommand)]
enum Source {
    /// A day of shop sales as JSON Lines: what the pipeline `sales` reads.
    ///
    /// Writes `<output>/<date>/sales-001.jsonl`, `sales-002.jsonl`, … Each line is a sale with
    /// transaction_id, amount, date (ISO 8601, some with an offset or without a zone; all of them
    /// on the day in UTC), client (an e-mail address or null), product (id, name, category,
    /// unit_price) and quantity: about 229 bytes, so 2,200,000 rows make 500 MB. Files of an
    /// earlier call with more `--files` are left alone.
    #[command(after_long_help = sales_help())]
    Sales(SalesArguments),
    /// Days of a community app as CSV: what the pipeline `community` reads.
    ///
    /// Writes `<output>/<table>/<date>.csv` for users, groups, groups_users and notification_states
    /// (whole, as they are when the day ends), activities, group_messages, user_notifications,
    /// user_purchases and user_session_events (what happened on the day), in the form in which
    /// tables are extracted from databases; and the tables' definitions as
    /// `<output>/schema/postgresql.sql` and `cassandra.cql`. The app's users joined from 2025-01-01
    /// on. With dirt in them: missing e-mail addresses, negative and absurd amounts, dates in
    /// several forms and impossible ones, clocks ahead, sessions without an end, messages of
    /// deleted users.
    Community(CommunityArguments),
}

#[derive(Debug, Args)]
struct CommunityArguments {
    /// The first day, YYYY-MM-DD
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    date: NaiveDate,
    /// How many days
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=3650))]
    days: u16,
    /// How many users ever join
    #[arg(long, value_name = "COUNT", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    users: u64,
    /// The seed of the sample: another one gives other people
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Also write the columns that no contract reads, such as users.password: for loading the files
    /// into databases
    #[arg(long)]
    all_columns: bool,
    /// The folder to write to; created if it is missing
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
}

#[derive(Debug, Args)]
struct SalesArguments {
    /// The day of the sales, YYYY-MM-DD
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    date: NaiveDate,
    /// How many lines to write, over all files
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    rows: u64,
    /// The seed of the sample: another one gives other sales
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// The share of lines with a flaw, from 0 to 1; the kinds of flaws take turns
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = parse_share)]
    corrupt_rate: f64,
    /// How many files to spread the lines over, 1 to 999
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=999))]
    files: u16,
    /// The folder to write to; created if it is missing
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
}

/// Runs what was asked for; returns what to tell the person.
pub(crate) fn run(cli: &Cli) -> Result<String, GenerateError> {
    match &cli.source {
        Source::Sales(arguments) => {
            let options = SalesOptions {
                date: arguments.date,
                rows: arguments.rows,
                seed: arguments.seed,
                corrupt_rate: arguments.corrupt_rate,
                files: arguments.files,
                output: arguments.output.clone(),
            };
            Ok(describe(&generate_sales(&options)?))
        }
        Source::Community(arguments) => {
            let options = CommunityOptions {
                users: arguments.users,
                date: arguments.date,
                days: arguments.days,
                seed: arguments.seed,
                all_columns: arguments.all_columns,
                output: arguments.output.clone(),
            };
            Ok(describe_community(&options, &generate_community(&options)?))
        }
    }
}

fn describe_community(options: &CommunityOptions, summary: &CommunitySummary) -> String {
    let mut text = format!(
        "wrote {} days ({} bytes) to `{}`\n",
        options.days,
        summary.bytes,
        options.output.display()
    );
    for (table, rows) in &summary.rows {
        text.push_str(&format!("  {rows:>10}  {table}\n"));
    }
    text
}

fn describe(summary: &SalesSummary) -> String {
    let mut text = format!(
        "wrote {} rows ({} bytes; files: {}) to `{}`\n",
        summary.rows,
        summary.bytes,
        summary.files,
        summary.folder.display()
    );
    let flawed: Vec<_> = Flaw::ALL
        .iter()
        .zip(summary.flaws)
        .filter(|(_, rows)| *rows > 0)
        .collect();
    if !flawed.is_empty() {
        text.push_str("with these flaws in them:\n");
        for (flaw, rows) in flawed {
            text.push_str(&format!(
                "  {rows:>8}  {:<22} {}\n",
                flaw.name(),
                flaw.description()
            ));
        }
    }
    text
}

fn sales_help() -> String {
    let mut text =
        String::from("Flaws of `--corrupt-rate`, and what the pipeline `sales` does with them:\n");
    for flaw in sales::Flaw::ALL {
        text.push_str(&format!("  {:<22} {}\n", flaw.name(), flaw.description()));
    }
    text.push_str(
        "\nExample, a day with 3 % flawed lines:\n  \
         lake-generate sales --date 2025-11-01 --rows 100000 --corrupt-rate 0.03 --output ./source\n\n",
    );
    text.push_str(EXIT_CODES);
    text
}

/// Strictly YYYY-MM-DD: chrono alone would take `2025-1-1` too, which names another folder.
fn parse_date(text: &str) -> Result<NaiveDate, String> {
    let strict = text.len() == 10
        && text.bytes().enumerate().all(|(index, byte)| {
            if matches!(index, 4 | 7) {
                byte == b'-'
            } else {
                byte.is_ascii_digit()
            }
        });
    match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        Ok(date) if strict && date.year() >= 1 => Ok(date),
        _ => Err("not a date in the form YYYY-MM-DD".to_owned()),
    }
}

fn parse_share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("not a number from 0 to 1, such as 0.03".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn dates_are_strict() {
        assert_eq!(
            parse_date("2025-11-01"),
            Ok(NaiveDate::from_ymd_opt(2025, 11, 1).expect("a date"))
        );
        for wrong in [
            "2025-1-1",
            "2025-02-30",
            "20251101",
            "+025-11-01",
            "0000-01-01",
            "2025-11-01 ",
            "today",
            "",
        ] {
            assert!(parse_date(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn shares_are_from_0_to_1() {
        assert_eq!(parse_share("0.03"), Ok(0.03));
        for wrong in ["-0.1", "1.1", "NaN", "3%", ""] {
            assert!(parse_share(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_wrong_argument_exits_with_2() {
        let error = Cli::try_parse_from([
            "lake-generate",
            "sales",
            "--date",
            "2025-02-30",
            "--output",
            "x",
        ])
        .expect_err("refused");
        assert_eq!(error.exit_code(), 2);
        assert!(
            error
                .to_string()
                .contains("'2025-02-30' for '--date <DATE>': not a date in the form YYYY-MM-DD"),
            "{error}"
        );
    }
}
