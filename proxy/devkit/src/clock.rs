//! Time, which a test may hold in its hand.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where the provider and the backends read the time from.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Arc::new(|| {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
        }))
    }

    /// Time since the Unix epoch.
    pub(crate) fn now(&self) -> Duration {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Clock({:?})", self.now())
    }
}

/// A clock that runs with the machine's and can be set forward.
///
/// ```
/// use std::time::Duration;
/// use tokenbridge_devkit::MovableClock;
///
/// let clock = MovableClock::default();
/// clock.advance(Duration::from_secs(3600));
/// let for_the_provider = clock.clock();
/// # let _ = for_the_provider;
/// ```
#[derive(Clone, Debug, Default)]
pub struct MovableClock {
    ahead_by_milliseconds: Arc<AtomicU64>,
}

impl MovableClock {
    /// Sets every [`Clock`] made from this one forward.
    pub fn advance(&self, by: Duration) {
        let milliseconds = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.ahead_by_milliseconds
            .fetch_add(milliseconds, Ordering::SeqCst);
    }

    /// The clock to hand to a provider or a backend.
    pub fn clock(&self) -> Clock {
        let ahead = Arc::clone(&self.ahead_by_milliseconds);
        let system = Clock::system();
        Clock(Arc::new(move || {
            system.now() + Duration::from_millis(ahead.load(Ordering::SeqCst))
        }))
    }
}
