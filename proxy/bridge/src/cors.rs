//! Cross-origin resource sharing (Fetch § 3.2), always with credentials and by exact origin.

use http::{HeaderMap, HeaderValue, Method, header};

use crate::client_headers::is_refused;

/// What a browser asks before it sends a request that a form could not send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preflight {
    /// Who asks.
    pub origin: HeaderValue,
    /// The method of the request to come.
    pub method: Method,
    /// The headers that its page sets, as they may be allowed; empty when there are none.
    pub headers: String,
}

impl Preflight {
    /// Reads a request; `None` when it is no preflight.
    pub fn read(method: &Method, fields: &HeaderMap) -> Option<Self> {
        if *method != Method::OPTIONS {
            return None;
        }
        let origin = fields.get(header::ORIGIN)?.clone();
        let asked = fields.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
        Some(Self {
            origin,
            method: Method::from_bytes(asked.as_bytes()).ok()?,
            headers: allowed_headers(fields),
        })
    }
}

/// The headers that are asked for, without those that no client may send anyway.
fn allowed_headers(fields: &HeaderMap) -> String {
    let asked = fields
        .get_all(header::ACCESS_CONTROL_REQUEST_HEADERS)
        .iter()
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| http::HeaderName::try_from(name.as_str()).is_ok() && !is_refused(name));
    asked.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: Method, fields: &[(&'static str, &'static str)]) -> Option<Preflight> {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(*name, HeaderValue::from_static(value));
        }
        Preflight::read(&method, &map)
    }

    #[test]
    fn only_options_with_origin_and_method_is_a_preflight() {
        let origin = ("origin", "https://a.example");
        let method = ("access-control-request-method", "PUT");
        assert!(read(Method::OPTIONS, &[origin, method]).is_some());
        assert_eq!(read(Method::GET, &[origin, method]), None);
        assert_eq!(read(Method::OPTIONS, &[origin]), None);
        assert_eq!(read(Method::OPTIONS, &[method]), None);
        let nonsense = ("access-control-request-method", "PUT, POST");
        assert_eq!(read(Method::OPTIONS, &[origin, nonsense]), None);
    }

    #[test]
    fn asked_headers_are_allowed_but_those_that_no_client_may_send() {
        let preflight = read(
            Method::OPTIONS,
            &[
                ("origin", "https://a.example"),
                ("access-control-request-method", "PUT"),
                (
                    "access-control-request-headers",
                    "Content-Type, x-csrf-token,authorization, bad name,, X_User_Id",
                ),
            ],
        );
        assert_eq!(
            preflight.map(|preflight| preflight.headers).as_deref(),
            Some("content-type, x-csrf-token")
        );
    }
}
