//! Notes in Redis: one sealed value each, gone when its time is over.

use std::time::Duration;

use async_trait::async_trait;
use tokenbridge_bridge::session::SessionKey;

use super::RedisStore;
use super::sessions::milliseconds;
use crate::error::StoreError;
use crate::notes::Notes;

#[async_trait]
impl Notes for RedisStore {
    async fn note(&self, mark: &[u8; 32]) -> Result<Option<String>, StoreError> {
        let mut get = redis::cmd("GET");
        get.arg(self.names.note(mark));
        let get = async { self.query::<Option<Vec<u8>>>(&get).await };
        let sealed = self.observe("note", get).await?;
        let place = SessionKey::from_bytes(*mark);
        Ok(sealed.and_then(|sealed| self.codec.open_note(&place, &sealed)))
    }

    async fn put_note(&self, mark: &[u8; 32], text: &str, ttl: Duration) -> Result<(), StoreError> {
        let place = SessionKey::from_bytes(*mark);
        let mut set = redis::cmd("SET");
        set.arg(self.names.note(mark))
            .arg(self.codec.note(&place, text)?)
            .arg("PX")
            .arg(milliseconds(ttl));
        let set = async { self.query::<()>(&set).await };
        self.observe("put_note", set).await
    }
}
