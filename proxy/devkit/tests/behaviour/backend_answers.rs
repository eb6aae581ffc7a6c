//! What the backends show of a request, and their slow, long and streamed answers.

use http::{HeaderName, HeaderValue, Method};
use serde_json::{Value, json};
use tokenbridge_devkit::browser::BrowserRequest;

use crate::estate::Estate;
use crate::relying_party::*;

#[tokio::test]
async fn the_echo_shows_what_arrived_and_no_signature() {
    let estate = Estate::start().await;
    let token = estate.token(ANALYTICS).await;
    let target = "/api/v1/analytics/echo/a%2Fb/%C3%A9;x?q=%20&q=+&empty=";
    let line = |name: &'static str, value: &'static str| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    };
    let mut request =
        BrowserRequest::new(Method::PATCH, format!("{}{target}", estate.analytics.url()));
    for (name, value) in [line("x-b", "1"), line("x-a", "2"), line("x-b", "3")] {
        request = request.header(name, value);
    }
    let page = estate.send(request.body(&b"\xff\x00"[..]), &token).await;
    assert!(!page.text().contains(token.rsplit('.').next().unwrap()));
    let echo: Value = page.json().unwrap();
    assert_eq!(echo["method"], "PATCH");
    assert_eq!(echo["target"], target);
    assert_eq!(echo["body"], json!({"length": 2, "base64": "/wA="}));
    assert_eq!(echo["claims"]["client_id"], "bff-server");
    let lines: Vec<&Value> = echo["headers"].as_array().unwrap().iter().collect();
    let ours: Vec<&&Value> = lines
        .iter()
        .filter(|line| line[0].as_str().unwrap().starts_with("x-"))
        .collect();
    assert_eq!(
        ours,
        [
            &&json!(["x-b", "1"]),
            &&json!(["x-b", "3"]),
            &&json!(["x-a", "2"])
        ]
    );
    let parts: Vec<&str> = token.split('.').collect();
    let shown = format!("Bearer {}.{}.<signature removed>", parts[0], parts[1]);
    assert!(lines.contains(&&json!(["authorization", shown])));
}

#[tokio::test]
async fn the_public_echo_needs_no_token_and_names_nobody() {
    let estate = Estate::start().await;
    let url = format!("{}/api/v1/crud/public/echo/x", estate.crud.url());
    let page = estate
        .party
        .browser
        .fetch(BrowserRequest::get(url))
        .await
        .unwrap();
    let echo: Value = page.json().unwrap();
    assert_eq!(
        (echo["service"].as_str(), echo.get("sub")),
        (Some("crud"), None)
    );
}

#[tokio::test]
async fn answers_can_be_streamed_slow_long_and_of_any_status() {
    let estate = Estate::start().await;
    let token = estate.token(ANALYTICS).await;
    let base = format!("{}/api/v1/analytics", estate.analytics.url());
    let get = async |path: &str| {
        estate
            .send(BrowserRequest::get(format!("{base}{path}")), &token)
            .await
    };
    let stream = get("/stream?events=3&interval_ms=1").await;
    assert_eq!(stream.header("content-type"), Some("text/event-stream"));
    assert_eq!(stream.text().matches("data: ").count(), 3);
    assert_eq!(
        get("/slow?ms=1").await.json::<Value>().unwrap()["waited_ms"],
        1
    );
    assert_eq!(get("/bytes/200000").await.body.len(), 200_000);
    assert_eq!(get("/status/418").await.status, 418);
    assert_eq!(get("/status/99").await.status, 400);
    let unauthorized = get("/status/401").await;
    let challenge = unauthorized.header("www-authenticate");
    assert_eq!(
        (unauthorized.status, challenge),
        (401, Some("Bearer error=\"invalid_token\""))
    );
    assert_eq!(get("/nowhere").await.status, 404);
}
