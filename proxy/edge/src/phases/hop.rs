//! What belongs to one connection and not to the request (RFC 9110 § 7.6), and the marks that each
//! hop leaves.

use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header};
use pingora::http::RequestHeader;
use pingora_core::{ErrorType, OrErr, Result};
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_bridge::via;

use super::present::Present;
use crate::exchange::Exchange;
use crate::frontend::Frontend;
use crate::refusal::PROXY_STATUS;

/// Fields that belong to one connection (RFC 9110 § 7.6.1).
pub(super) static HOP_BY_HOP: [HeaderName; 6] = [
    header::TE,
    header::TRAILER,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// Checks that the request does not run in a circle.
///
/// # Errors
/// It does: an upstream's address leads back here.
pub(super) fn check_loop(frontend: &Frontend, request: &RequestHeader) -> Result<(), Refusal> {
    let fields = request.headers.get_all(header::VIA).iter();
    match via::is_loop(fields.map(HeaderValue::as_bytes), &frontend.pseudonym) {
        false => Ok(()),
        true => Err(Refusal::new(
            Rejection::LoopDetected,
            "Via names this gateway again and again; look for a base_url that leads back to it",
        )),
    }
}

/// Whether a request is a call of gRPC.
pub(super) fn is_grpc_call(received: &RequestHeader) -> bool {
    received.version == Version::HTTP_2
        && holds(received, &header::CONTENT_TYPE, "application/grpc")
}

/// Asks for trailers where the client of a gRPC call does and gets them: it sends `TE: trailers`,
/// and a server may refuse a call without it (gRPC over HTTP/2, "Requests").
pub(super) fn ask_for_trailers(received: &RequestHeader, fields: &mut HeaderMap) {
    if is_grpc_call(received) && holds(received, &header::TE, "trailers") {
        fields.insert(header::TE, HeaderValue::from_static("trailers"));
    }
}

fn holds(received: &RequestHeader, name: &HeaderName, word: &str) -> bool {
    let fields = received.headers.get_all(name).iter();
    let mut fields = fields.filter_map(|field| field.to_str().ok());
    fields.any(|field| field.to_ascii_lowercase().contains(word))
}

/// What we add to `Via`, by the version in which a message came.
pub(crate) struct Marks([HeaderValue; 3]);

impl Marks {
    /// Those of a gateway with this name.
    pub(crate) fn of(pseudonym: &str) -> Self {
        Self(["1.0", "1.1", "2"].map(|version| {
            let mark = HeaderValue::try_from(format!("{version} {pseudonym}"));
            mark.unwrap_or(HeaderValue::from_static("1.1 tokenbridge"))
        }))
    }

    fn at(&self, version: Version) -> &HeaderValue {
        let [old, usual, two] = &self.0;
        match version {
            Version::HTTP_10 => old,
            Version::HTTP_2 => two,
            _ => usual,
        }
    }
}

/// Adds us to `Via`. A retry begins with the client's fields again.
pub(super) fn mark_request(
    frontend: &Frontend,
    received: &RequestHeader,
    fields: &mut HeaderMap,
) -> Result<()> {
    let own = frontend.marks.at(received.version);
    let mut members = received.headers.get_all(header::VIA).iter().peekable();
    if members.peek().is_none() {
        fields.insert(header::VIA, own.clone());
        return Ok(());
    }
    let texts = members.chain([own]).filter_map(|field| field.to_str().ok());
    let joined = texts.collect::<Vec<_>>().join(", ");
    let joined = HeaderValue::try_from(joined)
        .or_err(ErrorType::InvalidHTTPHeader, "Via cannot be sent on")?;
    fields.insert(header::VIA, joined);
    Ok(())
}

/// Adds us to `Via`, and says of an error that it is the upstream's own (RFC 9209 § 2.1.4).
///
/// # Errors
/// None that any status could bring.
pub(super) fn mark_response(
    frontend: &Frontend,
    answer: &mut Parts,
    exchange: &Exchange,
) -> Result<()> {
    let own = frontend.marks.at(answer.version).clone();
    answer.headers.append(header::VIA, own);
    let status = answer.status;
    if exchange.route().is_some() && (status.is_client_error() || status.is_server_error()) {
        let told = format!("tokenbridge; received-status={}", status.as_str());
        let told = HeaderValue::try_from(told).or_err(
            ErrorType::InvalidHTTPHeader,
            "Proxy-Status cannot be sent on",
        )?;
        answer.headers.append(PROXY_STATUS, told);
    }
    Ok(())
}

/// Removes them from an answer: the framework leaves them in those to HTTP/1 clients. `Upgrade` is
/// for a switch of protocols alone: whatever else an upstream offers is for this hop.
pub(super) fn strip(answer: &mut Parts, present: Present) {
    if present.upgrade && answer.status != StatusCode::SWITCHING_PROTOCOLS {
        answer.headers.remove(header::UPGRADE);
    }
    let nominated = match present.connection {
        true => nominated(&answer.headers),
        false => Vec::new(),
    };
    if nominated.is_empty() && !present.hop_by_hop {
        return;
    }
    for name in nominated.iter().chain(&HOP_BY_HOP) {
        answer.headers.remove(name);
    }
}

/// What `Connection` names, beside itself and a switch of protocols.
fn nominated(fields: &HeaderMap) -> Vec<HeaderName> {
    let named = fields.get_all(header::CONNECTION).iter();
    named
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(','))
        .filter_map(|name| HeaderName::try_from(name.trim()).ok())
        .filter(|name| *name != header::UPGRADE && *name != header::CONNECTION)
        .collect()
}
