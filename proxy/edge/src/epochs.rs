//! How many of the store's notices were heard of a session: whoever takes the epoch before asking
//! the store finds out afterwards whether anything happened meanwhile.

use std::sync::atomic::{AtomicU64, Ordering};

use tokenbridge_bridge::session::SessionKey;

/// Counters; a session's is found by a byte of its key.
const STRIPES: usize = 256;

/// A session's count at a moment. The same later means that nothing was heard of it since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Epoch(u64);

/// The counts of all sessions.
pub(crate) struct Epochs(Box<[AtomicU64]>);

impl Epochs {
    pub(crate) fn new() -> Self {
        Self((0..STRIPES).map(|_| AtomicU64::new(0)).collect())
    }

    /// The session's epoch.
    pub(crate) fn of(&self, session: &SessionKey) -> Epoch {
        Epoch(self.stripe(session).load(Ordering::Acquire))
    }

    /// Something was heard of a session.
    pub(crate) fn advance(&self, session: &SessionKey) {
        self.stripe(session).fetch_add(1, Ordering::AcqRel);
    }

    /// Something may have happened to any session.
    pub(crate) fn advance_all(&self) {
        for stripe in &self.0 {
            stripe.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn stripe(&self, session: &SessionKey) -> &AtomicU64 {
        static NEVER: AtomicU64 = AtomicU64::new(0);
        let [first, ..] = session.as_bytes();
        self.0.get(usize::from(*first)).unwrap_or(&NEVER)
    }
}

#[cfg(test)]
impl Epoch {
    pub(crate) const fn at(count: u64) -> Self {
        Self(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_heard_of_a_session_changes_its_epoch_and_a_doubt_everybodys() {
        let epochs = Epochs::new();
        let keys = [0, 1, 255].map(|byte| SessionKey::from_bytes([byte; 32]));
        let now = || keys.map(|key| epochs.of(&key));
        let before = now();
        let changed = |since: [Epoch; 3]| [0, 1, 2].map(|index| now()[index] != since[index]);
        assert_eq!(changed(before), [false; 3]);
        epochs.advance(&keys[2]);
        assert_eq!(changed(before), [false, false, true]);
        let after = now();
        epochs.advance_all();
        assert_eq!(changed(after), [true; 3]);
    }
}
