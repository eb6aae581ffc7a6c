//! The files' content, as written, with defaults filled in.

use std::collections::BTreeMap;

use jsonwebtoken::jwk::JwkSet;
use serde::Deserialize;

use super::lifetime::Lifetime;
use crate::provider::{FaultRule, Mode};
use crate::secret::Secret;

/// Everything that `idp/settings.yaml` and `idp/clients.yaml` say.
#[derive(Clone, Debug)]
pub struct IdpConfiguration {
    /// `token` of `settings.yaml`.
    pub token: TokenSettings,
    /// `users` of `settings.yaml`, by user name; alice and bob when the file names none.
    pub users: BTreeMap<String, User>,
    /// `development` of `settings.yaml`.
    pub development: Development,
    /// `clients.yaml`, by client id.
    pub clients: BTreeMap<String, Client>,
}

impl IdpConfiguration {
    /// The audiences that a scope stands for, in the order of the file.
    pub fn audiences_of<'a>(&'a self, scope: &str) -> impl Iterator<Item = &'a str> {
        self.token
            .audience_mappings
            .scope_mappings
            .iter()
            .filter(move |mapping| mapping.scope == scope)
            .flat_map(|mapping| mapping.audiences.iter().map(String::as_str))
    }
}

/// `token:` of `settings.yaml`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSettings {
    /// Which scope stands for which audiences.
    #[serde(default, deserialize_with = "null_is_default")]
    pub audience_mappings: AudienceMappings,
    /// How long an access token lives; 5 minutes when absent.
    #[serde(default)]
    pub access_token_lifetime: Option<Lifetime>,
    /// How long a refresh token lives; 8 hours when absent.
    #[serde(default)]
    pub refresh_token_lifetime: Option<Lifetime>,
    /// For how long a refresh token that was used may be used again; 0 (not at all) when absent.
    #[serde(default)]
    pub refresh_token_grace: Option<Lifetime>,
}

/// `token.audience_mappings:` of `settings.yaml`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudienceMappings {
    /// One entry per scope.
    #[serde(default, deserialize_with = "null_is_default")]
    pub scope_mappings: Vec<ScopeMapping>,
}

/// One scope and what it stands for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScopeMapping {
    /// The scope that a user grants.
    pub scope: String,
    /// The audiences for which the provider may then issue a token.
    #[serde(default, deserialize_with = "null_is_default")]
    pub audiences: Vec<String>,
}

/// A person who can log in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// What the person types into the form.
    pub password: Secret,
    /// The `name` claim; the user name when absent.
    #[serde(default)]
    pub name: Option<String>,
    /// The `email` claim; `<user name>@localhost` when absent.
    #[serde(default)]
    pub email: Option<String>,
}

/// `development:` of `settings.yaml`: ways of being odd, and what the demo backends are called.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Development {
    /// Odd behaviours of known providers to imitate.
    #[serde(default, deserialize_with = "null_is_default")]
    pub modes: Vec<Mode>,
    /// Faults that are in place from the start.
    #[serde(default, deserialize_with = "null_is_default")]
    pub faults: Vec<FaultRule>,
    /// Issuers whose access tokens may be exchanged here.
    #[serde(default, deserialize_with = "null_is_default")]
    pub trusted_issuers: Vec<String>,
    /// The audience that the mode `default-audience` answers with.
    #[serde(default)]
    pub default_audience: Option<String>,
    /// The audience that each demo backend (`analytics`, `crud`) insists on.
    #[serde(default, deserialize_with = "null_is_default")]
    pub backend_audiences: BTreeMap<String, String>,
}

/// One entry of `clients.yaml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// The scopes that the client may ask for.
    #[serde(default, deserialize_with = "null_is_default")]
    pub scopes: Vec<String>,
    /// The audiences that the client may name as a token's target.
    #[serde(default, deserialize_with = "null_is_default")]
    pub allowed_audiences: Vec<String>,
    /// The shared secret; [`Client::DEVELOPMENT_SECRET`] when absent.
    #[serde(default)]
    pub client_secret: Option<Secret>,
    /// The only way in which the client may authenticate; any of them when absent.
    #[serde(default)]
    pub token_endpoint_auth_method: Option<ClientAuthentication>,
    /// The client's public keys for `private_key_jwt` (RFC 7517).
    #[serde(default)]
    pub jwks: Option<JwkSet>,
    /// Whether an assertion may be used again until it ends, as a workload's identity is; each
    /// `jti` once when absent.
    #[serde(default)]
    pub reusable_assertions: bool,
    /// Where an authorization response may go; any loopback address, and the public URL's
    /// origin, when absent.
    #[serde(default)]
    pub redirect_uris: Option<Vec<String>>,
    /// Where a logout may end; as `redirect_uris` when absent.
    #[serde(default)]
    pub post_logout_redirect_uris: Option<Vec<String>>,
    /// The grant types that the client may use; all of them when absent.
    #[serde(default)]
    pub grant_types: Option<Vec<String>>,
    /// The name that the pages show; the client id when absent.
    #[serde(default)]
    pub client_name: Option<String>,
    /// Whether each user is asked once before the client gets anything.
    #[serde(default)]
    pub require_consent: bool,
    /// Overrides `token.access_token_lifetime`.
    #[serde(default)]
    pub access_token_lifetime: Option<Lifetime>,
    /// Overrides `token.refresh_token_lifetime`.
    #[serde(default)]
    pub refresh_token_lifetime: Option<Lifetime>,
}

impl Client {
    /// The secret of a client for which `clients.yaml` gives none.
    pub const DEVELOPMENT_SECRET: &'static str = "dev-secret-change-me";
}

/// How a client proves who it is at the token endpoint (OpenID Connect Core § 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// HTTP Basic (RFC 6749 § 2.3.1).
    ClientSecretBasic,
    /// Fields of the form (RFC 6749 § 2.3.1).
    ClientSecretPost,
    /// A signed assertion (RFC 7523).
    PrivateKeyJwt,
}

impl ClientAuthentication {
    /// Every method, as discovery lists them.
    pub(crate) const ALL: [Self; 3] = [
        Self::ClientSecretBasic,
        Self::ClientSecretPost,
        Self::PrivateKeyJwt,
    ];

    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }
}

/// A key whose lines were all taken out reads as YAML's null.
fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}
