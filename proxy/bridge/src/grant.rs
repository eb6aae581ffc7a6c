//! Refresh tokens: who holds them, which generation is current, and who may spend one.

use crate::secret::Secret;
use crate::service::ServiceName;
use crate::time::UnixTime;

/// How often a grant's refresh token has been replaced. It only rises, so it fences late writes:
/// a result of a generation that is no longer current is never stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(u64);

impl Generation {
    /// The generation of a login's own refresh token.
    pub const FIRST: Self = Self(1);

    /// From its number, as a store gives it back.
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Which refresh token of a session. Services that share one renew one after the other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GrantName {
    /// The one of the login.
    Login,
    /// The one of a service that has an authorization of its own (strategy `authorize`).
    Service(ServiceName),
}

/// What the provider granted and what can be spent to get more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshGrant {
    /// The refresh token; `None` when the provider gave none.
    pub refresh_token: Option<Secret>,
    /// Its generation.
    pub generation: Generation,
    /// The scopes that were granted, where the provider said so.
    pub scopes: Option<Vec<String>>,
    /// The access token that came with it, and when it ends: subject of a token exchange.
    pub access_token: Option<(Secret, UnixTime)>,
    /// The newest ID token, for `id_token_hint` alone.
    pub id_token: Option<Secret>,
}

/// One holder of a lease: random, so that no two flights in the fleet share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Holder(pub u128);

/// What became of a write that had a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Written {
    /// It was stored.
    Stored,
    /// The generation that it came from is no longer current: nothing was stored.
    Stale,
    /// The session is gone: nothing was stored, and nothing was brought back.
    Gone,
}
