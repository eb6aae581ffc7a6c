//! One load for each session and service at a time: requests that come together ask the store once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::DefaultHashBuilder;
use tokenbridge_bridge::admission::Admission;
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokio::sync::OnceCell;

use super::Key;
use crate::epochs::Epoch;

/// What a load brings.
pub(crate) type Loaded = Result<Admission, Refusal>;

/// The loads that are under way.
#[derive(Default)]
pub(super) struct Loads(Mutex<HashMap<Key, Arc<Flight>, DefaultHashBuilder>>);

struct Flight {
    /// What had been heard of the session when it began: a request that knows more asks anew.
    epoch: Epoch,
    loaded: OnceCell<Loaded>,
}

/// A request's part in a flight. A flight without requests is forgotten.
struct Aboard<'l> {
    loads: &'l Loads,
    key: Key,
    flight: Arc<Flight>,
}

impl Loads {
    /// What `load` brings, or what another request's load that is under way brings. A request
    /// that goes away takes nothing from the others: one of them loads in its place.
    pub(super) async fn join(
        &self,
        key: Key,
        epoch: Epoch,
        load: impl Future<Output = Loaded>,
    ) -> Loaded {
        let aboard = self.board(key, epoch);
        aboard.flight.loaded.get_or_init(|| load).await;
        let flight = aboard.flight.clone();
        drop(aboard);
        // Nearly always nobody else is aboard, and nothing has to be copied.
        let loaded = match Arc::try_unwrap(flight) {
            Ok(flight) => flight.loaded.into_inner(),
            Err(flight) => flight.loaded.get().cloned(),
        };
        let missing = || {
            Err(Refusal::new(
                Rejection::Internal,
                "a load that brought nothing",
            ))
        };
        loaded.unwrap_or_else(missing)
    }

    fn board(&self, key: Key, epoch: Epoch) -> Aboard<'_> {
        let mut flights = self.lock();
        let known = flights.get(&key).filter(|flight| flight.epoch == epoch);
        let flight = known.cloned().unwrap_or_else(|| {
            let flight = Arc::new(Flight {
                epoch,
                loaded: OnceCell::new(),
            });
            flights.insert(key, flight.clone());
            flight
        });
        drop(flights);
        Aboard {
            loads: self,
            key,
            flight,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Arc<Flight>, DefaultHashBuilder>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Aboard<'_> {
    fn drop(&mut self) {
        let mut flights = self.loads.lock();
        let listed = flights.get(&self.key);
        let is_this = listed.is_some_and(|listed| Arc::ptr_eq(listed, &self.flight));
        // The list has one handle, this request another.
        let is_last = Arc::strong_count(&self.flight) <= 2;
        if is_this && (is_last || self.flight.loaded.initialized()) {
            flights.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokenbridge_bridge::UnixTime;
    use tokenbridge_bridge::session::SessionKey;
    use tokio::sync::Semaphore;

    use super::*;

    const KEY: Key = (SessionKey::from_bytes([1; 32]), 0);

    /// A store that answers once it is let.
    struct Store {
        asked: AtomicUsize,
        gate: Semaphore,
    }

    impl Store {
        fn closed() -> Self {
            Self {
                asked: AtomicUsize::new(0),
                gate: Semaphore::new(0),
            }
        }

        async fn load(&self) -> Loaded {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let _open = self.gate.acquire().await.unwrap();
            Ok(Admission::Mint {
                session_since: UnixTime::from_seconds(7),
            })
        }
    }

    #[tokio::test]
    async fn requests_that_come_together_ask_once_and_the_next_one_again() {
        let (loads, store) = (Loads::default(), Store::closed());
        let ask = || loads.join(KEY, Epoch::at(0), store.load());
        let open = async { store.gate.add_permits(1) };
        let (first, second, third, ()) = tokio::join!(ask(), ask(), ask(), open);
        assert!(first.is_ok() && second.is_ok() && third.is_ok());
        assert_eq!(store.asked.load(Ordering::Relaxed), 1);
        assert!(ask().await.is_ok());
        assert_eq!(store.asked.load(Ordering::Relaxed), 2);
        assert!(loads.lock().is_empty());
    }

    #[tokio::test]
    async fn a_request_that_has_heard_more_does_not_join_an_older_load() {
        let (loads, store) = (Loads::default(), Store::closed());
        let old = loads.join(KEY, Epoch::at(0), store.load());
        let new = loads.join(KEY, Epoch::at(1), store.load());
        let open = async { store.gate.add_permits(2) };
        let (old, new, ()) = tokio::join!(old, new, open);
        assert!(old.is_ok() && new.is_ok());
        assert_eq!(store.asked.load(Ordering::Relaxed), 2);
        assert!(loads.lock().is_empty());
    }

    #[tokio::test]
    async fn a_request_that_goes_away_leaves_the_load_to_the_others() {
        let (loads, store) = (Loads::default(), Store::closed());
        let mut first = Box::pin(loads.join(KEY, Epoch::at(0), store.load()));
        assert!(futures_util::poll!(&mut first).is_pending());
        let mut second = Box::pin(loads.join(KEY, Epoch::at(0), store.load()));
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(first);
        store.gate.add_permits(1);
        assert!(second.await.is_ok());
        assert_eq!(store.asked.load(Ordering::Relaxed), 2);
        let mut gone =
            Box::pin(loads.join(KEY, Epoch::at(0), async { std::future::pending().await }));
        assert!(futures_util::poll!(&mut gone).is_pending());
        drop(gone);
        assert!(loads.lock().is_empty(), "nobody is left to load for");
    }
}
