//! The arguments that all stages share.

use std::fmt;
use std::str::FromStr;

use lakehouse_contract::{Name, RunDate};
use lakehouse_store::{Place, sha256_of_bytes};

/// What names a run; flattened into the arguments of each stage.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Run")]
pub struct CommonArgs {
    /// The pipeline, a folder under `LAKE_PIPELINES_DIR`
    #[arg(long, value_name = "NAME")]
    pub pipeline: Name,

    /// The run date
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub date: RunDate,

    /// The name of this execution: 1 to 250 of `A-Z a-z 0-9 . _ ~ : + -`. All stages of a run
    /// are given the same one
    #[arg(long, value_name = "TEXT", default_value = "manual")]
    pub run_id: RunId,

    /// Say which objects would be read and written, and touch nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments with which [`crate::main_of`] can find the run.
pub trait StageArguments: clap::Parser {
    /// The places that the stage reads or writes: their buckets must be there before it begins.
    const PLACES: &'static [Place];

    /// The shared ones.
    fn common(&self) -> &CommonArgs;

    /// What of the day is run where it is not all of it, such as the datasets that were asked for:
    /// the kept run report is named by it, so that two tasks of one run keep a report each.
    fn part(&self) -> Option<String> {
        None
    }
}

/// The longest name of a part that a report's name has in full.
const MAX_PART_LENGTH: usize = 100;

/// The part that datasets or marts asked for by name are; none for all of them.
#[must_use]
pub fn part_of(names: &[Name]) -> Option<String> {
    let mut names: Vec<&str> = names.iter().map(Name::as_str).collect();
    names.sort_unstable();
    names.dedup();
    let whole = names.join("+");
    match whole.len() {
        0 => None,
        1..=MAX_PART_LENGTH => Some(whole),
        _ => Some(format!(
            "{}-and-others-{}",
            names[0]
                .chars()
                .take(MAX_PART_LENGTH / 2)
                .collect::<String>(),
            &sha256_of_bytes(whole.as_bytes())[..12]
        )),
    }
}

/// The id of a run, as a scheduler names it: `scheduled__2024-01-15T00:00:00+00:00`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(String);

impl RunId {
    /// The longest id, as Airflow has it.
    pub const MAX_LENGTH: usize = 250;

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl AsRef<str> for RunId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Why a text is not a run id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a run id has 1 to {} of the characters `A-Z a-z 0-9 . _ ~ : + -`",
    RunId::MAX_LENGTH
)]
pub struct RunIdError;

impl FromStr for RunId {
    type Err = RunIdError;

    fn from_str(text: &str) -> Result<Self, RunIdError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._~:+-".contains(&byte);
        if (1..=Self::MAX_LENGTH).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(RunIdError)
        }
    }
}

#[cfg(test)]
mod tests {
    use lakehouse_contract::Name;

    use super::{RunId, part_of};

    #[test]
    fn a_part_is_named_by_what_was_asked_for_in_any_order() {
        let name = |text: &str| text.parse::<Name>().unwrap();
        assert_eq!(part_of(&[]), None);
        assert_eq!(part_of(&[name("b"), name("a"), name("b")]).unwrap(), "a+b");
        let many: Vec<Name> = (0..40)
            .map(|index| name(&format!("dataset_{index}")))
            .collect();
        let part = part_of(&many).unwrap();
        assert!(part.starts_with("dataset_0-and-others-"), "{part}");
        assert!(part.len() < 100, "{part}");
        assert_ne!(part_of(&many[1..]).unwrap(), part);
    }

    #[test]
    fn run_ids_are_those_of_airflow() {
        for good in [
            "manual",
            "manual__2024-01-15T10:00:00.123456+00:00",
            "scheduled__2024-01-15T00:00:00+00:00_a",
            "a~b",
            ".",
        ] {
            assert_eq!(good.parse::<RunId>().unwrap().as_str(), good);
        }
        let long = "a".repeat(251);
        for bad in ["", "a/b", "a b", "ä", "a\n", long.as_str()] {
            assert!(bad.parse::<RunId>().is_err(), "{bad:?}");
        }
        assert!("a".repeat(250).parse::<RunId>().is_ok());
    }
}
