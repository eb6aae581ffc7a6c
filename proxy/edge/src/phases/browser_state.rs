//! What an upstream may do to what the browser keeps for our origin: neither set nor delete our
//! cookies, nor clear what a page needs to find its session again.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use pingora::http::ResponseHeader;
use pingora_core::{ErrorType, OrErr, Result};
use tokenbridge_bridge::cookie::{is_ours, set_cookie_name};
use tokenbridge_bridge::site_data::without_session_data;

use super::hop::HOP_BY_HOP;
use crate::gateway::Gateway;

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// Fields that mean something in a head alone (RFC 9110 § 6.5.1), by which a trailer could reach
/// the browser's state or the connection.
const NO_TRAILERS: [HeaderName; 6] = [
    header::SET_COOKIE,
    CLEAR_SITE_DATA,
    header::CONNECTION,
    header::UPGRADE,
    header::TRANSFER_ENCODING,
    header::CONTENT_LENGTH,
];

/// Takes out of an answer's head what would reach our cookies.
///
/// # Errors
/// A value cannot stand in a header.
pub(super) fn protect(gateway: &Gateway, response: &mut ResponseHeader) -> Result<()> {
    refuse_our_cookies(gateway, response)?;
    refuse_clearing(response)
}

/// Takes out of an answer's trailers what belongs in a head.
pub(crate) fn strip_trailers(trailers: &mut HeaderMap) {
    for name in NO_TRAILERS.iter().chain(&HOP_BY_HOP) {
        trailers.remove(name);
    }
}

fn refuse_clearing(response: &mut ResponseHeader) -> Result<()> {
    if !response.headers.contains_key(&CLEAR_SITE_DATA) {
        return Ok(());
    }
    let fields = response.headers.get_all(&CLEAR_SITE_DATA).iter();
    let kept = without_session_data(fields.map(HeaderValue::as_bytes));
    while response.remove_header(&CLEAR_SITE_DATA).is_some() {}
    let Some(kept) = kept else { return Ok(()) };
    let kept = HeaderValue::try_from(kept).or_err(
        ErrorType::InvalidHTTPHeader,
        "Clear-Site-Data cannot be sent on",
    )?;
    response.insert_header(CLEAR_SITE_DATA, kept)
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailer_sets_no_cookie() {
        let mut trailers = HeaderMap::new();
        for name in NO_TRAILERS.iter().chain(&HOP_BY_HOP) {
            trailers.append(name, HeaderValue::from_static("a"));
            trailers.append(name, HeaderValue::from_static("b"));
        }
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        strip_trailers(&mut trailers);
        assert_eq!(trailers.len(), 1);
        assert!(trailers.contains_key("grpc-status"));
    }
}
