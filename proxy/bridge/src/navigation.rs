//! Telling a navigation, which may be sent to a login page, from a fetch, which may not.

use http::Method;

/// The header fields by which a browser tells what it is doing (Fetch Metadata).
#[derive(Clone, Copy, Debug, Default)]
pub struct BrowserHints<'a> {
    /// `Sec-Fetch-Mode`.
    pub fetch_mode: Option<&'a [u8]>,
    /// `Sec-Fetch-Dest`.
    pub fetch_destination: Option<&'a [u8]>,
    /// `Accept`.
    pub accept: Option<&'a [u8]>,
    /// Whether `X-Requested-With` is there.
    pub requested_with: bool,
}

/// What kind of request this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// The user opens a page: an answer may redirect, and may be HTML.
    Navigation,
    /// A script, or no browser: an answer is a status and JSON.
    Fetch,
}

impl RequestKind {
    /// Judges a request. Where the browser sends Fetch Metadata, that alone counts; else a GET
    /// that accepts HTML is a navigation.
    pub fn of(method: &Method, hints: &BrowserHints<'_>) -> Self {
        let safe = matches!(*method, Method::GET | Method::HEAD);
        let navigates = match (hints.fetch_mode, hints.fetch_destination) {
            (None, None) => !hints.requested_with && hints.accept.is_some_and(accepts_html),
            (mode, destination) => {
                mode == Some(b"navigate") && matches!(destination, None | Some(b"document"))
            }
        };
        if safe && navigates {
            Self::Navigation
        } else {
            Self::Fetch
        }
    }
}

fn accepts_html(accept: &[u8]) -> bool {
    accept.split(|byte| *byte == b',').any(|range| {
        let name = range
            .split(|byte| *byte == b';')
            .next()
            .unwrap_or_default()
            .trim_ascii();
        name.eq_ignore_ascii_case(b"text/html")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_that_the_user_opens_is_a_navigation() {
        let kind = |method: Method, mode, destination, accept, requested_with| {
            let hints = BrowserHints {
                fetch_mode: mode,
                fetch_destination: destination,
                accept,
                requested_with,
            };
            RequestKind::of(&method, &hints)
        };
        let html: Option<&[u8]> = Some(b"application/xhtml+xml, Text/HTML;q=0.9");
        let any: Option<&[u8]> = Some(b"*/*");
        use RequestKind::{Fetch, Navigation};
        for (method, mode, destination, accept, with, expected) in [
            (
                Method::GET,
                Some(&b"navigate"[..]),
                Some(&b"document"[..]),
                any,
                false,
                Navigation,
            ),
            (
                Method::GET,
                Some(b"navigate"),
                Some(b"iframe"),
                html,
                false,
                Fetch,
            ),
            (
                Method::GET,
                Some(b"cors"),
                Some(b"empty"),
                html,
                false,
                Fetch,
            ),
            (
                Method::POST,
                Some(b"navigate"),
                Some(b"document"),
                html,
                false,
                Fetch,
            ),
            (Method::GET, None, None, html, false, Navigation),
            (Method::HEAD, None, None, html, false, Navigation),
            (Method::GET, None, None, html, true, Fetch),
            (Method::GET, None, None, any, false, Fetch),
            (Method::GET, None, None, None, false, Fetch),
        ] {
            assert_eq!(kind(method, mode, destination, accept, with), expected);
        }
    }
}
