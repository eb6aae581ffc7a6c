//! The body of a request: its limits and its pace while it arrives, and its beginning, which is read
//! before an upstream is asked for a connection, so that a client that is slow with it holds none.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, Version, header};
use pingora::http::RequestHeader;
use pingora_core::Result;
use pingora_proxy::Session as HttpSession;
use tokenbridge_bridge::rejection::{Refusal, Rejection};

use super::{admit, failure, hop, limits, streams};
use crate::exchange::Exchange;
use crate::gateway::Gateway;
use crate::upstreams::Upstream;

/// A body that is announced with so many bytes at most is read whole: as much as the framework keeps
/// of a body, to send it (again).
pub(crate) const WHOLE: u64 = 64 * 1024;
/// So much is read of any other body. The framework must keep all of it, and one part more: 16 KiB
/// from a connection (`connections::body_stream`) with what was left there of a chunk's line, or a
/// frame of HTTP/2.
const BEGINNING: usize = 32 * 1024;
/// A token that was found longer ago may end on its way to the service.
const FRESH: Duration = Duration::from_secs(1);

/// Makes an attempt ready: what was counted of the body before is sent again, and its parts have
/// their deadline from now on.
pub(crate) fn begin_attempt(gateway: &Gateway, http: &mut HttpSession, exchange: &mut Exchange) {
    exchange.body_bytes = 0;
    let patience = patience(gateway, exchange);
    http.set_read_timeout(Some(patience));
    let waits = !http.is_body_done();
    expect(http, exchange, waits.then_some(patience));
}

/// Holds the request body against its limits, while it arrives. One that is neither streamed nor
/// done is to be as fast as `limits.min_body_rate` in each stretch of `limits.body_timeout`.
///
/// # Errors
/// The body is too large or too slow.
pub(crate) fn arrived(
    gateway: &Gateway,
    http: &HttpSession,
    body: Option<&Bytes>,
    end: bool,
    exchange: &mut Exchange,
) -> Result<()> {
    if exchange.is_websocket() {
        streams::heard(exchange);
        return Ok(());
    }
    count(gateway, body.map_or(0, Bytes::len), end, exchange)
        .map_err(|refusal| failure::refused(exchange, refusal))?;
    // Until the next part is read, this one may wait for an upstream, which has a time of its own.
    let patience = patience(gateway, exchange) + writing(gateway, exchange);
    expect(http, exchange, (!end).then_some(patience));
    Ok(())
}

/// How long an upstream may take to accept a part.
fn writing(gateway: &Gateway, exchange: &Exchange) -> Duration {
    let index = exchange.route().map(|found| found.route.service_index);
    let upstream = index.and_then(|index| gateway.frontend.upstreams.get(index));
    upstream.map(Upstream::write_timeout).unwrap_or_default()
}

fn count(
    gateway: &Gateway,
    more: usize,
    end: bool,
    exchange: &mut Exchange,
) -> Result<(), Refusal> {
    let limits = *limits::of(&gateway.frontend, exchange);
    let (limit, streaming) = exchange
        .route()
        .map(|found| (found.route.limits.max_body, found.route.streaming))
        .unwrap_or_default();
    let limit = limit.unwrap_or(limits.max_body);
    exchange.body_bytes += more as u64;
    if exchange.body_bytes > limit {
        let detail = format!("more than max_body={limit} bytes");
        return Err(Refusal::new(Rejection::BodyTooLarge, detail));
    }
    if end && more == 0 {
        return Ok(());
    }
    let (begun, bytes) = exchange.body_stretch.unwrap_or((Instant::now(), 0));
    let bytes = bytes + more as u64;
    exchange.body_stretch = Some((begun, bytes));
    let elapsed = begun.elapsed();
    if end || streaming || elapsed <= limits.body_timeout {
        return Ok(());
    }
    if bytes < limits.min_body_rate.saturating_mul(elapsed.as_secs()) {
        let detail = format!("slower than limits.min_body_rate={}", limits.min_body_rate);
        return Err(Refusal::new(Rejection::RequestTimeout, detail));
    }
    // What came fast in the beginning pays for nothing later.
    exchange.body_stretch = None;
    Ok(())
}

/// Over HTTP/1 the framework's own timer runs while it reads, and only then: the watch would blame
/// the client for an upstream that takes nothing.
fn expect(http: &HttpSession, exchange: &Exchange, patience: Option<Duration>) {
    if http.as_http1().is_some() {
        return;
    }
    if let Some(watch) = &exchange.watch {
        watch.body_by(patience.map(|patience| Instant::now() + patience));
    }
}

/// How long the next part of the body may take.
fn patience(gateway: &Gateway, exchange: &Exchange) -> Duration {
    let limits = limits::of(&gateway.frontend, exchange);
    match exchange.route().is_some_and(|found| found.route.streaming) {
        true => limits.stream_idle,
        false => limits.body_timeout,
    }
}

/// Whether there is something to read before a connection to the upstream is made. What streams in
/// both directions may need its answer before its body goes on.
pub(crate) fn is_read_ahead(
    gateway: &Gateway,
    http: &mut HttpSession,
    exchange: &Exchange,
) -> bool {
    if http.is_body_done() || exchange.is_websocket() {
        return false;
    }
    let Some(route) = exchange.route().map(|found| &found.route) else {
        return false;
    };
    let upstream = gateway.frontend.upstreams.get(route.service_index);
    let is_call = upstream.is_some_and(|upstream| upstream.speaks_http2())
        && hop::is_grpc_call(http.req_header());
    !route.streaming && !is_call
}

/// Reads the beginning of the body. The framework keeps it, and sends it on once there is a
/// connection. A session that was admitted a while ago by then is admitted anew.
///
/// # Errors
/// The body is too large or too slow, its chunks are broken, or the client is gone.
pub(crate) async fn read_ahead(
    gateway: &Gateway,
    http: &mut HttpSession,
    exchange: &mut Exchange,
) -> Result<()> {
    let begun = Instant::now();
    let left = limits::time_left(gateway, exchange);
    let left = left.map_err(|refusal| failure::refused(exchange, refusal))?;
    let reading = read_beginning(gateway, http, exchange);
    match left {
        None => reading.await?,
        Some(left) => match tokio::time::timeout(left, reading).await {
            Ok(read) => read?,
            Err(_) => {
                return Err(late(
                    exchange,
                    "total_timeout was over before the body came",
                ));
            }
        },
    }
    begin_attempt(gateway, http, exchange);
    if begun.elapsed() >= FRESH && exchange.token.take().is_some() {
        admit::session(gateway, exchange)
            .await
            .map_err(|refusal| failure::refused(exchange, refusal))?;
    }
    Ok(())
}

async fn read_beginning(
    gateway: &Gateway,
    http: &mut HttpSession,
    exchange: &mut Exchange,
) -> Result<()> {
    let patience = patience(gateway, exchange);
    let whole = is_small(http.req_header());
    http.enable_retry_buffering();
    if http.body_bytes_read() == 0 && awaits_go_ahead(http.req_header()) {
        let told = http.write_continue_response().await;
        told.map_err(|error| error.into_down())?;
    }
    while !http.is_body_done() && (whole || http.body_bytes_read() < BEGINNING) {
        expect(http, exchange, Some(patience));
        let Ok(part) = tokio::time::timeout(patience, http.read_request_body()).await else {
            return Err(late(exchange, "the body stopped coming"));
        };
        let part = part.map_err(|error| error.into_down())?;
        let end = part.is_none() || http.is_body_done();
        count(gateway, part.as_ref().map_or(0, Bytes::len), end, exchange)
            .map_err(|refusal| failure::refused(exchange, refusal))?;
        if part.is_none() {
            break;
        }
    }
    match http.retry_buffer_truncated() {
        false => Ok(()),
        // Without it the upstream would get the rest of the body for the whole.
        true => {
            let refusal = Refusal::new(Rejection::Internal, "the body's beginning was not kept");
            Err(failure::refused(exchange, refusal))
        }
    }
}

fn late(exchange: &mut Exchange, detail: &str) -> Box<pingora_core::Error> {
    failure::refused(exchange, Refusal::new(Rejection::RequestTimeout, detail))
}

fn is_small(request: &RequestHeader) -> bool {
    let length = request.headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(limits::length_of);
    length.is_some_and(|length| length <= WHOLE)
}

/// Whether the client sends its body only once it is told to (RFC 9110 § 10.1.1).
fn awaits_go_ahead(request: &RequestHeader) -> bool {
    let asks = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    request.version > Version::HTTP_10 && request.headers.get(header::EXPECT).is_some_and(asks)
}
