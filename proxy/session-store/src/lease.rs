//! Leases: who may spend a grant's refresh token, and the note that it was sent.

use std::time::Duration;

use tokenbridge_bridge::grant::{Generation, GrantName, Holder, RefreshGrant};
use tokenbridge_bridge::session::SessionKey;

/// One flight's claim on one grant of one session. Only one holder in the fleet has it at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The session.
    pub session: SessionKey,
    /// Which of its grants.
    pub grant: GrantName,
    /// Who claims it.
    pub holder: Holder,
}

/// A note that a refresh token of this generation was about to be sent and that no answer was
/// stored since: it may have been spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentMark {
    /// The generation of the refresh token that was sent.
    pub generation: Generation,
    /// How long an answer may still come; zero once the deadline has passed.
    pub remaining: Duration,
    /// How long ago this generation was marked for the first time.
    pub age: Duration,
}

/// What became of the attempt to take a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// The lease is this holder's (also when it was already).
    Held {
        /// The grant as it stands now.
        grant: Box<RefreshGrant>,
        /// Set when somebody sent this grant's refresh token and no answer was stored.
        sent: Option<SentMark>,
    },
    /// Another holder has it, for at most this long unless it is kept.
    Busy {
        /// Until the lease runs out.
        remaining: Duration,
    },
    /// The session is there, the grant is not: nothing was taken.
    NoGrant,
    /// The session is gone: nothing was taken.
    Gone,
}
