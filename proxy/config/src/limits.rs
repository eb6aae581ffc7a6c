//! Sizes, times, connections and rates that a client may use.

use std::time::Duration;

/// What one client, one connection or one request may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For a request's headers to arrive.
    pub header_timeout: Duration,
    /// How long an unused connection of a client is kept.
    pub keepalive_timeout: Duration,
    /// Between two parts of a request body, and between two of an answer that the client takes.
    pub body_timeout: Duration,
    /// Bytes a second that a request body must have had in each stretch of `body_timeout`.
    pub min_body_rate: u64,
    /// Header fields in a request.
    pub max_headers: usize,
    /// Bytes of all header fields of a request.
    pub max_header_bytes: u64,
    /// Bytes of a request target.
    pub max_target: u64,
    /// Bytes of a request body, where a route says nothing else.
    pub max_body: u64,
    /// Connections of one client address.
    pub connections_per_address: usize,
    /// Requests on one connection of a client, which is then closed.
    pub requests_per_connection: u32,
    /// Requests at the same time on one HTTP/2 connection.
    pub http2_streams: u32,
    /// Requests at the same time, over all clients.
    pub requests_in_flight: usize,
    /// How long a WebSocket may be silent.
    pub websocket_idle: Duration,
    /// How long a streamed answer may be silent.
    pub stream_idle: Duration,
}

/// The token buckets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// For `/auth/login`.
    pub login: RateLimit,
    /// For `/auth/callback`.
    pub callback: RateLimit,
    /// For requests to routes; none is there unless it is configured.
    pub requests: Vec<RequestLimit>,
}

/// A token bucket for requests to routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLimit {
    /// Its name, which clients see in `RateLimit`.
    pub name: String,
    /// The bucket.
    pub limit: RateLimit,
    /// The ids of the routes that it is for; all of them where none is named.
    pub routes: Vec<String>,
}

/// One token bucket per address, session or route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// What has a bucket of its own.
    pub per: RatePer,
    /// How fast the bucket fills.
    pub rate: Rate,
    /// How many it holds.
    pub burst: u32,
    /// Whether replicas count together, in Redis.
    pub shared: bool,
}

/// What has a bucket of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RatePer {
    /// A client's address.
    Address,
    /// A session.
    Session,
    /// A route.
    Route,
}

/// So many in so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many; at least one.
    pub count: u32,
    /// In which time: a second, a minute or an hour.
    pub period: Duration,
}
