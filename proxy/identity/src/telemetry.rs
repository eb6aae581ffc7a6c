//! The counters that the gateway exports. Labels are names from the configuration or from the
//! closed lists here, never values from a request.

use tokenbridge_bridge::service::{ServiceName, Strategy};
use tokenbridge_bridge::token::MintRefusalReason;

/// Where counts go. Calls must not block.
pub trait Telemetry: Send + Sync {
    /// A token was asked for because the session had none that lives: at login, or because a
    /// request waited for it (`bff_token_mint_total`).
    fn token_minted(&self, service: &ServiceName, strategy: Strategy, status: MintStatus);

    /// A token was asked for while the one before it still lived (`bff_token_refresh_total`).
    fn token_refreshed(&self, service: &ServiceName, status: MintStatus);

    /// The provider was called (`bff_idp_requests_total`). The status is the HTTP status, or
    /// `timeout`, `connect`, `io`, `too_large`, `breaker_open` where none came.
    fn provider_called(&self, endpoint: Endpoint, status: &str);

    /// Whether calls of an endpoint are held back after failures in a row
    /// (`bff_idp_breaker_open`). `issuer` is that of the configuration.
    fn breaker(&self, issuer: &str, endpoint: Endpoint, open: bool);

    /// A login created a session (`bff_sessions_created_total`).
    fn session_created(&self);

    /// A session was ended by this crate (`bff_sessions_destroyed_total`).
    fn session_destroyed(&self, reason: EndReason);
}

/// What came of asking for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MintStatus {
    /// It is there.
    Success,
    /// It is not, and why.
    Refused(MintRefusalReason),
    /// The session was gone by then.
    SessionGone,
    /// The store did not answer.
    StoreUnavailable,
}

impl MintStatus {
    /// The label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Refused(reason) => reason.as_str(),
            Self::SessionGone => "session_gone",
            Self::StoreUnavailable => "store_unavailable",
        }
    }
}

/// The provider's endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `/.well-known/openid-configuration`.
    Discovery,
    /// `jwks_uri`.
    Keys,
    /// `token_endpoint`.
    Token,
    /// `revocation_endpoint`.
    Revocation,
    /// `introspection_endpoint`.
    Introspection,
}

impl Endpoint {
    /// The label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Discovery => "discovery",
            Self::Keys => "jwks",
            Self::Token => "token",
            Self::Revocation => "revocation",
            Self::Introspection => "introspection",
        }
    }
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// A newer login of the same browser.
    Replaced,
    /// The user logged out.
    Logout,
    /// The user logged out everywhere.
    LogoutEverywhere,
    /// The provider refused the refresh token.
    GrantRefused,
    /// A refresh was answered for another subject.
    SubjectChanged,
    /// Its lifetime has passed, or it was not used for too long.
    Expired,
}

impl EndReason {
    /// The label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Replaced => "replaced",
            Self::Logout => "logout",
            Self::LogoutEverywhere => "logout_everywhere",
            Self::GrantRefused => "invalid_grant",
            Self::SubjectChanged => "subject_changed",
            Self::Expired => "expired",
        }
    }
}
