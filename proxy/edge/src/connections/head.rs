//! Reading the head of an HTTP/1 request: the framework's timer starts anew with every byte, so
//! a client could take for ever. Here the whole head has one deadline, and is judged before the
//! framework reads it.

use std::pin::Pin;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use pingora_core::protocols::Stream;
use tokenbridge_bridge::framing::{self, BodyFraming, ChunkScan, HeadLimits, HeadScan};
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_config::limits::Limits;
use tokio::io::AsyncReadExt;

use super::timer::Timer;
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

    /// Reads one head. A connection on which nothing is under way ends once `stopped` resolves.
    pub(super) async fn read(
        &self,
        stream: &mut Stream,
        silence: &mut Timer,
        stopped: Pin<&mut impl Future<Output = ()>>,
    ) -> Arrived {
        let mut arriving = Arriving::new(self.limits);
        let begun = tokio::select! {
            biased;
            begun = silence.within(self.silence, stream.read_buf(&mut arriving.bytes)) => begun,
            () = stopped => return Arrived::Nothing,
        };
        if !matches!(begun, Some(Ok(1..))) {
            return Arrived::Nothing;
        }
        // Nearly every head comes at once, and needs no deadline.
        let whole = match arriving.is_whole() {
            Ok(true) => Ok(true),
            Err(refusal) => Err(refusal),
            Ok(false) => match tokio::time::timeout(self.whole, arriving.rest(stream)).await {
                Ok(whole) => whole,
                Err(_) => Err(Refusal::new(
                    Rejection::RequestTimeout,
                    format!("no whole head in limits.header_timeout={:?}", self.whole),
                )),
            },
        };
        match whole {
            Ok(true) => Arrived::Head(Head {
                bytes: arriving.bytes,
                body: arriving.body,
            }),
            Ok(false) => Arrived::Nothing,
            Err(refusal) => Arrived::Refused(refusal),
        }
    }
}

/// A head while it comes.
struct Arriving {
    bytes: BytesMut,
    scan: HeadScan,
    empty_lines: usize,
    body: Body,
}

impl Arriving {
    fn new(limits: HeadLimits) -> Self {
        Self {
            bytes: BytesMut::with_capacity(STEP),
            scan: HeadScan::new(limits),
            empty_lines: 0,
            body: Body::Small,
        }
    }

    /// Reads on; tells whether the whole head came before the client left.
    async fn rest(&mut self, stream: &mut Stream) -> Result<bool, Refusal> {
        loop {
            self.bytes.reserve(STEP);
            match stream.read_buf(&mut self.bytes).await {
                Ok(1..) if self.is_whole()? => return Ok(true),
                Ok(1..) => {}
                Ok(0) | Err(_) => return Ok(false),
            }
        }
    }

    /// Judges what has come so far, and the head once it is whole.
    fn is_whole(&mut self) -> Result<bool, Refusal> {
        while self.empty_lines < EMPTY_LINES && self.bytes.starts_with(b"\r\n") {
            self.bytes.advance(2);
            self.empty_lines += 1;
        }
        let begins_with_cr = &self.bytes[..] == b"\r" && self.empty_lines < EMPTY_LINES;
        if self.bytes.is_empty() || begins_with_cr {
            return Ok(false);
        }
        let end = self.scan.advance(&self.bytes)?;
        let Some((head, come)) = end.and_then(|end| self.bytes.split_at_checked(end)) else {
            return Ok(false);
        };
        self.body = match framing::judge(head)? {
            BodyFraming::Length(..=body::WHOLE) => Body::Small,
            BodyFraming::Length(_) => Body::Large,
            BodyFraming::Chunked => {
                let mut chunks = ChunkScan::default();
                chunks.advance(come)?;
                Body::Chunked(chunks)
            }
        };
        Ok(true)
    }
}
