//! What the upstream gets, told by backends that echo it.

use http::{HeaderName, HeaderValue};
use serde_json::Value;
use tokenbridge_devkit::BrowserSession;
use tokenbridge_devkit::browser::BrowserRequest;

use crate::support::Installation;

struct Echo(Value);

impl Echo {
    /// All values of a header, in arrival order, whatever its case.
    fn values(&self, name: &str) -> Vec<String> {
        let headers = self.0["headers"].as_array().unwrap();
        let named = headers
            .iter()
            .filter(|pair| pair[0].as_str().unwrap().eq_ignore_ascii_case(name));
        named
            .map(|pair| pair[1].as_str().unwrap().to_owned())
            .collect()
    }

    fn names(&self) -> Vec<String> {
        let headers = self.0["headers"].as_array().unwrap();
        headers
            .iter()
            .map(|pair| pair[0].as_str().unwrap().to_ascii_lowercase())
            .collect()
    }
}

async fn echo(
    installation: &Installation,
    browser: &BrowserSession,
    path: &str,
    headers: &[(&'static str, &'static str)],
) -> Echo {
    let mut request = BrowserRequest::get(installation.url(path));
    for (name, value) in headers {
        request = request.header(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    let page = browser.fetch(request).await.unwrap();
    assert_eq!(page.status, 200, "{}", page.text());
    Echo(page.json().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_upstream_gets_exactly_one_authorization_and_none_of_the_clients() {
    let installation = Installation::start().await;
    let browser = installation.logged_in("alice").await;
    let echo = echo(
        &installation,
        &browser,
        "/api/v1/crud/echo",
        &[
            ("authorization", "Bearer forged"),
            ("proxy-authorization", "Basic Zm9yZ2Vk"),
            ("connection", "authorization"),
        ],
    )
    .await;
    let sent = echo.values("authorization");
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(!sent[0].contains("forged"));
    assert!(echo.values("proxy-authorization").is_empty());
    assert_eq!(echo.0["claims"]["aud"], "https://crud.example");
}

#[tokio::test(flavor = "multi_thread")]
async fn identity_headers_of_the_client_arrive_in_no_spelling_on_any_kind_of_route() {
    let installation = Installation::start_with(|folder| {
        folder.edit("settings.yaml", |text| format!("{text}\nidentity_headers: [X-Tenant]\n"));
        let open = "  - id: \"open\"\n    path: \"/open/*\"\n    target_service: \"crud_service\"\n    \
                    upstream_path: \"/api/v1/crud/{path}\"\n    auth: \"none\"\n    dangerously_without_session: true\n";
        folder.edit("routes.yaml", |text| format!("{text}\n{open}"));
    })
    .await;
    let browser = installation.logged_in("alice").await;
    let forged: &[(&'static str, &'static str)] = &[
        ("x-forwarded-user", "root"),
        ("x_forwarded_user", "root"),
        ("x.forwarded.user", "root"),
        ("x-user-id", "root"),
        ("x-authenticated-user", "root"),
        ("x.authenticated.user", "root"),
        ("remote_user", "root"),
        ("oidc_claim_sub", "root"),
        ("x-tenant", "root"),
        ("x_tenant", "root"),
        ("x-ssl-client-verify", "SUCCESS"),
        ("forwarded", "for=root"),
        ("x-original-url", "/root"),
        ("proxy", "http://root:1"),
        ("x-harmless", "stays"),
    ];
    let through_session = echo(&installation, &browser, "/api/v1/crud/echo", forged).await;
    assert!(
        !through_session.0.to_string().contains("root"),
        "{}",
        through_session.0
    );
    assert_eq!(through_session.values("x-harmless"), ["stays"]);
    // A route without a session has no token; the backend refuses, but it must see none of these.
    let before = installation.crud.counters().unauthorized;
    let mut request = BrowserRequest::get(installation.url("/open/echo"));
    for (name, value) in forged {
        request = request.header(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    let refused = browser.fetch(request).await.unwrap();
    assert_eq!(
        refused.status, 401,
        "no token goes to a route without a session"
    );
    assert_eq!(installation.crud.counters().unauthorized, before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn our_cookies_stay_here_and_the_clients_others_arrive_in_one_field() {
    let installation = Installation::start().await;
    let browser = installation.logged_in("alice").await;
    let session = installation.session_cookie(&browser).unwrap();
    let other = BrowserSession::new().unwrap();
    let request = BrowserRequest::get(installation.url("/api/v1/crud/echo"))
        .header(
            http::header::COOKIE,
            HeaderValue::from_static("theme=dark; bff_session_login_abc=x"),
        )
        .header(
            http::header::COOKIE,
            HeaderValue::from_str(&format!("bff_session={session}; lang=en")).unwrap(),
        );
    let page = other.fetch(request).await.unwrap();
    assert_eq!(page.status, 200, "{}", page.text());
    let echo = Echo(page.json().unwrap());
    assert_eq!(echo.values("cookie"), ["theme=dark; lang=en"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_says_who_asked_and_how_and_a_client_cannot() {
    let installation = Installation::start().await;
    let browser = installation.logged_in("alice").await;
    let claims: &[(&'static str, &'static str)] = &[
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-prefix", "/evil"),
        ("x-request-id", "forged"),
        (
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ),
    ];
    let echo = echo(&installation, &browser, "/api/v1/crud/echo", claims).await;
    assert_eq!(echo.values("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(
        echo.values("x-forwarded-host"),
        [format!("localhost:{}", installation.folder.port())]
    );
    assert_eq!(echo.values("x-forwarded-proto"), ["http"]);
    assert!(echo.values("x-forwarded-prefix").is_empty());
    let request_id = echo.values("x-request-id");
    assert!(
        request_id.len() == 1 && request_id[0] != "forged" && request_id[0].len() == 32,
        "{request_id:?}"
    );
    let trace = echo.values("traceparent");
    assert!(
        trace.len() == 1 && trace[0].starts_with("00-") && !trace[0].contains("4bf92f35"),
        "{trace:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_is_believed() {
    let installation = Installation::start_with(|folder| {
        folder.edit("settings.yaml", |text| {
            format!("{text}\ntrusted_proxies: [127.0.0.0/8, \"::1/128\"]\n")
        });
    })
    .await;
    let browser = installation.logged_in("alice").await;
    let claims: &[(&'static str, &'static str)] = &[
        ("x-forwarded-for", "203.0.113.9"),
        ("x-request-id", "from-the-proxy"),
        (
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ),
    ];
    let echo = echo(&installation, &browser, "/api/v1/crud/echo", claims).await;
    assert_eq!(echo.values("x-forwarded-for"), ["203.0.113.9, 127.0.0.1"]);
    assert_eq!(echo.values("x-request-id"), ["from-the-proxy"]);
    let trace = echo.values("traceparent");
    assert!(
        trace[0].starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-")
            && !trace[0].contains("00f067aa0ba902b7")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hop_by_hop_fields_and_what_connection_nominates_do_not_arrive() {
    let installation = Installation::start().await;
    let browser = installation.logged_in("alice").await;
    let sent: &[(&'static str, &'static str)] = &[
        ("connection", "x-nominated"),
        ("x-nominated", "1"),
        ("te", "gzip"),
        ("keep-alive", "timeout=5"),
    ];
    let echo = echo(&installation, &browser, "/api/v1/crud/echo", sent).await;
    for name in ["x-nominated", "te", "keep-alive", "proxy-connection"] {
        assert!(
            !echo.names().contains(&name.to_owned()),
            "{name}: {:?}",
            echo.names()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_query_arrives_byte_for_byte() {
    let installation = Installation::start().await;
    let browser = installation.logged_in("alice").await;
    let path = "/api/v1/crud/echo/a%20b?x=%2F..%2f&x=&y=a+b%00;c=//d&%E4";
    let echo = echo(&installation, &browser, path, &[]).await;
    assert_eq!(echo.0["target"], path, "{}", echo.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_names_its_request_and_a_session_route_is_not_cached() {
    let installation = Installation::start().await;
    let browser = installation.logged_in("alice").await;
    let page = installation.get(&browser, "/api/v1/crud/items").await;
    assert_eq!(page.header("x-request-id").unwrap().len(), 32);
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let page = installation.get(&browser, "/api/v1/nowhere/else").await;
    assert_eq!(page.header("x-request-id").unwrap().len(), 32);
}
