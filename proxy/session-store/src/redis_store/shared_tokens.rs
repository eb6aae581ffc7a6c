//! The gateway's own tokens in Redis: one sealed value each, gone when the token ends.

use async_trait::async_trait;
use tokenbridge_bridge::session::SessionKey;
use tokenbridge_bridge::token::{ServiceToken, TokenSlot};

use super::RedisStore;
use super::sessions::milliseconds;
use crate::error::StoreError;
use crate::shared_tokens::SharedTokens;

/// What the value is sealed for, beside its mark.
const FIELD: &str = "shared";

#[async_trait]
impl SharedTokens for RedisStore {
    async fn shared_token(&self, mark: &[u8; 32]) -> Result<Option<ServiceToken>, StoreError> {
        let mut get = redis::cmd("GET");
        get.arg(self.names.shared(mark));
        let get = async { self.query::<Option<Vec<u8>>>(&get).await };
        let sealed = self.observe("shared_token", get).await?;
        let place = SessionKey::from_bytes(*mark);
        let slot = sealed.and_then(|sealed| self.codec.open_slot(&place, FIELD, &sealed));
        Ok(match slot {
            Some(TokenSlot::Token(token)) if self.codec.now() < token.expires_at => Some(token),
            Some(TokenSlot::Token(_) | TokenSlot::Refused(_)) | None => None,
        })
    }

    async fn put_shared_token(
        &self,
        mark: &[u8; 32],
        token: &ServiceToken,
    ) -> Result<(), StoreError> {
        let place = SessionKey::from_bytes(*mark);
        let slot = TokenSlot::Token(token.clone());
        let mut set = redis::cmd("SET");
        set.arg(self.names.shared(mark))
            .arg(self.codec.slot(&place, FIELD, &slot)?)
            .arg("PX")
            .arg(milliseconds(token.expires_at.since(self.codec.now())));
        let set = async { self.query::<()>(&set).await };
        self.observe("put_shared_token", set).await
    }

    async fn unclaim(&self, mark: &[u8; 32]) -> Result<(), StoreError> {
        let mut del = redis::cmd("DEL");
        del.arg(self.names.once(mark));
        let del = async { self.query::<()>(&del).await };
        self.observe("unclaim", del).await
    }
}
