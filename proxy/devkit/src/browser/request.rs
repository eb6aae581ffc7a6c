//! Requests, and what a browser says of where they come from (Fetch Metadata).

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use url::{Url, form_urlencoded};

/// A request that a page's script sends.
#[derive(Clone, Debug)]
pub struct BrowserRequest {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) origin: Option<String>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Option<Bytes>,
}

impl BrowserRequest {
    /// A request from a page of the same origin.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            origin: None,
            headers: Vec::new(),
            body: None,
        }
    }

    /// `GET`.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new(Method::GET, url)
    }

    /// `POST` without a body.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new(Method::POST, url)
    }

    /// The page that sends it is of this origin, and not of the one that it is sent to.
    #[must_use]
    pub fn from_origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(origin.into());
        self
    }

    /// One more header line.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// A JSON body.
    #[must_use]
    pub fn json(mut self, body: &serde_json::Value) -> Self {
        let json = HeaderValue::from_static("application/json");
        self.headers.push((http::header::CONTENT_TYPE, json));
        self.body = Some(Bytes::from(body.to_string()));
        self
    }

    /// A body as it is.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }
}

/// A navigation with the redirects behind it.
pub(super) struct Journey {
    pub(super) method: Method,
    /// The page that it began on; none when the address was typed in.
    pub(super) initiator: Option<Url>,
    pub(super) body: Option<String>,
    first: Url,
    redirects: Vec<Url>,
}

impl Journey {
    pub(super) fn typed(url: Url) -> Self {
        Self {
            method: Method::GET,
            initiator: None,
            body: None,
            first: url,
            redirects: Vec::new(),
        }
    }

    pub(super) fn link(page: Url, url: Url) -> Self {
        Self {
            initiator: Some(page),
            ..Self::typed(url)
        }
    }

    /// A form that is submitted: in the body of a POST, in the query otherwise.
    pub(super) fn form(method: &Method, action: Url, encoded: String, initiator: Url) -> Self {
        let mut journey = Self {
            initiator: Some(initiator),
            ..Self::typed(action)
        };
        if *method == Method::POST {
            journey.method = Method::POST;
            journey.body = Some(encoded);
        } else {
            let pairs = form_urlencoded::parse(encoded.as_bytes()).into_owned();
            journey.first.query_pairs_mut().clear().extend_pairs(pairs);
        }
        journey
    }

    pub(super) fn url(&self) -> &Url {
        self.redirects.last().unwrap_or(&self.first)
    }

    /// 307 and 308 keep method and body, the others make it a GET (RFC 9110 § 15.4).
    pub(super) fn redirect(&mut self, status: u16, to: Url) {
        if !matches!(status, 307 | 308) {
            self.method = Method::GET;
            self.body = None;
        }
        self.redirects.push(to);
    }

    pub(super) fn fetch_site(&self) -> &'static str {
        let addresses: Vec<Url> = std::iter::once(&self.first)
            .chain(&self.redirects)
            .cloned()
            .collect();
        fetch_site(self.initiator.as_ref(), &addresses)
    }
}

/// `Sec-Fetch-Site`: how far from the page that began it any address on the way was.
pub(super) fn fetch_site(initiator: Option<&Url>, addresses: &[Url]) -> &'static str {
    let Some(initiator) = initiator else {
        return "none";
    };
    let same_site =
        |url: &Url| (url.scheme(), url.host()) == (initiator.scheme(), initiator.host());
    if addresses
        .iter()
        .all(|url| url.origin() == initiator.origin())
    {
        "same-origin"
    } else if addresses.iter().all(same_site) {
        "same-site"
    } else {
        "cross-site"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_farthest_address_of_a_journey_decides_the_site() {
        let url = |text: &str| Url::parse(text).unwrap();
        let page = url("http://localhost:8081/login");
        let own = url("http://localhost:8081/consent");
        let gateway = url("http://localhost:8080/auth/callback");
        let stranger = url("https://evil.example/");
        assert_eq!(fetch_site(None, std::slice::from_ref(&stranger)), "none");
        assert_eq!(
            fetch_site(Some(&page), std::slice::from_ref(&own)),
            "same-origin"
        );
        assert_eq!(
            fetch_site(Some(&page), &[own, gateway.clone()]),
            "same-site"
        );
        assert_eq!(fetch_site(Some(&page), &[stranger, gateway]), "cross-site");
    }
}
