//! The time comes in from outside, so that a test can turn it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokenbridge_bridge::UnixTime;

/// A source of time.
pub trait Clock: Send + Sync {
    /// The time of day, for lifetimes that are compared across machines.
    fn now(&self) -> UnixTime;

    /// Time since some fixed moment, which never goes back: for leases and deadlines.
    fn monotonic(&self) -> Duration;
}

/// The machine's own clocks.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    started: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> UnixTime {
        // A clock before 1970 is a machine whose time was never set: the epoch is as good a guess.
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        UnixTime::from_seconds(since_epoch.as_secs())
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// A clock that stands still until it is told to go on.
#[derive(Debug)]
pub struct ManualClock {
    milliseconds: AtomicU64,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn at(now: UnixTime) -> Self {
        Self {
            milliseconds: AtomicU64::new(now.seconds().saturating_mul(1_000)),
        }
    }

    /// Goes on by `duration`, to the millisecond.
    pub fn advance(&self, duration: Duration) {
        let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        self.milliseconds.fetch_add(milliseconds, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_seconds(self.milliseconds.load(Ordering::SeqCst) / 1_000)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.milliseconds.load(Ordering::SeqCst))
    }
}
