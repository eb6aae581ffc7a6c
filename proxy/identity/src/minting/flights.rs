//! One flight per grant in this process. Who wants a token of the same grant meanwhile queues up
//! in that flight; who wants the same service's joins its order.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokenbridge_bridge::grant::GrantName;
use tokenbridge_bridge::service::ServiceName;
use tokenbridge_bridge::session::SessionKey;
use tokenbridge_bridge::token::MintRefusalReason;
use tokio::sync::oneshot;

use crate::minting::order::{Minted, Order};

/// Resolves when the order was carried out. Dropping it cancels nothing.
pub(crate) type Ticket = Shared<BoxFuture<'static, Minted>>;
/// Whose flight it is.
pub(crate) type FlightKey = (SessionKey, Lane);

/// What one flight of a session does at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Lane {
    /// It spends this refresh token: for all services that share it, one after the other.
    Grant(GrantName),
    /// It asks for one service: that spends nothing, so services do not wait for each other.
    Service(ServiceName),
}

/// All flights under way.
#[derive(Default)]
pub(crate) struct Flights {
    under_way: Mutex<HashMap<FlightKey, Flight>>,
}

#[derive(Default)]
struct Flight {
    current: Option<(ServiceName, Ticket)>,
    queue: VecDeque<Entry>,
}

/// One order in a flight's queue.
pub(crate) struct Entry {
    pub(crate) order: Order,
    ticket: Ticket,
    done: oneshot::Sender<Minted>,
}

impl Entry {
    /// Tells everybody who waits.
    pub(crate) fn tell(self, minted: Minted) {
        // Nobody may be waiting any more, which is nobody's loss.
        let _ = self.done.send(minted);
    }
}

impl Flights {
    /// Joins or queues an order. The key comes back when a flight must be started for it.
    pub(crate) fn enqueue(&self, order: Order, lane: Lane) -> (Ticket, Option<FlightKey>) {
        let key = (order.session, lane);
        let mut under_way = self.lock();
        let start = !under_way.contains_key(&key);
        let flight = under_way.entry(key.clone()).or_default();
        if let Some(ticket) = flight.ticket(&order.service) {
            return (ticket, None);
        }
        let (done, told) = oneshot::channel();
        let ticket = told
            .map(|told| {
                told.unwrap_or_else(|_| {
                    Minted::refused(MintRefusalReason::Unavailable, "the gateway is stopping")
                })
            })
            .boxed()
            .shared();
        flight.queue.push_back(Entry {
            order,
            ticket: ticket.clone(),
            done,
        });
        (ticket, start.then_some(key))
    }

    /// The next order of a flight; without one the flight is over, in the same step.
    pub(crate) fn next(&self, key: &FlightKey) -> Option<Entry> {
        let mut under_way = self.lock();
        let flight = under_way.get_mut(key)?;
        match flight.queue.pop_front() {
            Some(entry) => {
                flight.current = Some((entry.order.service.clone(), entry.ticket.clone()));
                Some(entry)
            }
            None => {
                under_way.remove(key);
                None
            }
        }
    }

    /// Removes the flight if it crashes, so that the next order starts a new one.
    pub(crate) fn guard(&self, key: FlightKey) -> FlightGuard<'_> {
        FlightGuard {
            flights: self,
            key: Some(key),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<FlightKey, Flight>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight {
    fn ticket(&self, service: &ServiceName) -> Option<Ticket> {
        let current = self
            .current
            .iter()
            .map(|(service, ticket)| (service, ticket));
        let queued = self
            .queue
            .iter()
            .map(|entry| (&entry.order.service, &entry.ticket));
        current
            .chain(queued)
            .find(|(name, _)| *name == service)
            .map(|(_, ticket)| ticket.clone())
    }
}

/// See [`Flights::guard`].
pub(crate) struct FlightGuard<'a> {
    flights: &'a Flights,
    key: Option<FlightKey>,
}

impl FlightGuard<'_> {
    /// The flight ended in the regular way: there is nothing to clean up.
    pub(crate) fn landed(mut self) {
        self.key = None;
    }
}

impl Drop for FlightGuard<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.flights.lock().remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::minting::order::Trigger;

    fn order(service: &str) -> Order {
        Order {
            session: SessionKey::from_bytes([1; 32]),
            service: ServiceName::new(service),
            trigger: Trigger::Demand,
        }
    }

    fn lane() -> Lane {
        Lane::Grant(GrantName::Login)
    }

    #[test]
    fn one_flight_takes_all_orders_of_a_grant_and_each_service_once() {
        let flights = Flights::default();
        let (first, key) = flights.enqueue(order("a"), lane());
        let key = key.unwrap();
        let running = flights.next(&key).unwrap();
        for service in ["a", "b", "b"] {
            assert!(
                flights.enqueue(order(service), lane()).1.is_none(),
                "{service}"
            );
        }
        running.tell(Minted::SessionGone);
        assert_eq!(first.now_or_never(), Some(Minted::SessionGone));
        assert_eq!(flights.next(&key).unwrap().order.service.as_str(), "b");
        assert!(flights.next(&key).is_none());
        assert!(flights.enqueue(order("a"), lane()).1.is_some());
    }

    #[test]
    fn a_flight_that_crashes_strands_nobody() {
        let flights = Flights::default();
        let (ticket, key) = flights.enqueue(order("a"), lane());
        drop(flights.guard(key.unwrap()));
        assert!(matches!(ticket.now_or_never(), Some(Minted::Refused(_))));
        assert!(flights.enqueue(order("a"), lane()).1.is_some());
    }
}
