//! What goes to the upstream and what comes back. A retry runs the request step again, so it
//! removes before it adds.

use http::{HeaderName, HeaderValue, StatusCode, header};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora_core::Result;
use pingora_proxy::Session as HttpSession;
use tokenbridge_bridge::client_headers::is_refused;
use tokenbridge_bridge::cookie::{is_ours, set_cookie_name, without_ours};
use tokenbridge_bridge::csrf::CsrfMode;
use tokenbridge_bridge::route::{Route, RouteAuth};

use super::rates::{RATE_LIMIT, RATE_LIMIT_POLICY};
use super::streams::{self, Stream};
use super::{failure, hop};
use crate::answer::X_REQUEST_ID;
use crate::cors;
use crate::exchange::Exchange;
use crate::gateway::Gateway;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Makes the request that the upstream gets.
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
    request.set_raw_path(found.upstream_target(target).as_bytes())?;
    let client = client_address(http);
    let chain = forwarded_for(gateway, request, client);
    let state = trusted_trace_state(gateway, request, client);
    strip(gateway, request, &found.route);
    replace_cookies(gateway, request)?;
    if let Some(upstream) = gateway.frontend.upstreams.get(found.route.service_index) {
        request.insert_header(header::HOST, upstream.authority.clone())?;
    }
    hop::mark_request(&gateway.frontend, http.req_header(), request)?;
    hop::ask_for_trailers(http.req_header(), request)?;
    if matches!(exchange.stream, Some(Stream::EventsAsked)) {
        // The framework tells connections of a kind of ours apart by nothing.
        request.insert_header(header::CONNECTION, "close")?;
    }
    request.insert_header(X_REQUEST_ID, exchange.request_id.as_str())?;
    request.insert_header(TRACEPARENT, exchange.trace.render())?;
    if let Some(state) = state {
        request.insert_header(TRACESTATE, state)?;
    }
    request.insert_header(X_FORWARDED_FOR, chain)?;
    request.insert_header(X_FORWARDED_HOST, gateway.frontend.forwarded_host.clone())?;
    request.insert_header(X_FORWARDED_PROTO, gateway.frontend.forwarded_proto.clone())?;
    if let Some(token) = &exchange.token {
        request.insert_header(header::AUTHORIZATION, token.authorization().clone())?;
    }
    Ok(())
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
    refuse_our_cookies(gateway, response)?;
    streams::begin(gateway, response, exchange);
    if response.status.is_informational() && response.status != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(());
    }
    exchange.status = response.status.as_u16();
    hop::strip(response);
    hop::mark_response(&gateway.frontend, response, exchange)?;
    response.insert_header(X_REQUEST_ID, exchange.request_id.as_str())?;
    if let Some(told) = &exchange.rates {
        response.insert_header(RATE_LIMIT_POLICY, told.policy.as_str())?;
        response.insert_header(RATE_LIMIT, told.state.as_str())?;
    }
    if let Some(hsts) = &gateway.frontend.hsts {
        response.insert_header(header::STRICT_TRANSPORT_SECURITY, hsts.clone())?;
    }
    let Some(route) = exchange.route().map(|found| found.route.clone()) else {
        return Ok(());
    };
    if route.auth == RouteAuth::Session {
        cors::replace(&gateway.frontend, response, exchange.reader.as_ref())?;
        if !response.headers.contains_key(header::CACHE_CONTROL) {
            response.insert_header(header::CACHE_CONTROL, "no-store")?;
        }
    }
    if let (StatusCode::UNAUTHORIZED, Some(token)) = (response.status, &exchange.token) {
        let (service, audience) = (&route.service, token.audience());
        exchange.remark = Some(format!(
            "UPSTREAM_REJECTED_TOKEN service={service} audience={audience}"
        ));
        gateway
            .frontend
            .metrics
            .upstream_rejected_tokens
            .with_label_values(&[service.as_str()])
            .inc();
    }
    Ok(())
}

fn client_address(http: &HttpSession) -> Option<std::net::IpAddr> {
    let address = http.client_addr().and_then(|address| address.as_inet());
    address.map(|address| address.ip().to_canonical())
}

/// The chain of addresses: the client's own list is believed from a trusted proxy alone.
fn forwarded_for(
    gateway: &Gateway,
    request: &RequestHeader,
    client: Option<std::net::IpAddr>,
) -> String {
    let mut chain: Vec<String> = Vec::new();
    if gateway.frontend.trusts(client) {
        let fields = request.headers.get_all(&X_FORWARDED_FOR).iter();
        chain.extend(
            fields
                .filter_map(|field| field.to_str().ok())
                .map(str::to_owned),
        );
    }
    chain.push(client.map_or_else(|| "unknown".into(), |address| address.to_string()));
    chain.join(", ")
}

fn trusted_trace_state(
    gateway: &Gateway,
    request: &RequestHeader,
    client: Option<std::net::IpAddr>,
) -> Option<HeaderValue> {
    gateway
        .frontend
        .trusts(client)
        .then(|| request.headers.get(&TRACESTATE).cloned())
        .flatten()
}

/// Removes every spelling of every name that a client may not send.
fn strip(gateway: &Gateway, request: &mut RequestHeader, route: &Route) {
    let refused: Vec<HeaderName> = request
        .headers
        .keys()
        .filter(|name| is_refused(name.as_str()) || gateway.frontend.is_identity_header(name))
        .filter(|name| !route.pass_headers.contains(name))
        .cloned()
        .collect();
    let rule = &gateway.frontend.served().csrf;
    let proof = (rule.mode == CsrfMode::Token).then_some(&rule.header);
    for name in refused.iter().chain(&hop::HOP_BY_HOP).chain(proof) {
        while request.remove_header(name).is_some() {}
    }
}

/// One `Cookie` field without ours (RFC 9113 § 8.2.3), or none.
fn replace_cookies(gateway: &Gateway, request: &mut RequestHeader) -> Result<()> {
    let fields = request
        .headers
        .get_all(header::COOKIE)
        .iter()
        .map(HeaderValue::as_bytes);
    let kept = without_ours(fields, gateway.frontend.cookie.as_str());
    while request.remove_header(&header::COOKIE).is_some() {}
    match kept.map(|kept| HeaderValue::from_bytes(&kept)) {
        Some(Ok(value)) => request.insert_header(header::COOKIE, value),
        Some(Err(_)) | None => Ok(()),
    }
}

/// An upstream can neither set nor delete our cookies.
fn refuse_our_cookies(gateway: &Gateway, response: &mut ResponseHeader) -> Result<()> {
    let session_cookie = gateway.frontend.cookie.as_str();
    let ours = |field: &HeaderValue| is_ours(set_cookie_name(field.as_bytes()), session_cookie);
    if !response
        .headers
        .get_all(header::SET_COOKIE)
        .iter()
        .any(ours)
    {
        return Ok(());
    }
    let all = response.headers.get_all(header::SET_COOKIE).iter();
    let kept: Vec<HeaderValue> = all.filter(|field| !ours(field)).cloned().collect();
    while response.remove_header(&header::SET_COOKIE).is_some() {}
    kept.into_iter().try_for_each(|field| {
        response
            .append_header(header::SET_COOKIE, field)
            .map(|_| ())
    })
}
