//! The authorization request (OpenID Connect Core § 3.1.2.1): code, PKCE S256, state, nonce.

use tokenbridge_bridge::Secret;
use tokenbridge_bridge::service::{Strategy, TargetParameter, TokenPlan};
use tokenbridge_config::issuer::IssuerSettings;
use tokenbridge_config::preset::Preset;
use url::Url;

use crate::login::flow::Flow;

/// Where the browser is sent to log in.
pub(crate) fn url(
    endpoint: &Url,
    issuer: &IssuerSettings,
    redirect_uri: &str,
    flow: &Flow,
    resources: &[&str],
) -> String {
    let scope = issuer.scopes.join(" ");
    let mut asked = vec![("scope", scope.as_str())];
    asked.extend(resources.iter().map(|resource| ("resource", *resource)));
    with_parameters(endpoint, issuer, (redirect_uri, flow), asked)
}

/// Where the browser is sent for one service's own authorization. `prompt`: `none`, unless the
/// provider may ask the user. `hint`: the session's newest ID token.
pub(crate) fn url_for_service(
    endpoint: &Url,
    issuer: &IssuerSettings,
    way: (&str, &Flow),
    (plan, prompt): (&TokenPlan, Option<&str>),
    hint: Option<&Secret>,
) -> String {
    let scope = scopes_for_service(issuer, plan).join(" ");
    let mut asked = vec![("scope", scope.as_str())];
    asked.extend(plan.target());
    asked.extend(prompt.map(|prompt| ("prompt", prompt)));
    let hint = hint.filter(|_| takes_hint(issuer.preset));
    asked.extend(hint.map(|hint| ("id_token_hint", hint.expose())));
    with_parameters(endpoint, issuer, way, asked)
}

/// Configured parameters come last and repeat none of ours, which some providers refuse.
fn with_parameters(
    endpoint: &Url,
    issuer: &IssuerSettings,
    (redirect_uri, flow): (&str, &Flow),
    asked: Vec<(&str, &str)>,
) -> String {
    let challenge = flow.challenge();
    let mut ours = vec![
        ("response_type", "code"),
        ("client_id", issuer.client_id.as_str()),
        ("redirect_uri", redirect_uri),
        ("state", flow.state.expose()),
        ("nonce", flow.nonce.expose()),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    ours.extend(asked);
    let configured = issuer
        .authorization_parameters
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| !ours.iter().any(|(taken, _)| taken == name));
    let mut url = endpoint.clone();
    url.query_pairs_mut()
        .extend_pairs(ours.iter().copied())
        .extend_pairs(configured);
    url.into()
}

/// The service's scopes, and of the login's what a session needs: who it is, and a refresh token.
fn scopes_for_service<'a>(issuer: &'a IssuerSettings, plan: &'a TokenPlan) -> Vec<&'a str> {
    let login = issuer.scopes.iter().map(String::as_str);
    if plan.scopes.is_empty() {
        return login.collect();
    }
    let kept = login.filter(|scope| matches!(*scope, "openid" | "offline_access" | "offline"));
    let mut scopes: Vec<&str> = kept.collect();
    for scope in &plan.scopes {
        if !scopes.contains(&scope.as_str()) {
            scopes.push(scope);
        }
    }
    scopes
}

/// Whether the provider takes `id_token_hint` (OpenID Connect Core § 3.1.2.1). Cognito's
/// documentation does not know it.
const fn takes_hint(preset: Preset) -> bool {
    match preset {
        Preset::Cognito => false,
        Preset::Generic
        | Preset::Keycloak
        | Preset::Entra
        | Preset::Auth0
        | Preset::Okta
        | Preset::Duende
        | Preset::OidcProvider
        | Preset::Logto
        | Preset::Zitadel
        | Preset::Authentik
        | Preset::Hydra => true,
    }
}

/// The resource that a plan's token would be asked for with, where the provider wants all
/// resources named in the authorization request already (RFC 8707 § 2.1).
pub(crate) fn resource(preset: Preset, plan: &TokenPlan) -> Option<&str> {
    let named = match preset {
        Preset::Generic | Preset::Duende | Preset::OidcProvider | Preset::Logto => true,
        Preset::Keycloak
        | Preset::Entra
        | Preset::Auth0
        | Preset::Okta
        | Preset::Zitadel
        | Preset::Authentik
        | Preset::Hydra
        | Preset::Cognito => false,
    };
    let by_resource = plan.strategy == Strategy::Refresh
        && plan.target_parameter == TargetParameter::Resource
        && plan.audience.is_some();
    plan.target_value
        .as_deref()
        .filter(|_| named && by_resource)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use tokenbridge_bridge::UnixTime;
    use tokenbridge_bridge::return_to::ReturnTo;
    use tokenbridge_config::issuer::{ClientAuthentication, RefreshRetry, SubjectToken};

    fn issuer(parameters: &[(&str, &str)]) -> IssuerSettings {
        IssuerSettings {
            identifier: "https://idp.example".into(),
            url: Url::parse("https://idp.example").unwrap(),
            client_id: "bff server".into(),
            client_authentication: ClientAuthentication::SecretBasic(Secret::new("s")),
            scopes: vec!["openid".into(), "offline_access".into()],
            authorization_parameters: parameters
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect(),
            preset: Preset::Generic,
            refresh_retry: RefreshRetry::Never,
            subject_token: SubjectToken::AccessToken,
        }
    }

    fn pairs(parameters: &[(&str, &str)], resources: &[&str]) -> Vec<(String, String)> {
        let endpoint = Url::parse("https://idp.example/authorize?tenant=1").unwrap();
        let flow = Flow::begin(ReturnTo::default(), UnixTime::from_seconds(1), true).unwrap();
        let url = url(
            &endpoint,
            &issuer(parameters),
            "https://app/auth/callback",
            &flow,
            resources,
        );
        Url::parse(&url)
            .unwrap()
            .query_pairs()
            .into_owned()
            .collect()
    }

    #[test]
    fn the_request_asks_for_a_code_with_pkce_state_and_nonce() {
        let pairs: HashMap<_, _> = pairs(&[("prompt", "consent")], &[]).into_iter().collect();
        for (name, value) in [
            ("tenant", "1"),
            ("response_type", "code"),
            ("client_id", "bff server"),
            ("redirect_uri", "https://app/auth/callback"),
            ("scope", "openid offline_access"),
            ("code_challenge_method", "S256"),
            ("prompt", "consent"),
        ] {
            assert_eq!(pairs.get(name).map(String::as_str), Some(value), "{name}");
        }
        for name in ["state", "nonce", "code_challenge"] {
            assert_eq!(pairs.get(name).map(String::len), Some(43), "{name}");
        }
    }

    #[test]
    fn a_configured_parameter_replaces_and_repeats_none_of_ours() {
        let pairs = pairs(
            &[
                ("state", "evil"),
                ("redirect_uri", "https://evil"),
                ("resource", "c"),
                ("audience", "x"),
            ],
            &["a", "b"],
        );
        let of = |name: &str| -> Vec<&str> {
            pairs
                .iter()
                .filter(|(key, _)| key == name)
                .map(|(_, value)| value.as_str())
                .collect()
        };
        assert_eq!(of("resource"), ["a", "b"]);
        assert_eq!(of("redirect_uri"), ["https://app/auth/callback"]);
        assert_eq!((of("state").len(), of("audience")), (1, vec!["x"]));
    }
}
