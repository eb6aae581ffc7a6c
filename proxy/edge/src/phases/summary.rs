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
use crate::logging::{self, AccessEvent};
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
    exchange.note_written();
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
    let (level, message) = level_and_message(exchange, broken);
    logging::access(&AccessEvent {
        level,
        message: &message,
        method: method.as_str(),
        path: path(exchange),
        status,
        route: place(exchange),
        duration: Some(elapsed),
        request_id: exchange.request_id.as_str(),
    });
}

/// Writes the access event of what never became a request: it has no method, path or route.
pub(crate) fn write_refused(refusal: &Refusal, request_id: &str) {
    logging::access(&AccessEvent {
        level: refusal.rejection.row().level,
        message: &message(refusal),
        method: "-",
        path: "-",
        status: refusal.rejection.status(),
        route: "-",
        duration: None,
        request_id,
    });
}

fn message(refusal: &Refusal) -> Cow<'static, str> {
    let code = refusal.rejection.code();
    match refusal.detail.is_empty() {
        true => code.into(),
        false => format!("{code} {}", refusal.detail).into(),
    }
}

fn level_and_message(exchange: &Exchange, broken: bool) -> (Level, Cow<'_, str>) {
    match (exchange.refusal.as_deref(), &exchange.remark) {
        (Some(refusal), _) => (refusal.rejection.row().level, message(refusal)),
        (None, Some(remark)) if remark.starts_with("UPSTREAM_REJECTED_TOKEN") => {
            (Level::Warn, remark.as_str().into())
        }
        (None, Some(remark)) => (Level::Info, remark.as_str().into()),
        (None, None) if broken => (Level::Info, "request broken off".into()),
        (None, None) => (Level::Info, "request".into()),
    }
}

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
