//! What a stage moved, for its run report.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use aws_sdk_s3::primitives::{DateTime, DateTimeFormat as Format};
use serde::Serialize;

/// What has gone through an [`ObjectStore`](crate::ObjectStore) and its clones so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Objects whose content was asked for.
    pub objects_read: u64,
    /// Bytes of content received, those that a retry received again included.
    pub bytes_read: u64,
    /// Objects written.
    pub objects_written: u64,
    /// Bytes of the objects written.
    pub bytes_written: u64,
    /// Objects copied by the server; their bytes do not pass through here.
    pub objects_copied: u64,
    /// Pages of listings.
    pub listings: u64,
    /// Requests sent, attempts that failed included.
    pub requests: u64,
    /// Attempts beyond the first.
    pub retries: u64,
}

/// The counters as they are counted, from any thread.
#[derive(Debug, Default)]
pub(crate) struct AtomicCounters {
    pub objects_read: AtomicU64,
    pub bytes_read: AtomicU64,
    pub objects_written: AtomicU64,
    pub bytes_written: AtomicU64,
    pub objects_copied: AtomicU64,
    pub listings: AtomicU64,
    pub requests: AtomicU64,
    pub retries: AtomicU64,
    /// The time that the last answer said, in seconds since 1970; zero before the first.
    last_answered_secs: AtomicI64,
}

impl AtomicCounters {
    /// Takes the time from an answer's `Date`.
    pub fn answered(&self, date: &str) {
        if let Ok(time) = DateTime::from_str(date, Format::HttpDate) {
            self.last_answered_secs
                .store(time.secs(), Ordering::Relaxed);
        }
    }

    /// The time that the last answer said.
    pub fn last_answered_secs(&self) -> Option<i64> {
        Some(self.last_answered_secs.load(Ordering::Relaxed)).filter(|secs| *secs > 0)
    }

    /// Counts one object written.
    pub fn wrote(&self, size_bytes: u64) {
        add(&self.objects_written, 1);
        add(&self.bytes_written, size_bytes);
    }

    /// The counts of this moment.
    pub fn snapshot(&self) -> Counters {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            objects_read: load(&self.objects_read),
            bytes_read: load(&self.bytes_read),
            objects_written: load(&self.objects_written),
            bytes_written: load(&self.bytes_written),
            objects_copied: load(&self.objects_copied),
            listings: load(&self.listings),
            requests: load(&self.requests),
            retries: load(&self.retries),
        }
    }
}

/// Adds to a counter; the counts order nothing else.
pub(crate) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}
