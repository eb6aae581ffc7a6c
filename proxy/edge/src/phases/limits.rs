//! What a request may hold and how long it may take, as far as its head tells. A body without a
//! length, and its pace, show while it arrives ([`super::body`]).

use std::time::Duration;

use http::{HeaderValue, header};
use pingora::http::RequestHeader;
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_bridge::route::RouteLimits;
use tokenbridge_config::limits::Limits;

use crate::exchange::Exchange;
use crate::frontend::Frontend;
use crate::gateway::Gateway;

/// What is allowed at the listener that the request came to.
pub(super) fn of<'e>(frontend: &'e Frontend, exchange: &'e Exchange) -> &'e Limits {
    let watch = exchange.watch.as_ref();
    let own = watch.and_then(|watch| watch.limits());
    own.unwrap_or(&frontend.configuration.limits)
}

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

/// Checks target and fields against the listener's limits.
///
/// # Errors
/// One of them is too large.
pub(super) fn check_sizes(limits: &Limits, request: &RequestHeader) -> Result<(), Refusal> {
    let Limits {
        max_headers,
        max_header_bytes,
        max_target,
        ..
    } = *limits;
    check_head(request, (max_target, max_headers, max_header_bytes))
}

/// Checks them against the route's own.
///
/// # Errors
/// One of them is too large.
pub(super) fn check_route_sizes(
    limits: &RouteLimits,
    request: &RequestHeader,
) -> Result<(), Refusal> {
    let RouteLimits {
        max_headers,
        max_header_bytes,
        max_target,
        ..
    } = *limits;
    if max_headers.is_none() && max_header_bytes.is_none() && max_target.is_none() {
        return Ok(());
    }
    let bounds = (
        max_target.unwrap_or(u64::MAX),
        max_headers.unwrap_or(usize::MAX),
        max_header_bytes.unwrap_or(u64::MAX),
    );
    check_head(request, bounds)
}

fn check_head(
    request: &RequestHeader,
    (max_target, max_headers, max_header_bytes): (u64, usize, u64),
) -> Result<(), Refusal> {
    let target = request.raw_path().len() as u64;
    if target > max_target {
        let detail = format!("{target} bytes, max_target={max_target}");
        return Err(Refusal::new(Rejection::TargetTooLong, detail));
    }
    // HTTP/2 splits one Cookie field into many (RFC 9113 § 8.2.3).
    let cookies = request.headers.get_all(header::COOKIE).iter().count();
    let fields = request.headers.len() - cookies.saturating_sub(1);
    let bytes: usize = request
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    if fields > max_headers || bytes as u64 > max_header_bytes {
        let detail = format!(
            "{fields} fields of {bytes} bytes; see max_headers and max_header_bytes of limits, listener and route"
        );
        return Err(Refusal::new(Rejection::HeadersTooLarge, detail));
    }
    Ok(())
}

/// Checks a body's announced length.
///
/// # Errors
/// It is too large.
pub(super) fn check_body_length(limit: u64, request: &RequestHeader) -> Result<(), Refusal> {
    let Some(length) = request.headers.get(header::CONTENT_LENGTH) else {
        return Ok(());
    };
    match length_of(length) {
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

/// The number that `Content-Length` says.
pub(super) fn length_of(field: &HeaderValue) -> Option<u64> {
    field
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse().ok())
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
        .limits
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
