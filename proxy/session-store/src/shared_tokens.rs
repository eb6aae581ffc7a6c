//! Tokens that belong to no session: the gateway's own, which all replicas share.

use async_trait::async_trait;
use tokenbridge_bridge::token::ServiceToken;

use crate::error::StoreError;

/// Where the gateway's own tokens live. A mark names one; its flight is guarded by
/// [`claim_once`](crate::SessionStore::claim_once) under the same mark.
#[async_trait]
pub trait SharedTokens: Send + Sync {
    /// The token under a mark, while it has not ended. One that cannot be read counts as none.
    ///
    /// # Errors
    /// The store does not answer.
    async fn shared_token(&self, mark: &[u8; 32]) -> Result<Option<ServiceToken>, StoreError>;

    /// Stores a token until it ends, in place of the one before it.
    ///
    /// # Errors
    /// The store does not answer or is full.
    async fn put_shared_token(
        &self,
        mark: &[u8; 32],
        token: &ServiceToken,
    ) -> Result<(), StoreError>;

    /// Gives a claimed mark free before its time. A holder that was paused for longer than its
    /// claim may free another's: two requests for a token of our own do no harm.
    ///
    /// # Errors
    /// The store does not answer.
    async fn unclaim(&self, mark: &[u8; 32]) -> Result<(), StoreError>;
}
