//! Who has something open for a session: streams that end with it, and pages that are told.
//!
//! One task takes the store's notices and wakes only those whom a notice concerns. Watch a session
//! before asking the store about it: an end in between is then seen by one of the two. Who asked the
//! store before compares the [`Epoch`] from before the question with the one after the watch began.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokenbridge_bridge::service::ServiceName;
use tokenbridge_bridge::session::SessionKey;
use tokenbridge_session_store::{Change, Notice};
use tokio::sync::watch;

use crate::epochs::{Epoch, Epochs};

/// Locks, so that threads seldom meet at one.
const SHARDS: usize = 16;

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// By logout, revocation, or the provider.
    Ended,
    /// A new login of the same browser took its place.
    Replaced,
}

/// What has happened to a session since it was first watched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Happened {
    pub(crate) over: Option<Over>,
    /// How often notices were lost in between: each time the store has to be asked.
    pub(crate) doubts: u64,
    /// How often a token was stored, and the service of the last one.
    pub(crate) renewals: u64,
    pub(crate) renewed: Option<ServiceName>,
}

/// One session, and how many watch it: counted under the lock, so that the last one to leave knows.
#[derive(Default)]
struct Entry {
    sender: watch::Sender<Happened>,
    watchers: usize,
    /// Those among them that have a limit.
    limited: usize,
}

type Watched = HashMap<SessionKey, Entry>;

/// All watched sessions of the process.
pub(crate) struct LiveSessions {
    shards: [Mutex<Watched>; SHARDS],
    hasher: RandomState,
    notices: Epochs,
}

/// One watcher of one session; dropping it ends the watch.
pub(crate) struct SessionWatch {
    key: SessionKey,
    receiver: watch::Receiver<Happened>,
    sessions: Arc<LiveSessions>,
    limited: bool,
}

impl LiveSessions {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
            notices: Epochs::new(),
        })
    }

    /// Watches a session.
    pub(crate) fn watch(self: &Arc<Self>, key: SessionKey) -> SessionWatch {
        let mut shard = self.shard(&key);
        self.enter(shard.entry(key).or_default(), key, false)
    }

    /// Watches a session; `None` when `limit` others with a limit do already.
    pub(crate) fn watch_within(
        self: &Arc<Self>,
        key: SessionKey,
        limit: usize,
    ) -> Option<SessionWatch> {
        let mut shard = self.shard(&key);
        if shard.get(&key).is_some_and(|entry| entry.limited >= limit) {
            return None;
        }
        Some(self.enter(shard.entry(key).or_default(), key, true))
    }

    fn enter(self: &Arc<Self>, entry: &mut Entry, key: SessionKey, limited: bool) -> SessionWatch {
        entry.watchers += 1;
        entry.limited += usize::from(limited);
        SessionWatch {
            key,
            receiver: entry.sender.subscribe(),
            sessions: Arc::clone(self),
            limited,
        }
    }

    /// The session's epoch: the same later means that nothing was heard of it since.
    pub(crate) fn epoch(&self, key: &SessionKey) -> Epoch {
        self.notices.of(key)
    }

    /// Passes a notice on.
    pub(crate) fn hear(&self, notice: Notice) {
        match notice {
            Notice::Changed(key, change) => self.tell(&key, change),
            // Whatever was missed can be asked for only once the store is there again.
            Notice::Lost => {}
            Notice::Restored => self.doubt_all(),
        }
    }

    fn tell(&self, key: &SessionKey, change: Change) {
        // First the count, then the look: whoever begins to watch meanwhile sees one of the two.
        self.notices.advance(key);
        let shard = self.shard(key);
        let Some(entry) = shard.get(key) else {
            return;
        };
        entry.sender.send_modify(|happened| match change {
            Change::Ended => happened.over = Some(Over::Ended),
            Change::Replaced => happened.over = Some(Over::Replaced),
            Change::Slot(service) => {
                happened.renewals = happened.renewals.wrapping_add(1);
                happened.renewed = Some(service);
            }
        });
    }

    fn doubt_all(&self) {
        self.notices.advance_all();
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            for entry in shard.values() {
                let doubt =
                    |happened: &mut Happened| happened.doubts = happened.doubts.wrapping_add(1);
                entry.sender.send_modify(doubt);
            }
        }
    }

    fn shard(&self, key: &SessionKey) -> MutexGuard<'_, Watched> {
        let number = usize::try_from(self.hasher.hash_one(key)).unwrap_or_default() % SHARDS;
        let [first, ..] = &self.shards;
        let shard = self.shards.get(number).unwrap_or(first);
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionWatch {
    /// What happened until now; [`changed`](Self::changed) waits for what comes after.
    pub(crate) fn happened(&mut self) -> Happened {
        self.receiver.borrow_and_update().clone()
    }

    /// Waits until something happens. Dropping the future loses nothing.
    pub(crate) async fn changed(&mut self) {
        // The sender stays as long as this watch: see `drop`.
        if self.receiver.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for SessionWatch {
    fn drop(&mut self) {
        let mut shard = self.sessions.shard(&self.key);
        if let Some(entry) = shard.get_mut(&self.key) {
            entry.watchers -= 1;
            entry.limited -= usize::from(self.limited);
            if entry.watchers == 0 {
                shard.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> SessionKey {
        SessionKey::from_bytes([number; 32])
    }

    fn watched(sessions: &LiveSessions) -> usize {
        let shards = sessions.shards.iter();
        shards.map(|shard| shard.lock().unwrap().len()).sum()
    }

    #[tokio::test]
    async fn a_watcher_hears_of_its_own_session_alone() {
        let sessions = LiveSessions::new();
        let mut one = sessions.watch(key(1));
        let mut other = sessions.watch(key(2));
        sessions.tell(&key(1), Change::Slot(ServiceName::new("crud")));
        sessions.tell(&key(1), Change::Ended);
        sessions.tell(&key(3), Change::Ended);
        one.changed().await;
        let happened = one.happened();
        assert_eq!((happened.over, happened.renewals), (Some(Over::Ended), 1));
        assert_eq!(other.happened(), Happened::default());
        sessions.doubt_all();
        other.changed().await;
        assert_eq!(other.happened().doubts, 1);
    }

    #[test]
    fn what_was_heard_before_a_watch_began_shows_in_the_epoch() {
        let sessions = LiveSessions::new();
        let before = sessions.epoch(&key(1));
        sessions.hear(Notice::Changed(key(2), Change::Ended));
        sessions.hear(Notice::Lost);
        assert_eq!(sessions.epoch(&key(1)), before);
        sessions.hear(Notice::Changed(key(1), Change::Ended));
        let ended = sessions.epoch(&key(1));
        assert_ne!(ended, before);
        sessions.hear(Notice::Restored);
        assert_ne!(sessions.epoch(&key(1)), ended);
    }

    #[test]
    fn nothing_is_kept_of_a_session_that_nobody_watches_and_no_more_watch_than_may() {
        let sessions = LiveSessions::new();
        let unlimited = sessions.watch(key(1));
        let first = sessions.watch_within(key(1), 2);
        let second = sessions.watch_within(key(1), 2);
        assert!(first.is_some() && second.is_some());
        assert!(sessions.watch_within(key(1), 2).is_none());
        drop((first, unlimited));
        assert!(sessions.watch_within(key(1), 2).is_some());
        assert_eq!(watched(&sessions), 1);
        drop(second);
        assert_eq!(watched(&sessions), 0);
    }
}
