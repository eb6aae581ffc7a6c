//! The four places that must name a service, each left out in turn.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::path::Path;

use tokenbridge_config::{check_idp, load};

const ROUTES: &str = "services:
  analytics_service:
    base_url: http://localhost:8100
  crud_service:
    base_url: http://localhost:8101
  pages:
    base_url: http://localhost:8102
routes:
  - {id: a, path: /a/*, target_service: analytics_service, upstream_path: '/{path}'}
  - {id: c, path: /c/*, target_service: crud_service, upstream_path: '/{path}'}
  - {id: p, path: /*, target_service: pages, upstream_path: '/{path}', auth: none}
";

const SETTINGS: &str = "public_url: http://localhost:8080
auth:
  issuer: http://localhost:8081
  client_id: bff-server
  client_secret: a-secret
  scopes: [openid, offline_access, application.all]
service_audiences:
  analytics_service: https://analytics.example
  crud_service: https://crud.example
service_scopes:
  analytics_service: application.all
";

const IDP_SETTINGS: &str = "token:
  audience_mappings:
    scope_mappings:
      - scope: application.all
        audiences:
          - https://crud.example
          - https://analytics.example
";

const IDP_CLIENTS: &str = "bff-server:
  redirect_uris: [http://localhost:8080/auth/callback]
  scopes: [openid, offline_access, application.all]
  allowed_audiences:
    - https://crud.example
    - https://analytics.example
";

/// What `check --idp` says when one piece of one file is replaced.
fn said(from: &str, to: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let idp = folder.path().join("idp");
    std::fs::create_dir(&idp).unwrap();
    let write = |path: &Path, text: &str| std::fs::write(path, text.replace(from, to)).unwrap();
    write(&folder.path().join("routes.yaml"), ROUTES);
    write(&folder.path().join("settings.yaml"), SETTINGS);
    write(&idp.join("settings.yaml"), IDP_SETTINGS);
    write(&idp.join("clients.yaml"), IDP_CLIENTS);
    let report = match load(folder.path(), &|_| None) {
        Ok(mut loaded) => {
            loaded.report.extend(check_idp(&idp, &loaded.configuration));
            loaded.report
        }
        Err(report) => report,
    };
    let prefix = format!("{}/", folder.path().display());
    report
        .to_string()
        .replace(&prefix, "")
        .lines()
        .map(str::to_owned)
        .collect()
}

#[test]
fn files_that_agree_say_nothing() {
    assert_eq!(said("nothing", "nothing"), [""; 0]);
}

#[test]
fn a_route_to_an_undeclared_service_is_the_first_place() {
    assert_eq!(
        said(
            "target_service: analytics_service",
            "target_service: analytics"
        ),
        [
            "routes.yaml:9: routes[0].target_service: `analytics` is not declared under `services`; \
          declare it there; there are analytics_service, crud_service, pages"
        ]
    );
}

#[test]
fn a_missing_audience_mapping_of_the_gateway_is_the_second_place() {
    assert_eq!(
        said("  analytics_service: https://analytics.example\n", ""),
        [
            "settings.yaml:7: service_audiences.analytics_service: is missing: route `a` needs a token for \
          `analytics_service`, and without an audience there is none; \
          add `analytics_service: AUDIENCE` under service_audiences"
        ]
    );
}

#[test]
fn a_missing_scope_mapping_of_the_provider_is_the_third_place() {
    let line = "          - https://analytics.example\n";
    assert_eq!(
        said(line, ""),
        [
            "idp/settings.yaml:5: token.audience_mappings.scope_mappings[0].audiences: lack \
          https://analytics.example, the audience of `analytics_service`; \
          add `- https://analytics.example` to the audiences of scope application.all"
        ]
    );
}

#[test]
fn a_missing_audience_of_the_client_is_the_fourth_place() {
    let (line, rest) = (
        "    - https://crud.example\n    - https://analytics.example\n",
        "    - https://crud.example\n",
    );
    assert_eq!(
        said(line, rest),
        [
            "idp/clients.yaml:4: bff-server.allowed_audiences: lack https://analytics.example, the audience of \
          `analytics_service`; add `- https://analytics.example` to the client's allowed_audiences"
        ]
    );
}

#[test]
fn a_scope_that_the_client_may_not_ask_for_is_named() {
    assert_eq!(
        said(
            "  scopes: [openid, offline_access, application.all]\n  allowed",
            "  scopes: [openid, offline_access]\n  allowed"
        ),
        [
            "idp/clients.yaml:3: bff-server.scopes: lack `application.all`: auth.scopes asks for it at login; \
          add application.all to the client's scopes"
        ]
    );
}

#[test]
fn a_scope_of_a_service_must_be_asked_for_at_login_too() {
    assert_eq!(
        said(
            "  analytics_service: application.all",
            "  analytics_service: api.read application.all"
        ),
        [
            "idp/clients.yaml:3: bff-server.scopes: lack `api.read`: service_scopes.analytics_service asks for it; \
             add api.read to the client's scopes",
            "settings.yaml:6: auth.scopes: lacks `api.read`, which service_scopes.analytics_service asks for; \
             add api.read to auth.scopes"
        ]
    );
}

#[test]
fn a_scope_that_would_give_the_audience_but_is_not_asked_for_is_named() {
    assert_eq!(
        said("      - scope: application.all", "      - scope: api.all"),
        [
            "settings.yaml:6: auth.scopes: lacks `api.all`, the scope for which the provider gives \
             https://crud.example, the audience of `crud_service`; add api.all to auth.scopes",
            "settings.yaml:11: service_scopes.analytics_service: lacks `api.all`, the scope for which the provider \
             gives https://analytics.example, the audience of `analytics_service`; \
             add api.all to service_scopes.analytics_service"
        ]
    );
}

#[test]
fn a_provider_without_any_mapping_is_told_which_to_add() {
    let mapping = "      - scope: application.all
        audiences:
          - https://crud.example
          - https://analytics.example
";
    assert_eq!(
        said(mapping, ""),
        [
            "idp/settings.yaml:3: token.audience_mappings.scope_mappings: have no scope that stands for \
             https://analytics.example, the audience of `analytics_service`; \
             add `- scope: application.all` with `audiences: [https://analytics.example]`",
            "idp/settings.yaml:3: token.audience_mappings.scope_mappings: have no scope that stands for \
             https://crud.example, the audience of `crud_service`; \
             add `- scope: application.all` with `audiences: [https://crud.example]`"
        ]
    );
}

#[test]
fn a_client_that_the_provider_does_not_know_is_named() {
    assert_eq!(
        said("bff-server:", "bff_server:"),
        [
            "idp/clients.yaml: bff-server: is missing: it is the gateway's auth.client_id; \
          add `bff-server:` with scopes and allowed_audiences; did you mean `bff_server`?"
        ]
    );
}

#[test]
fn a_threshold_longer_than_half_of_the_providers_lifetime_is_named() {
    assert_eq!(
        said("token:\n", "token:\n  access_token_lifetime: 90s\n"),
        [
            "settings.yaml:2: auth.token_refresh_threshold: 60s is longer than half of the provider's \
          access_token_lifetime, 90s; make it shorter: a token is renewed at half its life at the earliest"
        ]
    );
}

#[test]
fn files_that_cannot_be_read_are_named_once() {
    let folder = tempfile::tempdir().unwrap();
    let loaded = load(Path::new("tests/seed"), &|_| None).unwrap();
    std::fs::write(folder.path().join("clients.yaml"), "a: [\n").unwrap();
    let problems = check_idp(folder.path(), &loaded.configuration);
    let said: Vec<&str> = problems
        .iter()
        .map(|problem| problem.problem.as_str())
        .collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(
        said[0].starts_with("cannot be read: ") && said[1].starts_with("is no valid YAML: "),
        "{said:?}"
    );
}

#[test]
fn the_seeds_blocks_agree_unchanged() {
    let loaded = load(Path::new("tests/seed"), &|_| None).unwrap();
    assert_eq!(
        check_idp(Path::new("tests/seed/idp"), &loaded.configuration),
        []
    );
}

#[test]
fn the_demos_files_agree() {
    let loaded = load(Path::new("../../conf"), &|_| None).unwrap();
    assert_eq!(
        check_idp(Path::new("../../conf/idp"), &loaded.configuration),
        []
    );
}
