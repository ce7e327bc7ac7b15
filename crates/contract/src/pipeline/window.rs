//! How much of an input a mart reads.

use std::fmt;

use serde_json::Value;

use crate::{ContractError, suggest};

/// How far back a mart reads, or as what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The run date's partition.
    Day,
    /// The run date's partition and those before it, this many days in all.
    Days(u32),
    /// Every partition up to the run date.
    All,
    /// The dataset as it was on the run date.
    State(BeforeFirst),
    /// Every version up to the run date, with the date of its partition as `run_date`.
    History,
}

/// What a state is before the dataset's first partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BeforeFirst {
    /// Empty.
    #[default]
    Empty,
    /// That of the first partition.
    First,
}

/// The column that a history has besides the dataset's own.
pub const HISTORY_DATE: &str = "run_date";

impl Window {
    /// Whether it is of a dataset's state, or of the versions that the state comes from.
    #[must_use]
    pub fn is_of_state(self) -> bool {
        matches!(self, Self::State(_) | Self::History)
    }
}

impl fmt::Display for Window {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day => formatter.write_str("day"),
            Self::Days(days) => write!(formatter, "{days} days"),
            Self::All => formatter.write_str("all"),
            Self::State(_) => formatter.write_str("state"),
            Self::History => formatter.write_str("history"),
        }
    }
}

/// A window as `reads` has it: a word, or a mapping with more to say.
pub(super) fn read_window(value: &Value) -> Result<Window, ContractError> {
    match value {
        Value::String(text) => read_word(text),
        Value::Object(map) => {
            let known = ["as", "beforeFirst"];
            if let Some(unknown) = map.keys().find(|key| !known.contains(&key.as_str())) {
                return Err(ContractError::unknown_key(format!(
                    "unknown key `{unknown}` in a window"
                ))
                .with_hint(suggest::hint(unknown, &known, "keys")));
            }
            let word = |key: &str| match map.get(key) {
                None => Ok(None),
                Some(Value::String(text)) => Ok(Some(text.as_str())),
                Some(other) => Err(ContractError::invalid(format!("`{key}` is `{other}`"))
                    .with_hint("write `{as: state, beforeFirst: first}`")),
            };
            let Some(read_as) = word("as")? else {
                return Err(ContractError::invalid("a window does not say what it is")
                    .with_hint("write `{as: state, beforeFirst: first}`"));
            };
            let window = read_word(read_as)?;
            match word("beforeFirst")? {
                None => Ok(window),
                Some(text) if matches!(window, Window::State(_)) => {
                    let choices = [("empty", BeforeFirst::Empty), ("first", BeforeFirst::First)];
                    crate::yaml::choose("beforeFirst", text, &choices, &[]).map(Window::State)
                }
                Some(_) => Err(ContractError::invalid(format!(
                    "`beforeFirst` has no effect on `{window}`"
                ))
                .with_hint("it says what a `state` is before the first partition: leave it out")),
            }
        }
        other => Err(ContractError::invalid(format!("`{other}` is not a window")).with_hint(HINT)),
    }
}

const HINT: &str = "write `day`, `all`, a number of days such as `7 days`, or, of a dataset whose \
                    contract says `delivery: snapshot` or `changes`, `state` or `history`";

fn read_word(text: &str) -> Result<Window, ContractError> {
    let days = || {
        let count = text.strip_suffix(" days")?;
        count
            .parse::<u32>()
            .ok()
            .filter(|days| (1..=36_600).contains(days))
    };
    match text {
        "day" => Ok(Window::Day),
        "all" => Ok(Window::All),
        "state" => Ok(Window::State(BeforeFirst::default())),
        "history" => Ok(Window::History),
        _ => days().map(Window::Days).ok_or_else(|| {
            ContractError::invalid(format!("`{text}` is not a window")).with_hint(HINT)
        }),
    }
}
