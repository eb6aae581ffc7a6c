//! Short texts that belong to no session and that all replicas read: what a probe found.

use std::time::Duration;

use async_trait::async_trait;

use crate::error::StoreError;

/// Where notes live. A mark names one; it is known to whoever may read the note.
#[async_trait]
pub trait Notes: Send + Sync {
    /// The note under a mark, while its time lasts. One that cannot be read counts as none.
    ///
    /// # Errors
    /// The store does not answer.
    async fn note(&self, mark: &[u8; 32]) -> Result<Option<String>, StoreError>;

    /// Stores a note for a time, in place of the one before it.
    ///
    /// # Errors
    /// The store does not answer or is full.
    async fn put_note(&self, mark: &[u8; 32], text: &str, ttl: Duration) -> Result<(), StoreError>;
}
