//! The requests of one HTTP/2 connection. The framework's own loop waits for ever for a client's
//! preface, and drops an idle connection without a word (GOAWAY).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Method;
use pingora::http::RequestHeader;
use pingora_core::protocols::http::ServerSession;
use pingora_core::protocols::http::v2::server::{
    H2Accept, H2Options, HttpSession, default_h2_options, handshake,
};
use pingora_core::protocols::{Digest, Stream};
use pingora_core::server::ShutdownWatch;
use tokenbridge_bridge::framing::{self, HeadProblem};
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_config::limits::Limits;
use tokio::sync::Notify;

use super::timer::Timer;
use super::watch::{self, Watches};
use super::{Connections, refused};
use crate::drain::stopping;

/// Requests that cannot be read before the connection ends, as many as the framework allows.
const MALFORMED: usize = 32;
/// How long a client may take to go once it was told to.
const LEAVING: Duration = Duration::from_secs(5);
/// What a client may send ahead on one stream and on the whole connection: enough for an upload
/// over a long line, little enough for many connections.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// What may wait on a stream for a client that does not take it.
const SEND_BUFFER: usize = 128 * 1024;
/// Streams that a client opened and reset before they were looked at (CVE-2023-44487).
const RESET_BEFORE_ACCEPT: usize = 20;
/// Streams that we had to reset for a client's mistakes (CVE-2025-8671).
const RESET_BY_US: usize = 64;

fn options(limits: &Limits) -> H2Options {
    let whole = limits
        .max_header_bytes
        .saturating_add(limits.max_target)
        // RFC 9113 § 6.5.2: each field counts 32 bytes more than it has.
        .saturating_add(32 * limits.max_headers as u64);
    let mut options = default_h2_options();
    options
        .max_header_list_size(u32::try_from(whole).unwrap_or(u32::MAX))
        .max_concurrent_streams(limits.http2_streams)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(RESET_BEFORE_ACCEPT)
        .max_local_error_reset_streams(Some(RESET_BY_US));
    options
}

/// Serves a connection until it ends.
pub(super) async fn serve(
    connections: &Arc<Connections>,
    limits: &Arc<Limits>,
    stream: Stream,
    mut shutdown: ShutdownWatch,
) {
    let digest = Arc::new(Digest {
        ssl_digest: stream.get_ssl_digest(),
        timing_digest: stream.get_timing_digest(),
        proxy_digest: stream.get_proxy_digest(),
        socket_digest: stream.get_socket_digest(),
    });
    let handshake = handshake(stream, Some(options(limits)));
    let Ok(Ok(mut connection)) = tokio::time::timeout(limits.header_timeout, handshake).await
    else {
        return;
    };
    let under_way = Arc::new(UnderWay::default());
    let mut malformed = 0;
    let mut left = limits.requests_per_connection;
    let mut leaving = false;
    loop {
        let accepted = tokio::select! {
            biased;
            () = stopping(&mut shutdown), if !leaving => None,
            accepted = HttpSession::from_h2_conn(&mut connection, digest.clone()) => Some(accepted),
            () = under_way.idle(if leaving { LEAVING } else { limits.keepalive_timeout }) => {
                if leaving {
                    return;
                }
                None
            }
        };
        match accepted {
            None => {
                connection.graceful_shutdown();
                leaving = true;
            }
            Some(Ok(Some(H2Accept::Session(session)))) => {
                left = left.saturating_sub(1);
                if left == 0 && !leaving {
                    connection.graceful_shutdown();
                    leaving = true;
                }
                spawn(
                    connections,
                    limits,
                    session,
                    (under_way.enter(), shutdown.clone()),
                );
            }
            Some(Ok(Some(H2Accept::Rejected))) => {
                malformed += 1;
                connections.frontend.metrics.connections.malformed();
                // The framework has answered 400 by itself, and does not say why.
                let why = "the fields of a request over HTTP/2 contradict each other";
                refused::note(connections, Refusal::new(Rejection::HeaderInvalid, why));
                if malformed >= MALFORMED {
                    return;
                }
            }
            Some(Ok(None) | Err(_)) => return,
        }
    }
}

fn spawn(
    connections: &Arc<Connections>,
    limits: &Arc<Limits>,
    session: HttpSession,
    (entered, shutdown): (Entered, ShutdownWatch),
) {
    let (connections, limits) = (connections.clone(), limits.clone());
    tokio::spawn(async move {
        let _entered = entered;
        let mut session = ServerSession::new_http2(session);
        if let Err(problem) = judge(session.req_header()) {
            refused::answer_one(&connections, &mut session, problem.into()).await;
            return;
        }
        let request = (session, &mut Timer::new());
        let watch = Watches::new(&limits).next();
        watch::serve(&connections, watch, request, &shutdown).await;
    });
}

/// What the head of an HTTP/1 request is judged by, as far as the framework leaves it to be seen: it
/// has cut off a path's fragment, and a scheme without an authority.
fn judge(request: &RequestHeader) -> Result<(), HeadProblem> {
    match request.uri.scheme_str() {
        _ if request.method == Method::CONNECT => Err(HeadProblem::Connect),
        Some(scheme) => framing::judge_scheme(scheme),
        None => Ok(()),
    }?;
    // A name comes once for each of its fields.
    framing::judge_names(request.headers.iter().map(|(name, _)| name.as_str()))
}

/// The requests under way on one connection.
#[derive(Default)]
struct UnderWay {
    count: AtomicUsize,
    changed: Notify,
}

struct Entered(Arc<UnderWay>);

impl UnderWay {
    fn enter(self: &Arc<Self>) -> Entered {
        self.count.fetch_add(1, Ordering::Relaxed);
        Entered(self.clone())
    }

    /// Resolves once nothing has been under way for so long.
    async fn idle(&self, time: Duration) {
        while self.count.load(Ordering::Relaxed) != 0 {
            self.changed.notified().await;
        }
        tokio::time::sleep(time).await;
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.changed.notify_one();
        }
    }
}
