//! What is known of a kind of provider. Set in the configuration, never guessed.

use std::fmt;
use std::time::Duration;

use tokenbridge_bridge::service::{Strategy, TargetParameter};

use crate::issuer::{RefreshRetry, SubjectToken};

/// A kind of provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preset {
    /// A provider that follows RFC 8707.
    Generic,
    /// Keycloak 26.2 or newer.
    Keycloak,
    /// Microsoft Entra ID.
    Entra,
    /// Auth0.
    Auth0,
    /// Okta with custom authorization servers.
    Okta,
    /// Duende IdentityServer.
    Duende,
    /// Node's `oidc-provider`.
    OidcProvider,
    /// Logto.
    Logto,
    /// ZITADEL.
    Zitadel,
    /// authentik.
    Authentik,
    /// Ory Hydra.
    Hydra,
    /// Amazon Cognito.
    Cognito,
}

impl Preset {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 12] = [
        Self::Generic,
        Self::Keycloak,
        Self::Entra,
        Self::Auth0,
        Self::Okta,
        Self::Duende,
        Self::OidcProvider,
        Self::Logto,
        Self::Zitadel,
        Self::Authentik,
        Self::Hydra,
        Self::Cognito,
    ];

    /// Its name in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Keycloak => "keycloak",
            Self::Entra => "entra",
            Self::Auth0 => "auth0",
            Self::Okta => "okta",
            Self::Duende => "duende",
            Self::OidcProvider => "oidc-provider",
            Self::Logto => "logto",
            Self::Zitadel => "zitadel",
            Self::Authentik => "authentik",
            Self::Hydra => "hydra",
            Self::Cognito => "cognito",
        }
    }

    /// What `auto` means here.
    pub const fn strategy(self) -> Strategy {
        match self {
            Self::Keycloak | Self::Okta | Self::Zitadel | Self::Authentik => Strategy::Exchange,
            Self::Hydra | Self::Cognito => Strategy::Authorize,
            Self::Generic
            | Self::Entra
            | Self::Auth0
            | Self::Duende
            | Self::OidcProvider
            | Self::Logto => Strategy::Refresh,
        }
    }

    /// The parameter that names the target here. An exchange always has RFC 8693's `audience`:
    /// `resource` is refused by ZITADEL and authentik and ignored by Keycloak.
    pub const fn target_parameter(self, strategy: Strategy) -> TargetParameter {
        match (strategy, self) {
            (Strategy::Login, _) => TargetParameter::None,
            (Strategy::Exchange, _) => TargetParameter::Audience,
            (_, Self::Keycloak | Self::Entra | Self::Okta | Self::Zitadel | Self::Authentik) => {
                TargetParameter::Scope
            }
            (_, Self::Auth0 | Self::Hydra) => TargetParameter::Audience,
            (
                _,
                Self::Generic | Self::Duende | Self::OidcProvider | Self::Logto | Self::Cognito,
            ) => TargetParameter::Resource,
        }
    }

    /// The template of the target's value for a parameter, over `{audience}`, `{service}` and
    /// `{scopes}`. For `scope` only Entra has one: elsewhere scopes do not follow from audiences.
    pub const fn target_value(self, parameter: TargetParameter) -> Option<&'static str> {
        match (parameter, self) {
            (TargetParameter::Resource | TargetParameter::Audience | TargetParameter::Aud, _) => {
                Some("{audience}")
            }
            (TargetParameter::Scope, Self::Entra) => Some("{audience}/.default"),
            (
                TargetParameter::Scope,
                Self::Generic
                | Self::Keycloak
                | Self::Auth0
                | Self::Okta
                | Self::Duende
                | Self::OidcProvider
                | Self::Logto
                | Self::Zitadel
                | Self::Authentik
                | Self::Hydra
                | Self::Cognito,
            )
            | (TargetParameter::None, _) => None,
        }
    }

    /// The subject of an exchange.
    pub const fn subject_token(self) -> SubjectToken {
        SubjectToken::AccessToken
    }

    /// Whether a refresh whose answer was lost may be sent again. Where an administrator's switch
    /// decides (Keycloak's "Revoke Refresh Token", Cognito's rotation) the careful answer stands.
    pub const fn refresh_retry(self) -> RefreshRetry {
        match self {
            Self::Entra | Self::Duende => RefreshRetry::Safe,
            Self::Okta => RefreshRetry::Within(Duration::from_secs(30)),
            Self::Generic
            | Self::Keycloak
            | Self::Auth0
            | Self::OidcProvider
            | Self::Logto
            | Self::Zitadel
            | Self::Authentik
            | Self::Hydra
            | Self::Cognito => RefreshRetry::Never,
        }
    }

    /// Whether the authorization request names one `resource` per service (RFC 8707 § 2.1).
    pub const fn resources_at_login(self) -> bool {
        match self {
            Self::Generic | Self::Duende | Self::OidcProvider | Self::Logto => true,
            Self::Keycloak
            | Self::Entra
            | Self::Auth0
            | Self::Okta
            | Self::Zitadel
            | Self::Authentik
            | Self::Hydra
            | Self::Cognito => false,
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
