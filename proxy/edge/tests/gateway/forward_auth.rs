//! Other proxies ask whether a request may pass.

mod nginx;

use serde_json::Value;
use tokenbridge_devkit::BrowserSession;
use tokenbridge_devkit::browser::BrowserRequest;

use crate::support::{ConfigurationFolder, ITEMS, Installation, free_port};

fn ask_at(folder: &ConfigurationFolder, port: u16, clients: &str) {
    let section =
        format!("\nforward_auth: {{listen: \"127.0.0.1:{port}\", clients: [{clients}]}}\n");
    folder.edit("settings.yaml", |text| text + &section);
    let open = "\n  - id: open\n    path: /open/*\n    target_service: crud_service\n    \
                upstream_path: /api/v1/crud/public/{path}\n    auth: none\n    dangerously_without_session: true\n";
    folder.edit("routes.yaml", |text| text + open);
}

struct Asking {
    installation: Installation,
    port: u16,
}

impl Asking {
    async fn start(clients: &str) -> Self {
        let port = free_port();
        let installation = Installation::start_with(|folder| ask_at(folder, port, clients)).await;
        Self { installation, port }
    }

    /// Asks about a request of a browser; `fields` are added to those of a good question.
    async fn ask(
        &self,
        browser: &BrowserSession,
        (method, path): (&str, &str),
        fields: &[(&str, &str)],
    ) -> reqwest::Response {
        self.ask_with("", browser, (method, path), fields).await
    }

    async fn ask_with(
        &self,
        query: &str,
        browser: &BrowserSession,
        (method, path): (&str, &str),
        fields: &[(&str, &str)],
    ) -> reqwest::Response {
        let client = reqwest::Client::builder();
        let client = client.redirect(reqwest::redirect::Policy::none()).build();
        let mut request = client
            .unwrap()
            .get(format!("http://127.0.0.1:{}/auth/verify{query}", self.port))
            .header("x-forwarded-method", method)
            .header("x-forwarded-uri", path)
            .header("x-forwarded-host", "localhost")
            .header("x-forwarded-proto", "http");
        if let Some(cookie) = self.installation.session_cookie(browser) {
            request = request.header("cookie", format!("bff_session={cookie}"));
        }
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }
}

async fn code(response: reqwest::Response) -> (u16, String) {
    let status = response.status().as_u16();
    let document: Value = response.json().await.unwrap_or_default();
    (status, document["code"].as_str().unwrap_or_default().into())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_a_session_passes_with_its_services_token_and_never_with_the_cookie() {
    let asking = Asking::start("127.0.0.1").await;
    let browser = asking.installation.logged_in("alice").await;
    let cookie = asking.installation.session_cookie(&browser).unwrap();
    let answer = asking.ask(&browser, ("GET", ITEMS), &[]).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["x-user-subject"], "alice");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let token = answer.headers()["authorization"].to_str().unwrap();
    let direct = reqwest::Client::new()
        .get(format!("{}{ITEMS}", asking.installation.crud.url()))
        .header("authorization", token);
    assert_eq!(direct.send().await.unwrap().status(), 200);
    let everything = format!("{:?}", answer.headers());
    assert!(!everything.contains(&cookie) && !everything.contains("set-cookie"));
    let open = asking.ask(&browser, ("POST", "/open/echo"), &[]).await;
    assert_eq!(open.status(), 200);
    assert!(!open.headers().contains_key("authorization"));
    assert_eq!(asking.installation.crud.counters().requests, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_judged_as_proxied_requests_are() {
    let asking = Asking::start("127.0.0.1").await;
    let browser = asking.installation.logged_in("alice").await;
    let stranger = BrowserSession::new().unwrap();
    let csrf = browser.csrf_token(&asking.installation.url("/")).await;
    let csrf = csrf.unwrap().unwrap();
    let navigation: &[_] = &[("accept", "text/html"), ("sec-fetch-mode", "navigate")];
    for (who, method, path, fields, status, expected) in [
        (&stranger, "GET", ITEMS, &[][..], 401, "SESSION_MISSING"),
        (&browser, "GET", "/api/v1/../x", &[], 400, "TARGET_INVALID"),
        (
            &browser,
            "GET",
            "/auth/nothing",
            &[],
            404,
            "ROUTE_NOT_FOUND",
        ),
        (&browser, "TRACE", ITEMS, &[], 405, "METHOD_NOT_ALLOWED"),
        (&browser, "POST", ITEMS, &[], 403, "CSRF_FAILED"),
        (
            &browser,
            "POST",
            ITEMS,
            &[("x-csrf-token", &*csrf)],
            200,
            "",
        ),
        (
            &browser,
            "GET",
            ITEMS,
            &[("origin", "http://evil.example")],
            403,
            "CROSS_SITE_REQUEST",
        ),
        (
            &browser,
            "GET",
            ITEMS,
            &[("x-forwarded-method", "GET")],
            400,
            "HEADER_INVALID",
        ),
        (
            &browser,
            "GET",
            ITEMS,
            &[("authorization", "Bearer x")],
            200,
            "",
        ),
        (&stranger, "GET", "/auth/login", navigation, 200, ""),
    ] {
        let answer = asking.ask(who, (method, path), fields).await;
        let told = code(answer).await;
        assert_eq!(
            told,
            (status, expected.to_owned()),
            "{method} {path} {fields:?}"
        );
    }
    let to_login = asking
        .ask(&stranger, ("GET", "/api/v1/crud/items?a=1"), navigation)
        .await;
    assert_eq!(to_login.status(), 303);
    let login = "/auth/login?return_to=%2Fapi%2Fv1%2Fcrud%2Fitems%3Fa%3D1";
    assert_eq!(to_login.headers()["location"], login);
    let plain = asking
        .ask_with("?redirect=no", &stranger, ("GET", ITEMS), navigation)
        .await;
    assert_eq!(plain.status(), 401);
    assert!(plain.headers().contains_key("location"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_may_ask_and_nothing_is_asked_on_the_public_listener() {
    let asking = Asking::start("192.0.2.1").await;
    let browser = asking.installation.logged_in("alice").await;
    for fields in [&[][..], &[("x-forwarded-for", "192.0.2.1")]] {
        let answer = asking.ask(&browser, ("GET", ITEMS), fields).await;
        assert_eq!(code(answer).await, (403, "CLIENT_NOT_ALLOWED".into()));
    }
    let public = BrowserRequest::get(asking.installation.url("/auth/verify"));
    assert_eq!(browser.fetch(public).await.unwrap().status, 404);
    let off = Installation::start().await;
    assert!(!off.gateway.log().contains("forward auth on"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_without_its_parts_is_refused() {
    let asking = Asking::start("127.0.0.1").await;
    let bare = reqwest::get(format!("http://127.0.0.1:{}/auth/verify", asking.port));
    assert_eq!(
        code(bare.await.unwrap()).await,
        (400, "HEADER_INVALID".into())
    );
    let stranger = BrowserSession::new().unwrap();
    let other = asking.ask(&stranger, ("GET", ITEMS), &[("x-forwarded-proto", "https")]);
    assert_eq!(other.await.status(), 400);
    for path in ["/open/x#/../..", "https://evil.example/open/x"] {
        let answer = asking.ask(&stranger, ("GET", path), &[]).await;
        assert_eq!(code(answer).await, (400, "TARGET_INVALID".into()), "{path}");
    }
}
