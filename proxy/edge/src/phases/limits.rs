//! What a request may hold and how long it may take. Sizes are known from its head; a body without
//! a length, and its pace, show while it arrives.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header;
use pingora::http::RequestHeader;
use pingora_core::Result;
use pingora_proxy::Session as HttpSession;
use tokenbridge_bridge::rejection::{Refusal, Rejection};

use super::{failure, streams};
use crate::exchange::Exchange;
use crate::frontend::Frontend;
use crate::gateway::Gateway;

/// Checks that the gateway is not at its limit of requests.
///
/// # Errors
/// It is.
pub(super) fn check_load(frontend: &Frontend) -> Result<(), Refusal> {
    let most = frontend.configuration.limits.requests_in_flight;
    match frontend.drain.in_flight() > most {
        false => Ok(()),
        true => Err(Refusal::new(
            Rejection::Overloaded,
            format!("limits.requests_in_flight={most} are under way"),
        )),
    }
}

/// Checks target and fields.
///
/// # Errors
/// One of them is too large.
pub(super) fn check_sizes(frontend: &Frontend, request: &RequestHeader) -> Result<(), Refusal> {
    let limits = &frontend.configuration.limits;
    let target = request.raw_path().len() as u64;
    if target > limits.max_target {
        return Err(Refusal::new(
            Rejection::TargetTooLong,
            format!("{target} bytes, limits.max_target={}", limits.max_target),
        ));
    }
    // HTTP/2 splits one Cookie field into many (RFC 9113 § 8.2.3).
    let cookies = request.headers.get_all(header::COOKIE).iter().count();
    let fields = request.headers.len() - cookies.saturating_sub(1);
    let bytes: usize = request
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    if fields > limits.max_headers || bytes as u64 > limits.max_header_bytes {
        let detail = format!(
            "{fields} fields of {bytes} bytes; see limits.max_headers and limits.max_header_bytes"
        );
        return Err(Refusal::new(Rejection::HeadersTooLarge, detail));
    }
    Ok(())
}

/// Checks a body's announced length.
///
/// # Errors
/// It is too large.
pub(super) fn check_body_length(
    frontend: &Frontend,
    route_limit: Option<u64>,
    request: &RequestHeader,
) -> Result<(), Refusal> {
    let limit = route_limit.unwrap_or(frontend.configuration.limits.max_body);
    let Some(length) = request.headers.get(header::CONTENT_LENGTH) else {
        return Ok(());
    };
    let length: Option<u64> = length
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse().ok());
    match length {
        Some(length) if length <= limit => Ok(()),
        Some(length) => Err(Refusal::new(
            Rejection::BodyTooLarge,
            format!("{length} bytes, max_body={limit}"),
        )),
        None => Err(Refusal::new(
            Rejection::HeaderInvalid,
            "Content-Length is no number",
        )),
    }
}

/// Makes an attempt ready: what was counted of the body before is sent again, and its parts have
/// their deadline from now on.
pub(crate) fn begin_attempt(gateway: &Gateway, http: &mut HttpSession, exchange: &mut Exchange) {
    exchange.body_bytes = 0;
    let patience = body_patience(gateway, exchange);
    http.set_read_timeout(Some(patience));
    let waits = !http.is_body_done();
    expect_body(exchange, waits.then_some(patience));
}

/// Holds the request body against its limits, while it arrives. One that is neither streamed nor
/// done is to be as fast as `limits.min_body_rate`, once `limits.body_timeout` is over.
///
/// # Errors
/// The body is too large or too slow.
pub(crate) fn body(
    gateway: &Gateway,
    body: Option<&Bytes>,
    end: bool,
    exchange: &mut Exchange,
) -> Result<()> {
    if exchange.is_websocket() {
        streams::heard(exchange);
        return Ok(());
    }
    let limits = &gateway.frontend.configuration.limits;
    let (limit, streaming) = exchange
        .route()
        .map(|found| (found.route.max_body, found.route.streaming))
        .unwrap_or_default();
    let limit = limit.unwrap_or(limits.max_body);
    exchange.body_bytes += body.map_or(0, |chunk| chunk.len() as u64);
    if exchange.body_bytes > limit {
        let detail = format!("more than max_body={limit} bytes");
        let refusal = Refusal::new(Rejection::BodyTooLarge, detail);
        return Err(failure::refused(exchange, refusal));
    }
    let begun = *exchange.body_begun.get_or_insert_with(Instant::now);
    let due = Duration::from_secs(exchange.body_bytes / limits.min_body_rate);
    if !end && !streaming && begun.elapsed() > limits.body_timeout + due {
        let detail = format!("slower than limits.min_body_rate={}", limits.min_body_rate);
        let refusal = Refusal::new(Rejection::RequestTimeout, detail);
        return Err(failure::refused(exchange, refusal));
    }
    let patience = body_patience(gateway, exchange);
    expect_body(exchange, (!end).then_some(patience));
    Ok(())
}

fn expect_body(exchange: &Exchange, patience: Option<Duration>) {
    if let Some(watch) = &exchange.watch {
        watch.body_by(patience.map(|patience| Instant::now() + patience));
    }
}

/// How long the next part of the body may take.
fn body_patience(gateway: &Gateway, exchange: &Exchange) -> Duration {
    let limits = &gateway.frontend.configuration.limits;
    match exchange.route().is_some_and(|found| found.route.streaming) {
        true => limits.stream_idle,
        false => limits.body_timeout,
    }
}

/// How long the request may still take in all; `None` without a limit.
///
/// # Errors
/// Nothing is left.
pub(super) fn time_left(
    gateway: &Gateway,
    exchange: &Exchange,
) -> Result<Option<Duration>, Refusal> {
    let Some(route) = exchange.route().map(|found| &found.route) else {
        return Ok(None);
    };
    let service = gateway.frontend.served().services.get(route.service_index);
    let service = service.map(|service| service.timeouts.total);
    // What streams has no end of its own.
    let total = route
        .total_timeout
        .or_else(|| service.filter(|_| !route.streaming && !exchange.is_websocket()));
    let Some(total) = total else { return Ok(None) };
    if let Some(watch) = &exchange.watch {
        watch.end_by(exchange.started + total);
    }
    match total.checked_sub(exchange.started.elapsed()) {
        Some(left) if !left.is_zero() => Ok(Some(left)),
        Some(_) | None => Err(Refusal::new(
            Rejection::UpstreamTimeout,
            format!("total_timeout={total:?} is over"),
        )),
    }
}
