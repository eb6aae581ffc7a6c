//! The test browser at a gateway, and the demo application.

use axum::Router;
use axum::extract::RawQuery;
use axum::response::Redirect;
use axum::routing::get;
use tokenbridge_devkit::BrowserSession;
use tokenbridge_devkit::app::DemoApp;
use tokenbridge_devkit::browser::{BrowserError, BrowserRequest};

use crate::relying_party::*;

/// The smallest gateway: `/auth/login` leads to the provider, `/auth/callback` shows the answer.
async fn gateway(party: &RelyingParty) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let callback = format!("{gateway}/auth/callback");
    let login = party.authorization_url(&[("redirect_uri", &callback)]);
    let router = Router::new()
        .route("/auth/login", get(async move || Redirect::to(&login)))
        .route(
            "/auth/callback",
            get(async |RawQuery(query): RawQuery| query.unwrap_or_default()),
        );
    tokio::spawn(async move { axum::serve(listener, router).await });
    gateway
}

#[tokio::test]
async fn the_browser_logs_in_at_a_gateway_and_comes_back() {
    let party = RelyingParty::start().await;
    let gateway = gateway(&party).await;
    let page = party
        .browser
        .login(&gateway, "bob", "builder")
        .await
        .unwrap();
    assert!(page.url.as_str().starts_with(&gateway));
    let code = query(&page, "code").unwrap();
    let parameters = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", &format!("{gateway}/auth/callback")),
        ("code_verifier", VERIFIER),
    ];
    let tokens = success(&party.token(&parameters).await);
    assert_eq!(claims(text(&tokens, "id_token"))["name"], "Bob Builder");
}

#[tokio::test]
async fn a_link_and_a_script_say_where_they_come_from() {
    let router = Router::new().fallback(async |headers: axum::http::HeaderMap| {
        let value = |name: &str| {
            headers
                .get(name)
                .map_or("-", |value| value.to_str().unwrap())
        };
        let names = ["sec-fetch-site", "sec-fetch-mode", "origin"];
        names.map(value).join(" ")
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "http://127.0.0.1:{}/x",
        listener.local_addr().unwrap().port()
    );
    tokio::spawn(async move { axum::serve(listener, router).await });
    let browser = BrowserSession::new().unwrap();
    let typed = browser.navigate(&url).await.unwrap();
    assert_eq!(typed.text(), "none navigate -");
    let link = browser
        .follow_link("https://elsewhere.example/", &url)
        .await
        .unwrap();
    assert_eq!(link.text(), "cross-site navigate -");
    let own = browser
        .fetch(BrowserRequest::get(url.as_str()))
        .await
        .unwrap();
    assert_eq!(own.text(), "same-origin cors -");
    let foreign = BrowserRequest::post(url).from_origin("http://127.0.0.1:1");
    let foreign = browser.fetch(foreign).await.unwrap();
    assert_eq!(foreign.text(), "same-site cors http://127.0.0.1:1");
}

#[tokio::test]
async fn a_browser_with_bounds_follows_no_redirect_and_no_form_beyond_them() {
    let router = Router::new()
        .route("/redirect", get(Redirect::to("http://elsewhere.example/")))
        .route(
            "/form",
            get(axum::response::Html(
                "<form method=post action='//elsewhere.example/'></form>",
            )),
        );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let browser = BrowserSession::bound_to(|url| url.host_str() == Some("127.0.0.1")).unwrap();
    let redirected = browser.navigate(&format!("{url}/redirect")).await;
    assert!(matches!(redirected, Err(BrowserError::OutOfBounds(_))));
    let page = browser.navigate(&format!("{url}/form")).await.unwrap();
    let sent = browser.submit(&page, &[]).await;
    assert!(matches!(sent, Err(BrowserError::OutOfBounds(_))));
}

#[tokio::test]
async fn a_wrong_password_leaves_the_browser_at_the_provider() {
    let party = RelyingParty::start().await;
    let gateway = gateway(&party).await;
    let page = party
        .browser
        .login(&gateway, "alice", "wrong")
        .await
        .unwrap();
    assert!(page.url.as_str().starts_with(party.provider.issuer()));
    assert_eq!(page.status, 400);
}

#[tokio::test]
async fn the_demo_application_refers_to_nothing_but_its_own_files() {
    let app = DemoApp::start(DemoApp::any_port()).await.unwrap();
    let browser = BrowserSession::new().unwrap();
    let page = browser.navigate(&app.url()).await.unwrap();
    let html = page.text();
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'"));
    assert!(!html.contains("http://") && !html.contains("https://"));
    assert!(html.contains("/auth/login?return_to=/"));
    for (file, content_type) in [("/app.js", "text/javascript"), ("/app.css", "text/css")] {
        assert!(html.contains(file));
        let file = browser.open(&format!("{}{file}", app.url())).await.unwrap();
        assert!(
            file.header("content-type")
                .unwrap()
                .starts_with(content_type)
        );
        assert!(!file.text().contains("http"), "nothing from elsewhere");
    }
}
