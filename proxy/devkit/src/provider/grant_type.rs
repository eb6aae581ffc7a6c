//! The grant types of the token endpoint.

use serde::{Deserialize, Serialize};

/// A grant type that the provider knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749 § 4.1.
    AuthorizationCode,
    /// RFC 6749 § 6.
    RefreshToken,
    /// RFC 6749 § 4.4.
    ClientCredentials,
    /// RFC 8693.
    TokenExchange,
}

impl GrantType {
    /// Every grant type, as discovery lists them.
    pub(crate) const ALL: [Self; 4] = [
        Self::AuthorizationCode,
        Self::RefreshToken,
        Self::ClientCredentials,
        Self::TokenExchange,
    ];

    /// The value of `grant_type` on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
        }
    }

    /// The grant type with that value on the wire.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }
}
