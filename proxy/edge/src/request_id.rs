//! Ids for requests and traces, without a system call per request.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::HeaderValue;
use tokenbridge_bridge::trace::{self, TraceParent, is_request_id};

/// The hexadecimal digits of an id of ours.
const DIGITS: usize = 32;

/// Names a request to client, upstream and log.
#[derive(Clone)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// One that somebody gives who is believed; `None` where no id of ours could look like it.
    pub(crate) fn given(field: &HeaderValue) -> Option<Self> {
        is_request_id(field.as_bytes()).then(|| Self(field.clone()))
    }

    /// As text.
    pub(crate) fn as_str(&self) -> &str {
        // It holds visible characters alone.
        std::str::from_utf8(self.0.as_bytes()).unwrap_or_default()
    }

    /// As a field's value.
    pub(crate) fn value(&self) -> &HeaderValue {
        &self.0
    }
}

/// Letters, digits and dashes are a value always.
fn value(text: Bytes) -> HeaderValue {
    HeaderValue::from_maybe_shared(text).unwrap_or(HeaderValue::from_static("-"))
}

/// A source of ids, one per proxy service. They are unique in a fleet and no secrets: a counter,
/// mixed with keys of the service's own.
pub(crate) struct IdSource {
    keys: [u64; 2],
    counter: AtomicU64,
}

impl IdSource {
    /// Keyed by the operating system's random source and by `salt`, which tells services of one
    /// process apart.
    pub(crate) fn new(salt: u64) -> Self {
        let random = RandomState::new();
        Self {
            keys: [random.hash_one((salt, 0)), random.hash_one((salt, 1))],
            counter: AtomicU64::new(random.hash_one((salt, 2))),
        }
    }

    /// The next 64 bits.
    pub(crate) fn next_u64(&self) -> u64 {
        (self.next_u128() >> 64) as u64
    }

    /// The next name of a request.
    pub(crate) fn request_id(&self) -> RequestId {
        self.begin().0
    }

    /// The next name of a request and the `traceparent` of a trace that begins with it, in one
    /// piece of memory.
    pub(crate) fn begin(&self) -> (RequestId, HeaderValue) {
        let mut text = [0; DIGITS + trace::LENGTH];
        let (id, parent) = text.split_at_mut(DIGITS);
        trace::write_hex(&self.next_u128().to_be_bytes(), id);
        let begun = TraceParent::begin(self.next_u128(), self.next_u64());
        parent.copy_from_slice(&begun.render());
        let text = Bytes::from_owner(text);
        let parent = value(text.slice(DIGITS..));
        (RequestId(value(text.slice(..DIGITS))), parent)
    }

    /// The next 128 bits: both halves know the counter, so two services that meet in one half
    /// differ in the other unless both of their keys agree.
    pub(crate) fn next_u128(&self) -> u128 {
        let count = self.counter.fetch_add(1, Ordering::Relaxed);
        let [high, low] = self.keys.map(|key| u128::from(mixed(count ^ key)));
        (high << 64) | low
    }
}

/// Spreads a number over all bits, each to another one: the last step of SplitMix64 (Steele, Lea and
/// Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_has_32_digits_and_is_never_the_same() {
        let ids = IdSource::new(0);
        let (first, second) = (ids.request_id(), ids.request_id());
        assert_ne!(first.as_str(), second.as_str());
        assert_eq!(first.as_str().len(), 32);
        assert!(u128::from_str_radix(first.as_str(), 16).is_ok());
    }
}
