//! Marks that can be claimed once in their time.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::error::StoreError;

pub(super) struct Claims {
    limit: usize,
    /// When each claim ends.
    taken: HashMap<[u8; 32], Duration>,
    by_end: BTreeSet<(Duration, [u8; 32])>,
}

impl Claims {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            taken: HashMap::new(),
            by_end: BTreeSet::new(),
        }
    }

    pub(super) fn claim(
        &mut self,
        mark: &[u8; 32],
        ttl: Duration,
        monotonic: Duration,
    ) -> Result<bool, StoreError> {
        self.forget(monotonic);
        if self.taken.contains_key(mark) {
            return Ok(false);
        }
        if self.taken.len() >= self.limit {
            return Err(StoreError::Full);
        }
        let end = monotonic.saturating_add(ttl);
        self.taken.insert(*mark, end);
        self.by_end.insert((end, *mark));
        Ok(true)
    }

    pub(super) fn free(&mut self, mark: &[u8; 32]) {
        if let Some(end) = self.taken.remove(mark) {
            self.by_end.remove(&(end, *mark));
        }
    }

    fn forget(&mut self, monotonic: Duration) {
        while let Some((end, mark)) = self.by_end.pop_first() {
            if end > monotonic {
                self.by_end.insert((end, mark));
                return;
            }
            self.taken.remove(&mark);
        }
    }
}
