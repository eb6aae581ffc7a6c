//! Whether the store answers, and since when: known from the last call, without any I/O.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokenbridge_bridge::UnixTime;

use crate::clock::Clock;
use crate::error::StoreError;

/// What the last call to the store showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreHealth {
    /// No call was made yet.
    Unknown,
    /// It answers, since this time.
    Up(UnixTime),
    /// It does not answer, since this time.
    Down(UnixTime),
}

/// Holds what the last call showed and logs each change once.
pub(crate) struct HealthRecord {
    clock: Arc<dyn Clock>,
    /// Zero: unknown. Else the seconds since which it is so, doubled, and one more when it is up.
    state: AtomicU64,
}

impl HealthRecord {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            state: AtomicU64::new(0),
        }
    }

    pub(crate) fn get(&self) -> StoreHealth {
        match self.state.load(Ordering::Relaxed) {
            0 => StoreHealth::Unknown,
            state if state & 1 == 1 => StoreHealth::Up(UnixTime::from_seconds(state >> 1)),
            state => StoreHealth::Down(UnixTime::from_seconds(state >> 1)),
        }
    }

    pub(crate) fn up(&self, place: &impl fmt::Display) {
        match self.change(true) {
            Some(StoreHealth::Unknown) => tracing::info!(store = %place, "session store reached"),
            Some(StoreHealth::Down(since)) => {
                let seconds = self.clock.now().since(since).as_secs();
                tracing::info!(store = %place, down_for_seconds = seconds, "session store is back");
            }
            Some(StoreHealth::Up(_)) | None => {}
        }
    }

    pub(crate) fn down(&self, place: &impl fmt::Display, error: &StoreError) {
        if self.change(false).is_some() {
            tracing::error!(
                store = %place,
                %error,
                "session store lost; requests with a session answer 503 until it is back"
            );
        }
    }

    /// Notes the state; gives the one before it back when that was another.
    fn change(&self, up: bool) -> Option<StoreHealth> {
        let before = self.state.load(Ordering::Relaxed);
        if before != 0 && (before & 1 == 1) == up {
            return None;
        }
        let was = self.get();
        let seconds = self.clock.now().seconds().max(1);
        let after = (seconds << 1) | u64::from(up);
        let order = Ordering::Relaxed;
        self.state
            .compare_exchange(before, after, order, order)
            .ok()
            .map(|_| was)
    }
}
