//! Time, which a test may hold in its hand.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
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

/// A clock that runs with the machine's and can be set forward and back.
///
/// ```
/// use std::time::Duration;
/// use tokenbridge_devkit::MovableClock;
///
/// let clock = MovableClock::default();
/// clock.advance(Duration::from_secs(3600));
/// clock.set_back(Duration::from_secs(60));
/// let for_the_provider = clock.clock();
/// # let _ = for_the_provider;
/// ```
#[derive(Clone, Debug, Default)]
pub struct MovableClock {
    ahead_by_milliseconds: Arc<AtomicI64>,
}

impl MovableClock {
    /// Sets every [`Clock`] made from this one forward.
    pub fn advance(&self, by: Duration) {
        self.ahead_by_milliseconds
            .fetch_add(milliseconds(by), Ordering::SeqCst);
    }

    /// Sets every [`Clock`] made from this one back.
    pub fn set_back(&self, by: Duration) {
        self.ahead_by_milliseconds
            .fetch_sub(milliseconds(by), Ordering::SeqCst);
    }

    /// The clock to hand to a provider or a backend.
    pub fn clock(&self) -> Clock {
        let ahead = Arc::clone(&self.ahead_by_milliseconds);
        let system = Clock::system();
        Clock(Arc::new(move || {
            let ahead = ahead.load(Ordering::SeqCst);
            let distance = Duration::from_millis(ahead.unsigned_abs());
            if ahead < 0 {
                system.now().saturating_sub(distance)
            } else {
                system.now().saturating_add(distance)
            }
        }))
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
