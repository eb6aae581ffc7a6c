//! The answer to what never becomes a request: a head that is malformed, too large or too late.

use std::time::Instant;

use http::Method;
use pingora_core::protocols::http::ServerSession;
use pingora_core::protocols::{Shutdown, Stream};
use tokenbridge_bridge::navigation::RequestKind;
use tokenbridge_bridge::rejection::Refusal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Connections;
use crate::answer::{Answer, DRAINED_BYTES, DRAINED_TIME, Stamp};
use crate::exchange::Place;
use crate::phases::{place::KNOWN_METHODS, summary};
use crate::refusal::{self, Asker};
use crate::request_id::RequestId;

/// Answers, and says so in log and metrics. The connection ends with it: where a malformed head
/// ends, nobody knows.
pub(super) async fn answer(connections: &Connections, stream: &mut Stream, refusal: Refusal) {
    let refused = Refused::new(connections, refusal);
    let answer = refused.answer(&KNOWN_METHODS);
    refused.end(stream, answer, &refused.stamp()).await;
}

/// As [`answer`], on a listener that only leads to https and takes `methods` alone. RFC 6797
/// § 7.2: no promise of https in the clear.
pub(super) async fn answer_in_the_clear(
    connections: &Connections,
    stream: &mut Stream,
    refusal: Refusal,
    methods: &[Method],
) {
    let refused = Refused::new(connections, refusal);
    let stamp = Stamp {
        hsts: None,
        ..refused.stamp()
    };
    refused.end(stream, refused.answer(methods), &stamp).await;
}

/// As [`answer`], for one request of an HTTP/2 connection, which lives on.
pub(super) async fn answer_one(
    connections: &Connections,
    session: &mut ServerSession,
    refusal: Refusal,
) {
    let refused = Refused::new(connections, refusal);
    // Whether the client still reads it makes no difference here.
    let answer = refused.answer(&KNOWN_METHODS);
    let _ = answer.send_early(session, &refused.stamp()).await;
    refused.note();
}

/// Tells log and metrics of a refusal that was answered already.
pub(super) fn note(connections: &Connections, refusal: Refusal) {
    Refused::new(connections, refusal).note();
}

/// Something that never becomes a request.
struct Refused<'c> {
    connections: &'c Connections,
    started: Instant,
    request_id: RequestId,
    refusal: Refusal,
}

impl<'c> Refused<'c> {
    fn new(connections: &'c Connections, refusal: Refusal) -> Self {
        Self {
            connections,
            started: Instant::now(),
            request_id: connections.ids.request_id(),
            refusal,
        }
    }

    fn answer(&self, methods: &[Method]) -> Answer {
        let asker = Asker {
            kind: RequestKind::Fetch,
            session_target: None,
            service: None,
            goes_to_provider: false,
            request_id: self.request_id.as_str(),
        };
        // No cookie was looked at, so none is deleted.
        refusal::answer(&self.refusal, &asker, "", methods)
    }

    /// Writes the answer as the last bytes of the connection.
    async fn end(&self, stream: &mut Stream, answer: Answer, stamp: &Stamp<'_>) {
        if let Ok(bytes) = answer.into_last_bytes(stamp, false) {
            write(stream, &bytes).await;
        }
        self.note();
    }

    fn stamp(&self) -> Stamp<'_> {
        self.connections.frontend.stamp(self.request_id.as_str())
    }

    fn note(&self) {
        let status = self.refusal.rejection.status();
        let place = self.connections.frontend.places.of(&Place::None);
        place.refuse(self.refusal.rejection);
        place.observe(status, self.started.elapsed());
        summary::write_refused(&self.refusal, self.request_id.as_str());
    }
}

/// Writes the last bytes of a connection, and reads on for a moment: a close with unread bytes
/// would take the answer from the client.
pub(super) async fn write(stream: &mut Stream, bytes: &[u8]) {
    if stream.write_all(bytes).await.is_err() || stream.flush().await.is_err() {
        return;
    }
    // Half a close: what the client still sends can be read.
    Shutdown::shutdown(&mut **stream).await;
    let reading = async {
        let (mut read, mut scratch) = (0, [0; 4 * 1024]);
        while read <= DRAINED_BYTES {
            match stream.read(&mut scratch).await {
                Ok(0) | Err(_) => return,
                Ok(bytes) => read += bytes,
            }
        }
    };
    // Running out of time or room only costs the client its answer.
    let _ = tokio::time::timeout(DRAINED_TIME, reading).await;
}
