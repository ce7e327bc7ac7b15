//! One lock per key, near enough: keys share a fixed number of locks by their hash.
//!
//! A writer holds its key's lock while it compares, renames and forgets the old object; a
//! reader while it follows the link and opens the files. Both are a few system calls long.

use std::hash::{BuildHasher, RandomState};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

const LOCKS: usize = 256;

pub(crate) struct KeyLocks {
    locks: Vec<RwLock<()>>,
    hasher: RandomState,
}

impl KeyLocks {
    pub fn new() -> Self {
        Self {
            locks: (0..LOCKS).map(|_| RwLock::new(())).collect(),
            hasher: RandomState::new(),
        }
    }

    pub fn read(&self, bucket: &str, key: &str) -> RwLockReadGuard<'_, ()> {
        // The lock guards files, not memory: a panic elsewhere leaves nothing half done here.
        self.lock_of(bucket, key)
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub fn write(&self, bucket: &str, key: &str) -> RwLockWriteGuard<'_, ()> {
        self.lock_of(bucket, key)
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_of(&self, bucket: &str, key: &str) -> &RwLock<()> {
        let hash = self.hasher.hash_one((bucket, key));
        &self.locks[usize::try_from(hash % LOCKS as u64).unwrap_or_default()]
    }
}
