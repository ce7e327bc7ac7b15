//! What all rows of a day share.

use chrono::{Days, NaiveDate};

use crate::random::{Random, mix};

/// Keeps the decision whether a row is flawed apart from what the row says, so that a day at
/// `--corrupt-rate 0` has the same sound rows as one at 0.03.
const FLAW_STREAM: u64 = 0x666c_6177;

/// A day of sales: the texts of its date, and the random streams of its rows.
pub(super) struct Day {
    /// `YYYYMMDD`, for transaction ids.
    pub(super) compact: String,
    /// `YYYY-MM-DD` of the day before, the day, and the day after: an offset moves the local date.
    dates: [String; 3],
    seed: u64,
    corrupt_rate: f64,
}

impl Day {
    pub(super) fn new(date: NaiveDate, seed: u64, corrupt_rate: f64) -> Self {
        let yesterday = date.checked_sub_days(Days::new(1)).unwrap_or(date);
        let tomorrow = date.checked_add_days(Days::new(1)).unwrap_or(date);
        let number = date.signed_duration_since(NaiveDate::default()).num_days();
        Self {
            compact: date.format("%Y%m%d").to_string(),
            dates: [yesterday, date, tomorrow].map(|date| date.to_string()),
            seed: mix(seed ^ mix(number.cast_unsigned())),
            corrupt_rate,
        }
    }

    /// The random numbers that make the row.
    pub(super) fn random_of(&self, row: u64) -> Random {
        Random::new(self.seed ^ mix(row))
    }

    /// The random numbers of what is wrong with the row.
    pub(super) fn random_of_flaw(&self, row: u64) -> Random {
        Random::new(mix(self.seed ^ FLAW_STREAM) ^ mix(row))
    }

    pub(super) fn is_flawed(&self, row: u64) -> bool {
        self.corrupt_rate > 0.0 && self.random_of_flaw(row).fraction() < self.corrupt_rate
    }

    /// The local date of a second counted from the day's midnight in UTC, and what is left of it.
    pub(super) fn local(&self, second: i32) -> (&str, u32) {
        let index = (second.div_euclid(86_400) + 1).clamp(0, 2);
        (
            &self.dates[index as usize],
            second.rem_euclid(86_400).cast_unsigned(),
        )
    }
}
