//! The admin listener, and how the process begins and ends.

use serde_json::Value;
use tokenbridge_devkit::BrowserSession;

use crate::command_line::tokenbridge;
use crate::support::{ITEMS, Installation, WORKFLOWS, is_as_on_page};

async fn get(installation: &Installation, path: &str) -> (u16, String) {
    let answer = reqwest::get(installation.folder.admin_url(path))
        .await
        .unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn health_tells_of_store_and_provider_and_since_when() {
    let installation = Installation::start().await;
    installation.logged_in("alice").await;
    assert_eq!(get(&installation, "/live").await.0, 200);
    assert_eq!(get(&installation, "/ready").await.0, 200);
    let (status, text) = get(&installation, "/health").await;
    let health: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (status, &health["store"]["status"]),
        (200, &"up".into()),
        "{health}"
    );
    assert_eq!(health["identity_provider"]["status"], "up", "{health}");
    is_as_on_page(&health, "docs/operations.md");
    for part in ["store", "identity_provider"] {
        assert!(
            health[part]["since"]
                .as_u64()
                .is_some_and(|since| since > 1_700_000_000),
            "{health}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_have_the_names_of_the_contract_and_no_value_of_a_request() {
    let installation = Installation::start().await;
    let browser = installation.logged_in("alice").await;
    installation.get(&browser, WORKFLOWS).await;
    installation.get(&browser, "/auth/session").await;
    installation
        .get(&BrowserSession::new().unwrap(), ITEMS)
        .await;
    let (_, text) = get(&installation, "/metrics").await;
    for line in [
        "http_requests_total{route=\"api-analytics\",status=\"200\"} 1",
        "http_requests_total{route=\"api-crud\",status=\"401\"} 1",
        "bff_rejections_total{code=\"SESSION_MISSING\",route=\"api-crud\"} 1",
        "bff_sessions_created_total 1",
        "bff_token_mint_total{service=\"analytics_service\",status=\"success\",strategy=\"refresh\"} 1",
        "http_request_duration_seconds_count{route=\"api-analytics\"} 1",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(
        text.contains("bff_idp_requests_total{endpoint=\"token\",status=\"200\"}"),
        "{text}"
    );
    assert!(!text.contains("alice") && !text.contains("workflows"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_endpoints_are_not_on_the_public_listener() {
    let installation = Installation::start().await;
    let browser = BrowserSession::new().unwrap();
    for path in ["/metrics", "/health", "/ready", "/live"] {
        let page = installation.get(&browser, path).await;
        assert_ne!(
            page.status, 200,
            "{path} goes to the route of the app, which is away"
        );
        assert!(!page.text().contains("http_requests_total"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_on_a_taken_port_fails() {
    let installation = Installation::start().await;
    let second = tokenbridge(&[
        "run",
        "--config",
        installation.folder.path().to_str().unwrap(),
    ]);
    assert_eq!(second.status.code(), Some(1));
    let text = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(
        text.contains(&format!(
            "cannot listen on 127.0.0.1:{}",
            installation.folder.port()
        )),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_requests_under_way_end() {
    let mut installation = Installation::start().await;
    let browser = installation.logged_in("alice").await;
    let url = installation.url("/api/v1/crud/slow?ms=1500");
    let request = tokio::spawn(async move {
        browser
            .fetch(tokenbridge_devkit::browser::BrowserRequest::get(url))
            .await
            .unwrap()
            .status
    });
    while installation.crud.counters().requests == 0 && !request.is_finished() {
        tokio::task::yield_now().await;
    }
    installation.gateway.stop().await;
    assert_eq!(request.await.unwrap(), 200);
}
