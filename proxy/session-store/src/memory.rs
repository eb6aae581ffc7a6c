//! The store in the process's own memory: for one replica, and gone with it.
//!
//! It is bounded. When it is full, sessions that are over make room; a live one never does, the
//! new login is refused instead. What a living session still has to store (a rotated refresh
//! token above all) is never refused, so `bytes` is a bound for new sessions.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use async_trait::async_trait;
use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::grant::{Generation, GrantName, RefreshGrant, Written};
use tokenbridge_bridge::service::ServiceName;
use tokenbridge_bridge::session::{FoundSession, Reading, SessionFacts, SessionKey, Subject};
use tokenbridge_bridge::token::TokenSlot;

use crate::changes::Changes;
use crate::clock::Clock;
use crate::error::StoreError;
use crate::health::StoreHealth;
use crate::lease::{Acquired, Lease};
use crate::store::{Described, EndedSession, NewSession, SessionStore};

mod claims;
mod directory;
mod limits;
mod live;
mod notes;
mod shared_tokens;
mod state;

pub use limits::MemoryLimits;
use live::{Held, Live};
use state::{Instant, State};

/// Sessions in memory.
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    started: UnixTime,
    /// Held for a few map operations at a time, never across an `await`.
    state: RwLock<State>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new(limits: MemoryLimits, clock: Arc<dyn Clock>) -> Self {
        Self {
            started: clock.now(),
            clock,
            state: RwLock::new(State::new(limits)),
        }
    }

    fn instant(&self) -> Instant {
        Instant {
            now: self.clock.now(),
            monotonic: self.clock.monotonic(),
        }
    }

    // Nothing in a section can panic half way, so what a poisoned lock guards is whole.
    fn reading(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, key: &SessionKey, change: impl FnOnce(&mut Live) -> T) -> Option<T> {
        let monotonic = self.clock.monotonic();
        self.writing().change(key, monotonic, change)
    }

    fn change_grant(
        &self,
        key: &SessionKey,
        name: &GrantName,
        change: impl FnOnce(&mut Held) -> Written,
    ) -> Written {
        let written = self.change(key, |live| match live.grants.get_mut(name) {
            Some(held) => change(held),
            None => Written::Stale,
        });
        written.unwrap_or(Written::Gone)
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn create(&self, session: &NewSession) -> Result<(), StoreError> {
        let instant = self.instant();
        self.writing().create(session, instant)
    }

    async fn read(&self, key: &SessionKey, service: &ServiceName) -> Result<Reading, StoreError> {
        let monotonic = self.clock.monotonic();
        let (facts, last_seen, slot) = {
            let state = self.reading();
            let Some(live) = state.live(key, monotonic) else {
                let replaced = state.is_replaced(key, monotonic);
                return Ok(if replaced {
                    Reading::Replaced
                } else {
                    Reading::Absent
                });
            };
            (
                Arc::clone(&live.facts),
                live.last_seen,
                live.slots.get(service).cloned(),
            )
        };
        Ok(Reading::Found(Box::new(FoundSession {
            facts: SessionFacts::clone(&facts),
            last_seen,
            slot: slot.map(|slot| TokenSlot::clone(&slot)),
        })))
    }

    async fn describe(&self, key: &SessionKey) -> Result<Described, StoreError> {
        let monotonic = self.clock.monotonic();
        let state = self.reading();
        let Some(live) = state.live(key, monotonic) else {
            let replaced = state.is_replaced(key, monotonic);
            return Ok(if replaced {
                Described::Replaced
            } else {
                Described::Absent
            });
        };
        Ok(Described::Found(Box::new(live.describe())))
    }

    async fn end(
        &self,
        key: &SessionKey,
        replaced_for: Option<Duration>,
    ) -> Result<Option<EndedSession>, StoreError> {
        let monotonic = self.clock.monotonic();
        let ended = self.writing().end(key, replaced_for, monotonic);
        Ok(ended.map(Live::into_ended))
    }

    async fn end_refused(
        &self,
        key: &SessionKey,
        grant: &GrantName,
        refused: Generation,
    ) -> Result<Option<EndedSession>, StoreError> {
        let monotonic = self.clock.monotonic();
        let mut state = self.writing();
        let live = state.live(key, monotonic);
        let current = live.and_then(|live| live.generation(grant)) == Some(refused);
        let ended = current.then(|| state.end(key, None, monotonic)).flatten();
        Ok(ended.map(Live::into_ended))
    }

    async fn sessions_of(&self, subject: &Subject) -> Result<Vec<SessionKey>, StoreError> {
        let monotonic = self.clock.monotonic();
        Ok(self.reading().sessions_of(subject, monotonic))
    }

    async fn sessions_of_idp_session(
        &self,
        issuer: &str,
        sid: &str,
    ) -> Result<Vec<SessionKey>, StoreError> {
        let monotonic = self.clock.monotonic();
        Ok(self
            .reading()
            .sessions_of_idp_session(issuer, sid, monotonic))
    }

    async fn touch(&self, key: &SessionKey, now: UnixTime) -> Result<bool, StoreError> {
        let touched = self.change(key, |live| live.last_seen = live.last_seen.max(now));
        Ok(touched.is_some())
    }

    async fn put_slot(
        &self,
        key: &SessionKey,
        service: &ServiceName,
        slot: &TokenSlot,
        guard: Option<(&GrantName, Generation)>,
    ) -> Result<Written, StoreError> {
        let monotonic = self.clock.monotonic();
        let written = self
            .writing()
            .put_slot(key, (service, slot), guard, monotonic);
        Ok(written.unwrap_or(Written::Gone))
    }

    async fn grant(
        &self,
        key: &SessionKey,
        name: &GrantName,
    ) -> Result<Option<RefreshGrant>, StoreError> {
        let monotonic = self.clock.monotonic();
        let state = self.reading();
        let held = state
            .live(key, monotonic)
            .and_then(|live| live.grants.get(name));
        Ok(held.map(|held| held.grant.clone()))
    }

    async fn put_grant(
        &self,
        key: &SessionKey,
        name: &GrantName,
        grant: &RefreshGrant,
    ) -> Result<Option<Generation>, StoreError> {
        Ok(self.change(key, |live| live.replace_grant(name, grant)))
    }

    async fn acquire(&self, lease: &Lease, ttl: Duration) -> Result<Acquired, StoreError> {
        let monotonic = self.clock.monotonic();
        let acquired = self.change(&lease.session, |live| {
            match live.grants.get_mut(&lease.grant) {
                Some(held) => held.acquire(lease.holder, monotonic, ttl),
                None => Acquired::NoGrant,
            }
        });
        Ok(acquired.unwrap_or(Acquired::Gone))
    }

    async fn keep(&self, lease: &Lease, ttl: Duration) -> Result<bool, StoreError> {
        let monotonic = self.clock.monotonic();
        let written = self.change_grant(&lease.session, &lease.grant, |held| {
            held.keep(lease.holder, monotonic, ttl)
        });
        Ok(written == Written::Stored)
    }

    async fn mark_sent(
        &self,
        lease: &Lease,
        generation: Generation,
        deadline: Duration,
    ) -> Result<Written, StoreError> {
        let monotonic = self.clock.monotonic();
        Ok(self.change_grant(&lease.session, &lease.grant, |held| {
            held.mark_sent(lease.holder, generation, monotonic, deadline)
        }))
    }

    async fn clear_sent(
        &self,
        lease: &Lease,
        generation: Generation,
    ) -> Result<Written, StoreError> {
        Ok(self.change_grant(&lease.session, &lease.grant, |held| {
            held.clear_sent(lease.holder, generation)
        }))
    }

    async fn complete(
        &self,
        key: &SessionKey,
        name: &GrantName,
        spent: Generation,
        next: &RefreshGrant,
    ) -> Result<Written, StoreError> {
        Ok(self.change_grant(key, name, |held| held.complete(spent, next)))
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        // Whether there was something to give back makes no difference to the caller.
        let _ = self.change_grant(&lease.session, &lease.grant, |held| {
            held.release(lease.holder)
        });
        Ok(())
    }

    async fn schedule(&self, key: &SessionKey, at: UnixTime) -> Result<(), StoreError> {
        let monotonic = self.clock.monotonic();
        self.writing().schedule(key, at, monotonic);
        Ok(())
    }

    async fn unschedule(&self, key: &SessionKey) -> Result<(), StoreError> {
        self.writing().unschedule(key);
        Ok(())
    }

    async fn due_before(&self, now: UnixTime, limit: usize) -> Result<Vec<SessionKey>, StoreError> {
        let monotonic = self.clock.monotonic();
        Ok(self.writing().due_before(now, limit, monotonic))
    }

    async fn claim_once(&self, mark: &[u8; 32], ttl: Duration) -> Result<bool, StoreError> {
        let monotonic = self.clock.monotonic();
        self.writing().claim_once(mark, ttl, monotonic)
    }

    async fn active_sessions(&self) -> Result<u64, StoreError> {
        let monotonic = self.clock.monotonic();
        Ok(self.writing().count(monotonic))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn changes(&self) -> Changes {
        self.reading().changes()
    }

    fn health(&self) -> StoreHealth {
        StoreHealth::Up(self.started)
    }
}
