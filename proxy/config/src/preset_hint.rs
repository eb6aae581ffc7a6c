//! Issuers that are plainly of a known kind of provider while no preset says so. A preset is never
//! guessed: this is for somebody to read.

use url::{Host, Url};

use crate::configuration::Configuration;
use crate::preset::Preset;
use crate::problem::{Problem, Severity};

/// A warning for each of them.
pub fn check_presets(configuration: &Configuration) -> Vec<Problem> {
    let frontend = &configuration.frontend;
    let login = ("auth".to_owned(), &frontend.issuer.url);
    let others = frontend.issuers.iter();
    let others = others.map(|issuer| (format!("issuers.{}", issuer.name), &issuer.url));
    std::iter::once(login)
        .chain(others)
        .filter_map(|(section, url)| problem(configuration, &section, url))
        .collect()
}

fn problem(configuration: &Configuration, section: &str, url: &Url) -> Option<Problem> {
    let origin = &configuration.origin;
    let set = origin.places.contains_key(&format!("{section}.preset"));
    let preset = plainly_of(url).filter(|_| !set)?;
    let spot = origin.setting(&format!("{section}.issuer"), section);
    Some(spot.problem(
        Severity::Warning,
        format!("looks like an issuer of {preset}, and without a preset `generic` holds"),
        format!(
            "if it is one, add `preset: {preset}` to `{section}`; `preset: generic` says that it is none"
        ),
    ))
}

/// The kind of provider that an issuer's URL tells of, where it leaves no doubt.
fn plainly_of(issuer: &Url) -> Option<Preset> {
    by_host(issuer).or_else(|| by_path(issuer.path()))
}

fn by_host(issuer: &Url) -> Option<Preset> {
    let Some(Host::Domain(host)) = issuer.host() else {
        return None;
    };
    let host = host.trim_end_matches('.');
    let below = |domains: &[&str]| {
        domains.iter().any(|domain| {
            host.strip_suffix(domain)
                .is_some_and(|label| label.ends_with('.'))
        })
    };
    let entra = [
        "login.microsoftonline.com",
        "login.microsoftonline.us",
        "login.partner.microsoftonline.cn",
        "sts.windows.net",
    ];
    if entra.contains(&host) || below(&["ciamlogin.com"]) {
        return Some(Preset::Entra);
    }
    if host.starts_with("cognito-idp.") && below(&["amazonaws.com", "amazonaws.com.cn"]) {
        return Some(Preset::Cognito);
    }
    let clouds = [
        (&["auth0.com"][..], Preset::Auth0),
        (
            &["okta.com", "oktapreview.com", "okta-emea.com"],
            Preset::Okta,
        ),
        (&["zitadel.cloud"], Preset::Zitadel),
        (&["logto.app"], Preset::Logto),
    ];
    let mut clouds = clouds.into_iter();
    clouds.find_map(|(domains, preset)| below(domains).then_some(preset))
}

/// What is installed at home is told by its paths.
fn by_path(path: &str) -> Option<Preset> {
    let named = |before: &str| {
        path.split_once(before)
            .is_some_and(|(_, name)| !name.is_empty())
    };
    if named("/realms/") {
        return Some(Preset::Keycloak);
    }
    named("/application/o/").then_some(Preset::Authentik)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_issuer_that_leaves_no_doubt_tells_its_kind() {
        use Preset as P;
        for (issuer, preset) in [
            (
                "https://login.microsoftonline.com/tenant/v2.0",
                Some(P::Entra),
            ),
            ("https://tenant.ciamlogin.com/tenant/v2.0", Some(P::Entra)),
            ("https://acme.eu.auth0.com/", Some(P::Auth0)),
            ("https://acme.okta.com/oauth2/default", Some(P::Okta)),
            ("https://id.acme.example/realms/acme", Some(P::Keycloak)),
            (
                "https://id.acme.example/auth/realms/acme",
                Some(P::Keycloak),
            ),
            ("https://acme-x1.zitadel.cloud", Some(P::Zitadel)),
            ("https://acme.logto.app/oidc", Some(P::Logto)),
            (
                "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_x",
                Some(P::Cognito),
            ),
            (
                "https://id.acme.example/application/o/bff/",
                Some(P::Authentik),
            ),
            ("https://id.acme.example", None),
            ("https://auth0.com", None),
            ("https://notauth0.com/", None),
            ("https://acme.auth0.com.evil.example/", None),
            ("https://login.microsoftonline.com.evil.example/", None),
            ("https://s3.amazonaws.com/cognito-idp.", None),
            ("https://id.acme.example/realms/", None),
            ("https://id.acme.example/realms", None),
            ("http://127.0.0.1:8081", None),
        ] {
            assert_eq!(plainly_of(&Url::parse(issuer).unwrap()), preset, "{issuer}");
        }
    }
}
