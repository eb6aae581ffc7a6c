//! What was admitted a moment ago, with the value for `Authorization` ready: a session in here
//! costs no round trip to the store.
//!
//! The store's notices keep it true. A load that was under way while a notice came is not kept,
//! and while notices may be missed nothing is read or kept.
//!
//! | module | owns |
//! |---|---|
//! | `loads` | one load for each session and service at a time |
//! | `absent` | ids that the store does not know, for a moment |

mod absent;
mod loads;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::admission::Grant;
use tokenbridge_bridge::session::{IdleTimeout, SessionKey};
use tokenbridge_session_store::Notice;

use absent::Absent;
pub(crate) use loads::Loaded;
use loads::Loads;

use crate::epochs::{Epoch, Epochs};

/// Bytes that an entry counts beside its `Authorization` value: key, grant, links. With it that is
/// nearly what a cached session adds to resident memory (load-tests/method.md).
const ENTRY_BYTES: u64 = 320;

/// A session and the position of a service in the configuration.
type Key = (SessionKey, usize);

/// One session's grant for one service.
pub(crate) struct Held {
    /// The permission, with its token.
    pub(crate) grant: Grant,
    last_seen: AtomicU64,
}

impl Held {
    /// When the session was last seen, this replica's own requests included.
    pub(crate) fn last_seen(&self) -> UnixTime {
        UnixTime::from_seconds(self.last_seen.load(Ordering::Relaxed))
    }

    /// Notes that it was seen now.
    pub(crate) fn seen(&self, now: UnixTime) {
        self.last_seen.fetch_max(now.seconds(), Ordering::Relaxed);
    }
}

/// The cache, shared by all proxy services.
pub(crate) struct SessionCache {
    entries: Cache<Key, Arc<Held>, Weight>,
    notices: Epochs,
    /// Whether notices arrive.
    live: AtomicBool,
    services: usize,
    idle: IdleTimeout,
    loads: Loads,
    absent: Absent,
}

#[derive(Clone)]
struct Weight;

impl Weighter<Key, Arc<Held>> for Weight {
    fn weight(&self, _: &Key, held: &Arc<Held>) -> u64 {
        ENTRY_BYTES + held.grant.token.authorization().len() as u64
    }
}

impl SessionCache {
    /// A cache of at most `bytes` for sessions of a frontend with so many services; zero bytes
    /// keep nothing. It is bypassed until [`begin`](Self::begin).
    pub(crate) fn new(bytes: u64, services: usize, idle: IdleTimeout) -> Arc<Self> {
        let expected = usize::try_from(bytes / (ENTRY_BYTES + 1024)).unwrap_or(usize::MAX);
        Arc::new(Self {
            entries: Cache::with_weighter(expected.max(16), bytes, Weight),
            notices: Epochs::new(),
            live: AtomicBool::new(false),
            services,
            idle,
            loads: Loads::default(),
            absent: Absent::new(),
        })
    }

    /// What is known of a session for a service, if it still holds.
    pub(crate) fn find(
        &self,
        session: &SessionKey,
        service: usize,
        now: UnixTime,
    ) -> Option<Arc<Held>> {
        if !self.live.load(Ordering::Acquire) {
            return None;
        }
        let held = self.entries.get(&(*session, service))?;
        held.grant
            .holds(held.last_seen(), self.idle, now)
            .then_some(held)
    }

    /// To be taken before a load begins.
    pub(crate) fn epoch(&self, session: &SessionKey) -> Epoch {
        self.notices.of(session)
    }

    /// What the store says of a session for a service. Requests that come together ask it once,
    /// and an id that it does not know is asked for once in a while.
    pub(crate) async fn load(
        &self,
        session: &SessionKey,
        service: usize,
        (epoch, now): (Epoch, UnixTime),
        load: impl Future<Output = Loaded>,
    ) -> Loaded {
        if !self.live.load(Ordering::Acquire) {
            return load.await;
        }
        if let Some(refusal) = self.absent.find(session, now) {
            return Err(refusal);
        }
        let loaded = self.loads.join((*session, service), epoch, load).await;
        if let Err(refusal) = &loaded
            && self.live.load(Ordering::Acquire)
        {
            self.absent.note(session, refusal, now);
        }
        loaded
    }

    /// Keeps what a load brought, unless a notice came since it began.
    pub(crate) fn keep(
        &self,
        session: &SessionKey,
        service: usize,
        grant: Grant,
        epoch: Epoch,
    ) -> Arc<Held> {
        let last_seen = AtomicU64::new(grant.last_seen.seconds());
        let held = Arc::new(Held { grant, last_seen });
        let current = || self.live.load(Ordering::Acquire) && self.epoch(session) == epoch;
        if current() {
            self.entries.insert((*session, service), held.clone());
            // A notice between the look and the insertion found nothing to remove.
            if !current() {
                self.entries.remove(&(*session, service));
            }
        }
        held
    }

    /// From now on notices are taken; `live`: whether they arrive.
    pub(crate) fn begin(&self, live: bool) {
        self.live.store(live, Ordering::Release);
    }

    /// Takes a notice of the store; `live`: whether they arrive.
    pub(crate) fn hear(&self, notice: &Notice, live: bool) {
        match notice {
            Notice::Changed(session, _) => self.forget(session),
            Notice::Lost => {
                self.live.store(false, Ordering::Release);
                self.forget_all();
            }
            Notice::Restored => {
                self.forget_all();
                self.live.store(live, Ordering::Release);
            }
        }
    }

    /// How many entries there are, and their bytes.
    pub(crate) fn size(&self) -> (usize, u64) {
        (self.entries.len(), self.entries.weight())
    }

    /// Forgets a session at once: what changed it is known before the store's notice comes.
    pub(crate) fn forget(&self, session: &SessionKey) {
        self.notices.advance(session);
        self.absent.forget(session);
        for service in 0..self.services {
            self.entries.remove(&(*session, service));
        }
    }

    fn forget_all(&self) {
        self.notices.advance_all();
        self.entries.clear();
        self.absent.forget_all();
    }
}

#[cfg(test)]
mod tests;
