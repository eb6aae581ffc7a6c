//! Where counts of a store's operations go.

/// Takes counts. Calls must not block.
pub trait StoreTelemetry: Send + Sync {
    /// An operation ended. Its name is that of the method of
    /// [`SessionStore`](crate::SessionStore); the status is `ok`, `unavailable`, `full` or `corrupt`.
    fn operation(&self, name: &'static str, status: &'static str);
}
