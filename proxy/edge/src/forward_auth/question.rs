//! The request that another proxy asks about, put together from what it says of it.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use pingora::http::RequestHeader;
use tokenbridge_bridge::client_address::client_address;
use tokenbridge_bridge::framing;
use tokenbridge_bridge::rejection::{Refusal, Rejection};

use crate::frontend::Frontend;

const METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const URI: HeaderName = HeaderName::from_static("x-forwarded-uri");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What the asking proxy's own connection needs, and what was read into the request line.
const NOT_COPIED: [HeaderName; 9] = [
    METHOD,
    URI,
    HOST,
    PROTO,
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    HeaderName::from_static("keep-alive"),
];

/// The request asked about.
pub(super) struct Question {
    pub(super) request: RequestHeader,
    scheme: Option<HeaderValue>,
}

/// Reads `X-Forwarded-Method`, `-Uri`, `-Host` and `-Proto`, and takes all other fields as the
/// request's own.
///
/// # Errors
/// One of the first three is missing, one stands twice, or they make no request.
pub(super) fn read(fields: &HeaderMap) -> Result<Question, Refusal> {
    let method = one(fields, &METHOD)?.ok_or_else(|| missing(&METHOD))?;
    let uri = one(fields, &URI)?.ok_or_else(|| missing(&URI))?;
    let host = one(fields, &HOST)?.ok_or_else(|| missing(&HOST))?;
    // What the framework would cut off in silence is refused before it reads it.
    framing::judge_path(uri.as_bytes())?;
    let unreadable = |_| Refusal::new(Rejection::TargetInvalid, "X-Forwarded-Uri or -Method");
    let mut request = RequestHeader::build(method.as_bytes(), uri.as_bytes(), Some(fields.len()))
        .map_err(unreadable)?;
    let copied = fields.iter().filter(|(name, _)| !NOT_COPIED.contains(name));
    let host = std::iter::once((&header::HOST, host));
    for (name, value) in copied.chain(host) {
        request
            .append_header(name.clone(), value.clone())
            .map_err(|_| Refusal::new(Rejection::HeaderInvalid, "a field cannot be copied"))?;
    }
    Ok(Question {
        request,
        scheme: one(fields, &PROTO)?.cloned(),
    })
}

fn one<'f>(fields: &'f HeaderMap, name: &HeaderName) -> Result<Option<&'f HeaderValue>, Refusal> {
    let mut values = fields.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(Refusal::new(
            Rejection::HeaderInvalid,
            format!("{name} stands twice: the asking proxy must set it, not add to it"),
        )),
    }
}

fn missing(name: &HeaderName) -> Refusal {
    let detail = format!("there is no {name}: the asking proxy must set it");
    Refusal::new(Rejection::HeaderInvalid, detail)
}

impl Question {
    /// A request that came in plain text must not get the token of a page on https.
    ///
    /// # Errors
    /// The scheme is not the one of `public_url`.
    pub(super) fn check_scheme(&self, frontend: &Frontend) -> Result<(), Refusal> {
        match &self.scheme {
            Some(scheme) if *scheme != frontend.forwarded_proto => Err(Refusal::new(
                Rejection::HostUnknown,
                "X-Forwarded-Proto is not the scheme of public_url",
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// Who the request is from: the asking proxy is believed, and so are the trusted ones.
    pub(super) fn client(&self, frontend: &Frontend, peer: IpAddr) -> IpAddr {
        let asking = peer.to_canonical();
        let fields = self.request.headers.get_all("x-forwarded-for").iter();
        client_address(asking, fields.map(HeaderValue::as_bytes), |address| {
            address == asking || frontend.trusts(Some(address))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    const WHOLE: [(&str, &str); 4] = [
        ("x-forwarded-method", "POST"),
        ("x-forwarded-uri", "/a/b?c=d"),
        ("x-forwarded-host", "app.example"),
        ("host", "gateway.internal"),
    ];

    #[test]
    fn the_request_is_the_one_asked_about_and_not_the_one_that_asks() {
        let mut given = WHOLE.to_vec();
        given.extend([
            ("cookie", "a=1"),
            ("connection", "close"),
            ("content-length", "0"),
        ]);
        let question = read(&fields(&given)).unwrap_or_else(|refusal| panic!("{refusal:?}"));
        let request = question.request;
        assert_eq!(
            (request.method.as_str(), request.raw_path()),
            ("POST", &b"/a/b?c=d"[..])
        );
        assert_eq!(request.headers.get_all("host").iter().count(), 1);
        assert_eq!(request.headers["host"], "app.example");
        assert_eq!(request.headers["cookie"], "a=1");
        for name in ["connection", "content-length", "x-forwarded-uri"] {
            assert!(!request.headers.contains_key(name), "{name}");
        }
    }

    #[test]
    fn a_uri_of_which_another_part_would_be_judged_than_the_one_that_is_sent_is_refused() {
        for uri in [
            "/p/x#/../../s/x",
            "/p/x?a#b",
            "https://evil.example/p/x",
            "p/x",
            "/p/x y",
            "",
        ] {
            let mut given = WHOLE.to_vec();
            given.retain(|(name, _)| *name != "x-forwarded-uri");
            given.push(("x-forwarded-uri", uri));
            let refused = read(&fields(&given)).err().map(|refusal| refusal.rejection);
            assert_eq!(refused, Some(Rejection::TargetInvalid), "{uri:?}");
        }
    }

    #[test]
    fn what_is_missing_or_stands_twice_is_refused() {
        for (name, value) in WHOLE.iter().take(3) {
            let without: Vec<_> = WHOLE
                .iter()
                .filter(|field| field.0 != *name)
                .copied()
                .collect();
            assert!(read(&fields(&without)).is_err(), "{name} missing");
            let mut twice = WHOLE.to_vec();
            twice.push((name, value));
            assert!(read(&fields(&twice)).is_err(), "{name} twice");
        }
    }
}
