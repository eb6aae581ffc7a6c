//! Ways of being odd that real providers have.

use std::collections::BTreeSet;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// An odd behaviour, mostly of the token endpoint. Several may be combined; where two contradict each
/// other, the one further up in this list decides.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Whatever is asked for, the token is for one fixed audience (Auth0 without a policy).
    DefaultAudience,
    /// `resource`, `audience` and a narrowed `scope` are ignored: 200 with every audience of the
    /// grant (Hydra).
    IgnoreTarget,
    /// `resource` and `audience` are ignored, a narrowed `scope` decides (Entra, Keycloak).
    ScopeDecides,
    /// The target is decided at `/authorize` and never after; no token exchange (Hydra, Cognito).
    AuthorizeOnly,
    /// The refresh grant ignores the target, the token exchange honours it (Keycloak, ZITADEL).
    ExchangeOnly,
    /// The target is checked, but the token carries every audience of the grant besides it.
    Wide,
    /// A token made for a target carries another issuer (Okta, authentik).
    OtherIssuer,
    /// Within the grace, using a refresh token again revokes the one that replaced it (WSO2).
    ReplayRevokesNewer,
    /// A refused target or scope spends the refresh token (oidc-provider, Keycloak 26.7).
    RefusedTargetSpends,
    /// Access tokens are random strings for introspection.
    OpaqueAccessTokens,
    /// There is no introspection endpoint.
    NoIntrospection,
    /// While an access token of a grant lives, it is the answer to every request, whatever the
    /// target; with `ignore-target` for every audience of the grant.
    SameAccessToken,
    /// No OpenID discovery; metadata of RFC 8414, its well-known path in front of the issuer's.
    OauthMetadata,
    /// The same, the well-known path behind the issuer's.
    OauthMetadataBehind,
}

/// The modes that are on.
pub(crate) type Modes = BTreeSet<Mode>;
