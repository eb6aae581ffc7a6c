//! Notes in memory.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;

use super::MemoryStore;
use crate::error::StoreError;
use crate::notes::Notes;

/// More notes than this are refused: they are made by operators alone.
const LIMIT: usize = 256;

/// Each with the time at which it ends.
pub(super) type Held = HashMap<[u8; 32], (Duration, String)>;

#[async_trait]
impl Notes for MemoryStore {
    async fn note(&self, mark: &[u8; 32]) -> Result<Option<String>, StoreError> {
        let now = self.clock.monotonic();
        let state = self.reading();
        let found = state.notes.get(mark).filter(|(end, _)| now < *end);
        Ok(found.map(|(_, text)| text.clone()))
    }

    async fn put_note(&self, mark: &[u8; 32], text: &str, ttl: Duration) -> Result<(), StoreError> {
        let now = self.clock.monotonic();
        let notes = &mut self.writing().notes;
        notes.retain(|_, (end, _)| now < *end);
        if notes.len() >= LIMIT && !notes.contains_key(mark) {
            return Err(StoreError::Full);
        }
        notes.insert(*mark, (now.saturating_add(ttl), text.to_owned()));
        Ok(())
    }
}
