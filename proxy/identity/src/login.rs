//! Logging in: what a login is given and what it answers.
//!
//! | module | owns |
//! |---|---|
//! | `flow` | a login under way, in a sealed cookie of its own |
//! | `authorization` | the authorization request |
//! | `callback` | the authorization response, read strictly |
//! | `begin` | the way to the provider |
//! | `resources` | which resource a provider refuses, found out at no cost |
//! | `finish` | the way back: code, ID token, session |
//! | `session` | the session that a login creates |
//! | `hop` | one service's own authorization, behind a login or on demand: the way there |
//! | `landing` | the way back from it |
//! | `onward` | where the browser goes then |
//! | `by_itself` | when a browser is sent to the provider unasked |

use tokenbridge_bridge::rejection::Refusal;
use tokenbridge_bridge::return_to::ReturnTo;
use tokenbridge_bridge::session::{SessionId, SessionKey};

pub(crate) mod authorization;
pub(crate) mod begin;
pub(crate) mod by_itself;
pub(crate) mod callback;
pub(crate) mod finish;
pub(crate) mod flow;
pub(crate) mod hop;
pub(crate) mod landing;
pub(crate) mod onward;
pub(crate) mod resources;
pub(crate) mod session;

/// A browser that wants to log in.
#[derive(Clone, Debug)]
pub struct LoginRequest<'a> {
    /// Where it goes afterwards.
    pub return_to: ReturnTo,
    /// The service that needs an authorization of its own, by its name. Where the session is
    /// over or the service needs none, it is a login like any other.
    pub service: Option<&'a str>,
    /// The session that the browser has.
    pub session: Option<SessionKey>,
    /// The request's `Cookie` fields, as they came.
    pub cookies: &'a [&'a [u8]],
}

/// Where to send the browser (303).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The value of `Location`.
    pub location: String,
    /// Values of `Set-Cookie` fields.
    pub set_cookies: Vec<String>,
}

/// A browser that comes back from the provider.
#[derive(Clone, Debug)]
pub struct Callback<'a> {
    /// The query as it came, without `?`.
    pub query: &'a str,
    /// The request's `Cookie` fields, as they came.
    pub cookies: &'a [&'a [u8]],
    /// The session that the browser still has; it ends once the new one is there.
    pub current_session: Option<SessionKey>,
}

/// How a callback ended.
#[derive(Debug)]
pub enum Finished {
    /// There is a new session.
    LoggedIn(LoggedIn),
    /// The provider must be asked once more, in another way.
    Again(Redirect),
    /// It was a probe's: there is no session, and what comes of it is told elsewhere.
    Probing {
        /// Values of `Set-Cookie` fields: the login's own cookie is deleted.
        set_cookies: Vec<String>,
    },
    /// One service's own authorization is over, the session is as it was: on to the next one, or
    /// to where the user was going.
    Onward(Redirect),
}

/// A session that was just created.
#[derive(Debug)]
pub struct LoggedIn {
    /// Its id, for the session cookie.
    pub session: SessionId,
    /// Where the browser goes.
    pub return_to: ReturnTo,
    /// Where it goes before that: to the provider again, for a service that needs an
    /// authorization of its own.
    pub next: Option<Redirect>,
    /// Values of `Set-Cookie` fields that go along with the session cookie: the login's own
    /// cookie is deleted.
    pub set_cookies: Vec<String>,
}

/// A login that did not come about. Nothing was created.
#[derive(Debug)]
pub struct LoginFailure {
    /// What to answer.
    pub refusal: Refusal,
    /// Values of `Set-Cookie` fields: a login that cannot be completed any more is forgotten.
    pub set_cookies: Vec<String>,
}
