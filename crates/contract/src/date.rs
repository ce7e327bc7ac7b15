//! The day that a run is about.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Duration, LocalResult, NaiveDate, NaiveDateTime, TimeZone};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ContractError;

/// The day that a run is about, written `YYYY-MM-DD`; never "now".
///
/// ```
/// use lakehouse_contract::RunDate;
/// let date: RunDate = "2011-08-12".parse().unwrap();
/// assert_eq!(date.partition(), "year=2011/month=08/day=12");
/// assert_eq!(RunDate::parse_partition("year=2011/month=08/day=12"), Some(date));
/// assert!("2011-02-30".parse::<RunDate>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunDate(NaiveDate);

impl RunDate {
    /// The day as a date of chrono.
    #[must_use]
    pub fn date(&self) -> NaiveDate {
        self.0
    }

    /// The folder of the day's partition: `year=YYYY/month=MM/day=DD`.
    #[must_use]
    pub fn partition(&self) -> String {
        format!(
            "year={:04}/month={:02}/day={:02}",
            self.0.year(),
            self.0.month(),
            self.0.day()
        )
    }

    /// The day whose partition is in the folder `text`; the opposite of [`RunDate::partition`].
    #[must_use]
    pub fn parse_partition(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let year = parts.next()?.strip_prefix("year=")?;
        let month = parts.next()?.strip_prefix("month=")?;
        let day = parts.next()?.strip_prefix("day=")?;
        if parts.next().is_some() {
            return None;
        }
        format!("{year}-{month}-{day}").parse().ok()
    }

    /// The day after; none after 9999-12-31.
    #[must_use]
    pub fn next(&self) -> Option<Self> {
        Self::try_from(self.0.succ_opt()?).ok()
    }

    /// The day before; none before 0001-01-01.
    #[must_use]
    pub fn previous(&self) -> Option<Self> {
        Self::try_from(self.0.pred_opt()?).ok()
    }

    /// Every day from this one to `last`, both included; none when `last` is before this one.
    pub fn through(self, last: Self) -> impl Iterator<Item = Self> {
        let first = Some(self).filter(|first| *first <= last);
        std::iter::successors(first, move |day| day.next().filter(|next| *next <= last))
    }

    /// When the day begins and when the next one begins in a time zone, both in UTC.
    ///
    /// Where clocks jump over midnight the day begins with the first minute that exists; where a
    /// zone leaves a day out, as Samoa left out 2011-12-30, the day is empty.
    #[must_use]
    pub fn instants(&self, timezone: &Tz) -> (NaiveDateTime, NaiveDateTime) {
        (
            start_of_day(self.0, timezone),
            start_of_day(self.0 + Duration::days(1), timezone),
        )
    }
}

fn start_of_day(date: NaiveDate, timezone: &Tz) -> NaiveDateTime {
    let midnight = date.and_time(chrono::NaiveTime::MIN);
    // No zone ever skipped more than a day; two are beyond every gap.
    (0..2 * 24 * 60)
        .find_map(|minutes| {
            match timezone.from_local_datetime(&(midnight + Duration::minutes(minutes))) {
                LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => {
                    Some(instant.naive_utc())
                }
                LocalResult::None => None,
            }
        })
        .unwrap_or(midnight)
}

impl TryFrom<NaiveDate> for RunDate {
    type Error = ContractError;

    fn try_from(date: NaiveDate) -> Result<Self, ContractError> {
        if (1..=9999).contains(&date.year()) {
            Ok(Self(date))
        } else {
            Err(
                ContractError::invalid(format!("`{date}` is not a run date"))
                    .with_hint("years go from 0001 to 9999"),
            )
        }
    }
}

impl fmt::Display for RunDate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{:04}-{:02}-{:02}",
            self.0.year(),
            self.0.month(),
            self.0.day()
        )
    }
}

impl FromStr for RunDate {
    type Err = ContractError;

    fn from_str(text: &str) -> Result<Self, ContractError> {
        let shape = text.len() == 10
            && text.bytes().enumerate().all(|(place, byte)| match place {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        let refuse = |why: &str| {
            ContractError::invalid(format!("`{text}` is not a run date: {why}"))
                .with_hint("write the day as `YYYY-MM-DD`, for instance `2011-08-12`")
        };
        if !shape {
            return Err(refuse("it is not of the form `YYYY-MM-DD`"));
        }
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .map_err(|_| refuse("the calendar has no such day"))
            .and_then(Self::try_from)
    }
}

impl Serialize for RunDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RunDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> RunDate {
        text.parse().unwrap()
    }

    #[test]
    fn only_the_strict_form_is_a_run_date() {
        assert_eq!(day("2011-08-12").to_string(), "2011-08-12");
        assert_eq!(day("0001-01-01").to_string(), "0001-01-01");
        for bad in [
            "2011-8-12",
            "2011-02-30",
            "2011-13-01",
            "20110812",
            "2011-08-12T00:00:00",
            " 2011-08-12",
            "0000-01-01",
            "+011-08-12",
            "2011/08/12",
            "",
            "１０１１-08-12",
        ] {
            assert!(bad.parse::<RunDate>().is_err(), "{bad}");
        }
    }

    #[test]
    fn partitions_are_read_back() {
        for date in day("2023-12-25").through(day("2024-03-05")) {
            assert_eq!(RunDate::parse_partition(&date.partition()), Some(date));
        }
        for bad in [
            "year=2011/month=8/day=12",
            "year=2011/month=08",
            "year=2011/month=08/day=12/",
            "x",
        ] {
            assert_eq!(RunDate::parse_partition(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_range_has_both_ends() {
        let days: Vec<String> = day("2024-02-28")
            .through(day("2024-03-01"))
            .map(|day| day.to_string())
            .collect();
        assert_eq!(days, ["2024-02-28", "2024-02-29", "2024-03-01"]);
        assert_eq!(day("2024-03-01").through(day("2024-02-28")).count(), 0);
        assert_eq!(day("9999-12-31").through(day("9999-12-31")).count(), 1);
    }

    #[test]
    fn a_day_begins_where_its_zone_says() {
        let at = |date: &str, zone: Tz| {
            let (start, end) = day(date).instants(&zone);
            (start.to_string(), end.to_string())
        };
        let pair = |start: &str, end: &str| (start.to_owned(), end.to_owned());
        assert_eq!(
            at("2024-01-15", chrono_tz::UTC),
            pair("2024-01-15 00:00:00", "2024-01-16 00:00:00")
        );
        assert_eq!(
            at("2024-01-15", chrono_tz::Asia::Tokyo),
            pair("2024-01-14 15:00:00", "2024-01-15 15:00:00")
        );
        // 23 hours long; clocks go forward at two.
        assert_eq!(
            at("2024-03-31", chrono_tz::Europe::Berlin),
            pair("2024-03-30 23:00:00", "2024-03-31 22:00:00")
        );
        // Midnight did not exist.
        assert_eq!(
            at("2018-11-04", chrono_tz::America::Sao_Paulo),
            pair("2018-11-04 03:00:00", "2018-11-05 02:00:00")
        );
        // The whole day did not exist.
        let (start, end) = day("2011-12-30").instants(&chrono_tz::Pacific::Apia);
        assert_eq!(start, end);
    }
}
