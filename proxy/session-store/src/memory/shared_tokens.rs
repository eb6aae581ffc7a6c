//! The gateway's own tokens in memory: as many as there are services that have one.

use async_trait::async_trait;
use tokenbridge_bridge::token::ServiceToken;

use super::MemoryStore;
use crate::error::StoreError;
use crate::shared_tokens::SharedTokens;

#[async_trait]
impl SharedTokens for MemoryStore {
    async fn shared_token(&self, mark: &[u8; 32]) -> Result<Option<ServiceToken>, StoreError> {
        let now = self.clock.now();
        let found = self.reading().shared.get(mark).cloned();
        Ok(found.filter(|token| now < token.expires_at))
    }

    async fn put_shared_token(
        &self,
        mark: &[u8; 32],
        token: &ServiceToken,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut state = self.writing();
        state.shared.retain(|_, token| now < token.expires_at);
        state.shared.insert(*mark, token.clone());
        Ok(())
    }

    async fn unclaim(&self, mark: &[u8; 32]) -> Result<(), StoreError> {
        self.writing().unclaim(mark);
        Ok(())
    }
}
