//! Reading the head of an HTTP/1 request: the framework's timer starts anew with every byte, so
//! a client could take for ever. Here the whole head has one deadline, and is judged before the
//! framework reads it.

use std::time::Duration;

use bytes::{Buf, BytesMut};
use pingora_core::protocols::Stream;
use pingora_core::server::ShutdownWatch;
use tokenbridge_bridge::framing::{self, BodyFraming, ChunkScan, HeadLimits, HeadScan};
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_config::limits::Limits;
use tokio::io::AsyncReadExt;

use crate::phases::body;

/// How much is read at once.
const STEP: usize = 4 * 1024;
/// Empty lines before a request line that are passed over (RFC 9112 § 2.2).
const EMPTY_LINES: usize = 2;

/// A head, and whatever of the body came with it.
pub(super) struct Head {
    pub(super) bytes: BytesMut,
    pub(super) body: Body,
}

/// What follows a head.
pub(super) enum Body {
    /// Nothing, or what is read whole before it is forwarded.
    Small,
    /// More than that.
    Large,
    /// Chunks, and how far they have come.
    Chunked(ChunkScan),
}

/// What came on a connection.
pub(super) enum Arrived {
    /// The beginning of a request.
    Head(Head),
    /// Nothing: the client is gone or was silent too long.
    Nothing,
    /// Something that is no request.
    Refused(Refusal),
}

/// How long a client may take, and how much it may send.
pub(super) struct HeadRules {
    silence: Duration,
    whole: Duration,
    limits: HeadLimits,
}

impl HeadRules {
    pub(super) fn of(limits: &Limits) -> Self {
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        Self {
            silence: limits.keepalive_timeout,
            whole: limits.header_timeout,
            limits: HeadLimits {
                target: size(limits.max_target),
                fields: limits.max_headers,
                bytes: size(limits.max_header_bytes),
            },
        }
    }

    /// Reads one head. A connection on which nothing is under way ends with the service.
    pub(super) async fn read(&self, stream: &mut Stream, shutdown: &mut ShutdownWatch) -> Arrived {
        let mut bytes = BytesMut::with_capacity(STEP);
        let begun = tokio::select! {
            biased;
            begun = tokio::time::timeout(self.silence, stream.read_buf(&mut bytes)) => begun,
            () = stopping(shutdown) => return Arrived::Nothing,
        };
        if !matches!(begun, Ok(Ok(1..))) {
            return Arrived::Nothing;
        }
        let rest = tokio::time::timeout(self.whole, self.read_on(stream, bytes)).await;
        match rest {
            Ok(Ok(Some(head))) => Arrived::Head(head),
            Ok(Ok(None)) => Arrived::Nothing,
            Ok(Err(refusal)) => Arrived::Refused(refusal),
            Err(_) => Arrived::Refused(Refusal::new(
                Rejection::RequestTimeout,
                format!("no whole head in limits.header_timeout={:?}", self.whole),
            )),
        }
    }

    /// The whole head, unless the client leaves before it came.
    async fn read_on(
        &self,
        stream: &mut Stream,
        mut bytes: BytesMut,
    ) -> Result<Option<Head>, Refusal> {
        let mut scan = HeadScan::new(self.limits);
        let mut empty_lines = 0;
        loop {
            while empty_lines < EMPTY_LINES && bytes.starts_with(b"\r\n") {
                bytes.advance(2);
                empty_lines += 1;
            }
            let undecided = bytes.is_empty() || (&bytes[..] == b"\r" && empty_lines < EMPTY_LINES);
            let end = match undecided {
                true => None,
                false => scan.advance(&bytes)?,
            };
            if let Some((head, come)) = end.and_then(|end| bytes.split_at_checked(end)) {
                let body = match framing::judge(head)? {
                    BodyFraming::Length(..=body::WHOLE) => Body::Small,
                    BodyFraming::Length(_) => Body::Large,
                    BodyFraming::Chunked => {
                        let mut chunks = ChunkScan::default();
                        chunks.advance(come)?;
                        Body::Chunked(chunks)
                    }
                };
                return Ok(Some(Head { bytes, body }));
            }
            bytes.reserve(STEP);
            match stream.read_buf(&mut bytes).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => return Ok(None),
            }
        }
    }
}

/// Resolves once the service stops.
pub(super) async fn stopping(shutdown: &mut ShutdownWatch) {
    while !*shutdown.borrow_and_update() {
        if shutdown.changed().await.is_err() {
            return;
        }
    }
}
