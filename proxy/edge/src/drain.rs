//! The clean stop: `/ready` turns red first, then listeners close, then requests under way end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use pingora_core::server::{ShutdownSignal, ShutdownSignalWatch, ShutdownWatch};
use tokenbridge_identity::Identity;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Whether the gateway takes requests, and how many are under way.
#[derive(Debug, Default)]
pub(crate) struct Drain {
    listening: AtomicBool,
    draining: watch::Sender<bool>,
    in_flight: AtomicUsize,
}

impl Drain {
    /// Whether a stop has begun.
    pub(crate) fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Waits until a stop begins: streams without an end of their own end then.
    pub(crate) async fn begun(&self) {
        // The sender is this, so it is there for as long as anybody waits.
        let _ = self
            .draining
            .subscribe()
            .wait_for(|draining| *draining)
            .await;
    }

    /// Whether every public listener has taken a connection since the start.
    pub(crate) fn is_listening(&self) -> bool {
        self.listening.load(Ordering::Relaxed)
    }

    /// Notes that every public listener takes connections.
    pub(crate) fn note_listening(&self) {
        self.listening.store(true, Ordering::Relaxed);
    }

    /// Counts a request; [`leave`](Self::leave) comes once for each.
    pub(crate) fn enter(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// The request is no longer under way.
    pub(crate) fn leave(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many requests are under way.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }
}

/// Turns signals into the framework's kinds of stop. SIGTERM keeps serving for the grace period
/// while `/ready` says no, so that a load balancer sees it before the listeners close.
pub(crate) struct Signals {
    pub(crate) drain: Arc<Drain>,
    pub(crate) grace_period: Duration,
    /// What a stop waits for in any case.
    pub(crate) flights: Flights,
}

/// Calls to the provider that are under way.
#[derive(Clone)]
pub(crate) struct Flights(pub(crate) Arc<Identity>);

impl Flights {
    /// Waits for their end, for so long: the answer to a refresh token that is lost may cost its
    /// session.
    pub(crate) async fn end(&self) {
        let at_rest = tokio::time::timeout(FLIGHTS_END, self.0.at_rest());
        if at_rest.await.is_err() {
            tracing::warn!(target: "tokenbridge", "calls to the provider are under way for too long; the process ends without their answers");
        }
    }
}

/// How long calls to the provider may take to end once a stop has begun.
pub(crate) const FLIGHTS_END: Duration = Duration::from_secs(12);

#[async_trait]
impl ShutdownSignalWatch for Signals {
    async fn recv(&self) -> ShutdownSignal {
        let streams = (
            signal(SignalKind::terminate()),
            signal(SignalKind::interrupt()),
        );
        let (Ok(mut terminate), Ok(mut interrupt)) = streams else {
            tracing::error!(target: "tokenbridge", "signals cannot be received; stop the process with SIGKILL");
            return std::future::pending().await;
        };
        let graceful = tokio::select! {
            _ = terminate.recv() => true,
            _ = interrupt.recv() => false,
        };
        self.drain.draining.send_replace(true);
        if !graceful {
            self.flights.end().await;
            return ShutdownSignal::FastShutdown;
        }
        tracing::info!(target: "tokenbridge", "stopping: /ready says no, requests are still taken for {:?}", self.grace_period);
        tokio::select! {
            () = tokio::time::sleep(self.grace_period) => ShutdownSignal::GracefulTerminate,
            _ = interrupt.recv() => ShutdownSignal::FastShutdown,
        }
    }
}

/// How often the end of the last request is looked for while stopping.
const LOOK: Duration = Duration::from_millis(20);

/// Ends the process as soon as no request is under way once the listeners are closed, and after
/// `timeout` in any case: the framework itself always sleeps its whole grace period
/// (server/mod.rs).
pub(crate) fn leave_when_idle(
    (drain, timeout): (Arc<Drain>, Duration),
    mut phases: tokio::sync::broadcast::Receiver<pingora_core::server::ExecutionPhase>,
    finish: impl FnOnce() + Send + 'static,
) {
    std::thread::spawn(move || {
        use pingora_core::server::ExecutionPhase;
        loop {
            match phases.blocking_recv() {
                Ok(ExecutionPhase::ShutdownGracePeriod) => break,
                Ok(_) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
            }
        }
        let begin = Instant::now();
        while drain.in_flight() > 0 && begin.elapsed() < timeout {
            std::thread::sleep(LOOK);
        }
        finish();
        std::process::exit(0);
    });
}

/// Resolves once the service stops.
pub(crate) async fn stopping(shutdown: &mut ShutdownWatch) {
    while !*shutdown.borrow_and_update() {
        if shutdown.changed().await.is_err() {
            return;
        }
    }
}
