//! Ids for requests and traces: unguessable enough to be unique in a fleet, and without a system
//! call per request.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// A source of ids, one per proxy service.
pub(crate) struct IdSource {
    keys: RandomState,
    counter: AtomicU64,
}

impl IdSource {
    /// Keyed by the operating system's random source and by `salt`, which tells services of one
    /// process apart.
    pub(crate) fn new(salt: u64) -> Self {
        let keys = RandomState::new();
        Self {
            counter: AtomicU64::new(keys.hash_one(salt)),
            keys,
        }
    }

    /// The next 64 bits: a keyed hash (SipHash) of a counter.
    pub(crate) fn next_u64(&self) -> u64 {
        self.keys
            .hash_one(self.counter.fetch_add(1, Ordering::Relaxed))
    }

    /// The next 128 bits.
    pub(crate) fn next_u128(&self) -> u128 {
        (u128::from(self.next_u64()) << 64) | u128::from(self.next_u64())
    }
}
