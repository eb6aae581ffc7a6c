//! A refusal with its story for the log, and what happens to the cookie.

use std::time::Duration;

use super::Rejection;

/// A refusal with what only the log may know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which one.
    pub rejection: Rejection,
    /// The whole story for the log, free of secrets.
    pub detail: String,
    /// Whether the session cookie is deleted with the answer.
    pub cookie: CookieFate,
    /// `Retry-After`, where it is not the one of the table.
    pub retry_after: Option<Duration>,
}

/// What happens to the browser's session cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieFate {
    /// Nothing.
    Untouched,
    /// It is deleted: the store has said that no session goes with it.
    Deleted,
}

impl Refusal {
    /// A refusal that leaves the cookie alone.
    pub fn new(rejection: Rejection, detail: impl Into<String>) -> Self {
        Self {
            rejection,
            detail: detail.into(),
            cookie: CookieFate::Untouched,
            retry_after: None,
        }
    }

    /// A refusal that deletes the cookie.
    pub fn deleting_cookie(rejection: Rejection, detail: impl Into<String>) -> Self {
        Self {
            cookie: CookieFate::Deleted,
            ..Self::new(rejection, detail)
        }
    }

    /// A refusal after which trying again makes sense, but not earlier.
    pub fn retry_after(rejection: Rejection, detail: impl Into<String>, pause: Duration) -> Self {
        Self {
            retry_after: Some(pause),
            ..Self::new(rejection, detail)
        }
    }
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Self::new(rejection, "")
    }
}
