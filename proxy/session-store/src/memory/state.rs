//! Everything that the memory store holds, behind one lock: each change is one atomic step.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::grant::{Generation, GrantName, Written};
use tokenbridge_bridge::service::ServiceName;
use tokenbridge_bridge::session::{SessionKey, Subject};
use tokenbridge_bridge::token::{ServiceToken, TokenSlot};

use super::MemoryLimits;
use super::claims::Claims;
use super::directory::Directory;
use super::live::Live;
use super::notes;
use crate::changes::{Change, Changes, Feed, Notice};
use crate::error::StoreError;
use crate::store::NewSession;

/// At most this many ended entries are cleared away by one login, so that none waits for long.
const CLEARED_AT_A_TIME: usize = 256;
/// A full store looks through all sessions for idle ones at most this often.
const IDLE_SEARCH_EVERY: Duration = Duration::from_secs(10);
/// Last-seen may lag behind by the minute in which it is not written again.
const LAST_SEEN_LAG: Duration = Duration::from_secs(60);

/// One moment on both clocks.
#[derive(Clone, Copy)]
pub(super) struct Instant {
    pub(super) now: UnixTime,
    pub(super) monotonic: Duration,
}

enum Entry {
    Live(Box<Live>),
    Replaced { until: Duration },
}

pub(super) struct State {
    limits: MemoryLimits,
    entries: HashMap<SessionKey, Entry>,
    directory: Directory,
    claims: Claims,
    pub(super) shared: HashMap<[u8; 32], ServiceToken>,
    pub(super) notes: notes::Held,
    live_sessions: usize,
    bytes: usize,
    searched_for_idle: Option<Duration>,
    /// Told under the lock, so that notices come in the order of the changes.
    feed: Arc<Feed>,
}

impl State {
    pub(super) fn new(limits: MemoryLimits) -> Self {
        Self {
            limits,
            entries: HashMap::new(),
            directory: Directory::default(),
            claims: Claims::new(limits.claims),
            shared: HashMap::new(),
            notes: HashMap::new(),
            live_sessions: 0,
            bytes: 0,
            searched_for_idle: None,
            feed: Arc::new(Feed::new(true)),
        }
    }

    pub(super) fn create(&mut self, session: &NewSession, at: Instant) -> Result<(), StoreError> {
        let lifetime = session.facts.expires_at.since(session.facts.created_at);
        let ends = at.monotonic.saturating_add(lifetime);
        let live = Live::new(session, ends);
        let weight = live.weight();
        self.clear_ended(at.monotonic, CLEARED_AT_A_TIME);
        if !self.has_room(weight) {
            self.clear_ended(at.monotonic, usize::MAX);
            self.clear_idle(at);
        }
        if !self.has_room(weight) {
            return Err(StoreError::Full);
        }
        // A repeated call for the same key replaces what the first one stored.
        self.take_live(&session.key);
        self.directory.add(session.key, &live.facts);
        self.directory.ends_at(ends, session.key);
        self.entries
            .insert(session.key, Entry::Live(Box::new(live)));
        self.live_sessions = self.live_sessions.saturating_add(1);
        self.bytes = self.bytes.saturating_add(weight);
        Ok(())
    }

    pub(super) fn live(&self, key: &SessionKey, monotonic: Duration) -> Option<&Live> {
        match self.entries.get(key) {
            Some(Entry::Live(live)) if live.ends > monotonic => Some(live),
            Some(Entry::Live(_) | Entry::Replaced { .. }) | None => None,
        }
    }

    pub(super) fn is_replaced(&self, key: &SessionKey, monotonic: Duration) -> bool {
        match self.entries.get(key) {
            Some(Entry::Replaced { until }) => *until > monotonic,
            Some(Entry::Live(_)) | None => false,
        }
    }

    /// Changes a live session; `None` when there is none.
    pub(super) fn change<T>(
        &mut self,
        key: &SessionKey,
        monotonic: Duration,
        change: impl FnOnce(&mut Live) -> T,
    ) -> Option<T> {
        let live = match self.entries.get_mut(key) {
            Some(Entry::Live(live)) if live.ends > monotonic => live,
            Some(Entry::Live(_) | Entry::Replaced { .. }) | None => return None,
        };
        let before = live.weight();
        let result = change(live);
        self.bytes = self
            .bytes
            .saturating_sub(before)
            .saturating_add(live.weight());
        Some(result)
    }

    pub(super) fn end(
        &mut self,
        key: &SessionKey,
        replaced_for: Option<Duration>,
        monotonic: Duration,
    ) -> Option<Live> {
        let live = self.take_live(key).filter(|live| live.ends > monotonic)?;
        if let Some(length) = replaced_for {
            let until = monotonic.saturating_add(length);
            self.entries.insert(*key, Entry::Replaced { until });
            self.directory.ends_at(until, *key);
        }
        let change = Change::ended(replaced_for);
        self.feed.tell(Notice::Changed(*key, change));
        Some(live)
    }

    /// Stores a slot, under its guard; `None` when there is no live session.
    pub(super) fn put_slot(
        &mut self,
        key: &SessionKey,
        (service, slot): (&ServiceName, &TokenSlot),
        guard: Option<(&GrantName, Generation)>,
        monotonic: Duration,
    ) -> Option<Written> {
        let written = self.change(key, monotonic, |live| {
            if guard.is_some_and(|(name, generation)| live.generation(name) != Some(generation)) {
                return Written::Stale;
            }
            live.slots.insert(service.clone(), Arc::new(slot.clone()));
            Written::Stored
        })?;
        if written == Written::Stored {
            let change = Change::Slot(service.clone());
            self.feed.tell(Notice::Changed(*key, change));
        }
        Some(written)
    }

    pub(super) fn changes(&self) -> Changes {
        self.feed.listen()
    }

    pub(super) fn sessions_of(&self, subject: &Subject, monotonic: Duration) -> Vec<SessionKey> {
        self.alive(self.directory.of_subject(subject), monotonic)
    }

    pub(super) fn sessions_of_idp_session(
        &self,
        issuer: &str,
        sid: &str,
        monotonic: Duration,
    ) -> Vec<SessionKey> {
        self.alive(self.directory.of_idp_session(issuer, sid), monotonic)
    }

    pub(super) fn schedule(&mut self, key: &SessionKey, at: UnixTime, monotonic: Duration) {
        if self.live(key, monotonic).is_some() {
            self.directory.schedule(*key, at);
        }
    }

    pub(super) fn unschedule(&mut self, key: &SessionKey) {
        self.directory.unschedule(key);
    }

    pub(super) fn due_before(
        &mut self,
        now: UnixTime,
        limit: usize,
        monotonic: Duration,
    ) -> Vec<SessionKey> {
        self.clear_ended(monotonic, CLEARED_AT_A_TIME);
        let due = self.directory.due(now);
        due.filter(|key| self.live(key, monotonic).is_some())
            .take(limit)
            .copied()
            .collect()
    }

    pub(super) fn claim_once(
        &mut self,
        mark: &[u8; 32],
        ttl: Duration,
        monotonic: Duration,
    ) -> Result<bool, StoreError> {
        self.claims.claim(mark, ttl, monotonic)
    }

    pub(super) fn unclaim(&mut self, mark: &[u8; 32]) {
        self.claims.free(mark);
    }

    pub(super) fn count(&mut self, monotonic: Duration) -> u64 {
        self.clear_ended(monotonic, CLEARED_AT_A_TIME);
        u64::try_from(self.live_sessions).unwrap_or(u64::MAX)
    }

    fn has_room(&self, weight: usize) -> bool {
        self.live_sessions < self.limits.sessions
            && self.bytes.saturating_add(weight) <= self.limits.bytes
    }

    fn alive<'a>(
        &self,
        keys: impl Iterator<Item = &'a SessionKey>,
        monotonic: Duration,
    ) -> Vec<SessionKey> {
        keys.filter(|key| self.live(key, monotonic).is_some())
            .copied()
            .collect()
    }

    /// Takes a session out of the entries and of every index.
    fn take_live(&mut self, key: &SessionKey) -> Option<Live> {
        let live = match self.entries.remove(key)? {
            Entry::Live(live) => *live,
            replaced @ Entry::Replaced { .. } => {
                self.entries.insert(*key, replaced);
                return None;
            }
        };
        self.directory.remove(key, &live.facts);
        self.directory.forget_end(live.ends, key);
        self.live_sessions = self.live_sessions.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(live.weight());
        Some(live)
    }

    fn clear_ended(&mut self, monotonic: Duration, at_most: usize) {
        for _ in 0..at_most {
            let Some(key) = self.directory.pop_ended(monotonic) else {
                return;
            };
            match self.entries.get(&key) {
                Some(Entry::Live(live)) if live.ends <= monotonic => {
                    self.take_live(&key);
                }
                Some(Entry::Replaced { until }) if *until <= monotonic => {
                    self.entries.remove(&key);
                }
                // The entry's end is another one, which is noted as well.
                Some(Entry::Live(_) | Entry::Replaced { .. }) | None => {}
            }
        }
    }

    fn clear_idle(&mut self, at: Instant) {
        let searched = |last: Duration| at.monotonic.saturating_sub(last) < IDLE_SEARCH_EVERY;
        if self.searched_for_idle.is_some_and(searched) {
            return;
        }
        self.searched_for_idle = Some(at.monotonic);
        let longest = self.limits.idle_timeout.0.saturating_add(LAST_SEEN_LAG);
        let idle: Vec<SessionKey> = self
            .entries
            .iter()
            .filter(|(_, entry)| match entry {
                Entry::Live(live) => at.now.since(live.last_seen) >= longest,
                Entry::Replaced { .. } => false,
            })
            .map(|(key, _)| *key)
            .collect();
        for key in idle {
            self.take_live(&key);
        }
    }
}

#[cfg(test)]
mod tests;
