//! Ids for requests and traces: unguessable enough to be unique in a fleet, and without a system
//! call per request.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use tokenbridge_bridge::trace::push_hex;

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

    /// The next name of a request: 32 hexadecimal digits.
    pub(crate) fn request_id(&self) -> String {
        let mut text = String::with_capacity(32);
        push_hex(&mut text, &self.next_u128().to_be_bytes());
        text
    }

    /// The next 128 bits.
    pub(crate) fn next_u128(&self) -> u128 {
        (u128::from(self.next_u64()) << 64) | u128::from(self.next_u64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_has_32_digits_and_is_never_the_same() {
        let ids = IdSource::new(0);
        let (first, second) = (ids.request_id(), ids.request_id());
        assert_ne!(first, second);
        assert_eq!(first.len(), 32);
        assert!(u128::from_str_radix(&first, 16).is_ok());
    }
}
