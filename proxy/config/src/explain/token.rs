//! The token that goes along with a request, and what is asked for it.

use tokenbridge_bridge::service::{AudienceCheck, Mint, Strategy, TokenFormat, TokenPlan};

use super::ExplainedToken;
use crate::configuration::Configuration;

/// Explains a service's token.
pub(super) fn explain(configuration: &Configuration, plan: &TokenPlan) -> ExplainedToken {
    ExplainedToken {
        audience: plan
            .audience
            .as_ref()
            .map(|policy| policy.expected.to_string()),
        audience_check: plan.audience.as_ref().map(|policy| match policy.check {
            AudienceCheck::Single => "single",
            AudienceCheck::Contains => "contains",
            AudienceCheck::Exact => "exact",
        }),
        issuer: plan.issuer.as_ref().map(ToString::to_string),
        strategy: plan.strategy.as_str(),
        chosen_by: chosen_by(configuration, plan),
        asks: asks(plan),
        scopes: plan.scopes.clone(),
        format: match plan.format {
            TokenFormat::Jwt => "jwt",
            TokenFormat::Opaque => "opaque",
            TokenFormat::Unintrospected => "opaque and unread",
        },
        mint: match plan.mint {
            Mint::Login => "login",
            Mint::FirstUse => "first_use",
        },
    }
}

/// Where the strategy is set, or the preset that it follows from.
fn chosen_by(configuration: &Configuration, plan: &TokenPlan) -> String {
    let origin = &configuration.origin;
    let own = format!("services.{}.token", plan.service);
    let preset = configuration.frontend.issuer.preset;
    if origin.places.contains_key(&own) {
        return origin.routing(&own).place();
    }
    if let Some(issuer) = &plan.issuer {
        return format!("issuer {issuer}");
    }
    match origin.places.contains_key("auth.strategy") {
        true => origin.setting("auth.strategy", "auth").place(),
        false => format!("preset {preset}"),
    }
}

/// What names the token's target in the request to the provider.
fn asks(plan: &TokenPlan) -> Vec<(String, String)> {
    let mut asked: Vec<(&str, String)> = Vec::new();
    match plan.strategy {
        Strategy::Login => return Vec::new(),
        Strategy::Refresh => asked.push(("grant_type", "refresh_token".into())),
        Strategy::Exchange => {
            asked.push((
                "grant_type",
                "urn:ietf:params:oauth:grant-type:token-exchange".into(),
            ));
        }
        Strategy::Authorize => {
            asked.extend([("response_type", "code".into()), ("prompt", "none".into())]);
        }
        Strategy::ClientCredentials => asked.push(("grant_type", "client_credentials".into())),
    }
    let target = plan
        .target_parameter
        .as_str()
        .zip(plan.target_value.clone());
    asked.extend(target.filter(|(parameter, _)| *parameter != "scope"));
    if !plan.scopes.is_empty() {
        asked.push(("scope", plan.scopes.join(" ")));
    }
    asked
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
