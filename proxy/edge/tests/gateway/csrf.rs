//! Requests that change something need a proof that one of our pages made them.

use http::{HeaderName, HeaderValue, Method};
use tokenbridge_devkit::BrowserSession;
use tokenbridge_devkit::browser::{BrowserRequest, Page};

use crate::support::{ITEMS, Installation, RedisServer, status_and_code};

const ECHO: &str = "/api/v1/crud/echo";
const TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");

fn with_token(installation: &Installation, method: &Method, token: &str) -> BrowserRequest {
    BrowserRequest::new(method.clone(), installation.url(ECHO))
        .header(TOKEN, HeaderValue::from_str(token).unwrap())
}

async fn token(installation: &Installation, browser: &BrowserSession) -> String {
    let token = browser.csrf_token(&installation.url("/")).await.unwrap();
    token.expect("a session has a token")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_unsafe_method_needs_the_sessions_own_token_and_forgeries_reach_nobody() {
    let installation = Installation::start().await;
    let (browser, other) = (
        installation.logged_in("alice").await,
        installation.logged_in("bob").await,
    );
    let own = token(&installation, &browser).await;
    let foreign = token(&installation, &other).await;
    assert_ne!(own, foreign);
    let before = installation.crud.counters().requests;
    let refused = (403, "CSRF_FAILED".to_owned());
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let bare = BrowserRequest::new(method.clone(), installation.url(ECHO));
        let page = browser.fetch(bare).await.unwrap();
        assert_eq!(status_and_code(&page), refused, "{method}");
        for wrong in [&*foreign, "", "x", &own.to_lowercase(), &format!("{own}A")] {
            let request = with_token(&installation, &method, wrong);
            let page = browser.fetch(request).await.unwrap();
            assert_eq!(status_and_code(&page), refused, "{method} {wrong}");
        }
        let twice = with_token(&installation, &method, &own)
            .header(TOKEN, HeaderValue::from_str(&own).unwrap());
        assert_eq!(browser.fetch(twice).await.unwrap().status, 403);
    }
    assert_eq!(installation.crud.counters().requests, before);
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let request = with_token(&installation, &method, &own)
            .header(
                HeaderName::from_static("x_csrf_token"),
                HeaderValue::from_static("csrf"),
            )
            .header(
                HeaderName::from_static("x.csrf.token"),
                HeaderValue::from_static("csrf"),
            );
        let page = browser.fetch(request).await.unwrap();
        assert_eq!(page.status, 200, "{method}");
        assert!(!page.text().contains("csrf"), "the upstream saw the token");
    }
    let metrics = reqwest::get(installation.folder.admin_url("/metrics")).await;
    let metrics = metrics.unwrap().text().await.unwrap();
    for line in [
        "bff_csrf_violations_total{reason=\"token_missing\"} 8",
        "bff_csrf_violations_total{reason=\"token_wrong\"} 20",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_needs_the_token_and_a_form_may_have_it_in_its_body() {
    let installation = Installation::start().await;
    let browser = installation.logged_in("alice").await;
    let logout = || BrowserRequest::post(installation.url("/auth/logout"));
    let form = |body: String| {
        let media_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        logout()
            .header(http::header::CONTENT_TYPE, media_type)
            .body(body)
    };
    let own = token(&installation, &browser).await;
    for request in [
        logout(),
        logout().header(TOKEN, HeaderValue::from_static("x")),
        form(String::new()),
        form("csrf_token=x".into()),
        form(format!("csrf_token={own}&csrf_token={own}")),
        form(format!("{}&csrf_token={own}", "x".repeat(9_000))),
    ] {
        let page = browser.fetch(request).await.unwrap();
        assert_eq!(status_and_code(&page), (403, "CSRF_FAILED".into()));
    }
    assert_eq!(installation.get(&browser, ITEMS).await.status, 200);
    let page = Page {
        url: installation.url("/").parse().unwrap(),
        status: 200,
        headers: http::HeaderMap::new(),
        body: format!(
            "<form method=post action=/auth/logout>\
             <input type=hidden name=csrf_token value=\"{own}\"></form>"
        )
        .into(),
    };
    let landed = browser.submit(&page, &[]).await.unwrap();
    assert_eq!(landed.url.path(), "/", "by way of the provider");
    assert_eq!(installation.session_cookie(&browser), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_without_browser_headers_needs_the_token_as_well() {
    let installation = Installation::start().await;
    let browser = installation.logged_in("alice").await;
    let cookie = installation.session_cookie(&browser).unwrap();
    let (own, client) = (token(&installation, &browser).await, reqwest::Client::new());
    let post = || {
        let request = client.post(installation.url(ECHO));
        request.header("cookie", format!("bff_session={cookie}"))
    };
    assert_eq!(post().send().await.unwrap().status(), 403);
    let proven = post().header("x-csrf-token", own).send().await.unwrap();
    assert_eq!(proven.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_says_twice_where_it_comes_from_is_refused() {
    let installation = Installation::start().await;
    let browser = installation.logged_in("alice").await;
    let cookie = installation.session_cookie(&browser).unwrap();
    let (own, client) = (token(&installation, &browser).await, reqwest::Client::new());
    let (origin, evil) = (installation.url(""), "https://evil.example");
    let before = installation.crud.counters().requests;
    for (name, first, second, expected) in [
        ("origin", origin.as_str(), None, 200),
        ("origin", &origin, Some(evil), 403),
        ("origin", &origin, Some(origin.as_str()), 403),
        ("sec-fetch-site", "same-origin", None, 200),
        ("sec-fetch-site", "same-origin", Some("cross-site"), 403),
    ] {
        let mut request = client.post(installation.url(ECHO)).header(name, first);
        if let Some(second) = second {
            request = request.header(name, second);
        }
        let request = request.header("cookie", format!("bff_session={cookie}"));
        let answer = request.header("x-csrf-token", &own).send().await.unwrap();
        assert_eq!(answer.status(), expected, "{name}: {first}, {second:?}");
        if expected == 403 {
            assert!(answer.text().await.unwrap().contains("CROSS_SITE_REQUEST"));
        }
    }
    assert_eq!(installation.crud.counters().requests, before + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_session_there_is_no_token_and_a_write_asks_for_a_login() {
    let installation = Installation::start().await;
    let stranger = BrowserSession::new().unwrap();
    let page = installation.get(&stranger, "/auth/csrf").await;
    assert_eq!(status_and_code(&page), (401, "SESSION_MISSING".into()));
    let write = BrowserRequest::post(installation.url(ITEMS));
    let page = stranger.fetch(write).await.unwrap();
    assert_eq!(status_and_code(&page), (401, "SESSION_MISSING".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_outlives_a_restart_and_the_rotation_of_the_key() {
    let redis = RedisServer::start();
    let mut installation = Installation::start_with(|folder| folder.use_redis(&redis.url())).await;
    let browser = installation.logged_in("alice").await;
    let own = token(&installation, &browser).await;
    installation.folder.replace(
        "settings.yaml",
        "[\"file:.keys/demo\"]",
        "[\"new:ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=\", \"file:.keys/demo\"]",
    );
    installation.restart().await;
    assert_ne!(token(&installation, &browser).await, own);
    let request = with_token(&installation, &Method::POST, &own);
    assert_eq!(browser.fetch(request).await.unwrap().status, 200);
}

async fn post(browser: &BrowserSession, url: String, header: Option<(&str, &str)>) -> Page {
    let mut request = BrowserRequest::post(url);
    if let Some((name, value)) = header {
        request = request.header(name.parse().unwrap(), value.parse().unwrap());
    }
    browser.fetch(request).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_custom_header_is_proof_enough_and_its_absence_is_none() {
    let installation = Installation::start_with(|folder| {
        let rule = "\ncsrf: {mode: custom_header, header: X-Requested-With}\n";
        folder.edit("settings.yaml", |text| text + rule);
    })
    .await;
    let browser = installation.logged_in("alice").await;
    let own = token(&installation, &browser).await;
    for (header, status) in [
        (None, 403),
        (Some(("x-requested-with", "")), 403),
        (Some(("x-csrf-token", &*own)), 403),
        (Some(("x-requested-with", "page")), 200),
    ] {
        let page = post(&browser, installation.url(ECHO), header).await;
        assert_eq!(page.status, status, "{header:?} {}", page.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_needs_the_origin_of_a_page_that_may_use_the_session() {
    let installation = Installation::start().await;
    let browser = installation.logged_in("alice").await;
    let cookie = installation.session_cookie(&browser).unwrap();
    let before = installation.crud.counters().requests;
    let own = installation.folder.public_url().to_owned();
    for (origin, refused) in [
        (None, true),
        (Some("http://evil.example"), true),
        (Some("null"), true),
        (Some(&*own), false),
    ] {
        let mut request = reqwest::Client::new()
            .get(installation.url(ECHO))
            .header("cookie", format!("bff_session={cookie}"))
            .header("accept", "text/html")
            .header("connection", "Upgrade")
            .header("upgrade", "WebSocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let status = request.send().await.unwrap().status();
        assert_eq!(status == 403, refused, "{origin:?} {status}");
    }
    assert_eq!(installation.crud.counters().requests, before + 1);
}
