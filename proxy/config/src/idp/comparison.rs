//! Which of the places lacks what, with the line to add.

use tokenbridge_bridge::service::Strategy;

use super::files::{Client, Mapping, Mappings, Provider};
use crate::configuration::Configuration;
use crate::problem::{Problem, Severity};
use crate::service::Service;

/// Both sides.
pub(super) struct Comparison<'c> {
    pub(super) configuration: &'c Configuration,
    pub(super) provider: &'c Provider,
}

impl Comparison<'_> {
    /// What holds for the login as a whole.
    pub(super) fn compare_login(&self, problems: &mut Vec<Problem>) {
        if let Some(client) = &self.provider.client {
            for scope in self.login_scopes() {
                problems.extend(missing_client_scope(
                    client,
                    scope,
                    "auth.scopes asks for it at login",
                ));
            }
        }
        let threshold = self.configuration.frontend.session.token_refresh_threshold;
        let lifetime = self
            .provider
            .mappings
            .as_ref()
            .and_then(|mappings| mappings.access_token_lifetime);
        if let Some(lifetime) = lifetime.filter(|lifetime| threshold > *lifetime / 2) {
            let spot = self
                .configuration
                .origin
                .setting("auth.token_refresh_threshold", "auth");
            problems.push(spot.problem(
                Severity::Warning,
                format!("{threshold:?} is longer than half of the provider's access_token_lifetime, {lifetime:?}"),
                "make it shorter: a token is renewed at half its life at the earliest",
            ));
        }
    }

    /// Whether the provider would give a token for the service, and if not, why.
    pub(super) fn compare_service(&self, service: &Service, problems: &mut Vec<Problem>) {
        let Some(audience) = service
            .token
            .audience
            .as_ref()
            .map(|policy| policy.expected.as_str())
        else {
            return;
        };
        problems.extend(self.scopes_not_asked_for_at_login(service));
        if let Some(mappings) = &self.provider.mappings {
            problems.extend(self.missing_mapping(mappings, service, audience));
        }
        if let Some(client) = &self.provider.client {
            let own = service
                .token
                .scopes
                .iter()
                .filter(|scope| !self.login_scopes().contains(scope));
            let reason = format!("service_scopes.{} asks for it", service.name);
            problems.extend(own.filter_map(|scope| missing_client_scope(client, scope, &reason)));
            problems.extend(missing_client_audience(client, service, audience));
        }
    }

    fn login_scopes(&self) -> &[String] {
        &self.configuration.frontend.issuer.scopes
    }

    /// The scopes of the token request: the service's own, else those of the login.
    fn asked<'s>(&'s self, service: &'s Service) -> &'s [String] {
        match service.token.scopes.is_empty() {
            true => self.login_scopes(),
            false => &service.token.scopes,
        }
    }

    /// A refresh cannot ask for a scope that the login did not get (RFC 6749 § 6).
    fn scopes_not_asked_for_at_login(&self, service: &Service) -> Option<Problem> {
        let limited = match service.token.strategy {
            Strategy::Login | Strategy::Refresh => true,
            Strategy::Exchange | Strategy::Authorize | Strategy::ClientCredentials => false,
        };
        let scope = service
            .token
            .scopes
            .iter()
            .find(|scope| limited && !self.login_scopes().contains(scope))?;
        Some(
            self.configuration
                .origin
                .setting("auth.scopes", "auth")
                .problem(
                    Severity::CheckError,
                    format!(
                        "lacks `{scope}`, which service_scopes.{} asks for",
                        service.name
                    ),
                    format!("add {scope} to auth.scopes"),
                ),
        )
    }

    fn missing_mapping(
        &self,
        mappings: &Mappings,
        service: &Service,
        audience: &str,
    ) -> Option<Problem> {
        let asked = self.asked(service);
        let gives = |mapping: &&Mapping| mapping.audiences.iter().any(|given| given == audience);
        let is_asked = |mapping: &&Mapping| asked.contains(&mapping.scope);
        if mappings
            .list
            .iter()
            .filter(is_asked)
            .any(|mapping| gives(&mapping))
        {
            return None;
        }
        if let Some(mapping) = mappings.list.iter().find(is_asked) {
            return Some(mapping.spot.clone().problem(
                Severity::CheckError,
                format!("lack {audience}, the audience of `{}`", service.name),
                format!(
                    "add `- {audience}` to the audiences of scope {}",
                    mapping.scope
                ),
            ));
        }
        if let Some(mapping) = mappings.list.iter().find(gives) {
            return Some(self.scope_to_ask_for(service, audience, &mapping.scope));
        }
        let scope = asked
            .iter()
            .find(|scope| !STANDARD_SCOPES.contains(&scope.as_str()));
        let scope = scope.map_or("application.all", |scope| scope);
        Some(mappings.spot.clone().problem(
            Severity::CheckError,
            format!(
                "have no scope that stands for {audience}, the audience of `{}`",
                service.name
            ),
            format!("add `- scope: {scope}` with `audiences: [{audience}]`"),
        ))
    }

    /// The provider gives the audience, but for a scope that the gateway does not ask for.
    fn scope_to_ask_for(&self, service: &Service, audience: &str, scope: &str) -> Problem {
        let (key, parent) = match service.token.scopes.is_empty() {
            true => ("auth.scopes".to_owned(), "auth"),
            false => (format!("service_scopes.{}", service.name), "service_scopes"),
        };
        self.configuration.origin.setting(&key, parent).problem(
            Severity::CheckError,
            format!("lacks `{scope}`, the scope for which the provider gives {audience}, the audience of `{}`", service.name),
            format!("add {scope} to {key}"),
        )
    }
}

/// Scopes of OpenID Connect Core § 5.4 and § 11, which stand for no audience.
const STANDARD_SCOPES: [&str; 6] = [
    "openid",
    "profile",
    "email",
    "address",
    "phone",
    "offline_access",
];

fn missing_client_scope(client: &Client, scope: &str, reason: &str) -> Option<Problem> {
    let (scopes, spot) = &client.scopes;
    let missing = !scopes.iter().any(|allowed| allowed == scope);
    missing.then(|| {
        spot.clone().problem(
            Severity::CheckError,
            format!("lack `{scope}`: {reason}"),
            format!("add {scope} to the client's scopes"),
        )
    })
}

fn missing_client_audience(client: &Client, service: &Service, audience: &str) -> Option<Problem> {
    let (audiences, spot) = &client.allowed_audiences;
    let missing = !audiences.iter().any(|allowed| allowed == audience);
    missing.then(|| {
        spot.clone().problem(
            Severity::CheckError,
            format!("lack {audience}, the audience of `{}`", service.name),
            format!("add `- {audience}` to the client's allowed_audiences"),
        )
    })
}
