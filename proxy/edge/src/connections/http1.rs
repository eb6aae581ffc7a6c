//! The requests of one HTTP/1 connection, one after the other.

use std::pin::pin;
use std::sync::Arc;

use pingora_core::apps::HttpPersistentSettings;
use pingora_core::protocols::Stream;
use pingora_core::protocols::http::ServerSession;
use pingora_core::server::ShutdownWatch;
use tokenbridge_config::limits::Limits;

use super::body_stream::{self, BodyStream};
use super::head::{Arrived, Body, HeadRules};
use super::timer::Timer;
use super::watch::{self, Watches};
use super::{Connections, refused};

/// Serves a connection until it ends.
pub(super) async fn serve(
    connections: &Arc<Connections>,
    limits: &Arc<Limits>,
    mut stream: Stream,
    shutdown: ShutdownWatch,
) {
    let rules = HeadRules::of(limits);
    let (mut silence, mut deadline) = (Timer::new(), Timer::new());
    let mut watched = shutdown.clone();
    let mut stopped = pin!(connections.frontend.drain.over(&mut watched));
    let mut persistent: Option<HttpPersistentSettings> = None;
    let mut watches = Watches::new(limits);
    loop {
        let head = match rules
            .read(&mut stream, &mut silence, stopped.as_mut())
            .await
        {
            Arrived::Head(head) => head,
            Arrived::Nothing => break,
            Arrived::Refused(refusal) => {
                Box::pin(refused::answer(connections, &mut stream, refusal)).await;
                break;
            }
        };
        let mut session = ServerSession::new_http1(match head.body {
            Body::Small => stream,
            Body::Large => Box::new(BodyStream::new(stream, None)),
            Body::Chunked(chunks) => Box::new(BodyStream::new(stream, Some(chunks))),
        });
        match persistent.take() {
            Some(settings) => settings.apply_to_session(&mut session),
            None => {
                let reuses = limits.requests_per_connection.saturating_sub(1);
                session.set_keepalive_reuses_remaining(Some(reuses));
            }
        }
        // The framework reads what was read here as if it came from the connection.
        session.set_pipelined_prefix(head.bytes);
        let request = (session, &mut deadline);
        let (reusable, accepted) =
            watch::serve(connections, watches.next(), request, &shutdown).await;
        if !accepted {
            connections.frontend.metrics.connections.malformed();
        }
        let Some(reusable) = reusable else { return };
        let (used, settings) = reusable.consume();
        let Some(behind) = body_stream::behind(used) else {
            return;
        };
        (stream, persistent) = (behind, settings);
    }
    stream.shutdown().await;
}
