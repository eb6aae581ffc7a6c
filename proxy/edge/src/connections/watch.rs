//! What ends one request from outside: the framework has no deadline for a whole request, and none
//! at all for a body over HTTP/2. A request that is ended here is dropped where it stands, so the
//! phases answer first wherever they can, and this comes a moment later.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Poll, ready};
use std::time::Duration;

use http::HeaderValue;
use pingora_core::apps::{HttpServerApp, ReusedHttpStream};
use pingora_core::protocols::http::ServerSession;
use pingora_core::server::ShutdownWatch;
use tokenbridge_bridge::framing::ChunkProblem;
use tokenbridge_config::limits::Limits;
use tokio::time::Instant;

use super::stream_watch::StreamWatch;
use super::timer::Timer;
use super::{Connections, Cut};
use crate::session_end::Admitted;

tokio::task_local! {
    static WATCH: Arc<Watch>;
}

/// How long after a body's deadline the phases may still answer.
const GRACE: Duration = Duration::from_secs(1);
/// How long after that of the whole request. They hold it themselves unless an answer has begun.
const LAST_GRACE: Duration = Duration::from_millis(250);
/// A request under way for so long is worth knowing when its session ends.
const LASTING: Duration = Duration::from_millis(500);

/// The deadlines of one request, and what all requests of its connection share.
#[derive(Default)]
pub(crate) struct Watch {
    /// What ends its answer, where that lasts.
    pub(crate) stream: StreamWatch,
    shared: Shared,
    accepted: AtomicBool,
    deadlines: Mutex<Deadlines>,
    cause: OnceLock<&'static str>,
    broken_body: OnceLock<ChunkProblem>,
}

/// What is the same for all requests of a connection.
#[derive(Clone, Default)]
struct Shared {
    /// Of the listener.
    limits: Option<Arc<Limits>>,
    /// The client's address as a field's value.
    address: OnceLock<HeaderValue>,
}

/// The watches of one connection's requests, one after the other.
pub(super) struct Watches(Arc<Watch>);

impl Watches {
    pub(super) fn new(limits: &Arc<Limits>) -> Self {
        Self(Arc::new(Watch::of(Shared {
            limits: Some(limits.clone()),
            address: OnceLock::new(),
        })))
    }

    /// A watch as new. It is the one before, unless somebody still holds that.
    pub(super) fn next(&mut self) -> Arc<Watch> {
        match Arc::get_mut(&mut self.0) {
            Some(watch) => *watch = Watch::of(std::mem::take(&mut watch.shared)),
            None => self.0 = Arc::new(Watch::of(self.0.shared.clone())),
        }
        self.0.clone()
    }
}

/// What comes with a deadline.
enum Due {
    /// The end of the request, and why.
    Over(&'static str),
    /// The request lasts.
    Lasts,
}

#[derive(Clone, Copy, Default)]
struct Deadlines {
    whole: Option<Instant>,
    body: Option<Instant>,
    /// When the end of its session begins to matter.
    lasting: Option<Instant>,
}

impl Watch {
    fn of(shared: Shared) -> Self {
        Self {
            shared,
            ..Self::default()
        }
    }

    /// The watch of the request that this task serves; none where the framework did not serve it.
    pub(crate) fn current() -> Option<Arc<Self>> {
        WATCH.try_with(Arc::clone).ok()
    }

    /// Whether whoever reads from the client has to be told that the stream is over.
    pub(super) fn tells() -> bool {
        let told = WATCH.try_with(|watch| watch.stream.tells());
        told.unwrap_or_default()
    }

    /// Notes that the body of the request that this task serves can be read in two ways.
    pub(super) fn note_broken_body(problem: ChunkProblem) {
        // The first problem stays; nobody asks for a second one.
        let _ = WATCH.try_with(|watch| watch.broken_body.set(problem));
    }

    /// What is wrong with its chunks, where something is: whoever reads it gets a mere error.
    pub(crate) fn broken_body(&self) -> Option<ChunkProblem> {
        self.broken_body.get().copied()
    }

    /// The session that the request, begun then, was admitted for; its end ends the request if that
    /// lasts.
    pub(crate) fn belongs_to(&self, session: Admitted, begun: std::time::Instant) {
        self.stream.belongs_to(session);
        self.set(|deadlines| deadlines.lasting = Some(late(begun, LASTING)));
    }

    /// The listener's limits.
    pub(crate) fn limits(&self) -> Option<&Limits> {
        self.shared.limits.as_deref()
    }

    /// The client's address as a field's value, which `make` makes for a connection's first request.
    ///
    /// # Errors
    /// What `make` says.
    pub(crate) fn address<E>(
        &self,
        make: impl FnOnce() -> Result<HeaderValue, E>,
    ) -> Result<HeaderValue, E> {
        if let Some(address) = self.shared.address.get() {
            return Ok(address.clone());
        }
        let address = make()?;
        // Nobody else makes one at the same time; if it were so, it would be the same.
        let _ = self.shared.address.set(address.clone());
        Ok(address)
    }

    /// Notes that the request came through the framework's own checks.
    pub(crate) fn accept(&self) {
        self.accepted.store(true, Ordering::Relaxed);
    }

    /// Whether it did.
    pub(super) fn is_accepted(&self) -> bool {
        self.accepted.load(Ordering::Relaxed)
    }

    /// The whole request ends then, or whenever it ends.
    pub(crate) fn end_by(&self, at: std::time::Instant) {
        self.set(|deadlines| deadlines.whole = Some(late(at, LAST_GRACE)));
    }

    /// Its answer has no end of its own, so the whole request has none.
    pub(crate) fn endless(&self) {
        self.set(|deadlines| deadlines.whole = None);
    }

    /// The next part of the body comes until then, or there is nothing to wait for.
    pub(crate) fn body_by(&self, at: Option<std::time::Instant>) {
        self.set(|deadlines| deadlines.body = at.map(|at| late(at, GRACE)));
    }

    /// There is nothing left to wait for.
    pub(crate) fn disarm(&self) {
        self.set(|deadlines| *deadlines = Deadlines::default());
    }

    /// Why the request was ended from here, where it was.
    pub(crate) fn cause(&self) -> Option<&'static str> {
        self.cause.get().copied()
    }

    fn set(&self, change: impl FnOnce(&mut Deadlines)) {
        change(&mut self.lock());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Deadlines> {
        self.deadlines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves a request until it ends, a deadline of it passes or its stream is over. Deadlines are
    /// set by the request's own task while it is polled, so a look at them after each poll misses
    /// none, and nobody has to be woken for them.
    async fn follow<S: Future, C: Future<Output = Cut>>(
        &self,
        mut serving: Pin<&mut S>,
        timer: &mut Timer,
        over: impl Fn() -> C,
    ) -> Outcome<S::Output> {
        let mut ending = None;
        poll_fn(|context| {
            if let Poll::Ready(served) = serving.as_mut().poll(context) {
                return Poll::Ready(Outcome::Served(served));
            }
            loop {
                if self.stream.has_begun() {
                    // Boxed: most requests never come so far.
                    let ending = ending.get_or_insert_with(|| Box::pin(over()));
                    if let Poll::Ready(cut) = ending.as_mut().poll(context) {
                        return Poll::Ready(Outcome::Cut(cut));
                    }
                }
                let next = self.lock().next();
                let Some((at, due)) = next else {
                    return Poll::Pending;
                };
                ready!(timer.poll_until(at, context));
                match due {
                    Due::Lasts => {
                        self.lock().lasting = None;
                        self.stream.begin();
                    }
                    Due::Over(cause) => {
                        // The first cause stays; nobody asks for a second one.
                        let _ = self.cause.set(cause);
                        return Poll::Ready(Outcome::Overdue);
                    }
                }
            }
        })
        .await
    }
}

/// How the watch over a request ended.
#[derive(Debug, PartialEq)]
enum Outcome<S> {
    Served(S),
    Overdue,
    Cut(Cut),
}

impl Deadlines {
    fn next(&self) -> Option<(Instant, Due)> {
        let whole = self
            .whole
            .map(|at| (at, Due::Over("it took longer than total_timeout")));
        let body = self
            .body
            .map(|at| (at, Due::Over("its body stopped coming")));
        let lasting = self.lasting.map(|at| (at, Due::Lasts));
        let all = [whole, body, lasting].into_iter().flatten();
        all.min_by_key(|(at, _)| *at)
    }
}

fn late(at: std::time::Instant, grace: Duration) -> Instant {
    Instant::from_std(at) + grace
}

/// What a reader is told.
pub(super) fn ended_from_outside() -> std::io::Error {
    std::io::Error::other("the request is ended from outside")
}

/// Serves one request, unless a deadline of it passes or its stream is ended; tells whether the
/// framework took it for one.
pub(super) async fn serve(
    connections: &Connections,
    watch: Arc<Watch>,
    (session, timer): (ServerSession, &mut Timer),
    shutdown: &ShutdownWatch,
) -> (Option<ReusedHttpStream>, bool) {
    if session.as_http1().is_some() {
        watch.stream.note_reader();
    }
    let serving = connections.proxy.process_new_http(session, shutdown);
    let serving = WATCH.scope(watch.clone(), serving);
    let mut serving = std::pin::pin!(serving);
    let over = || watch.stream.over(&connections.frontend, shutdown);
    let reusable = match watch.follow(serving.as_mut(), timer, over).await {
        Outcome::Served(reusable) => reusable,
        Outcome::Overdue => None,
        Outcome::Cut(cut) => {
            watch.stream.note(cut);
            let reads = watch.stream.has_reader();
            connections.frontend.metrics.stream_cut(cut.label());
            tokio::select! {
                biased;
                reusable = &mut serving, if reads => reusable,
                () = watch.stream.given_up(), if reads => None,
                else => None,
            }
        }
    };
    (reusable, watch.is_accepted())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_request_of_a_connection_has_a_new_watch_and_the_same_address() {
        let mut watches = Watches(Arc::default());
        let made = || Ok::<_, ()>(HeaderValue::from_static("192.0.2.7"));
        let never = || Err(());
        for still_held in [false, true, false] {
            let watch = watches.next();
            assert!(!watch.is_accepted() && watch.lock().next().is_none());
            let address = watch.address(never).or_else(|()| watch.address(made));
            assert_eq!(address, made());
            watch.accept();
            watch.end_by(std::time::Instant::now());
            let held = still_held.then(|| watch.clone());
            drop(watch);
            let next = watches.next();
            assert!(!next.is_accepted() && next.lock().next().is_none());
            assert_eq!(next.address(never), made());
            assert!(held.is_none_or(|held| held.is_accepted()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_ends_at_its_earliest_deadline_which_may_move() {
        let watch = Watch::default();
        let begin = Instant::now();
        let after = |seconds| (begin + Duration::from_secs(seconds)).into_std();
        watch.end_by(after(60));
        watch.body_by(Some(after(5)));
        let moving = async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            watch.body_by(Some(after(8)));
            tokio::time::sleep(Duration::from_secs(3)).await;
            watch.body_by(None);
            watch.end_by(after(20));
        };
        let moving = async {
            moving.await;
            std::future::pending::<()>().await;
        };
        let mut moving = std::pin::pin!(moving);
        let over = std::future::pending::<Cut>;
        let outcome = watch.follow(moving.as_mut(), &mut Timer::new(), over).await;
        assert_eq!(outcome, Outcome::Overdue);
        assert_eq!(begin.elapsed(), Duration::from_secs(20) + LAST_GRACE);
        assert_eq!(watch.cause(), Some("it took longer than total_timeout"));
    }
}
