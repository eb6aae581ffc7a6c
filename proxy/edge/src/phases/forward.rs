//! What goes to the upstream and what comes back. A retry runs the request step again, so it
//! removes before it adds.

use std::io::Write;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, response};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora_core::{ErrorType, OrErr, Result};
use pingora_proxy::Session as HttpSession;
use tokenbridge_bridge::client_address;
use tokenbridge_bridge::client_headers::{covers, is_refused};
use tokenbridge_bridge::cookie::without_ours;
use tokenbridge_bridge::csrf::CsrfMode;
use tokenbridge_bridge::route::{Route, RouteAuth};

use super::address_text::AddressText;
use super::present::Present;
use super::rates::{RATE_LIMIT, RATE_LIMIT_POLICY};
use super::streams::{self, Stream};
use super::{browser_state, failure, hop};
use crate::answer::X_REQUEST_ID;
use crate::cors;
use crate::exchange::Exchange;
use crate::gateway::Gateway;

pub(crate) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// Fields that are put into a request, some to spare.
const ADDED_TO_A_REQUEST: usize = 10;
/// Fields that are put into an answer, some to spare.
const ADDED_TO_AN_ANSWER: usize = 8;
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Takes out of a route's request what reaches no upstream, once and before the framework copies it
/// for an attempt. What is believed of some clients, or of a gRPC call, stays until then.
pub(crate) fn prepare(gateway: &Gateway, http: &mut HttpSession, exchange: &Exchange) {
    let Some(found) = exchange.route() else {
        return;
    };
    let believed = gateway.frontend.trusts(peer_address(http));
    let request = http.req_header_mut();
    let mut parts = take(request);
    strip(gateway, &mut parts.headers, &found.route, believed);
    replace_cookies(gateway, &mut parts.headers);
    *request = RequestHeader::from(parts);
}

/// Makes the request that the upstream gets. It comes after the framework has removed what the
/// client's `Connection` names, so that a client can name nothing that stands here.
///
/// # Errors
/// A value cannot stand in a header.
pub(crate) fn request(
    gateway: &Gateway,
    http: &HttpSession,
    request: &mut RequestHeader,
    exchange: &Exchange,
) -> Result<()> {
    let (Some(found), Some(target)) = (exchange.route(), &exchange.target) else {
        return Ok(());
    };
    let mut parts = take(request);
    let fields = &mut parts.headers;
    fields.reserve(ADDED_TO_A_REQUEST);
    let chain = forwarded_for(gateway, fields, peer_address(http), exchange)?;
    fields.insert(X_FORWARDED_FOR, chain);
    fields.remove(header::TE);
    let upstream = gateway.frontend.upstreams.get(found.route.service_index);
    if let Some(upstream) = upstream {
        fields.insert(header::HOST, upstream.authority.clone());
    }
    hop::mark_request(&gateway.frontend, http.req_header(), fields)?;
    hop::ask_for_trailers(http.req_header(), fields);
    if !found.route.streaming || failure::interim(http) {
        // Answered where the beginning of the body is awaited; or the client was told to go on.
        fields.remove(header::EXPECT);
    }
    let speaks_http2 = upstream.is_some_and(|upstream| upstream.speaks_http2());
    if matches!(exchange.stream, Some(Stream::EventsAsked)) && !speaks_http2 {
        // The framework tells connections of a kind of ours apart by nothing.
        fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    fields.insert(X_REQUEST_ID, exchange.request_id.value().clone());
    fields.insert(TRACEPARENT, exchange.trace.clone());
    fields.insert(X_FORWARDED_HOST, gateway.frontend.forwarded_host.clone());
    fields.insert(X_FORWARDED_PROTO, gateway.frontend.forwarded_proto.clone());
    if let Some(token) = &exchange.token {
        fields.insert(header::AUTHORIZATION, token.authorization().clone());
    }
    *request = RequestHeader::from(parts);
    if request.uri.authority().is_none() && found.asks_for(target, request.raw_path()) {
        return Ok(());
    }
    request.set_raw_path(found.upstream_target(target).as_bytes())
}

/// The request without the client's spelling of its fields' names, which are the same in any case
/// (RFC 9110 § 5.1). Constant names can be put into what is left without a copy of them.
fn take(request: &mut RequestHeader) -> http::request::Parts {
    let (empty, ()) = http::Request::new(()).into_parts();
    std::mem::replace(request, RequestHeader::from(empty)).into()
}

fn value(text: &[u8]) -> Result<HeaderValue> {
    HeaderValue::from_bytes(text).or_err(ErrorType::InvalidHTTPHeader, "a value cannot be sent")
}

/// An upstream's answer without its spelling of names, as a request's in [`take`], and the words
/// beside its status where they are its own.
fn take_answer(response: &mut ResponseHeader) -> (response::Parts, Option<String>) {
    let usual = response.status.canonical_reason();
    let words = response
        .get_reason_phrase()
        .filter(|words| Some(*words) != usual);
    let words = words.map(str::to_owned);
    let (empty, ()) = http::Response::new(()).into_parts();
    let taken = std::mem::replace(response, ResponseHeader::from(empty));
    (taken.into(), words)
}

/// Makes the answer that the client gets, and notes what the upstream thinks of the token.
///
/// # Errors
/// A value cannot stand in a header.
pub(crate) fn response(
    gateway: &Gateway,
    response: &mut ResponseHeader,
    exchange: &mut Exchange,
) -> Result<()> {
    if response.status == StatusCode::SWITCHING_PROTOCOLS {
        streams::check_switch(exchange).map_err(|refusal| failure::refused(exchange, refusal))?;
        // A tunnel has no end of its own.
        if let Some(watch) = &exchange.watch {
            watch.disarm();
        }
    }
    let (mut answer, words) = take_answer(response);
    make_answer(gateway, &mut answer, exchange)?;
    *response = ResponseHeader::from(answer);
    match words {
        Some(words) => response.set_reason_phrase(Some(&words)),
        None => Ok(()),
    }
}

fn make_answer(
    gateway: &Gateway,
    answer: &mut response::Parts,
    exchange: &mut Exchange,
) -> Result<()> {
    let present = Present::among(&answer.headers);
    hop::strip(answer, present);
    browser_state::protect(gateway, &mut answer.headers, present)?;
    streams::begin(gateway, answer, exchange);
    let status = answer.status;
    if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
        // The framework makes this one anew in answers alone.
        answer.headers.remove(header::CONNECTION);
        return Ok(());
    }
    exchange.status = status.as_u16();
    answer.headers.reserve(ADDED_TO_AN_ANSWER);
    hop::mark_response(&gateway.frontend, answer, exchange)?;
    let fields = &mut answer.headers;
    fields.insert(X_REQUEST_ID, exchange.request_id.value().clone());
    if let Some(told) = &exchange.rates {
        fields.insert(RATE_LIMIT_POLICY, value(told.policy.as_bytes())?);
        fields.insert(RATE_LIMIT, value(told.state.as_bytes())?);
    }
    if let Some(hsts) = &gateway.frontend.hsts {
        fields.insert(header::STRICT_TRANSPORT_SECURITY, hsts.clone());
    }
    let auth = exchange.route().map(|found| found.route.auth);
    if auth == Some(RouteAuth::Session) {
        cors::replace(
            &gateway.frontend,
            (fields, present),
            exchange.reader.as_ref(),
        );
        if !present.cache_control {
            fields.insert(header::CACHE_CONTROL, NO_STORE);
        }
    }
    if status == StatusCode::UNAUTHORIZED {
        note_rejected_token(gateway, exchange);
    }
    Ok(())
}

fn note_rejected_token(gateway: &Gateway, exchange: &mut Exchange) {
    let (Some(token), Some(found)) = (&exchange.token, exchange.route()) else {
        return;
    };
    let (service, audience) = (&found.route.service, token.audience());
    let remark = format!("UPSTREAM_REJECTED_TOKEN service={service} audience={audience}");
    gateway
        .frontend
        .metrics
        .upstream_rejected_tokens
        .with_label_values(&[service.as_str()])
        .inc();
    exchange.remark = Some(remark);
}

fn peer_address(http: &HttpSession) -> Option<std::net::IpAddr> {
    let address = http.client_addr().and_then(|address| address.as_inet());
    address.map(|address| address.ip().to_canonical())
}

/// The chain of addresses, and of nothing else: the client's own list is believed from a trusted
/// proxy alone.
fn forwarded_for(
    gateway: &Gateway,
    fields: &HeaderMap,
    client: Option<std::net::IpAddr>,
    exchange: &Exchange,
) -> Result<HeaderValue> {
    let own = || value(AddressText::of(client).as_bytes());
    let mut listed = fields.get_all(&X_FORWARDED_FOR).iter().peekable();
    if listed.peek().is_none() || !gateway.frontend.trusts(client) {
        return match &exchange.watch {
            Some(watch) => watch.address(own),
            None => own(),
        };
    }
    let mut chain = Vec::new();
    for address in client_address::forwarded_for(listed.map(HeaderValue::as_bytes)) {
        // There is always room in memory.
        let _ = write!(chain, "{address}, ");
    }
    chain.extend_from_slice(AddressText::of(client).as_bytes());
    value(&chain)
}

/// Removes every spelling of every name that a client may not send.
fn strip(gateway: &Gateway, fields: &mut HeaderMap, route: &Route, believed: bool) {
    let rule = &gateway.frontend.served().csrf;
    let proof = (rule.mode == CsrfMode::Token).then_some(&rule.header);
    let later = |name: &HeaderName| {
        *name == header::TE || (believed && (*name == X_FORWARDED_FOR || *name == TRACESTATE))
    };
    let refused: Vec<HeaderName> = fields
        .keys()
        .filter(|name| {
            let identity = is_refused(name.as_str()) || gateway.frontend.is_identity_header(name);
            (identity && !route.pass_headers.contains(name))
                || hop::HOP_BY_HOP.contains(name)
                || proof.is_some_and(|proof| covers(proof.as_str(), name.as_str()))
        })
        .filter(|name| !later(name))
        .cloned()
        .collect();
    for name in &refused {
        fields.remove(name);
    }
}

/// One `Cookie` field without ours (RFC 9113 § 8.2.3), or none.
fn replace_cookies(gateway: &Gateway, fields: &mut HeaderMap) {
    let cookies = fields.get_all(header::COOKIE).iter();
    let cookies = cookies.map(HeaderValue::as_bytes);
    let kept = without_ours(cookies, gateway.frontend.cookie.as_str());
    fields.remove(header::COOKIE);
    if let Some(Ok(kept)) = kept.map(|kept| HeaderValue::from_bytes(&kept)) {
        fields.insert(header::COOKIE, kept);
    }
}
