//! Who is logged in at the provider, in which browser.

use std::time::Duration;

use super::Ledger;
use crate::random::Fingerprint;

/// A browser in which somebody is logged in.
#[derive(Clone, Debug)]
pub(crate) struct IdpSession {
    pub(crate) subject: String,
    pub(crate) auth_time: u64,
    /// The `sid` claim; it is not the cookie's value.
    pub(crate) sid: String,
    pub(crate) expires_at: Duration,
}

impl Ledger {
    pub(crate) fn keep_session(&mut self, cookie: &str, session: IdpSession, now: Duration) {
        self.tidy(now);
        self.sessions.insert(Fingerprint::of(cookie), session);
    }

    pub(crate) fn live_session(&self, cookie: &str, now: Duration) -> Option<&IdpSession> {
        self.sessions
            .get(&Fingerprint::of(cookie))
            .filter(|session| session.expires_at > now)
    }

    /// Ends the session of a cookie and that of a `sid`.
    pub(crate) fn end_session(&mut self, cookie: Option<&str>, sid: Option<&str>) {
        if let Some(cookie) = cookie {
            self.sessions.remove(&Fingerprint::of(cookie));
        }
        if let Some(sid) = sid {
            self.sessions.retain(|_, session| session.sid != sid);
        }
    }
}
