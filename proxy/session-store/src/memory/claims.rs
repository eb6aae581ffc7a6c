//! Marks that can be claimed once in their time.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use crate::error::StoreError;

pub(super) struct Claims {
    limit: usize,
    taken: HashSet<[u8; 32]>,
    by_end: BTreeSet<(Duration, [u8; 32])>,
}

impl Claims {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            taken: HashSet::new(),
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
        if self.taken.contains(mark) {
            return Ok(false);
        }
        if self.taken.len() >= self.limit {
            return Err(StoreError::Full);
        }
        self.taken.insert(*mark);
        self.by_end.insert((monotonic.saturating_add(ttl), *mark));
        Ok(true)
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
