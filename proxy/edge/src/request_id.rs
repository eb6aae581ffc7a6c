//! Ids for requests and traces: unguessable enough to be unique in a fleet, and without a system
//! call per request.

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
        self.0.to_str().unwrap_or_default()
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
        assert_ne!(first.as_str(), second.as_str());
        assert_eq!(first.as_str().len(), 32);
        assert!(u128::from_str_radix(first.as_str(), 16).is_ok());
    }
}
