//! What `explain` says, to people and to programs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::path::Path;

use tokenbridge_config::explain::{Outcome, explain};
use tokenbridge_config::{Configuration, load};

fn demo() -> Configuration {
    load(Path::new("../../conf"), &|_| None)
        .unwrap()
        .configuration
}

fn said(configuration: &Configuration, method: &str, target: &str) -> String {
    explain(configuration, method, target)
        .to_string()
        .replace("../../conf", "conf")
        + "\n"
}

#[test]
fn a_route_is_explained_from_path_to_token() {
    assert_eq!(
        said(&demo(), "GET", "/api/v1/analytics/workflows?page=2"),
        "GET /api/v1/analytics/workflows?page=2
  route     api-analytics (conf/routes.yaml:15)
  path      /api/v1/analytics/*
  service   analytics_service
  upstream  http://localhost:8100/api/v1/analytics/workflows?page=2
  auth      session
  audience  https://analytics.example (audience_check single)
  strategy  refresh (preset generic)
  asks for  grant_type=refresh_token resource=https://analytics.example scope=application.all
  token     jwt, minted at login
"
    );
}

#[test]
fn a_route_without_session_sends_no_token() {
    assert_eq!(
        said(&demo(), "GET", "/"),
        "GET /
  route     demo-app (conf/routes.yaml:30)
  path      /*
  service   demo_app
  upstream  http://localhost:8102/
  auth      none
  token     none is sent
"
    );
}

#[test]
fn what_is_not_forwarded_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let routes = "services: {things: {base_url: 'http://localhost:8100', token: login}}
routes:
  - {id: list, path: /api/things, target_service: things, preserve_path: true, methods: [GET]}
  - {id: add, path: /api/things, target_service: things, preserve_path: true, methods: [POST], auth: none}
  - {id: one, path: '/api/things/{id}', target_service: things, upstream_path: '/{id}'}
";
    let settings = "public_url: http://localhost
auth: {issuer: 'https://i', client_id: a, client_secret: b}
";
    std::fs::write(folder.path().join("routes.yaml"), routes).unwrap();
    std::fs::write(folder.path().join("settings.yaml"), settings).unwrap();
    let loaded = load(folder.path(), &|_| None).unwrap();
    assert!(loaded.report.fails_check() && !loaded.report.has_errors());
    let configuration = loaded.configuration;
    for (method, target, expected) in [
        (
            "PUT",
            "/api/things",
            "405 METHOD_NOT_ALLOWED: the path matches, but not for this method\n  \
          route     /api/things (list)\n  route     /api/things (add)\n  allowed   GET, HEAD, POST\n",
        ),
        (
            "GET",
            "/other",
            "404 ROUTE_NOT_FOUND: no path of a route matches\n  \
          closest   /api/things (list)\n  closest   /api/things (add)\n  closest   /api/things/{id} (one)\n",
        ),
        (
            "GET",
            "/api/things/1/2",
            "404 ROUTE_NOT_FOUND: no path of a route matches\n  \
          closest   /api/things/{id} (one)\n  closest   /api/things (list)\n  closest   /api/things (add)\n",
        ),
        (
            "GET",
            "/api/../things",
            "400 TARGET_INVALID: the path holds a dot segment\n",
        ),
        (
            "GET",
            "api/things",
            "400 TARGET_INVALID: the path is not a path\n",
        ),
        (
            "GET",
            "/api/things/a%2Fb",
            "400 TARGET_INVALID: the path holds an encoded slash\n",
        ),
        (
            "GET",
            "/auth/login",
            "by the gateway itself: this is no path of a route\n",
        ),
        (
            "GET",
            "/api/auth/session",
            "by the gateway itself: this is no path of a route\n",
        ),
        (
            "BREW",
            "/api/things",
            "refused: the method is no method for a route; \
          write some of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\n",
        ),
    ] {
        assert_eq!(
            said(&configuration, method, target),
            format!("{method} {target}\n  answer    {expected}")
        );
    }
    let missing = said(&configuration, "GET", "/api/things");
    assert!(
        missing.contains(
            "audience  none: 401 NO_TOKEN_AVAILABLE; add the service to service_audiences\n"
        ),
        "{missing}"
    );
    let login = format!(
        "strategy  login ({}/routes.yaml:1)\n  asks for  nothing more",
        folder.path().display()
    );
    assert!(missing.contains(&login), "{missing}");
}

#[test]
fn programs_get_the_same_as_json() {
    let explanation = explain(&demo(), "GET", "/api/v1/crud/items");
    assert!(matches!(explanation.outcome, Outcome::Route(_)));
    let json = serde_json::to_value(&explanation).unwrap();
    assert_eq!(json["outcome"], "route");
    assert_eq!(
        json["upstream_url"],
        "http://localhost:8101/api/v1/crud/items"
    );
    assert_eq!(json["token"]["audience"], "https://crud.example");
    assert_eq!(
        json["token"]["asks"][1],
        serde_json::json!(["resource", "https://crud.example"])
    );
    let json = serde_json::to_value(explain(&demo(), "GET", "/a/../b")).unwrap();
    assert_eq!(
        (&json["outcome"], &json["reason"]),
        (&"target_refused".into(), &"holds a dot segment".into())
    );
}
