//! Whether the provider answers, and since when.

use std::sync::{Mutex, PoisonError};

use tokenbridge_bridge::UnixTime;

/// What the last calls to the provider showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderHealth {
    /// Whether it answers.
    pub state: ProviderState,
    /// Since when it is so.
    pub since: UnixTime,
    /// Why it is not up, without secrets; empty when it is.
    pub why: String,
}

/// Whether the provider answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderState {
    /// It was not asked yet.
    Unknown,
    /// It answers.
    Up,
    /// It does not answer, or not in a way that can be used.
    Down,
}

impl ProviderState {
    /// The name in `/health`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// Keeps what the last calls showed, and logs when it changes.
pub(crate) struct HealthTracker {
    last: Mutex<ProviderHealth>,
}

impl HealthTracker {
    pub(crate) fn new(now: UnixTime) -> Self {
        Self {
            last: Mutex::new(ProviderHealth {
                state: ProviderState::Unknown,
                since: now,
                why: "it was not asked yet".into(),
            }),
        }
    }

    pub(crate) fn read(&self) -> ProviderHealth {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn note_up(&self, now: UnixTime) {
        if self.change(ProviderState::Up, "", now) {
            tracing::info!(target: "tokenbridge", "the provider answers");
        }
    }

    pub(crate) fn note_down(&self, now: UnixTime, why: &str) {
        if self.change(ProviderState::Down, why, now) {
            tracing::warn!(target: "tokenbridge", why, "the provider does not answer");
        }
    }

    /// `true` when the state is another one than before.
    fn change(&self, state: ProviderState, why: &str, now: UnixTime) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = last.state != state;
        if changed {
            last.since = now;
        }
        last.state = state;
        last.why.clear();
        last.why.push_str(why);
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_the_change_is_kept_while_the_state_lasts() {
        let at = UnixTime::from_seconds;
        let tracker = HealthTracker::new(at(1));
        assert_eq!(tracker.read().state, ProviderState::Unknown);
        tracker.note_down(at(2), "connect");
        tracker.note_down(at(3), "timeout");
        let down = tracker.read();
        assert_eq!(
            (down.state, down.since, down.why.as_str()),
            (ProviderState::Down, at(2), "timeout")
        );
        tracker.note_up(at(4));
        assert_eq!(
            (tracker.read().since, tracker.read().why.as_str()),
            (at(4), "")
        );
    }
}
