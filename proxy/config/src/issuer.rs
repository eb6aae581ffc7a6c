//! The OpenID provider, and how the gateway is known there.

use std::path::PathBuf;
use std::time::Duration;

use tokenbridge_bridge::Secret;
use tokenbridge_bridge::service::IssuerName;
use url::Url;

use crate::preset::Preset;

/// Everything about the provider that discovery does not tell.
#[derive(Clone, Debug)]
pub struct IssuerSettings {
    /// The issuer identifier exactly as written: `iss` is compared with it byte for byte
    /// (OpenID Connect Core § 3.1.3.7).
    pub identifier: String,
    /// The same, parsed.
    pub url: Url,
    /// How the gateway is known there.
    pub client_id: String,
    /// How it proves who it is.
    pub client_authentication: ClientAuthentication,
    /// The scopes of the login; `openid` is among them.
    pub scopes: Vec<String>,
    /// More parameters of the authorization request, in the order of the file.
    pub authorization_parameters: Vec<(String, String)>,
    /// What kind of provider it is.
    pub preset: Preset,
    /// Whether a refresh whose answer was lost may be sent again.
    pub refresh_retry: RefreshRetry,
    /// Which token is the subject of an exchange.
    pub subject_token: SubjectToken,
}

/// An authorization server beside the login's: it exchanges the login's token for one of its own, or
/// gives the gateway one.
#[derive(Clone, Debug)]
pub struct OtherIssuer {
    /// Its name in the configuration.
    pub name: IssuerName,
    /// The issuer identifier exactly as written.
    pub identifier: String,
    /// The same, parsed.
    pub url: Url,
    /// How the gateway is known there.
    pub client_id: String,
    /// How it proves who it is.
    pub client_authentication: ClientAuthentication,
    /// What kind of server it is.
    pub preset: Preset,
}

/// How the gateway proves who it is at the token endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// `client_secret_basic` (RFC 6749 § 2.3.1).
    SecretBasic(Secret),
    /// `client_secret_post` (RFC 6749 § 2.3.1).
    SecretPost(Secret),
    /// `private_key_jwt` (RFC 7523 § 2.2).
    PrivateKeyJwt {
        /// The private key, PEM, as read when the configuration was loaded.
        key: Secret,
        /// The `kid` of the assertion's header.
        key_id: Option<String>,
    },
    /// An assertion that somebody else signs and replaces (RFC 7523 § 2.2): a workload's identity.
    /// The file is read at each use.
    AssertionFile(PathBuf),
}

/// Whether a refresh whose answer was lost may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshRetry {
    /// Only when no valid token is left, for then there is nothing to lose.
    Never,
    /// At once: the provider takes a refresh token more than once.
    Safe,
    /// Within this time from the first use.
    Within(Duration),
}

/// Which token is the subject of an exchange (RFC 8693 § 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectToken {
    /// The access token of the login.
    AccessToken,
    /// The ID token.
    IdToken,
}
