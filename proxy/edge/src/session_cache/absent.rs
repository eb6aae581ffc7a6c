//! Session ids that the store does not know, remembered for a moment: whoever sends made-up ids
//! over and over asks the store once. A new session never has an id that was asked for before.

use std::time::Duration;

use quick_cache::sync::Cache;
use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_bridge::session::SessionKey;

/// How long an id is taken for unknown without asking: a restored store must show soon.
const REMEMBERED: Duration = Duration::from_secs(2);
/// How many ids.
const MOST: usize = 4_096;

/// The ids, each with its refusal and the moment until which it is remembered.
pub(super) struct Absent(Cache<SessionKey, (Refusal, UnixTime)>);

impl Absent {
    pub(super) fn new() -> Self {
        Self(Cache::new(MOST))
    }

    /// The refusal of an id that is remembered.
    pub(super) fn find(&self, session: &SessionKey, now: UnixTime) -> Option<Refusal> {
        let (refusal, until) = self.0.get(session)?;
        (now < until).then_some(refusal)
    }

    /// Remembers an id that the store did not know.
    pub(super) fn note(&self, session: &SessionKey, refusal: &Refusal, now: UnixTime) {
        if refusal.rejection == Rejection::SessionMissing {
            self.0
                .insert(*session, (refusal.clone(), now.plus(REMEMBERED)));
        }
    }

    pub(super) fn forget(&self, session: &SessionKey) {
        self.0.remove(session);
    }

    pub(super) fn forget_all(&self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unknown_id_is_remembered_and_only_for_a_moment() {
        let absent = Absent::new();
        let session = |number| SessionKey::from_bytes([number; 32]);
        let now = UnixTime::from_seconds(100);
        let missing = Refusal::deleting_cookie(Rejection::SessionMissing, "no such session");
        absent.note(&session(1), &missing, now);
        let away = Refusal::new(Rejection::StoreUnavailable, "away");
        absent.note(&session(2), &away, now);
        assert_eq!(absent.find(&session(1), now), Some(missing));
        assert_eq!(absent.find(&session(2), now), None);
        assert_eq!(absent.find(&session(1), now.plus(REMEMBERED)), None);
    }
}
