//! The forms that are sent to the token endpoint.

use tokenbridge_bridge::Secret;
use tokenbridge_bridge::service::{IssuerName, Strategy, TokenPlan};
use tokenbridge_config::preset::Preset;

/// RFC 8693 § 3.
pub(crate) const ACCESS_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";
/// RFC 8693 § 3.
pub(crate) const ID_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:id_token";
/// RFC 8693 § 3.
pub(crate) const JWT_TYPE: &str = "urn:ietf:params:oauth:token-type:jwt";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// One form for the token endpoint, without the client's own credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenRequest {
    /// Whom it is for; `None`: the issuer of the login.
    pub(crate) issuer: Option<IssuerName>,
    pub(crate) fields: Vec<(&'static str, Secret)>,
}

impl TokenRequest {
    /// The exchange of an authorization code (RFC 6749 § 4.1.3, RFC 7636 § 4.5), with the
    /// resource that the token is wanted for (RFC 8707 § 2.2).
    pub(crate) fn code(
        code: &Secret,
        redirect_uri: &str,
        verifier: &Secret,
        resource: Option<&str>,
    ) -> Self {
        let mut fields = vec![
            ("grant_type", Secret::new("authorization_code")),
            ("code", code.clone()),
            ("redirect_uri", Secret::new(redirect_uri)),
            ("code_verifier", verifier.clone()),
        ];
        fields.extend(resource.map(|value| ("resource", Secret::new(value))));
        Self {
            issuer: None,
            fields,
        }
    }

    /// A refresh (RFC 6749 § 6) for a service; without one, a plain refresh, which renews the
    /// login's own token. A service with an authorization of its own has named its target there.
    pub(crate) fn refresh(refresh_token: &Secret, plan: Option<&TokenPlan>) -> Self {
        let mut fields = vec![
            ("grant_type", Secret::new("refresh_token")),
            ("refresh_token", refresh_token.clone()),
        ];
        let target =
            plan.filter(|plan| !matches!(plan.strategy, Strategy::Login | Strategy::Authorize));
        fields.extend(target.into_iter().flat_map(target_fields));
        Self {
            issuer: None,
            fields,
        }
    }

    /// The client's own token for a service (RFC 6749 § 4.4.2).
    pub(crate) fn client_credentials(plan: &TokenPlan) -> Self {
        let mut fields = vec![("grant_type", Secret::new("client_credentials"))];
        fields.extend(target_fields(plan));
        Self {
            issuer: plan.issuer.clone(),
            fields,
        }
    }

    /// A token exchange (RFC 8693 § 2.1) for a service. `subject`: the token and its type.
    pub(crate) fn exchange(plan: &TokenPlan, preset: Preset, subject: (&Secret, &str)) -> Self {
        let (token, kind) = subject;
        let mut fields = vec![
            ("grant_type", Secret::new(EXCHANGE)),
            ("subject_token", token.clone()),
            ("subject_token_type", Secret::new(kind)),
        ];
        fields
            .extend(requested_type(preset).map(|kind| ("requested_token_type", Secret::new(kind))));
        // Keycloak takes `openid` out of the login's own session if an exchange leaves it out.
        if preset == Preset::Keycloak && !plan.scopes.iter().any(|scope| scope == "openid") {
            let mut with_openid = plan.clone();
            with_openid.scopes.insert(0, "openid".into());
            fields.extend(target_fields(&with_openid));
        } else {
            fields.extend(target_fields(plan));
        }
        Self {
            issuer: plan.issuer.clone(),
            fields,
        }
    }
}

/// ZITADEL gives an opaque token unless a JWT is asked for.
const fn requested_type(preset: Preset) -> Option<&'static str> {
    match preset {
        Preset::Zitadel => Some(JWT_TYPE),
        Preset::Generic
        | Preset::Keycloak
        | Preset::Entra
        | Preset::Auth0
        | Preset::Okta
        | Preset::Duende
        | Preset::OidcProvider
        | Preset::Logto
        | Preset::Authentik
        | Preset::Hydra
        | Preset::Cognito => None,
    }
}

/// The one target parameter of a plan, and its scopes.
fn target_fields(plan: &TokenPlan) -> Vec<(&'static str, Secret)> {
    let scope = (!plan.scopes.is_empty()).then(|| ("scope", Secret::new(plan.scopes.join(" "))));
    plan.target()
        .map(|(name, value)| (name, Secret::new(value)))
        .into_iter()
        .chain(scope)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokenbridge_bridge::service::{Mint, ServiceName, TargetParameter, TokenFormat};

    fn plan(strategy: Strategy, parameter: TargetParameter, scopes: &[&str]) -> TokenPlan {
        TokenPlan {
            issuer: None,
            service: ServiceName::new("s"),
            strategy,
            target_parameter: parameter,
            target_value: Some("https://a.example".into()),
            scopes: scopes.iter().map(ToString::to_string).collect(),
            audience: None,
            format: TokenFormat::Jwt,
            mint: Mint::Login,
        }
    }

    #[test]
    fn a_refresh_names_its_target_with_one_parameter() {
        use Strategy::{Authorize, Login, Refresh};
        use TargetParameter as P;
        let a = "https://a.example";
        for (strategy, parameter, scopes, expected) in [
            (Refresh, P::Resource, &[][..], vec![("resource", a)]),
            (
                Refresh,
                P::Resource,
                &["x", "y"],
                vec![("resource", a), ("scope", "x y")],
            ),
            (Refresh, P::Audience, &[], vec![("audience", a)]),
            (Refresh, P::Aud, &[], vec![("aud", a)]),
            (
                Refresh,
                P::Scope,
                &["a/.default"],
                vec![("scope", "a/.default")],
            ),
            (Refresh, P::None, &[], vec![]),
            (Login, P::Resource, &["x"], vec![]),
            (Authorize, P::Resource, &["x"], vec![]),
        ] {
            let plan = plan(strategy, parameter, scopes);
            let request = TokenRequest::refresh(&Secret::new("rt"), Some(&plan));
            let sent: Vec<_> = request
                .fields
                .iter()
                .skip(2)
                .map(|(name, value)| (*name, value.expose()))
                .collect();
            assert_eq!(sent, expected, "{strategy:?} {parameter:?} {scopes:?}");
        }
    }

    #[test]
    fn an_exchange_is_asked_for_as_the_provider_wants_it() {
        let subject = Secret::new("at");
        let sent = |preset, scopes: &[&str]| {
            let plan = plan(Strategy::Exchange, TargetParameter::Audience, scopes);
            let request = TokenRequest::exchange(&plan, preset, (&subject, ACCESS_TOKEN_TYPE));
            let fields = request.fields.iter().skip(1);
            fields
                .map(|(name, value)| format!("{name}={}", value.expose()))
                .collect::<Vec<_>>()
        };
        let start = [
            "subject_token=at".to_string(),
            format!("subject_token_type={ACCESS_TOKEN_TYPE}"),
        ];
        for (preset, scopes, rest) in [
            (
                Preset::Generic,
                &["x"][..],
                vec!["audience=https://a.example", "scope=x"],
            ),
            (
                Preset::Okta,
                &["x"],
                vec!["audience=https://a.example", "scope=x"],
            ),
            (
                Preset::Keycloak,
                &["x"],
                vec!["audience=https://a.example", "scope=openid x"],
            ),
            (
                Preset::Keycloak,
                &["x", "openid"],
                vec!["audience=https://a.example", "scope=x openid"],
            ),
            (
                Preset::Zitadel,
                &[],
                vec![
                    "requested_token_type=urn:ietf:params:oauth:token-type:jwt",
                    "audience=https://a.example",
                ],
            ),
        ] {
            let expected: Vec<String> = start
                .iter()
                .cloned()
                .chain(rest.iter().map(ToString::to_string))
                .collect();
            assert_eq!(sent(preset, scopes), expected, "{preset:?}");
        }
    }

    #[test]
    fn a_request_does_not_show_what_it_carries() {
        let request = TokenRequest::code(
            &Secret::new("c0de"),
            "https://app/cb",
            &Secret::new("ver1fier"),
            None,
        );
        let shown = format!("{request:?}");
        assert!(
            !shown.contains("c0de") && !shown.contains("ver1fier"),
            "{shown}"
        );
    }
}
