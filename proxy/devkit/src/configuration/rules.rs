//! What the files must also fulfil beyond their form.

use url::Url;

use super::document::Text;
use super::lifetime::Lifetime;
use super::model::{Client, IdpConfiguration};
use super::problem::ConfigurationProblem;

const URI_FIX: &str = "write an absolute http or https URL without a fragment";
const LIFETIME_FIX: &str = "write at least 1s";

/// Every rule that is broken.
pub(super) fn check(
    configuration: &IdpConfiguration,
    settings: &Text<'_>,
    clients: &Text<'_>,
) -> Vec<ConfigurationProblem> {
    let mut problems = check_settings(configuration, settings);
    if configuration.clients.is_empty() {
        problems.push(clients.problem(
            &[],
            "there is no client".to_owned(),
            "add `bff-server:` with its scopes and allowed_audiences",
        ));
    }
    for (id, client) in &configuration.clients {
        problems.extend(check_client(id, client, clients));
    }
    problems
}

fn check_settings(configuration: &IdpConfiguration, text: &Text<'_>) -> Vec<ConfigurationProblem> {
    let mut problems = Vec::new();
    for mapping in &configuration.token.audience_mappings.scope_mappings {
        if mapping.scope.is_empty() || mapping.scope.contains(char::is_whitespace) {
            problems.push(text.problem(
                &["scope_mappings", "scope:"],
                format!("`{}` is not a scope", mapping.scope),
                "write one scope without spaces; add an entry for each further one",
            ));
        }
        if mapping.audiences.iter().any(String::is_empty) {
            problems.push(text.problem(
                &["scope_mappings", "audiences:"],
                format!("an audience of scope `{}` is empty", mapping.scope),
                "write the audience or remove the line",
            ));
        }
    }
    for (key, lifetime) in [
        (
            "access_token_lifetime",
            configuration.token.access_token_lifetime,
        ),
        (
            "refresh_token_lifetime",
            configuration.token.refresh_token_lifetime,
        ),
    ] {
        problems.extend(check_lifetime(&[key], lifetime, text));
    }
    problems.extend(check_people_and_backends(configuration, text));
    problems
}

fn check_people_and_backends(
    configuration: &IdpConfiguration,
    text: &Text<'_>,
) -> Vec<ConfigurationProblem> {
    let mut problems = Vec::new();
    if configuration.users.is_empty() {
        problems.push(text.problem(
            &["users"],
            "there is no user, so nobody can log in".to_owned(),
            "name one, or remove the key for alice and bob",
        ));
    }
    for name in configuration.development.backend_audiences.keys() {
        if !matches!(name.as_str(), "analytics" | "crud") {
            problems.push(text.problem(
                &["backend_audiences", name],
                format!("there is no demo backend `{name}`"),
                "write analytics or crud",
            ));
        }
    }
    problems
}

fn check_client(id: &str, client: &Client, text: &Text<'_>) -> Vec<ConfigurationProblem> {
    let mut problems = Vec::new();
    let uris = [
        ("redirect_uris", &client.redirect_uris),
        (
            "post_logout_redirect_uris",
            &client.post_logout_redirect_uris,
        ),
    ];
    for (key, list) in uris {
        for uri in list.iter().flatten() {
            let usable = Url::parse(uri).is_ok_and(|uri| {
                matches!(uri.scheme(), "http" | "https") && uri.fragment().is_none()
            });
            if !usable {
                let problem = format!("`{uri}` cannot be redirected to");
                problems.push(text.problem(&[id, key, uri], problem, URI_FIX));
            }
        }
    }
    for (key, lifetime) in [
        ("access_token_lifetime", client.access_token_lifetime),
        ("refresh_token_lifetime", client.refresh_token_lifetime),
    ] {
        problems.extend(check_lifetime(&[id, key], lifetime, text));
    }
    for grant_type in client.grant_types.iter().flatten() {
        if crate::provider::GrantType::named(grant_type).is_none() {
            problems.push(text.problem(
                &[id, "grant_types", grant_type],
                format!("`{grant_type}` is not a grant type of this provider"),
                "write authorization_code, refresh_token, client_credentials or \
                 urn:ietf:params:oauth:grant-type:token-exchange",
            ));
        }
    }
    problems
}

fn check_lifetime(
    words: &[&str],
    lifetime: Option<Lifetime>,
    text: &Text<'_>,
) -> Option<ConfigurationProblem> {
    lifetime
        .filter(|lifetime| lifetime.seconds() == 0)
        .map(|_| text.problem(words, "a lifetime of 0 is none".to_owned(), LIFETIME_FIX))
}
