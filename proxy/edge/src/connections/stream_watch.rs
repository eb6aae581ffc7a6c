//! What ends an answer that lasts: its session is over, it is silent for too long, the gateway
//! stops. Whoever reads from the client is told by an error, once; the phases then end the stream
//! as its protocol wants it. Where no reader can be told (a client that takes nothing, or HTTP/2 without
//! `told_upstream`) the request is dropped.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use pingora_core::server::ShutdownWatch;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::drain::stopping;
use crate::frontend::Frontend;
use crate::live_sessions::Over;
use crate::session_end::{self, Admitted};

/// How long the phases may take to end a stream before the request is dropped.
const GRACE: Duration = Duration::from_millis(250);
/// How much longer where they are at it: a client has a moment to close a WebSocket as well.
const CLOSING: Duration = Duration::from_secs(3);
/// Streams end over this time when the gateway stops: their clients come back elsewhere.
const STOPPING: Duration = Duration::from_secs(3);

/// Why a stream was ended from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    SessionOver(Over),
    Silence,
    Stopping,
}

impl Cut {
    /// For a metric.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::SessionOver(_) => "session_over",
            Self::Silence => "silence",
            Self::Stopping => "stopping",
        }
    }

    /// For the access event.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::SessionOver(Over::Ended) => "its session is over",
            Self::SessionOver(Over::Replaced) => "its session was replaced",
            Self::Silence => "it was silent for too long",
            Self::Stopping => "the gateway stops",
        }
    }
}

/// What one request's stream depends on.
#[derive(Default)]
pub(crate) struct StreamWatch {
    state: Mutex<State>,
    /// Whether the request lasts long enough to be watched.
    begun: AtomicBool,
    changed: Notify,
    cut: OnceLock<Cut>,
    told: AtomicBool,
    /// Whether there is a reader in the request's own task that can be told.
    has_reader: AtomicBool,
}

#[derive(Default)]
struct State {
    session: Option<Admitted>,
    /// Whether it has no end of its own, so that a stop of the gateway must end it.
    endless: bool,
    silence: Option<Silence>,
}

#[derive(Clone, Copy)]
struct Silence {
    limit: Duration,
    since: Instant,
}

impl StreamWatch {
    /// The session that the request was admitted for.
    pub(super) fn belongs_to(&self, session: Admitted) {
        self.lock().session = Some(session);
    }

    /// From now on its end ends the request.
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
        self.changed.notify_waiters();
    }

    /// The answer has no end of its own.
    pub(crate) fn begin_endless(&self) {
        self.lock().endless = true;
        self.begin();
    }

    /// Nothing may be heard from either side for this long, from now on.
    pub(crate) fn silent_at_most(&self, limit: Duration) {
        let since = Instant::now();
        self.lock().silence = Some(Silence { limit, since });
        self.begin();
    }

    /// Something was heard.
    pub(crate) fn active(&self) {
        if let Some(silence) = &mut self.lock().silence {
            silence.since = Instant::now();
        }
    }

    /// Why the stream was cut, where it was.
    pub(crate) fn cut(&self) -> Option<Cut> {
        self.cut.get().copied()
    }

    /// Whether the reader has to be told now.
    pub(super) fn tells(&self) -> bool {
        self.cut.get().is_some() && !self.told.swap(true, Ordering::Relaxed)
    }

    /// Somebody in the request's own task reads from what asks [`tells`](Self::tells).
    pub(crate) fn note_reader(&self) {
        self.has_reader.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_reader(&self) -> bool {
        self.has_reader.load(Ordering::Relaxed)
    }

    pub(super) fn note(&self, cut: Cut) {
        // The first one stays; nobody waits for a second one.
        let _ = self.cut.set(cut);
    }

    /// Resolves once the phases have had their time after a cut.
    pub(super) async fn given_up(&self) {
        tokio::time::sleep(GRACE).await;
        if self.told.load(Ordering::Relaxed) {
            tokio::time::sleep(CLOSING).await;
        }
    }

    /// Whether it has begun to matter what ends the request.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// Resolves once something ends the stream.
    pub(super) async fn over(&self, frontend: &Frontend, shutdown: &ShutdownWatch) -> Cut {
        let session = self.lock().session.clone();
        let session = async {
            match session {
                Some(admitted) => {
                    let sources = frontend.sources(&*frontend.background.store);
                    session_end::over(sources, admitted).await
                }
                None => std::future::pending().await,
            }
        };
        self.first(session, self.stopped(frontend, shutdown)).await
    }

    /// Whatever ends the stream first.
    async fn first(
        &self,
        session: impl Future<Output = Over>,
        stopped: impl Future<Output = ()>,
    ) -> Cut {
        tokio::select! {
            over = session => Cut::SessionOver(over),
            () = self.silent() => Cut::Silence,
            () = stopped => Cut::Stopping,
        }
    }

    async fn silent(&self) {
        loop {
            let silence = self.lock().silence;
            let Some(Silence { limit, since }) = silence else {
                self.changed.notified().await;
                continue;
            };
            if since.elapsed() >= limit {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep_until(since + limit) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    async fn stopped(&self, frontend: &Frontend, shutdown: &ShutdownWatch) {
        stopping(&mut shutdown.clone()).await;
        while !self.lock().endless {
            self.changed.notified().await;
        }
        let time = STOPPING.min(frontend.configuration.drain.timeout / 2);
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or_default();
        let moment = RandomState::new().hash_one(0) % milliseconds.max(1);
        tokio::time::sleep(Duration::from_millis(moment)).await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
