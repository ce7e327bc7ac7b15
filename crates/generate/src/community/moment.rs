//! Instants in milliseconds, and how the two databases write them.

use chrono::{DateTime, NaiveDate, NaiveTime};

/// Milliseconds of a second, a minute, an hour and a day.
pub const SECOND: i64 = 1_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// The first millisecond of a day in UTC.
pub fn midnight(date: NaiveDate) -> i64 {
    date.and_time(NaiveTime::MIN).and_utc().timestamp_millis()
}

fn formatted(millis: i64, pattern: &str) -> String {
    DateTime::from_timestamp_millis(millis)
        .unwrap_or_default()
        .format(pattern)
        .to_string()
}

/// As PostgreSQL writes a `timestamptz`.
pub fn postgres(millis: i64) -> String {
    formatted(millis, "%Y-%m-%d %H:%M:%S%.3f+00")
}

/// As Cassandra writes a `timestamp`.
pub fn cassandra(millis: i64) -> String {
    formatted(millis, "%Y-%m-%dT%H:%M:%S%.3fZ")
}

/// As people have typed it into a form over the years.
pub fn typed(millis: i64, form: u64) -> String {
    let pattern = match form % 3 {
        0 => "%Y-%m-%d %H:%M",
        1 => "%d/%m/%Y %H:%M",
        _ => "%d %b %Y %H:%M",
    };
    formatted(millis, pattern)
}
