//! The stores under test: every store against the same conformance suite, and each one's own
//! promises. Redis is a real server that each test starts for itself.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod bench;
mod conformance;
mod memory_only;
mod redis_only;
mod samples;
mod server;
