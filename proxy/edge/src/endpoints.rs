//! The gateway's own endpoints on the public listener. None hands a token to a browser.

mod callback;
mod csrf;
pub(crate) mod events;
mod login;
mod logout;
mod session;

use http::{Method, header};
use pingora_proxy::Session as HttpSession;
use tokenbridge_bridge::rejection::Refusal;

use crate::answer::Answer;
use crate::exchange::Exchange;
use crate::gateway::Gateway;

/// Turns session events into DOM events. Of all tabs one has a lock and with it the stream, and
/// passes on what it hears; when it closes, the next in line takes over.
const CLIENT_SCRIPT: &str = include_str!("endpoints/client.js");

/// One of our own endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// `GET /auth/login`.
    Login,
    /// `GET /auth/callback`.
    Callback,
    /// `POST /auth/logout`.
    Logout,
    /// `GET /auth/logged-out`.
    LoggedOut,
    /// `GET /auth/session` and `GET /api/auth/session`.
    Session,
    /// `GET /auth/csrf`.
    Csrf,
    /// `GET /auth/events`.
    Events,
    /// `GET /auth/client.js`.
    Script,
}

impl Endpoint {
    /// All of them, in the order of their metrics.
    pub(crate) const ALL: [Self; 8] = [
        Self::Login,
        Self::Callback,
        Self::Logout,
        Self::LoggedOut,
        Self::Session,
        Self::Csrf,
        Self::Events,
        Self::Script,
    ];

    /// The endpoint at a canonical path.
    pub(crate) fn at(path: &str) -> Option<Self> {
        match path {
            "/auth/login" => Some(Self::Login),
            "/auth/callback" => Some(Self::Callback),
            "/auth/logout" => Some(Self::Logout),
            "/auth/logged-out" => Some(Self::LoggedOut),
            "/auth/session" | "/api/auth/session" => Some(Self::Session),
            "/auth/csrf" => Some(Self::Csrf),
            "/auth/events" => Some(Self::Events),
            "/auth/client.js" => Some(Self::Script),
            _ => None,
        }
    }

    /// Its name in logs and metrics.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Login => "auth:login",
            Self::Callback => "auth:callback",
            Self::Logout => "auth:logout",
            Self::LoggedOut => "auth:logged-out",
            Self::Session => "auth:session",
            Self::Csrf => "auth:csrf",
            Self::Events => "auth:events",
            Self::Script => "auth:script",
        }
    }

    /// The methods that it takes.
    pub(crate) fn methods(self) -> &'static [Method] {
        match self {
            Self::Logout => &[Method::POST],
            Self::Events => &[Method::GET],
            Self::Login
            | Self::Callback
            | Self::LoggedOut
            | Self::Session
            | Self::Csrf
            | Self::Script => &[Method::GET, Method::HEAD],
        }
    }

    /// Answers a request whose method was checked.
    ///
    /// # Errors
    /// The refusal to answer with instead.
    pub(crate) async fn answer(
        self,
        gateway: &Gateway,
        http: &mut HttpSession,
        exchange: &mut Exchange,
    ) -> Result<Answer, Refused> {
        match self {
            Self::Login => login::answer(gateway, http, exchange).await,
            Self::Callback => callback::answer(gateway, http, exchange).await,
            Self::Logout => logout::answer(gateway, http, exchange).await,
            Self::LoggedOut => logout::returned(gateway, http, exchange).await,
            Self::Session => session::answer(gateway, exchange).await,
            Self::Csrf => csrf::answer(gateway, exchange),
            Self::Events => events::answer(gateway, exchange).await,
            Self::Script => Ok(Answer::script(CLIENT_SCRIPT)),
        }
    }
}

/// The request's `Cookie` fields, as they came.
fn cookies(http: &HttpSession) -> Vec<&[u8]> {
    http.req_header()
        .headers
        .get_all(header::COOKIE)
        .iter()
        .map(http::HeaderValue::as_bytes)
        .collect()
}

/// The value of a parameter that stands once in a query or a form: what stands twice says nothing.
fn parameter(text: &[u8], name: &str) -> Option<String> {
    let mut values = url::form_urlencoded::parse(text).filter(|(known, _)| known == name);
    match (values.next(), values.next()) {
        (Some((_, value)), None) => Some(value.into_owned()),
        (None, _) | (Some(_), Some(_)) => None,
    }
}

/// Whether a query says `NAME=true`.
fn is_asked_for(query: &str, name: &str) -> bool {
    url::form_urlencoded::parse(query.as_bytes())
        .any(|(known, value)| known == name && value == "true")
}

/// A refusal with the cookies that go with it all the same.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) refusal: Refusal,
    pub(crate) cookies: Vec<String>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            cookies: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_stands_twice_says_nothing() {
        let found = |text: &str| parameter(text.as_bytes(), "a");
        assert_eq!(found("b=1&a=%2Fx+y"), Some("/x y".into()));
        assert_eq!(found("a="), Some(String::new()));
        assert_eq!(found("a=1&a=1"), None);
        assert_eq!(found("aa=1"), None);
        assert_eq!(found(""), None);
    }

    #[test]
    fn what_is_asked_for_is_asked_for_by_true_alone() {
        assert!(is_asked_for("x=1&everywhere=true", "everywhere"));
        for query in [
            "",
            "everywhere",
            "everywhere=1",
            "everywhere=TRUE",
            "x=true",
        ] {
            assert!(!is_asked_for(query, "everywhere"), "{query}");
        }
    }
}
