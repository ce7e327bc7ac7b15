//! ISO 8601 dates and timestamps, by hand: the forms are few, and this is most of what silver
//! parses.

use chrono::{DateTime, MappedLocalTime, TimeZone};
use chrono_tz::Tz;

/// Days from 1970-01-01 to the date that `yyyy-mm-dd` names; years 0001 to 9999.
#[must_use]
#[inline]
pub fn date(text: &[u8]) -> Option<i32> {
    let text: &[u8; 10] = text.try_into().ok()?;
    let (century, of_century) = (pair(text[0], text[1]), pair(text[2], text[3]));
    let (month, day) = (pair(text[5], text[6]), pair(text[8], text[9]));
    if text[4] != b'-' || text[7] != b'-' || century > 99 || of_century > 99 {
        return None;
    }
    let year = century * 100 + of_century;
    if year == 0 || !(1..=12).contains(&month) || day == 0 || day > days_of_month(year, month) {
        return None;
    }
    Some(days_from_civil(year as i32, month as i32, day as i32))
}

/// Microseconds from 1970-01-01T00:00:00 UTC to the instant that a text names:
/// `yyyy-mm-dd`, `T` or a space, `hh:mm[:ss[.fraction]]`, then `Z`, `±hh`, `±hhmm`, `±hh:mm` or
/// nothing, which means a local time of `timezone`.
#[must_use]
#[inline]
pub fn timestamp(text: &[u8], timezone: Tz) -> Option<i64> {
    let begin: &[u8; 16] = text.first_chunk()?;
    if !matches!(begin[10], b'T' | b't' | b' ') || begin[13] != b':' {
        return None;
    }
    let days = date(&begin[..10])?;
    let (hour, minute) = (pair(begin[11], begin[12]), pair(begin[14], begin[15]));
    let (mut second, mut micros, mut at) = (0, 0, 16);
    if let Some(&[b':', tens, ones]) = text.get(16..19) {
        second = pair(tens, ones);
        at = 19;
        if matches!(text.get(19), Some(b'.' | b',')) {
            (micros, at) = fraction(text, 20)?;
        }
    }
    // No 24:00 and no leap second: neither is an instant of the day that it is written with.
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = i64::from(days) * 86_400 + i64::from(hour * 3600 + minute * 60 + second);
    match text.get(at..) {
        None | Some([]) => to_utc(seconds, micros, timezone),
        Some([b'Z' | b'z']) => Some(seconds * 1_000_000 + i64::from(micros)),
        Some(rest) => within_years((seconds - offset_secs(rest)?) * 1_000_000 + i64::from(micros)),
    }
}

/// A local time as UTC: a time that its zone skips means nothing, of a time that its zone has
/// twice the earlier is meant.
#[inline]
pub(super) fn to_utc(local_secs: i64, micros: u32, timezone: Tz) -> Option<i64> {
    let offset = if timezone == Tz::UTC {
        0
    } else {
        offset_of_local(local_secs, timezone)?
    };
    within_years((local_secs - offset) * 1_000_000 + i64::from(micros))
}

fn offset_of_local(local_secs: i64, timezone: Tz) -> Option<i64> {
    use chrono::Offset;
    let local = DateTime::from_timestamp(local_secs, 0)?.naive_utc();
    let offset = |found: &chrono_tz::TzOffset| i64::from(found.fix().local_minus_utc());
    match timezone.offset_from_local_datetime(&local) {
        MappedLocalTime::Single(one) => Some(offset(&one)),
        // The earlier instant is the one with the larger offset.
        MappedLocalTime::Ambiguous(one, other) => Some(offset(&one).max(offset(&other))),
        MappedLocalTime::None => None,
    }
}

/// First and last microsecond of the years 0001 to 9999.
const FIRST_MICROS: i64 = days_from_civil(1, 1, 1) as i64 * 86_400_000_000;
const LAST_MICROS: i64 = days_from_civil(10_000, 1, 1) as i64 * 86_400_000_000 - 1;

/// The instant, if it is of the years 0001 to 9999.
#[inline]
pub(super) fn within_years(micros: i64) -> Option<i64> {
    (FIRST_MICROS..=LAST_MICROS)
        .contains(&micros)
        .then_some(micros)
}

/// The number that two digits mean; above 99 where one is no digit, so that one look at the
/// range finds both failures.
#[inline]
fn pair(tens: u8, ones: u8) -> u32 {
    let [tens, ones] = [tens, ones].map(|digit| u32::from(digit.wrapping_sub(b'0')));
    let invalid = u32::from((tens > 9) | (ones > 9));
    tens * 10 + ones + invalid * 1000
}

/// The fraction of a second as microseconds, and where it ends. A seventh decimal that is not
/// zero would be lost, so it makes the text mean nothing.
fn fraction(text: &[u8], start: usize) -> Option<(u32, usize)> {
    let mut micros = 0;
    let mut at = start;
    while let Some(digit) = text
        .get(at)
        .map(|byte| byte.wrapping_sub(b'0'))
        .filter(|digit| *digit <= 9)
    {
        if at - start < 6 {
            micros = micros * 10 + u32::from(digit);
        } else if digit != 0 {
            return None;
        }
        at += 1;
    }
    if at == start {
        return None;
    }
    for _ in at - start..6 {
        micros *= 10;
    }
    Some((micros, at))
}

/// Seconds east of UTC that `±hh`, `±hhmm` or `±hh:mm` names.
fn offset_secs(text: &[u8]) -> Option<i64> {
    let negative = match text[0] {
        b'+' => false,
        b'-' => true,
        _ => return None,
    };
    let (hours, minutes) = match text[1..] {
        [a, b] => (pair(a, b), 0),
        [a, b, c, d] | [a, b, b':', c, d] => (pair(a, b), pair(c, d)),
        _ => return None,
    };
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = i64::from(hours * 3600 + minutes * 60);
    Some(if negative { -seconds } else { seconds })
}

#[inline]
fn days_of_month(year: u32, month: u32) -> u32 {
    const DAYS: [u8; 13] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let leap = month == 2
        && year.is_multiple_of(4)
        && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    u32::from(DAYS[month as usize]) + u32::from(leap)
}

/// Days since 1970-01-01 of a day of the proleptic Gregorian calendar.
#[inline]
const fn days_from_civil(year: i32, month: i32, day: i32) -> i32 {
    // Years begin in March, so that the leap day is the last of its year.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use chrono::{Datelike, Days, NaiveDate, NaiveDateTime};
    use proptest::prelude::*;

    use super::*;

    fn instant(text: &str) -> i64 {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f")
            .unwrap()
            .and_utc()
            .timestamp_micros()
    }

    #[test]
    fn every_day_of_ten_thousand_years() {
        let mut day = NaiveDate::from_ymd_opt(1, 1, 1).unwrap();
        while day.year() < 10_000 {
            let text = format!("{:04}-{:02}-{:02}", day.year(), day.month(), day.day());
            assert_eq!(date(text.as_bytes()), Some(day.to_epoch_days()), "{text}");
            day = day + Days::new(1);
        }
    }

    #[test]
    fn no_date() {
        for text in [
            "",
            "2011-08-1",
            "2011-8-12",
            "2011-08-12 ",
            " 2011-08-12",
            "20110812",
            "2011/08/12",
            "12-08-2011",
            "2011-00-12",
            "2011-13-12",
            "2011-08-00",
            "2011-08-32",
            "2011-02-29",
            "1900-02-29",
            "0000-01-01",
            "2011-08-1x",
            "-011-08-12",
            "2011-W32-5",
            "2011-224",
            "32/13/2025",
            "now",
            "٢٠١١٠",
        ] {
            assert_eq!(date(text.as_bytes()), None, "{text:?}");
        }
        assert!(date(b"2000-02-29").is_some());
    }

    #[test]
    fn timestamps() {
        for (text, expected) in [
            ("2011-08-12T09:04:00Z", "2011-08-12 09:04:00"),
            ("2011-08-12 09:04:00", "2011-08-12 09:04:00"),
            ("2011-08-12t09:04:00z", "2011-08-12 09:04:00"),
            ("2011-08-12T09:04", "2011-08-12 09:04:00"),
            ("2011-08-12T09:04Z", "2011-08-12 09:04:00"),
            ("2011-08-12T09:04+02:00", "2011-08-12 07:04:00"),
            ("2011-08-12T09:04:00+02:00", "2011-08-12 07:04:00"),
            ("2011-08-12T09:04:00-0530", "2011-08-12 14:34:00"),
            ("2011-08-12T00:04:00+02", "2011-08-11 22:04:00"),
            ("2011-08-12T09:04:00-00:00", "2011-08-12 09:04:00"),
            ("2011-08-12T09:04:00.5", "2011-08-12 09:04:00.5"),
            (
                "2011-08-12T09:04:00,123456+01:00",
                "2011-08-12 08:04:00.123456",
            ),
            (
                "2011-08-12T09:04:00.123456000Z",
                "2011-08-12 09:04:00.123456",
            ),
            ("1969-12-31T23:59:59.999999Z", "1969-12-31 23:59:59.999999"),
            ("9999-12-31T23:59:59.999999Z", "9999-12-31 23:59:59.999999"),
            ("0001-01-01T00:00:00Z", "0001-01-01 00:00:00"),
        ] {
            assert_eq!(
                timestamp(text.as_bytes(), Tz::UTC),
                Some(instant(expected)),
                "{text:?}"
            );
        }
    }

    #[test]
    fn no_timestamp() {
        for text in [
            "",
            "2011-08-12",
            "2011-08-12T",
            "2011-08-12T09",
            "2011-08-12T24:00:00",
            "2011-08-12T24:00:00Z",
            "2011-08-12T09:60:00",
            "2011-08-12T09:04:60",
            "2011-08-12T09:04:00.",
            "2011-08-12T09:04:00.Z",
            "2011-08-12T09:04:00.1234567Z",
            "2011-08-12T09:04:00 Z",
            "2011-08-12T09:04:00 +02:00",
            "2011-08-12T09:04:00+2",
            "2011-08-12T09:04:00+24:00",
            "2011-08-12T09:04:00+02:60",
            "2011-08-12T09:04:00+02:0",
            "2011-08-12T09:04:00+02-00",
            "2011-08-12T09:04:00Zulu",
            "2011-08-12T09:04:00 UTC",
            "2011-08-12X09:04:00",
            "2011-08-12T0904",
            "2011-08-12T09:04:0",
            "2011-08-12T9:04:00",
            "1313139840",
            "0001-01-01T00:00:00+01:00",
            "9999-12-31T23:00:00-01:00",
            "2011-08-12T09:04:00:00",
            "2011-08-12T-9:04:00",
        ] {
            assert_eq!(timestamp(text.as_bytes(), Tz::UTC), None, "{text:?}");
        }
    }

    #[test]
    fn local_times() {
        let berlin = Tz::Europe__Berlin;
        for (text, expected) in [
            ("2011-01-12T09:04:00", Some("2011-01-12 08:04:00")),
            ("2011-08-12T09:04:00", Some("2011-08-12 07:04:00")),
            // Skipped by the clocks of that night.
            ("2011-03-27T02:30:00", None),
            ("2011-03-27T03:00:00", Some("2011-03-27 01:00:00")),
            // Twice that night: the earlier.
            ("2011-10-30T02:30:00", Some("2011-10-30 00:30:00")),
            ("2011-10-30T03:00:00", Some("2011-10-30 02:00:00")),
            // An offset of its own wins.
            ("2011-08-12T09:04:00Z", Some("2011-08-12 09:04:00")),
        ] {
            assert_eq!(
                timestamp(text.as_bytes(), berlin),
                expected.map(instant),
                "{text:?}"
            );
        }
        let new_york = Tz::America__New_York;
        assert_eq!(
            timestamp(b"2011-11-06T01:30:00", new_york),
            Some(instant("2011-11-06 05:30:00"))
        );
    }

    proptest! {
        #[test]
        fn agrees_with_chrono(micros in -62_135_596_800_000_000_i64..253_402_300_800_000_000, offset_minutes in -1439_i32..1440) {
            let utc = DateTime::from_timestamp_micros(micros).unwrap();
            let text = utc.format("%Y-%m-%dT%H:%M:%S%.6f").to_string();
            prop_assert_eq!(timestamp(text.as_bytes(), Tz::UTC), Some(micros));
            let zone = chrono::FixedOffset::east_opt(offset_minutes * 60).unwrap();
            let local = utc.with_timezone(&zone);
            if (1..=9999).contains(&local.year()) {
                let text = local.format("%Y-%m-%d %H:%M:%S%.6f%:z").to_string();
                prop_assert_eq!(timestamp(text.as_bytes(), Tz::UTC), Some(micros));
            }
        }

        #[test]
        fn never_panics(text in "[-+0-9T:Z., ]{0,40}") {
            let _ = timestamp(text.as_bytes(), Tz::Europe__Berlin);
            let _ = date(text.as_bytes());
        }
    }
}
