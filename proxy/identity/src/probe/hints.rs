//! What most probably is wrong at the provider, by what came and by the kind of provider.

use tokenbridge_bridge::service::{Audience, Strategy, TargetParameter, TokenFormat, TokenPlan};
use tokenbridge_bridge::token::MintRefusalReason;
use tokenbridge_config::preset::Preset;

use crate::minting::order::Refused;
use crate::provider::introspection::NO_ENDPOINT;
use crate::tokens::access_token::OTHER_ISSUER;

/// Of whom the hint is about.
#[derive(Clone, Copy)]
pub(crate) struct Asker<'a> {
    pub(crate) preset: Preset,
    pub(crate) client_id: &'a str,
}

/// What to look at when a service got no token, or a wrong one.
pub(crate) fn hint(asker: Asker<'_>, plan: &TokenPlan, refused: &Refused) -> String {
    use MintRefusalReason as Reason;
    let known = match refused.reason {
        Reason::WrongAudience => wrong_audience(asker, plan, &refused.came),
        Reason::BadResponse if refused.detail.contains(NO_ENDPOINT) => Some(
            "the provider introspects nothing: let it give JWTs to this client; if that cannot be, introspect: false with \
             dangerously_accept_unintrospected_tokens: true takes the tokens unread",
        ),
        Reason::BadResponse if plan.format == TokenFormat::Opaque => Some(
            "look at the provider's introspection endpoint: the client must be allowed to ask there, and at some providers be among \
             the token's audiences",
        ),
        Reason::BadResponse if refused.detail.contains("opaque") => Some(opaque(asker.preset)),
        Reason::BadResponse if refused.detail.contains(OTHER_ISSUER) => Some(
            "another issuer made the token: name the one that does in services.<name>.issuer (and issuers), or, where the service checks \
             it itself, set token_format: opaque",
        ),
        Reason::InvalidTarget => invalid_target(asker.preset, plan),
        Reason::InvalidScope if asker.preset == Preset::Entra => Some(
            "scopes of two APIs stand in one request: service_scopes must name one API's alone",
        ),
        Reason::InvalidScope => Some(
            "a scope that the login did not ask for: add it to auth.scopes, and to the client's scopes at the provider",
        ),
        Reason::GrantRefused if plan.strategy == Strategy::Exchange => Some(
            "the user is not allowed to use that API (a policy there), or the provider takes no token of this client for an exchange",
        ),
        Reason::InteractionRequired => Some(
            "the provider wants to ask the user (consent, a second factor): log in once with a browser and agree, then probe again",
        ),
        Reason::ClientRefused if plan.strategy == Strategy::Exchange => Some(
            "the client may not exchange tokens: switch it on for the client at the provider (Keycloak: Standard token exchange), or look at its secret",
        ),
        Reason::NoAudience
        | Reason::NoRefreshToken
        | Reason::GrantRefused
        | Reason::SharedToken
        | Reason::BadResponse
        | Reason::ClientRefused
        | Reason::Unavailable => None,
    };
    known
        .unwrap_or(refused.reason.hint(plan.strategy))
        .to_owned()
}

fn wrong_audience(asker: Asker<'_>, plan: &TokenPlan, came: &[Audience]) -> Option<&'static str> {
    let expected = &plan.audience.as_ref()?.expected;
    let preset = asker.preset;
    if came.contains(expected) {
        return Some(too_wide(preset));
    }
    let only = match came {
        [] if preset == Preset::Cognito => {
            return Some(
                "the token has no aud: Cognito sets it only for a `resource` at login (managed login, Essentials tier)",
            );
        }
        [] => return Some("the token has no aud: the provider did not look at the target"),
        [only] => Some(only.as_str()),
        [_, ..] => None,
    };
    if only == Some(asker.client_id) {
        return Some(
            "aud is the client itself: no audience is mapped to what was asked for (Keycloak: an Audience mapper in the client \
             scope; Spring: a token customizer; authentik: `audience` of the exchange)",
        );
    }
    if preset == Preset::Entra && only.is_some_and(is_guid) && !is_guid(expected.as_str()) {
        return Some(
            "Entra's v2 tokens name the API by its GUID: write that one into service_audiences, and the URI into target_value",
        );
    }
    (preset == Preset::Auth0).then_some(
        "Auth0 answered with another API: add the audience to the client's refresh_token.policies (multi-resource refresh tokens)",
    )
}

fn is_guid(text: &str) -> bool {
    text.len() == 36 && text.bytes().filter(|byte| *byte == b'-').count() == 4
}

fn too_wide(preset: Preset) -> &'static str {
    match preset {
        Preset::Duende => "aud holds all APIs: set RequireResourceIndicator on each API resource",
        Preset::Keycloak => {
            "aud holds all APIs: make the client scopes with Audience mappers optional, and switch Full scope allowed off"
        }
        Preset::Generic
        | Preset::Entra
        | Preset::Auth0
        | Preset::Okta
        | Preset::OidcProvider
        | Preset::Logto
        | Preset::Zitadel
        | Preset::Authentik
        | Preset::Hydra
        | Preset::Cognito => {
            "aud holds all APIs: the provider ignores the target (Hydra, ZITADEL: it is decided at login); choose another strategy, \
             or accept wide tokens with audience_check: contains"
        }
    }
}

fn opaque(preset: Preset) -> &'static str {
    match preset {
        Preset::Zitadel => {
            "the token is opaque: set the application's token type to JWT, or token_format: opaque"
        }
        Preset::Auth0 => {
            "the token is opaque: Auth0 gives a JWT only for an `audience`; look at target_parameter"
        }
        Preset::OidcProvider | Preset::Logto => {
            "the token is for the provider's own UserInfo: `resource` was not looked at, or accessTokenFormat is not jwt"
        }
        Preset::Generic
        | Preset::Keycloak
        | Preset::Entra
        | Preset::Okta
        | Preset::Duende
        | Preset::Authentik
        | Preset::Hydra
        | Preset::Cognito => {
            "the token is opaque: let the provider give JWTs to this client, or set token_format: opaque"
        }
    }
}

fn invalid_target(preset: Preset, plan: &TokenPlan) -> Option<&'static str> {
    match preset {
        Preset::Zitadel | Preset::Authentik => (plan.target_parameter == TargetParameter::Resource)
            .then_some("this provider refuses every `resource`: use target_parameter: audience"),
        Preset::OidcProvider | Preset::Logto | Preset::Duende => Some(
            "the provider does not know the resource, or the login did not name it: compare the audience in service_audiences \
             letter by letter with what is registered there",
        ),
        Preset::Generic
        | Preset::Keycloak
        | Preset::Entra
        | Preset::Auth0
        | Preset::Okta
        | Preset::Hydra
        | Preset::Cognito => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokenbridge_bridge::service::{AudienceCheck, AudiencePolicy, Mint, ServiceName};

    fn plan(strategy: Strategy, parameter: TargetParameter) -> TokenPlan {
        TokenPlan {
            issuer: None,
            service: ServiceName::new("s"),
            strategy,
            target_parameter: parameter,
            target_value: None,
            scopes: Vec::new(),
            audience: Some(AudiencePolicy {
                expected: Audience::new("https://a.example"),
                check: AudienceCheck::Single,
                others: [].into(),
            }),
            format: TokenFormat::Jwt,
            mint: Mint::Login,
        }
    }

    #[test]
    fn what_came_and_the_kind_of_provider_tell_what_is_wrong() {
        use MintRefusalReason as R;
        use Preset as P;
        let a = "https://a.example";
        let guid = "0f8fad5b-d9cb-469f-a165-70867728950e";
        let wrong = "the token is for somebody else";
        for (preset, reason, came, detail, word) in [
            (
                P::Auth0,
                R::WrongAudience,
                &["default"][..],
                wrong,
                "refresh_token.policies",
            ),
            (P::Hydra, R::WrongAudience, &[a, "b"], wrong, "all APIs"),
            (
                P::Duende,
                R::WrongAudience,
                &[a, "b"],
                wrong,
                "RequireResourceIndicator",
            ),
            (
                P::Keycloak,
                R::WrongAudience,
                &["gateway"],
                wrong,
                "Audience mapper",
            ),
            (P::Cognito, R::WrongAudience, &[], wrong, "managed login"),
            (P::Entra, R::WrongAudience, &[guid], wrong, "GUID"),
            (
                P::Generic,
                R::WrongAudience,
                &["b"],
                wrong,
                "target_parameter",
            ),
            (
                P::Zitadel,
                R::BadResponse,
                &[],
                "it is opaque",
                "token type",
            ),
            (
                P::Generic,
                R::BadResponse,
                &[],
                OTHER_ISSUER,
                "services.<name>.issuer",
            ),
            (
                P::Generic,
                R::BadResponse,
                &[],
                NO_ENDPOINT,
                "dangerously_accept_unintrospected_tokens",
            ),
            (
                P::Zitadel,
                R::InvalidTarget,
                &[],
                "",
                "target_parameter: audience",
            ),
            (P::Duende, R::InvalidTarget, &[], "", "letter by letter"),
            (P::Entra, R::InvalidScope, &[], "", "two APIs"),
            (P::Generic, R::InvalidScope, &[], "", "auth.scopes"),
            (P::Authentik, R::GrantRefused, &[], "", "not allowed"),
            (P::Entra, R::InteractionRequired, &[], "", "consent"),
            (P::Generic, R::NoRefreshToken, &[], "", "offline_access"),
        ] {
            let refused = Refused {
                came: came.iter().map(|value| Audience::new(value)).collect(),
                ..Refused::new(reason, detail)
            };
            let asker = Asker {
                preset,
                client_id: "gateway",
            };
            let strategy = match preset {
                P::Authentik => Strategy::Exchange,
                _ => Strategy::Refresh,
            };
            let said = hint(asker, &plan(strategy, TargetParameter::Resource), &refused);
            assert!(said.contains(word), "{preset} {reason:?}: {said}");
        }
    }
}
