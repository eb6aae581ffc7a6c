//! What an upstream may do to what the browser keeps for our origin: neither set nor delete our
//! cookies, nor clear what a page needs to find its session again.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use pingora_core::{ErrorType, OrErr, Result};
use tokenbridge_bridge::cookie::{is_ours, set_cookie_name};
use tokenbridge_bridge::site_data::without_session_data;

use super::hop::HOP_BY_HOP;
use super::present::Present;
use crate::gateway::Gateway;

pub(super) const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// Fields that mean something in a head alone (RFC 9110 § 6.5.1), by which a trailer could reach
/// the browser's state or the connection.
static NO_TRAILERS: [HeaderName; 6] = [
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
pub(super) fn protect(gateway: &Gateway, fields: &mut HeaderMap, present: Present) -> Result<()> {
    if present.set_cookie {
        refuse_our_cookies(gateway, fields);
    }
    match present.clear_site_data {
        true => refuse_clearing(fields),
        false => Ok(()),
    }
}

/// Takes out of an answer's trailers what belongs in a head.
pub(crate) fn strip_trailers(trailers: &mut HeaderMap) {
    for name in NO_TRAILERS.iter().chain(&HOP_BY_HOP) {
        trailers.remove(name);
    }
}

fn refuse_clearing(fields: &mut HeaderMap) -> Result<()> {
    let told = fields.get_all(&CLEAR_SITE_DATA).iter();
    let kept = without_session_data(told.map(HeaderValue::as_bytes));
    fields.remove(&CLEAR_SITE_DATA);
    let Some(kept) = kept else { return Ok(()) };
    let kept = HeaderValue::try_from(kept).or_err(
        ErrorType::InvalidHTTPHeader,
        "Clear-Site-Data cannot be sent on",
    )?;
    fields.insert(CLEAR_SITE_DATA, kept);
    Ok(())
}

fn refuse_our_cookies(gateway: &Gateway, fields: &mut HeaderMap) {
    let session_cookie = gateway.frontend.cookie.as_str();
    let ours = |field: &HeaderValue| is_ours(set_cookie_name(field.as_bytes()), session_cookie);
    if !fields.get_all(header::SET_COOKIE).iter().any(ours) {
        return;
    }
    let all = fields.get_all(header::SET_COOKIE).iter();
    let kept: Vec<HeaderValue> = all.filter(|field| !ours(field)).cloned().collect();
    fields.remove(header::SET_COOKIE);
    for field in kept {
        fields.append(header::SET_COOKIE, field);
    }
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
