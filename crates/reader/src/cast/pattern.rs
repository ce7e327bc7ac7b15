//! Patterns of chrono's `strftime` language, for dates and timestamps that are not ISO 8601.
//!
//! chrono's own parser is lenient: it skips blanks, takes signs, and reads `20/02/49` with
//! `%d/%m/%Y` as a day of the year 49. So only its reading of the pattern is used here, and its
//! resolution of fields to a day and a time. What the text may look like is decided by
//! [`super::spelling`], to the character.

use chrono::format::Parsed;
use chrono::{Datelike, Timelike};
use chrono_tz::Tz;

use super::iso::{to_utc, within_years};
use super::spelling::Spelling;

/// A pattern, compiled once.
#[derive(Debug, Clone)]
pub struct Pattern {
    spelling: Spelling,
}

impl Pattern {
    /// Compiles a pattern of chrono's `strftime` language.
    ///
    /// # Errors
    ///
    /// A message when the pattern is not one, or has a code that cannot be used to read a text: `%Z`,
    /// whose names of time zones are ambiguous.
    pub fn new(pattern: &str) -> Result<Self, String> {
        Ok(Self {
            spelling: Spelling::new(pattern)?,
        })
    }

    /// Days from 1970-01-01 to the date that the text names. A time beside it must be one, and is
    /// not used.
    #[must_use]
    pub fn date(&self, text: &[u8]) -> Option<i32> {
        let day = self.parse(text)?.to_naive_date().ok()?;
        (1..=9999)
            .contains(&day.year())
            .then(|| day.to_epoch_days())
    }

    /// Microseconds from 1970-01-01T00:00:00 UTC to the instant that the text names. Without an
    /// offset it is a local time of `timezone`, without a time it is midnight.
    #[must_use]
    pub fn timestamp(&self, text: &[u8], timezone: Tz) -> Option<i64> {
        let mut parsed = self.parse(text)?;
        if parsed.hour_mod_12().is_some() && parsed.minute().is_none() {
            // An hour alone is where it begins.
            parsed.set_minute(0).ok()?;
        }
        let (local, offset_secs) = if parsed.timestamp().is_some() {
            (parsed.to_naive_datetime_with_offset(0).ok()?, Some(0))
        } else if let Some(offset_secs) = parsed.offset() {
            (
                parsed.to_naive_datetime_with_offset(offset_secs).ok()?,
                Some(offset_secs),
            )
        } else {
            let day = parsed.to_naive_date().ok()?;
            let has_time = parsed.hour_div_12().is_some()
                || parsed.hour_mod_12().is_some()
                || parsed.minute().is_some()
                || parsed.second().is_some()
                || parsed.nanosecond().is_some();
            let time = if has_time {
                parsed.to_naive_time().ok()?
            } else {
                chrono::NaiveTime::MIN
            };
            (day.and_time(time), None)
        };
        // Below a microsecond it would be cut off.
        let nanos = local.nanosecond();
        if nanos >= 1_000_000_000 || nanos % 1000 != 0 {
            return None;
        }
        let local_secs = local.and_utc().timestamp();
        match offset_secs {
            None => to_utc(local_secs, nanos / 1000, timezone),
            Some(offset) => {
                within_years((local_secs - i64::from(offset)) * 1_000_000 + i64::from(nanos / 1000))
            }
        }
    }

    fn parse(&self, text: &[u8]) -> Option<Parsed> {
        let mut parsed = Parsed::new();
        self.spelling.read(text, &mut parsed)?;
        Some(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(pattern: &str, text: &str) -> Option<String> {
        let days = Pattern::new(pattern).unwrap().date(text.as_bytes())?;
        chrono::NaiveDate::from_epoch_days(days).map(|day| day.to_string())
    }

    fn timestamp(pattern: &str, text: &str, timezone: Tz) -> Option<String> {
        let micros = Pattern::new(pattern)
            .unwrap()
            .timestamp(text.as_bytes(), timezone)?;
        chrono::DateTime::from_timestamp_micros(micros).map(|at| at.naive_utc().to_string())
    }

    #[test]
    fn dates() {
        for (pattern, text, expected) in [
            ("%d/%m/%Y", "12/08/2011", Some("2011-08-12")),
            ("%d/%m/%Y", "1/8/2011", Some("2011-08-01")),
            ("%d/%m/%Y", "32/13/2025", None),
            ("%d/%m/%Y", "29/02/2011", None),
            ("%d/%m/%Y", "12/08/2011 ", None),
            ("%d/%m/%Y", "2011-08-12", None),
            ("%Y%m%d", "20110812", Some("2011-08-12")),
            ("%d %b %Y", "12 Aug 2011", Some("2011-08-12")),
            ("%d.%m.%y", "12.08.11", Some("2011-08-12")),
            ("%d/%m/%Y", "12/08/0000", None),
            ("%d/%m/%Y", "12/08/10000", None),
            ("%Y-%m-%d %H:%M", "2011-08-12 23:59", Some("2011-08-12")),
            ("%Y-%m-%d %H:%M", "2011-08-12 25:00", None),
            ("%Y-%m-%d %H:%M:%S", "2011-08-12 23:59:60", None),
            // A year has four digits, whatever chrono makes of fewer.
            ("%d/%m/%Y", "12/08/49", None),
            ("%d/%m/%Y", "5/1/6", None),
            ("%d/%m/%Y", "12/08/02011", None),
            ("%d.%m.%y", "12.08.2011", None),
            ("%d.%m.%y", "12.08.1", None),
            ("%d/%m/%Y", "012/08/2011", None),
            // Where numbers touch, each is as wide as it is written.
            ("%Y%m%d", "2011812", None),
            ("%Y%m%d", "2010129", None),
            ("%Y%m-%d", "20118-12", None),
            ("%d%b%Y", "1Aug2011", Some("2011-08-01")),
            // No blanks and no signs but the pattern's own.
            ("%d/%m/%Y", " 12/08/2011", None),
            ("%d/%m/%Y", "\t12/08/2011", None),
            ("%d/%m/%Y", "12/ 8/2011", None),
            ("%d/%m/%Y", "12/08/+2011", None),
            ("%d/%m/%Y", "+1/08/2011", None),
            ("%Y-%m-%d %H:%M", "2011-08-12  23:59", None),
            ("%Y-%m-%d %H:%M", "2011-08-12\t23:59", None),
            ("%Y-%m-%d", "-2011-08-12", None),
            ("%d/%m/%Y", "1２/08/2011", None),
            ("%e/%m/%Y", " 1/08/2011", Some("2011-08-01")),
            ("%e/%m/%Y", "1/08/2011", Some("2011-08-01")),
            ("%e/%m/%Y", "  1/08/2011", None),
            ("%-d.%-m.%Y", "1.8.2011", Some("2011-08-01")),
            ("%d-%b-%y", "12-AUG-11", Some("2011-08-12")),
            ("%d %B %Y", "12 Aug 2011", None),
            ("%d %B %Y", "12 August 2011", Some("2011-08-12")),
            ("%d %b %Y", "12 August 2011", None),
            ("%a %d %b %Y", "Fri 12 Aug 2011", Some("2011-08-12")),
            ("%a %d %b %Y", "Sat 12 Aug 2011", None),
            ("%Y-%j", "2011-224", Some("2011-08-12")),
            ("%G-W%V-%u", "2011-W32-5", Some("2011-08-12")),
            ("%F", "2011-08-12", Some("2011-08-12")),
            ("%D", "08/12/11", Some("2011-08-12")),
            ("100%% %Y-%m-%d", "100% 2011-08-12", Some("2011-08-12")),
        ] {
            assert_eq!(
                date(pattern, text).as_deref(),
                expected,
                "{pattern} {text:?}"
            );
        }
    }

    #[test]
    fn timestamps() {
        for (pattern, text, expected) in [
            (
                "%d/%m/%Y %H:%M",
                "12/08/2011 09:04",
                Some("2011-08-12 07:04:00"),
            ),
            (
                "%d/%m/%Y %H:%M:%S",
                "12/08/2011 09:04:05",
                Some("2011-08-12 07:04:05"),
            ),
            ("%d/%m/%Y", "12/08/2011", Some("2011-08-11 22:00:00")),
            (
                "%d/%m/%Y %I:%M %p",
                "12/08/2011 09:04 PM",
                Some("2011-08-12 19:04:00"),
            ),
            (
                "%Y-%m-%d %H:%M:%S %z",
                "2011-08-12 09:04:05 +0530",
                Some("2011-08-12 03:34:05"),
            ),
            (
                "%Y-%m-%dT%H:%M:%S%.f",
                "2011-08-12T09:04:05.25",
                Some("2011-08-12 07:04:05.250"),
            ),
            ("%Y-%m-%dT%H:%M:%S%.f", "2011-08-12T09:04:05.1234567", None),
            (
                "%Y-%m-%dT%H:%M:%S%.f",
                "2011-08-12T09:04:05.12345600000",
                Some("2011-08-12 07:04:05.123456"),
            ),
            (
                "%Y-%m-%dT%H:%M:%S%.f",
                "2011-08-12T09:04:05.12345600001",
                None,
            ),
            ("%s", "1313139845", Some("2011-08-12 09:04:05")),
            ("%s", "-1", Some("1969-12-31 23:59:59")),
            ("%s", "+1313139845", None),
            ("%s", " 1313139845", None),
            ("%s", "01313139845", None),
            ("%s", "99999999999999999999", None),
            // Nanoseconds, all nine: a fraction of fewer digits would mean something else.
            (
                "%Y-%m-%d %H:%M:%S.%f",
                "2011-08-12 09:04:05.250000000",
                Some("2011-08-12 07:04:05.250"),
            ),
            ("%Y-%m-%d %H:%M:%S.%f", "2011-08-12 09:04:05.250000", None),
            (
                "%Y-%m-%d %H:%M:%S%.3f",
                "2011-08-12 09:04:05.250",
                Some("2011-08-12 07:04:05.250"),
            ),
            ("%Y-%m-%d %H:%M:%S%.3f", "2011-08-12 09:04:05.25", None),
            (
                "%Y%m%d%H%M%S%3f",
                "20110812090405250",
                Some("2011-08-12 07:04:05.250"),
            ),
            ("%Y-%m-%dT%H:%M:%S%.f", "2011-08-12T09:04:05.", None),
            (
                "%Y-%m-%dT%H:%M:%S%.f",
                "2011-08-12T09:04:05",
                Some("2011-08-12 07:04:05"),
            ),
            // An offset as its code writes it.
            ("%Y-%m-%d %H:%M:%S %z", "2011-08-12 09:04:05 +05:30", None),
            ("%Y-%m-%d %H:%M:%S %z", "2011-08-12 09:04:05 Z", None),
            ("%Y-%m-%d %H:%M:%S %z", "2011-08-12 09:04:05  +0530", None),
            (
                "%Y-%m-%d %H:%M:%S %:z",
                "2011-08-12 09:04:05 -05:30",
                Some("2011-08-12 14:34:05"),
            ),
            ("%Y-%m-%d %H:%M:%S %:z", "2011-08-12 09:04:05 +0530", None),
            (
                "%Y-%m-%d %H:%M:%S%#z",
                "2011-08-12 09:04:05Z",
                Some("2011-08-12 09:04:05"),
            ),
            (
                "%Y-%m-%d %H:%M:%S%#z",
                "2011-08-12 09:04:05+02",
                Some("2011-08-12 07:04:05"),
            ),
            (
                "%+",
                "2011-08-12T09:04:05.5Z",
                Some("2011-08-12 09:04:05.500"),
            ),
            (
                "%+",
                "2011-08-12T09:04:05+02:00",
                Some("2011-08-12 07:04:05"),
            ),
            ("%+", "2011-8-12T09:04:05+02:00", None),
            ("%d/%m/%Y %H%M", "12/08/2011 904", None),
            (
                "%d/%m/%Y %I%p",
                "12/08/2011 9pm",
                Some("2011-08-12 19:00:00"),
            ),
            ("%d/%m/%Y %I:%M %p", "12/08/2011 13:04 PM", None),
            ("%H:%M", "09:04", None),
            ("%d/%m/%Y %H:%M", "12/08/2011 24:00", None),
            ("%d/%m/%Y %H:%M:%S", "12/08/2011 09:04:60", None),
            ("%d/%m/%Y %H:%M", "27/03/2011 02:30", None),
            (
                "%d/%m/%Y %H:%M",
                "30/10/2011 02:30",
                Some("2011-10-30 00:30:00"),
            ),
        ] {
            assert_eq!(
                timestamp(pattern, text, Tz::Europe__Berlin).as_deref(),
                expected,
                "{pattern} {text:?}"
            );
        }
    }

    #[test]
    fn refuses_what_it_cannot_read() {
        assert!(Pattern::new("%Q").is_err());
        assert!(Pattern::new("%").is_err());
        assert!(Pattern::new("%Y-%m-%d %Z").unwrap_err().contains("%Z"));
    }
}
