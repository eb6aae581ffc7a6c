//! The forms that are sent to the token endpoint.

use tokenbridge_bridge::Secret;
use tokenbridge_bridge::service::{Strategy, TargetParameter, TokenPlan};

/// One form for the token endpoint, without the client's own credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenRequest {
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
        Self { fields }
    }

    /// A refresh (RFC 6749 § 6) for a service; without one, a plain refresh, which renews the
    /// login's own token.
    pub(crate) fn refresh(refresh_token: &Secret, plan: Option<&TokenPlan>) -> Self {
        let mut fields = vec![
            ("grant_type", Secret::new("refresh_token")),
            ("refresh_token", refresh_token.clone()),
        ];
        let target = plan.filter(|plan| plan.strategy != Strategy::Login);
        fields.extend(target.into_iter().flat_map(target_fields));
        Self { fields }
    }
}

/// The one target parameter of a plan, and its scopes.
fn target_fields(plan: &TokenPlan) -> Vec<(&'static str, Secret)> {
    let named = match plan.target_parameter {
        TargetParameter::Resource | TargetParameter::Audience | TargetParameter::Aud => plan
            .target_parameter
            .as_str()
            .zip(plan.target_value.as_deref()),
        TargetParameter::Scope | TargetParameter::None => None,
    };
    let scope = (!plan.scopes.is_empty()).then(|| ("scope", Secret::new(plan.scopes.join(" "))));
    named
        .map(|(name, value)| (name, Secret::new(value)))
        .into_iter()
        .chain(scope)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokenbridge_bridge::service::{Mint, ServiceName, TokenFormat};

    fn plan(strategy: Strategy, parameter: TargetParameter, scopes: &[&str]) -> TokenPlan {
        TokenPlan {
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
        use Strategy::{Login, Refresh};
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
