//! A document of the provider that is kept while it cannot be fetched anew.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokenbridge_session_store::Clock;
use tokio::sync::Mutex;

/// The last good document, and when it was last asked for.
pub(crate) struct Document<T> {
    current: ArcSwapOption<T>,
    last: Mutex<Option<Attempt>>,
    pause: Duration,
}

struct Attempt {
    at: Duration,
    failed: Option<String>,
}

impl<T> Document<T> {
    /// A document that is asked for at most once in `pause`.
    pub(crate) fn new(pause: Duration) -> Self {
        Self {
            current: ArcSwapOption::empty(),
            last: Mutex::new(None),
            pause,
        }
    }

    /// The last good one.
    pub(crate) fn current(&self) -> Option<Arc<T>> {
        self.current.load_full()
    }

    /// Fetches it. Callers at the same time share one fetch, and who comes too soon after it is
    /// told what came of it: the last good document, or the failure.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn fetch(
        &self,
        clock: &dyn Clock,
        fetch: impl Future<Output = Result<T, String>>,
    ) -> Result<Arc<T>, String> {
        let mut last = self.last.lock().await;
        // Both times are taken under the lock: who waited through a fetch must not make another.
        if let Some(attempt) = &*last
            && clock.monotonic() < attempt.at.saturating_add(self.pause)
        {
            return match (&attempt.failed, self.current()) {
                (_, Some(document)) => Ok(document),
                (Some(why), None) => Err(why.clone()),
                (None, None) => Err("it was not fetched yet".into()),
            };
        }
        let fetched = fetch.await;
        *last = Some(Attempt {
            at: clock.monotonic(),
            failed: fetched.as_ref().err().cloned(),
        });
        fetched.map(|document| {
            let document = Arc::new(document);
            self.current.store(Some(Arc::clone(&document)));
            document
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokenbridge_bridge::UnixTime;
    use tokenbridge_session_store::ManualClock;

    #[tokio::test]
    async fn a_document_is_kept_while_it_cannot_be_fetched_and_asked_for_seldom() {
        let clock = ManualClock::at(UnixTime::from_seconds(1_000));
        let document = Document::new(Duration::from_secs(10));
        let down = || async { Err::<u32, _>("down".to_string()) };
        let never = || async { panic!("asked too often") };
        assert_eq!(document.fetch(&clock, down()).await, Err("down".into()));
        clock.advance(Duration::from_secs(9));
        assert_eq!(document.fetch(&clock, never()).await, Err("down".into()));
        clock.advance(Duration::from_secs(1));
        assert_eq!(
            document.fetch(&clock, async { Ok(1) }).await,
            Ok(Arc::new(1))
        );
        clock.advance(Duration::from_secs(9));
        assert_eq!(document.fetch(&clock, never()).await, Ok(Arc::new(1)));
        clock.advance(Duration::from_secs(1));
        assert_eq!(document.fetch(&clock, down()).await, Err("down".into()));
        assert_eq!(document.current(), Some(Arc::new(1)));
    }

    #[tokio::test]
    async fn who_waits_through_a_slow_fetch_makes_no_other() {
        let clock = ManualClock::at(UnixTime::from_seconds(1_000));
        let document = Document::<u32>::new(Duration::from_millis(250));
        let (finish, finished) = tokio::sync::oneshot::channel::<()>();
        let slow = document.fetch(&clock, async {
            finished.await.ok();
            clock.advance(Duration::from_secs(10));
            Err("timeout".into())
        });
        let waiting = document.fetch(&clock, async { panic!("asked again") });
        let release = async {
            clock.advance(Duration::from_secs(1));
            finish.send(()).ok();
        };
        let (slow, waiting, ()) = tokio::join!(slow, waiting, release);
        assert_eq!(
            (slow, waiting),
            (Err("timeout".into()), Err("timeout".into()))
        );
    }
}
