//! Whether a browser's request comes from a page that may use the session (Fetch Metadata, Origin).

use http::Method;

/// What a browser says about where a request comes from.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestOrigin<'a> {
    /// `Sec-Fetch-Site`.
    pub site: Option<&'a [u8]>,
    /// `Origin`.
    pub origin: Option<&'a [u8]>,
    /// Whether this is a top-level navigation to a document (see [`crate::navigation`]).
    pub navigates: bool,
    /// Whether this opens a WebSocket: browsers ask nobody before they do that on any page, with
    /// all cookies, and older ones say nothing but `Origin`.
    pub opens_websocket: bool,
}

/// Whose pages may use the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedOrigins {
    own: String,
    others: Vec<String>,
    any: bool,
}

impl AllowedOrigins {
    /// Our own origin, and those that the configuration lists (`cors.allowed_origins`).
    pub fn new(own: String, others: Vec<String>) -> Self {
        Self {
            own,
            others,
            any: false,
        }
    }

    /// Every origin but `null`, where the configuration says so in so many words.
    #[must_use]
    pub fn or_any(self, any: bool) -> Self {
        Self { any, ..self }
    }

    /// Whether an `Origin` field names one of them, compared whole.
    pub fn contains(&self, origin: &[u8]) -> bool {
        let listed = || self.others.iter().any(|other| other.as_bytes() == origin);
        origin == self.own.as_bytes() || listed() || (self.any && origin != b"null")
    }

    /// Whether an `Origin` field names one that is not our own: its page needs our leave to read.
    pub fn lets_read(&self, origin: &[u8]) -> bool {
        origin != self.own.as_bytes() && self.contains(origin)
    }

    /// Judges a request of a session route, before any store is asked. A link on another site
    /// that the user follows passes; anything else from another site or origin does not.
    ///
    /// # Errors
    /// What gave it away, for the log.
    pub fn judge(&self, method: &Method, request: &RequestOrigin<'_>) -> Result<(), &'static str> {
        let safe = matches!(*method, Method::GET | Method::HEAD);
        let link = request.navigates && safe && !request.opens_websocket;
        match (request.origin, request.site) {
            (Some(origin), _) if self.contains(origin) => Ok(()),
            (None, _) if request.opens_websocket => Err("a WebSocket without an Origin"),
            (Some(b"null"), _) if link => Ok(()),
            (Some(_), _) => Err("the Origin is none of cors.allowed_origins"),
            (None, None | Some(b"same-origin" | b"none")) => Ok(()),
            (None, Some(_)) if link => Ok(()),
            (None, Some(_)) => Err("Sec-Fetch-Site says that another origin sent it"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_pages_and_followed_links_may_use_the_session() {
        let allowed = AllowedOrigins::new(
            "https://app.example".into(),
            vec!["https://admin.app.example".into()],
        );
        let own = Some(&b"https://app.example"[..]);
        let listed = Some(&b"https://admin.app.example"[..]);
        let foreign = Some(&b"https://app.example.evil"[..]);
        let null = Some(&b"null"[..]);
        let (same, cross, sibling, none) = (
            Some(&b"same-origin"[..]),
            Some(&b"cross-site"[..]),
            Some(&b"same-site"[..]),
            Some(&b"none"[..]),
        );
        for (method, site, origin, navigates, passes) in [
            (Method::GET, None, None, false, true),
            (Method::POST, None, None, false, true),
            (Method::POST, same, own, false, true),
            (Method::GET, none, None, true, true),
            (Method::POST, sibling, listed, false, true),
            (Method::POST, cross, foreign, false, false),
            (Method::POST, None, foreign, false, false),
            (Method::POST, same, foreign, false, false),
            (Method::POST, cross, null, false, false),
            (Method::POST, None, null, false, false),
            (Method::POST, cross, None, true, false),
            (Method::GET, cross, None, true, true),
            (Method::GET, cross, None, false, false),
            (Method::GET, sibling, None, false, false),
            (Method::GET, Some(b"nonsense"), None, false, false),
            (Method::GET, None, foreign, false, false),
            (
                Method::GET,
                None,
                Some(b"HTTPS://APP.EXAMPLE"),
                false,
                false,
            ),
        ] {
            let verdict = allowed.judge(
                &method,
                &RequestOrigin {
                    site,
                    origin,
                    navigates,
                    opens_websocket: false,
                },
            );
            assert_eq!(
                verdict.is_ok(),
                passes,
                "{method} {site:?} {origin:?} {navigates}"
            );
        }
    }

    #[test]
    fn a_websocket_needs_an_origin_that_is_allowed() {
        let allowed = AllowedOrigins::new("https://app.example".into(), Vec::new());
        for (site, origin, navigates, passes) in [
            (None, Some(&b"https://app.example"[..]), false, true),
            (Some(&b"same-origin"[..]), None, false, false),
            (None, None, true, false),
            (None, Some(b"https://evil.example"), true, false),
            (None, Some(b"null"), true, false),
        ] {
            let request = RequestOrigin {
                site,
                origin,
                navigates,
                opens_websocket: true,
            };
            let verdict = allowed.judge(&Method::GET, &request);
            assert_eq!(verdict.is_ok(), passes, "{site:?} {origin:?} {navigates}");
        }
    }
}
