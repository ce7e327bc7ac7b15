//! How old objects are, by the store's own clock: this machine's may be hours off.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use lakehouse_store::ObjectStore;

use crate::{REUSE_AGE, SWEEP_AGE};

/// The clock of one round of a delivery.
pub(crate) struct Clock<'a> {
    store: &'a ObjectStore,
    begun: Instant,
    /// Whether the round counts on an object because it is young.
    is_running: AtomicBool,
}

impl<'a> Clock<'a> {
    pub fn start(store: &'a ObjectStore) -> Self {
        Self {
            store,
            begun: Instant::now(),
            is_running: AtomicBool::new(false),
        }
    }

    /// Whether an object that no manifest names may be counted on until the round ends. A store
    /// that does not say what time it is has no young objects.
    pub fn is_young(&self, last_modified: DateTime<Utc>) -> bool {
        let now = self.store.last_answered_at();
        let is_young = now.is_some_and(|now| now - last_modified < REUSE_AGE);
        if is_young {
            self.is_running.store(true, Ordering::Relaxed);
        }
        is_young
    }

    /// Whether what was young may have become too old to be counted on.
    pub fn has_run_out(&self) -> bool {
        self.is_running.load(Ordering::Relaxed)
            && TimeDelta::from_std(self.begun.elapsed()).unwrap_or(TimeDelta::MAX) > REUSE_AGE / 2
    }

    /// What was written before this may be removed; nothing where the store does not say what
    /// time it is.
    pub fn sweep_before(&self) -> Option<DateTime<Utc>> {
        Some(self.store.last_answered_at()? - SWEEP_AGE)
    }
}
