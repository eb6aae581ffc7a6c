//! The product's main job: one session cookie in, a token for exactly one backend out.

use http::{HeaderName, HeaderValue};
use serde_json::Value;
use tokenbridge_devkit::browser::BrowserRequest;
use tokenbridge_devkit::provider::Mode;
use tokenbridge_devkit::{BrowserSession, ProviderOptions};

use crate::support::{ANALYTICS, CRUD, ITEMS, Installation, WORKFLOWS, code, status_and_code};

#[tokio::test(flavor = "multi_thread")]
async fn each_backend_gets_a_token_made_for_it_alone() {
    let installation = Installation::start().await;
    let browser = installation.logged_in("alice").await;
    for (path, audience) in [(WORKFLOWS, ANALYTICS), (ITEMS, CRUD)] {
        let page = installation.get(&browser, path).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let answer: Value = page.json().unwrap();
        assert_eq!(answer["aud"], *audience, "{answer}");
        assert_eq!(answer["sub"], "alice", "{answer}");
    }
    installation
        .gateway
        .logs("token_found=True service=analytics_service")
        .await;
    installation
        .gateway
        .logs("token_found=True service=crud_service")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_reach_the_backend_with_their_body() {
    let installation = Installation::start().await;
    let browser = installation.logged_in("alice").await;
    let item = serde_json::json!({ "name": "a new item" });
    let request = BrowserRequest::post(installation.url(ITEMS)).json(&item);
    let created = installation.send(&browser, request).await;
    assert_eq!(created.status, 201, "{}", created.text());
    assert!(
        installation
            .get(&browser, ITEMS)
            .await
            .text()
            .contains("a new item")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_call_without_a_session_gets_401_and_never_a_redirect() {
    let installation = Installation::start().await;
    let browser = BrowserSession::new().unwrap();
    let page = installation.get(&browser, WORKFLOWS).await;
    assert_eq!(status_and_code(&page), (401, "SESSION_MISSING".into()));
    assert!(page.header("www-authenticate").is_some() && page.header("location").is_none());
    assert_eq!(
        page.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(installation.analytics.counters().requests, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_navigation_without_a_session_goes_to_login_and_comes_back_to_where_it_wanted() {
    let installation = Installation::start().await;
    let browser = BrowserSession::new().unwrap();
    let wanted = installation.url(&format!("{WORKFLOWS}?page=2&q=a%20b"));
    let first = browser.open(&wanted).await.unwrap();
    assert_eq!(first.status, 303);
    assert_eq!(
        first.header("location"),
        Some("/auth/login?return_to=%2Fapi%2Fv1%2Fanalytics%2Fworkflows%3Fpage%3D2%26q%3Da%2520b")
    );
    let form = browser.navigate(&wanted).await.unwrap();
    let landed = browser
        .pass_forms(
            form,
            installation.folder.public_url(),
            ("alice", "wonderland"),
        )
        .await
        .unwrap();
    assert_eq!((landed.status, landed.url.as_str()), (200, wanted.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_navigation_says_where_its_login_returns_to() {
    let installation = Installation::start().await;
    let browser = BrowserSession::new().unwrap();
    let login = installation.url("/auth/login?return_to=/api/v1/crud/items");
    let background = browser.fetch(BrowserRequest::get(login)).await.unwrap();
    let provider_form = browser
        .navigate(background.header("location").unwrap())
        .await
        .unwrap();
    let landed = browser
        .pass_forms(
            provider_form,
            installation.folder.public_url(),
            ("alice", "wonderland"),
        )
        .await
        .unwrap();
    assert_eq!(landed.url.path(), "/");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cross_site_page_cannot_use_the_session() {
    let installation = Installation::start().await;
    let browser = installation.logged_in("alice").await;
    let before = installation.crud.counters().requests;
    for (method, path) in [("POST", ITEMS), ("GET", ITEMS), ("POST", "/auth/logout")] {
        let request = BrowserRequest::new(method.parse().unwrap(), installation.url(path))
            .from_origin("http://evil.example");
        let page = browser.fetch(request).await.unwrap();
        assert_eq!(
            status_and_code(&page),
            (403, "CROSS_SITE_REQUEST".into()),
            "{method} {path}"
        );
    }
    assert_eq!(installation.crud.counters().requests, before);
    assert_eq!(installation.get(&browser, ITEMS).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_rejects_a_token_is_named_with_the_audience_that_was_sent() {
    let installation = Installation::start().await;
    let browser = installation.logged_in("alice").await;
    installation.analytics.reject_next(1);
    let page = installation.get(&browser, WORKFLOWS).await;
    assert_eq!(page.status, 401);
    installation
        .gateway
        .logs(
            "UPSTREAM_REJECTED_TOKEN service=analytics_service audience=https://analytics.example",
        )
        .await;
    assert_eq!(installation.get(&browser, WORKFLOWS).await.status, 200);
}

/// A 200 proves nothing: providers that ignore the target answer with another token.
async fn a_token_for_somebody_else_is_never_sent(mode: Mode) {
    let mut options = ProviderOptions::demo().unwrap();
    options.configuration.development.modes.push(mode);
    let installation = Installation::start_at(options, |_| {}).await;
    let browser = installation.logged_in("alice").await;
    let page = installation.get(&browser, WORKFLOWS).await;
    assert_eq!(status_and_code(&page), (502, "AUDIENCE_MISMATCH".into()));
    assert_eq!(installation.analytics.counters().requests, 0);
    let expected = "AUDIENCE_MISMATCH service=analytics_service reason=wrong_audience";
    installation.gateway.logs(expected).await;
    let log = installation.gateway.log();
    let line = log.lines().find(|line| line.contains(expected)).unwrap();
    for part in [
        "expected=https://analytics.example",
        "asked=resource=https://analytics.example",
        "came=[",
        "hint=",
    ] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    // The session and its refresh token live on: once the provider behaves, a new login is fine.
    let session = installation.get(&browser, "/auth/session").await;
    assert_eq!(session.status, 200);
    assert_eq!(installation.provider.counters().families_revoked, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wide_token_of_a_provider_that_ignores_the_target_is_never_sent() {
    a_token_for_somebody_else_is_never_sent(Mode::IgnoreTarget).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wide_token_of_a_provider_that_adds_audiences_is_never_sent() {
    a_token_for_somebody_else_is_never_sent(Mode::Wide).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_with_a_wide_token_serves_where_the_configuration_accepts_it() {
    let installation = Installation::start_with(|folder| {
        for service in ["analytics_service", "crud_service"] {
            let declared = format!("  {service}:\n");
            let with_token = format!("{declared}    token: login\n    audience_check: contains\n");
            folder.replace("routes.yaml", &declared, &with_token);
        }
    })
    .await;
    let browser = installation.logged_in("alice").await;
    for path in [WORKFLOWS, ITEMS] {
        let page = installation.get(&browser, path).await;
        assert_eq!(page.status, 200, "{}", page.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_can_be_asked_for_by_audience_and_by_scope() {
    for parameter in ["audience", "scope"] {
        let mut options = ProviderOptions::demo().unwrap();
        if parameter == "scope" {
            options
                .configuration
                .development
                .modes
                .push(Mode::ScopeDecides);
        }
        split_scopes(&mut options);
        let installation = Installation::start_at(options, |folder| {
            folder.replace(
                "settings.yaml",
                "  preset: generic\n",
                &format!("  preset: generic\n  target_parameter: {parameter}\n"),
            );
            folder.replace(
                "settings.yaml",
                "offline_access, application.all]",
                "offline_access, analytics, crud]",
            );
            folder.replace(
                "settings.yaml",
                "analytics_service: application.all",
                "analytics_service: analytics",
            );
            folder.replace(
                "settings.yaml",
                "crud_service: application.all",
                "crud_service: crud",
            );
        })
        .await;
        let browser = installation.logged_in("alice").await;
        for (path, audience) in [(WORKFLOWS, ANALYTICS), (ITEMS, CRUD)] {
            let page = installation.get(&browser, path).await;
            assert_eq!(
                page.status,
                200,
                "{parameter}: {}\n{}",
                page.text(),
                installation.gateway.log()
            );
            let answer: Value = page.json().unwrap();
            assert_eq!(answer["aud"], *audience, "{parameter}: {answer}");
        }
    }
}

/// One scope for each audience instead of one for both.
fn split_scopes(options: &mut ProviderOptions) {
    let mappings = &mut options.configuration.token.audience_mappings.scope_mappings;
    let template = mappings.first().unwrap().clone();
    mappings.clear();
    for (scope, audience) in [("analytics", ANALYTICS), ("crud", CRUD)] {
        let mut mapping = template.clone();
        mapping.scope = scope.into();
        mapping.audiences = vec![audience.into()];
        mappings.push(mapping);
    }
    let client = options.configuration.clients.get_mut("bff-server").unwrap();
    client.scopes.extend(["analytics".into(), "crud".into()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_two_servers_could_read_differently_reaches_nobody() {
    let installation = Installation::start().await;
    let browser = installation.logged_in("alice").await;
    let before = (
        installation.analytics.counters().requests,
        installation.crud.counters().requests,
    );
    for path in [
        "/api/v1/analytics/..%2fcrud/items",
        "/api/v1/analytics/%2e%2e/crud/items",
        "/api/v1/analytics//workflows",
        "/api/v1/analytics/x;y=1/workflows",
        "/api/v1/analytics/x%5c..%5citems",
        "/api/v1/analytics/x%00",
        "/api/v1/analytics/%ff",
    ] {
        let answer = raw_get(
            &installation,
            path,
            &installation.session_cookie(&browser).unwrap(),
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{path}: {answer}");
        assert!(answer.contains("TARGET_INVALID"), "{path}: {answer}");
    }
    let after = (
        installation.analytics.counters().requests,
        installation.crud.counters().requests,
    );
    assert_eq!(after, before);
}

/// Sends a target byte for byte, which no HTTP client does.
async fn raw_get(installation: &Installation, target: &str, cookie: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", installation.folder.port()))
        .await
        .unwrap();
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: localhost:{}\r\nCookie: bff_session={cookie}\r\nConnection: close\r\n\r\n",
        installation.folder.port()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_another_host_is_refused() {
    let installation = Installation::start().await;
    let browser = installation.logged_in("alice").await;
    let request = BrowserRequest::get(installation.url(WORKFLOWS)).header(
        HeaderName::from_static("host"),
        HeaderValue::from_static("evil.example"),
    );
    let page = browser.fetch(request).await.unwrap();
    assert_eq!((page.status, code(&page)), (421, "HOST_UNKNOWN".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_a_route_does_not_take_is_told_which_it_takes() {
    let installation = Installation::start_with(|folder| {
        folder.replace(
            "routes.yaml",
            "id: \"api-crud\"\n",
            "id: \"api-crud\"\n    methods: [GET, POST]\n",
        );
    })
    .await;
    let browser = installation.logged_in("alice").await;
    let page = browser
        .fetch(BrowserRequest::new(
            http::Method::DELETE,
            installation.url(ITEMS),
        ))
        .await
        .unwrap();
    assert_eq!(status_and_code(&page), (405, "METHOD_NOT_ALLOWED".into()));
    assert_eq!(page.header("allow"), Some("GET, HEAD, POST"));
    let trace = browser
        .fetch(BrowserRequest::new(
            http::Method::TRACE,
            installation.url("/"),
        ))
        .await
        .unwrap();
    assert_eq!(trace.status, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_is_away_is_503_and_comes_back_by_itself() {
    let installation = Installation::start().await;
    let browser = installation.logged_in("alice").await;
    installation.crud.go_away().await;
    let page = installation.get(&browser, ITEMS).await;
    assert_eq!(status_and_code(&page), (503, "UPSTREAM_UNAVAILABLE".into()));
    assert!(page.header("retry-after").is_some());
    assert!(page.header("set-cookie").is_none());
    installation.crud.come_back().await.unwrap();
    assert_eq!(installation.get(&browser, ITEMS).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_upstream_is_504() {
    let installation = Installation::start_with(|folder| {
        folder.replace(
            "routes.yaml",
            "  crud_service:\n",
            "  crud_service:\n    timeout: 1s\n",
        );
    })
    .await;
    let browser = installation.logged_in("alice").await;
    let page = installation
        .get(&browser, "/api/v1/crud/slow?ms=30000")
        .await;
    assert_eq!(status_and_code(&page), (504, "UPSTREAM_TIMEOUT".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_streamed_answer_arrives_whole() {
    let installation = Installation::start().await;
    let browser = installation.logged_in("alice").await;
    let page = installation
        .get(&browser, "/api/v1/analytics/stream?events=5&interval_ms=10")
        .await;
    assert_eq!(page.status, 200);
    assert_eq!(page.text().matches("data:").count(), 5, "{}", page.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_413_with_and_without_a_length() {
    let installation = Installation::start_with(|folder| {
        folder.replace(
            "routes.yaml",
            "id: \"api-crud\"\n",
            "id: \"api-crud\"\n    max_body: 1KiB\n",
        );
    })
    .await;
    let browser = installation.logged_in("alice").await;
    let post = |size: usize| {
        BrowserRequest::post(installation.url("/api/v1/crud/echo")).body(vec![b'x'; size])
    };
    assert_eq!(installation.send(&browser, post(1024)).await.status, 200);
    let page = installation.send(&browser, post(1025)).await;
    assert_eq!(status_and_code(&page), (413, "BODY_TOO_LARGE".into()));
}
