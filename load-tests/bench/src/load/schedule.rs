//! When a request is to be sent, and how long its answer took.
//!
//! At a fixed rate a request that could not be sent in time, because its connection still waited
//! for an answer, counts from the moment at which it should have been sent: a server that pauses
//! is charged for every request that had to wait (no coordinated omission). A generator that woke
//! up late itself counts from the moment at which it sent.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use super::Answered;

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// The next as soon as the last is answered.
    Unbounded,
    /// So many per second over all connections.
    PerSecond(f64),
}

/// One stretch of requests over all lanes.
pub(super) struct Schedule {
    begun: Cell<Instant>,
    time: Duration,
    left: Cell<u64>,
    pace: Pace,
    lanes: u32,
    wrong: Cell<u64>,
    latencies: RefCell<Vec<u32>>,
}

/// The moment from which a request counts.
pub(super) struct Turn(Instant);

impl Schedule {
    pub(super) fn new(pace: Pace, time: Duration, requests: u64, lanes: u32) -> Self {
        Self {
            begun: Cell::new(Instant::now()),
            time,
            left: Cell::new(requests),
            pace,
            lanes: lanes.max(1),
            wrong: Cell::new(0),
            latencies: RefCell::new(Vec::with_capacity(1 << 16)),
        }
    }

    pub(super) fn begin(&self) {
        self.begun.set(Instant::now());
    }

    /// Waits for the turn of a lane's request number `number`; `None` once it is over.
    pub(super) async fn turn(&self, lane: u32, number: u32) -> Option<Turn> {
        let end = self.begun.get() + self.time;
        let mut due = Instant::now();
        if let Pace::PerSecond(rate) = self.pace {
            let place = f64::from(lane) + f64::from(number) * f64::from(self.lanes);
            let planned = self.begun.get() + Duration::from_secs_f64(place / rate);
            if planned >= end {
                return None;
            }
            if planned > due {
                tokio::time::sleep_until(planned.into()).await;
                due = Instant::now();
            } else {
                due = planned;
            }
        }
        let left = self.left.get();
        if due >= end || left == 0 {
            return None;
        }
        self.left.set(left - 1);
        Some(Turn(due))
    }

    /// Notes the outcome of a turn.
    pub(super) fn done(&self, turn: &Turn, right: bool) {
        if right {
            let micros = turn.0.elapsed().as_micros();
            let micros = u32::try_from(micros).unwrap_or(u32::MAX);
            self.latencies.borrow_mut().push(micros);
        } else {
            self.wrong.set(self.wrong.get() + 1);
        }
    }

    /// What came of it so far.
    pub(super) fn answered(&self) -> Answered {
        let elapsed = self.begun.get().elapsed();
        let mut latencies = self.latencies.take();
        latencies.sort_unstable();
        Answered {
            right: latencies.len() as u64,
            wrong: self.wrong.get(),
            elapsed,
            latencies,
        }
    }
}
