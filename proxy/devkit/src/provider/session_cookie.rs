//! The provider's own session cookie.

use http::{HeaderMap, HeaderValue, header};

/// Cookies know no ports, so the name must not be one that a gateway on `localhost` uses.
const NAME: &str = "devkit_idp_session";

/// The cookie's value.
pub(crate) fn read(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == NAME)
        .map(|(_, value)| value)
}

/// The header that sets it. Lax, as the browser comes back to the provider from elsewhere.
pub(crate) fn set(value: &str) -> HeaderValue {
    header_value(format!("{NAME}={value}; Path=/; HttpOnly; SameSite=Lax"))
}

/// The header that deletes it.
pub(crate) fn delete() -> HeaderValue {
    header_value(format!(
        "{NAME}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"
    ))
}

/// Only ever made of the name and base64url, which fit into a header.
fn header_value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}
