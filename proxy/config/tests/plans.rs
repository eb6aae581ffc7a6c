//! How a service's token is asked for, from presets, issuer, service, audiences and scopes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use tokenbridge_bridge::service::{
    AudienceCheck, Mint, Strategy, TargetParameter, TokenFormat, TokenPlan,
};
use tokenbridge_config::{Configuration, Loaded, check_hosts, check_presets, load};

/// The demo's two services with more keys: for the first service, and below `auth`.
fn loaded(service: &str, auth: &str, more: &str) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    let routes = format!(
        "services:
  analytics: {{base_url: 'http://localhost:8100'{service}}}
  crud: {{base_url: 'http://localhost:8101'}}
  pages: {{base_url: 'http://localhost:8102'}}
routes:
  - {{id: a, path: /a/*, target_service: analytics, upstream_path: '/{{path}}'}}
  - {{id: p, path: /*, target_service: pages, upstream_path: '/{{path}}', auth: none}}
"
    );
    let settings = format!(
        "public_url: http://localhost:8080
auth: {{issuer: 'http://localhost:8081', client_id: a, client_secret: b{auth}}}
service_audiences: {{analytics: A, crud: C, elsewhere: E}}
{more}
"
    );
    std::fs::write(folder.path().join("routes.yaml"), routes).unwrap();
    std::fs::write(folder.path().join("settings.yaml"), settings).unwrap();
    load(folder.path(), &|_| None).unwrap_or_else(|report| panic!("{report}"))
}

fn plan(service: &str, auth: &str, more: &str) -> TokenPlan {
    loaded(service, auth, more).configuration.frontend.services[0]
        .token
        .clone()
}

fn asked(plan: &TokenPlan) -> (Strategy, TargetParameter, Option<&str>, String) {
    (
        plan.strategy,
        plan.target_parameter,
        plan.target_value.as_deref(),
        plan.scopes.join(" "),
    )
}

const SCOPES: &str = "service_scopes: {analytics: read write, crud: read}";

#[test]
fn each_preset_asks_in_its_own_way() {
    use Strategy::{Authorize, Exchange, Refresh};
    use TargetParameter::{Audience, Resource, Scope};
    for (preset, scopes, expected) in [
        ("generic", "", (Refresh, Resource, Some("A"), "")),
        (
            "generic",
            SCOPES,
            (Refresh, Resource, Some("A"), "read write"),
        ),
        (
            "keycloak",
            SCOPES,
            (Exchange, Audience, Some("A"), "read write"),
        ),
        ("entra", "", (Refresh, Scope, None, "A/.default")),
        ("entra", SCOPES, (Refresh, Scope, None, "read write")),
        ("auth0", "", (Refresh, Audience, Some("A"), "")),
        (
            "okta",
            SCOPES,
            (Exchange, Audience, Some("A"), "read write"),
        ),
        ("duende", "", (Refresh, Resource, Some("A"), "")),
        ("oidc-provider", "", (Refresh, Resource, Some("A"), "")),
        ("logto", "", (Refresh, Resource, Some("A"), "")),
        ("zitadel", "", (Exchange, Audience, Some("A"), "")),
        ("authentik", "", (Exchange, Audience, Some("A"), "")),
        ("hydra", "", (Authorize, Audience, Some("A"), "")),
        ("cognito", "", (Authorize, Resource, Some("A"), "")),
    ] {
        let plan = plan("", &format!(", preset: {preset}"), scopes);
        let (strategy, parameter, value, joined) = asked(&plan);
        assert_eq!(
            (strategy, parameter, value, joined.as_str()),
            expected,
            "{preset}"
        );
    }
}

#[test]
fn a_service_says_more_than_the_issuer_and_the_issuer_more_than_the_preset() {
    use Strategy::{Exchange, Login, Refresh};
    use TargetParameter::{Aud, Audience, None, Resource, Scope};
    let zitadel =
        ", preset: zitadel, strategy: refresh, target_value: 'urn:project:{audience}:aud'";
    for (service, auth, more, expected) in [
        (", token: login", "", "", (Login, None, Option::None, "")),
        (
            ", token: auto",
            ", strategy: exchange",
            "",
            (Exchange, Audience, Some("A"), ""),
        ),
        (
            ", token: refresh",
            ", strategy: exchange",
            "",
            (Refresh, Resource, Some("A"), ""),
        ),
        (
            "",
            ", preset: keycloak, strategy: refresh",
            SCOPES,
            (Refresh, Scope, Option::None, "read write"),
        ),
        (
            "",
            ", target_parameter: aud",
            "",
            (Refresh, Aud, Some("A"), ""),
        ),
        (
            "",
            ", target_parameter: none",
            "",
            (Refresh, None, Option::None, ""),
        ),
        (
            "",
            ", target_value: '{service}:{scopes}'",
            SCOPES,
            (
                Refresh,
                Resource,
                Some("analytics:read write"),
                "read write",
            ),
        ),
        (
            ", target_value: own",
            ", target_value: '{service}'",
            "",
            (Refresh, Resource, Some("own"), ""),
        ),
        (
            "",
            zitadel,
            "",
            (Refresh, Scope, Option::None, "urn:project:A:aud"),
        ),
    ] {
        let plan = plan(service, auth, more);
        let (strategy, parameter, value, joined) = asked(&plan);
        assert_eq!(
            (strategy, parameter, value, joined.as_str()),
            expected,
            "{service} {auth}"
        );
    }
}

#[test]
fn another_service_is_one_that_is_declared() {
    let audience = plan("", "", "").audience.unwrap();
    let others: Vec<&str> = audience.others.iter().map(|other| other.as_str()).collect();
    assert_eq!(
        (audience.expected.as_str(), audience.check, others),
        ("A", AudienceCheck::Single, vec!["C"])
    );
}

#[test]
fn services_of_one_audience_are_not_others_to_each_other() {
    let loaded = loaded("", "", "");
    let Configuration { frontend, .. } = &loaded.configuration;
    assert!(frontend.services[2].token.audience.is_none());
    let same = "service_audiences: {analytics: A, crud: A}";
    let folder = tempfile::tempdir().unwrap();
    let routes = "services: {analytics: {base_url: 'http://a'}, crud: {base_url: 'http://c'}}
routes: [{id: a, path: /a, target_service: analytics, upstream_path: /a}]
";
    let settings = format!(
        "public_url: http://localhost\nauth: {{issuer: 'https://i', client_id: a, client_secret: b}}\n{same}\n"
    );
    std::fs::write(folder.path().join("routes.yaml"), routes).unwrap();
    std::fs::write(folder.path().join("settings.yaml"), settings).unwrap();
    let configuration = load(folder.path(), &|_| None).unwrap().configuration;
    assert!(
        configuration.frontend.services[0]
            .token
            .audience
            .as_ref()
            .unwrap()
            .others
            .is_empty()
    );
}

#[test]
fn the_rest_of_a_plan_is_taken_over() {
    let plan = plan(
        ", audience_check: exact, token_format: opaque, mint: first_use",
        "",
        "",
    );
    let check = plan.audience.unwrap().check;
    assert_eq!(
        (check, plan.format, plan.mint),
        (AudienceCheck::Exact, TokenFormat::Opaque, Mint::FirstUse)
    );
}

#[test]
fn the_cookie_has_its_prefix_where_it_is_secure() {
    let plain = loaded("", "", "").configuration.frontend;
    assert_eq!(
        (plain.cookie_name.as_str(), plain.public_url.is_loopback()),
        ("bff_session", true)
    );
    let seed = load(std::path::Path::new("tests/seed"), &|_| None)
        .unwrap()
        .configuration
        .frontend;
    assert_eq!(
        (seed.cookie_name.as_str(), seed.public_url.secure),
        ("__Host-bff_session", true)
    );
}

#[test]
fn a_host_without_an_address_is_a_warning() {
    let loaded = loaded("", "", "");
    let problems = check_hosts(&loaded.configuration, &|host, port| {
        host != "localhost" || port != 8101
    });
    let said: Vec<String> = problems
        .iter()
        .map(|problem| format!("{:?} {}", problem.line, problem.key))
        .collect();
    assert_eq!(said, ["Some(3) services.crud.base_url"]);
    assert_eq!(problems[0].severity, tokenbridge_config::Severity::Warning);
}

#[test]
fn a_key_file_that_only_redis_needs_may_be_missing() {
    let session = "session: {encryption_keys: ['file:.keys/none', '']}";
    assert!(
        loaded("", "", session)
            .configuration
            .encryption_keys
            .is_empty()
    );
}

#[test]
fn a_token_of_another_issuer_is_asked_for_in_that_ones_way() {
    let issuers = "issuers: {sts: {issuer: 'https://sts.example', client_id: c, client_secret: d, preset: keycloak}}
service_scopes: {analytics: read}";
    for (service, strategy, parameter) in [
        (
            ", issuer: sts",
            Strategy::Exchange,
            TargetParameter::Audience,
        ),
        (
            ", issuer: sts, token: client_credentials",
            Strategy::ClientCredentials,
            TargetParameter::Scope,
        ),
    ] {
        // What `auth` says of targets is for its own issuer.
        let auth = ", target_parameter: resource, target_value: 'x-{audience}', strategy: refresh";
        let plan = plan(service, auth, issuers);
        assert_eq!(
            (plan.strategy, plan.target_parameter),
            (strategy, parameter)
        );
        assert_eq!(plan.issuer.as_ref().map(|name| name.as_str()), Some("sts"));
        let by_audience = (parameter == TargetParameter::Audience).then_some("A");
        assert_eq!(plan.target_value.as_deref(), by_audience);
    }
    let configuration = loaded(", issuer: sts", "", issuers).configuration;
    assert_eq!(configuration.frontend.issuers[0].client_id, "c");
    assert!(configuration.frontend.services[1].token.issuer.is_none());
}

#[test]
fn without_a_client_of_its_own_the_logins_client_asks_at_another_issuer() {
    let issuers = "issuers: {sts: {issuer: 'https://sts.example'}}";
    let configuration = loaded(", issuer: sts", "", issuers).configuration;
    let (login, other) = (
        &configuration.frontend.issuer,
        &configuration.frontend.issuers[0],
    );
    assert_eq!(other.client_id, login.client_id);
    assert_eq!(other.client_authentication, login.client_authentication);
}

#[test]
fn an_issuer_of_a_known_kind_without_a_preset_is_hinted_at_and_nothing_more() {
    let hints = |auth: &str, more: &str| {
        let loaded = loaded("", auth, more);
        let plan = &loaded.configuration.frontend.services[0].token;
        assert_eq!(
            plan.target_parameter,
            TargetParameter::Resource,
            "not guessed"
        );
        let hints = check_presets(&loaded.configuration);
        let hints = hints.iter().map(|hint| {
            assert_eq!(hint.severity, tokenbridge_config::Severity::Warning);
            hint.to_string()
        });
        hints.collect::<Vec<String>>()
    };
    let minter = |more: &str| {
        format!(
            "issuers: {{minter: {{issuer: 'https://id.example/realms/a', client_id: a, client_secret: b{more}}}}}"
        )
    };
    assert_eq!(hints("", ""), Vec::<String>::new());
    let [hint] = &*hints("", &minter("")) else {
        panic!("one hint");
    };
    for word in [
        "settings.yaml:4",
        "issuers.minter.issuer",
        "preset: keycloak",
    ] {
        assert!(hint.contains(word), "{hint}");
    }
    for preset in ["generic", "keycloak"] {
        let set = minter(&format!(", preset: {preset}"));
        assert_eq!(hints("", &set), Vec::<String>::new(), "{preset}");
    }
}
