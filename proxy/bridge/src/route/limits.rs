//! What a route allows less of, or more of, than the listener that a request came to.

use std::time::Duration;

/// A route's own limits. Those of a head only narrow: it is read before its route is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteLimits {
    /// Header fields in a request.
    pub max_headers: Option<usize>,
    /// Bytes of all header fields of a request.
    pub max_header_bytes: Option<u64>,
    /// Bytes of a request target.
    pub max_target: Option<u64>,
    /// The largest request body in bytes, where it differs from the listener's.
    pub max_body: Option<u64>,
    /// For a whole request and its answer, where it is not the service's.
    pub total_timeout: Option<Duration>,
}
