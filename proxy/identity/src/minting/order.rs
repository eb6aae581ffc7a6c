//! What is asked for, and what came of it.

use std::time::Duration;

use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::service::{Audience, ServiceName};
use tokenbridge_bridge::session::SessionKey;
use tokenbridge_bridge::token::MintRefusalReason;
use tokenbridge_session_store::StoreError;

/// A token that is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) session: SessionKey,
    pub(crate) service: ServiceName,
    pub(crate) trigger: Trigger,
}

impl Order {
    /// Whether nobody notes afterwards when the session falls due next.
    pub(crate) fn stands_alone(&self) -> bool {
        match self.trigger {
            Trigger::Demand | Trigger::Rejected(_) => true,
            Trigger::Login | Trigger::Renewal | Trigger::Probe => false,
        }
    }
}

/// Why a token is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// The session was just created.
    Login,
    /// A probe wants to see what comes, whatever is known and whatever is there.
    Probe,
    /// A request waits, and there is no valid token.
    Demand,
    /// The token that is there nears its end.
    Renewal,
    /// The upstream rejected the token that arrived at this time.
    Rejected(UnixTime),
}

/// What came of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Minted {
    /// The session has a token that will do.
    There {
        /// Whether this flight brought it.
        fresh: bool,
    },
    /// There is none, and why.
    Refused(Refused),
    /// The session is gone.
    SessionGone,
    /// The store did not answer.
    StoreUnavailable(StoreError),
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) reason: MintRefusalReason,
    /// For logs, without secrets.
    pub(crate) detail: String,
    /// When the provider wants to be asked again.
    pub(crate) retry_after: Option<Duration>,
    /// The answer could not be read: it may stand for a refresh token that is dead.
    pub(crate) unreadable: bool,
    /// The refresh token that was sent along is spent by it, or may be.
    pub(crate) spends: bool,
    /// The audiences of the token that came, where it was for somebody else.
    pub(crate) came: Vec<Audience>,
    /// The scopes of that token.
    pub(crate) scopes: Vec<String>,
    /// How long that token would have been used.
    pub(crate) life: Option<Duration>,
}

impl Refused {
    pub(crate) fn new(reason: MintRefusalReason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
            retry_after: None,
            unreadable: false,
            spends: false,
            came: Vec::new(),
            scopes: Vec::new(),
            life: None,
        }
    }
}

impl Minted {
    pub(crate) fn refused(reason: MintRefusalReason, detail: impl Into<String>) -> Self {
        Self::Refused(Refused::new(reason, detail))
    }
}

impl From<StoreError> for Minted {
    fn from(error: StoreError) -> Self {
        Self::StoreUnavailable(error)
    }
}
