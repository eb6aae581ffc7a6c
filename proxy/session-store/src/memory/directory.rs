//! Which sessions belong to whom, when each falls due and when each is over.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::time::Duration;

use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::session::{SessionFacts, SessionKey, Subject};

/// The indexes. Changed in the same section as the sessions, so they are never stale.
#[derive(Default)]
pub(super) struct Directory {
    by_subject: HashMap<Subject, HashSet<SessionKey>>,
    by_idp_session: HashMap<(String, String), HashSet<SessionKey>>,
    due: BTreeSet<(UnixTime, SessionKey)>,
    due_at: HashMap<SessionKey, UnixTime>,
    ends: BTreeSet<(Duration, SessionKey)>,
}

impl Directory {
    pub(super) fn add(&mut self, key: SessionKey, facts: &SessionFacts) {
        self.by_subject
            .entry(facts.subject.clone())
            .or_default()
            .insert(key);
        if let Some(of) = idp_session(facts) {
            self.by_idp_session.entry(of).or_default().insert(key);
        }
    }

    pub(super) fn remove(&mut self, key: &SessionKey, facts: &SessionFacts) {
        remove_member(&mut self.by_subject, &facts.subject, key);
        if let Some(of) = idp_session(facts) {
            remove_member(&mut self.by_idp_session, &of, key);
        }
        self.unschedule(key);
    }

    pub(super) fn of_subject(&self, subject: &Subject) -> impl Iterator<Item = &SessionKey> {
        self.by_subject.get(subject).into_iter().flatten()
    }

    pub(super) fn of_idp_session(
        &self,
        issuer: &str,
        sid: &str,
    ) -> impl Iterator<Item = &SessionKey> {
        let of = (issuer.to_owned(), sid.to_owned());
        self.by_idp_session.get(&of).into_iter().flatten()
    }

    pub(super) fn schedule(&mut self, key: SessionKey, at: UnixTime) {
        self.unschedule(&key);
        self.due.insert((at, key));
        self.due_at.insert(key, at);
    }

    pub(super) fn unschedule(&mut self, key: &SessionKey) {
        if let Some(at) = self.due_at.remove(key) {
            self.due.remove(&(at, *key));
        }
    }

    pub(super) fn due(&self, now: UnixTime) -> impl Iterator<Item = &SessionKey> {
        self.due
            .iter()
            .take_while(move |(at, _)| *at <= now)
            .map(|(_, key)| key)
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.by_subject.is_empty()
            && self.by_idp_session.is_empty()
            && self.due.is_empty()
            && self.due_at.is_empty()
            && self.ends.is_empty()
    }

    /// Notes that whatever stands under the key is over at `end`.
    pub(super) fn ends_at(&mut self, end: Duration, key: SessionKey) {
        self.ends.insert((end, key));
    }

    pub(super) fn forget_end(&mut self, end: Duration, key: &SessionKey) {
        self.ends.remove(&(end, *key));
    }

    /// Takes the next key out whose end has come.
    pub(super) fn pop_ended(&mut self, monotonic: Duration) -> Option<SessionKey> {
        let (end, key) = self.ends.first().copied()?;
        (end <= monotonic && self.ends.remove(&(end, key))).then_some(key)
    }
}

fn idp_session(facts: &SessionFacts) -> Option<(String, String)> {
    facts
        .idp_session
        .clone()
        .map(|sid| (facts.subject.issuer.clone(), sid))
}

fn remove_member<K: Eq + Hash>(
    sets: &mut HashMap<K, HashSet<SessionKey>>,
    of: &K,
    key: &SessionKey,
) {
    if let Some(set) = sets.get_mut(of) {
        set.remove(key);
        if set.is_empty() {
            sets.remove(of);
        }
    }
}
