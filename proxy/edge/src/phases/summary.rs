//! One access event and one set of metrics for each request.

use std::borrow::Cow;

use http::{HeaderValue, Method};
use pingora::http::RequestHeader;
use pingora_core::Error;
use pingora_proxy::Session as HttpSession;
use tokenbridge_bridge::rejection::{Level, Refusal};
use tokenbridge_bridge::trace::TraceParent;

use crate::answer::X_REQUEST_ID;
use crate::exchange::{Exchange, Place};
use crate::frontend::Frontend;
use crate::gateway::Gateway;
use crate::request_id::{IdSource, RequestId};

/// A new request, with an id and a trace of its own.
pub(crate) fn begin(gateway: &Gateway) -> Exchange {
    Exchange::begin(gateway.ids.begin())
}

/// Takes request id and trace over from a trusted proxy.
pub(crate) fn continue_trace(request: &RequestHeader, ids: &IdSource, exchange: &mut Exchange) {
    let id = request.headers.get(&X_REQUEST_ID);
    if let Some(id) = id.and_then(RequestId::given) {
        exchange.request_id = id;
    }
    let parent = request.headers.get("traceparent");
    if let Some(parent) = parent.and_then(|parent| TraceParent::parse(parent.as_bytes())) {
        let hop = HeaderValue::from_bytes(&parent.hop(ids.next_u64()).render());
        exchange.trace = hop.unwrap_or_else(|_| exchange.trace.clone());
    }
}

/// Writes the access event and counts the answer.
pub(crate) fn write(
    gateway: &Gateway,
    http: &HttpSession,
    error: Option<&Error>,
    exchange: &mut Exchange,
) {
    let sent = http
        .response_written()
        .map(|response| response.status.as_u16());
    let status = sent.unwrap_or(exchange.status);
    let broken = error.is_some() && exchange.rejection().is_none();
    exchange.unwritten = None;
    record(
        &gateway.frontend,
        &http.req_header().method,
        (status, broken),
        exchange,
    );
}

/// Writes the event of a request that was answered with `status`, or `broken` off.
pub(crate) fn record(
    frontend: &Frontend,
    method: &Method,
    (status, broken): (u16, bool),
    exchange: &Exchange,
) {
    let elapsed = exchange.started.elapsed();
    frontend.places.of(&exchange.place).observe(status, elapsed);
    emit(&Event {
        method,
        exchange,
        status,
        broken,
        milliseconds: elapsed.as_secs_f64() * 1_000.0,
    });
}

/// Writes the access event of what never became a request: it has no method, path or route.
pub(crate) fn write_refused(refusal: &Refusal, request_id: &str) {
    let status = refusal.rejection.status();
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                target: "tokenbridge",
                method = "-", path = "-", status, route = "-", request_id,
                "{} {}", refusal.rejection.code(), refusal.detail
            )
        };
    }
    match refusal.rejection.row().level {
        Level::Debug | Level::Info => line!(info),
        Level::Warn => line!(warn),
        Level::Error => line!(error),
    }
}

struct Event<'a> {
    method: &'a Method,
    exchange: &'a Exchange,
    status: u16,
    /// The exchange broke off after its answer had begun.
    broken: bool,
    milliseconds: f64,
}

fn emit(event: &Event<'_>) {
    let refusal = event.exchange.refusal.as_deref();
    let level = match (refusal, &event.exchange.remark) {
        (Some(refusal), _) => refusal.rejection.row().level,
        (None, Some(remark)) if remark.starts_with("UPSTREAM_REJECTED_TOKEN") => Level::Warn,
        (None, _) => Level::Info,
    };
    let message: Cow<'_, str> = match (refusal, &event.exchange.remark) {
        (Some(refusal), _) if refusal.detail.is_empty() => refusal.rejection.code().into(),
        (Some(refusal), _) => format!("{} {}", refusal.rejection.code(), refusal.detail).into(),
        (None, Some(remark)) => remark.as_str().into(),
        (None, None) if event.broken => "request broken off".into(),
        (None, None) => "request".into(),
    };
    match level {
        Level::Debug | Level::Info => line!(info, event, message),
        Level::Warn => line!(warn, event, message),
        Level::Error => line!(error, event, message),
    }
}

/// One line with the same fields at any level. The path has no query: queries carry secrets.
macro_rules! line {
    ($level:ident, $event:ident, $message:ident) => {
        tracing::$level!(
            target: "tokenbridge",
            method = %$event.method,
            path = path($event.exchange),
            status = $event.status,
            route = place($event.exchange),
            duration_ms = ($event.milliseconds * 100.0).round() / 100.0,
            request_id = $event.exchange.request_id.as_str(),
            "{}",
            $message
        )
    };
}
use line;

fn path(exchange: &Exchange) -> &str {
    exchange.target.as_ref().map_or("-", |target| target.path())
}

fn place(exchange: &Exchange) -> &str {
    match &exchange.place {
        Place::None => "-",
        Place::Endpoint(endpoint) => endpoint.label(),
        Place::Route(found) => &found.route.id,
    }
}
