//! How much the memory store may hold.

use std::time::Duration;

use tokenbridge_bridge::session::IdleTimeout;

/// How much a [`MemoryStore`](super::MemoryStore) may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimits {
    /// Sessions at a time.
    pub sessions: usize,
    /// Bytes of all sessions, estimated.
    pub bytes: usize,
    /// Marks of [`claim_once`](crate::SessionStore::claim_once) at a time.
    pub claims: usize,
    /// After how long without use a session is over, so that it may make room when the store is
    /// full. Readers judge idleness themselves.
    pub idle_timeout: IdleTimeout,
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self {
            sessions: 100_000,
            bytes: 512 * 1024 * 1024,
            claims: 100_000,
            idle_timeout: IdleTimeout(Duration::from_secs(30 * 60)),
        }
    }
}
