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
#[derive(Debug)]
pub(crate) struct Drain {
    /// How many of the listeners' services do not take connections yet.
    silent: watch::Sender<usize>,
    draining: watch::Sender<bool>,
    handed_over: watch::Sender<bool>,
    gave_up: AtomicBool,
    in_flight: AtomicUsize,
    connections: AtomicUsize,
}

impl Drain {
    /// So many services have listeners.
    pub(crate) fn new(services: usize) -> Self {
        Self {
            silent: watch::Sender::new(services),
            draining: watch::Sender::new(false),
            handed_over: watch::Sender::new(false),
            gave_up: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
        }
    }

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

    /// Whether every listener takes connections.
    pub(crate) fn is_listening(&self) -> bool {
        *self.silent.borrow() == 0
    }

    /// Waits until every listener takes connections.
    pub(crate) async fn all_listening(&self) {
        // The sender is this, so it is there for as long as anybody waits.
        let _ = self.silent.subscribe().wait_for(|left| *left == 0).await;
    }

    /// Notes that the listeners of one service take connections; comes once for each.
    pub(crate) fn note_listening(&self) {
        let note = |left: &mut usize| *left = left.saturating_sub(1);
        self.silent.send_modify(note);
    }

    /// Another process accepts on the same sockets: this one stops, and nobody has to be told.
    pub(crate) fn hand_over(&self) {
        self.handed_over.send_replace(true);
        self.draining.send_replace(true);
    }

    /// The process that this one was to replace goes on: this one stops as after a hand-over.
    pub(crate) fn give_up(&self) {
        self.gave_up.store(true, Ordering::Relaxed);
        self.hand_over();
    }

    /// Whether another process accepts on the same sockets.
    pub(crate) fn is_handed_over(&self) -> bool {
        *self.handed_over.borrow()
    }

    /// Waits until another process accepts on the same sockets.
    pub(crate) async fn handed_over(&self) {
        let mut handed_over = self.handed_over.subscribe();
        let _ = handed_over.wait_for(|over| *over).await;
    }

    /// Resolves once a connection on which nothing is under way has to end: with the service, but
    /// after a hand-over a moment later. No load balancer has led clients elsewhere then, so the
    /// first request of a new connection and the next one of a busy connection are on their way.
    pub(crate) async fn over(&self, shutdown: &mut ShutdownWatch) {
        stopping(shutdown).await;
        if self.is_handed_over() {
            // Boxed: every connection holds this future, and most never come so far.
            Box::pin(tokio::time::sleep(LINGER)).await;
        }
    }

    /// Counts an open connection for as long as what it returns is kept.
    pub(crate) fn connected(self: &Arc<Self>) -> Connected {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Connected(self.clone())
    }

    /// Whether something is under way that a stop waits for.
    fn is_busy(&self) -> bool {
        let connected = self.connections.load(Ordering::Relaxed) > 0;
        self.in_flight() > 0 || (connected && self.is_handed_over())
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

/// How long connections are kept after a hand-over although nothing is under way on them.
const LINGER: Duration = Duration::from_secs(2);

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connected(Arc<Drain>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
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

/// What a stop begins with.
enum Stop {
    Terminate,
    Interrupt,
    HandedOver,
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
        let stop = tokio::select! {
            _ = terminate.recv() => Stop::Terminate,
            _ = interrupt.recv() => Stop::Interrupt,
            () = self.drain.handed_over() => Stop::HandedOver,
        };
        self.drain.draining.send_replace(true);
        match stop {
            Stop::Terminate => {}
            Stop::Interrupt => {
                self.flights.end().await;
                return ShutdownSignal::FastShutdown;
            }
            Stop::HandedOver => {
                tracing::info!(target: "tokenbridge", "stopping: another process accepts here");
                return ShutdownSignal::GracefulTerminate;
            }
        }
        tracing::info!(target: "tokenbridge", "stopping: /ready says no, requests are still taken for {:?}", self.grace_period);
        tokio::select! {
            () = tokio::time::sleep(self.grace_period) => ShutdownSignal::GracefulTerminate,
            () = self.drain.handed_over() => ShutdownSignal::GracefulTerminate,
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
        while drain.is_busy() && begin.elapsed() < timeout {
            std::thread::sleep(LOOK);
        }
        finish();
        std::process::exit(i32::from(drain.gave_up.load(Ordering::Relaxed)));
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
