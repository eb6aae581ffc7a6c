//! The backends: which tokens they accept, and what they remember.

use http::header;
use serde_json::{Value, json};
use tokenbridge_devkit::browser::{BrowserRequest, Page};
use tokenbridge_devkit::provider::{Endpoint, Fault, FaultRule, JwtTampering, Mode};

use crate::estate::{Estate, bearer};
use crate::relying_party::*;

fn rejected(page: &Page) {
    assert_eq!(page.status, 401, "{}", page.text());
    assert_eq!(
        page.header("www-authenticate"),
        Some("Bearer error=\"invalid_token\"")
    );
    assert_eq!(page.json::<Value>().unwrap()["error"], "invalid_token");
}

#[tokio::test]
async fn each_backend_accepts_a_token_made_for_it_and_says_what_it_saw() {
    let estate = Estate::start().await;
    let page = estate.workflows(&estate.token(ANALYTICS).await).await;
    assert_eq!(page.status, 200);
    let body: Value = page.json().unwrap();
    assert_eq!(body["service"], "analytics");
    assert_eq!(body["aud"], ANALYTICS);
    assert_eq!(body["sub"], "alice");
    assert!(!body["workflows"].as_array().unwrap().is_empty());

    let items = format!("{}/api/v1/crud/items", estate.crud.url());
    let token = estate.token(CRUD).await;
    let new = BrowserRequest::post(items.as_str()).json(&json!({"name": "A new item"}));
    let created = estate.send(new, &token).await;
    assert_eq!(created.status, 201);
    let location = created.header("location").unwrap();
    let read = BrowserRequest::get(format!("{}{location}", estate.crud.url()));
    let read: Value = estate.send(read, &token).await.json().unwrap();
    assert_eq!(read["item"]["name"], "A new item");
    assert_eq!(read["item"]["owner"], "alice");
    let list: Value = estate
        .send(BrowserRequest::get(items), &token)
        .await
        .json()
        .unwrap();
    assert_eq!(
        (
            list["aud"].as_str(),
            list["items"].as_array().unwrap().len()
        ),
        (Some(CRUD), 2)
    );
}

#[tokio::test]
async fn a_token_for_another_audience_is_rejected_and_a_wide_one_accepted() {
    let estate = Estate::start().await;
    rejected(&estate.workflows(&estate.token(CRUD).await).await);
    let wide = estate.party.login().await;
    let page = estate.workflows(text(&wide, "access_token")).await;
    assert_eq!(
        page.json::<Value>().unwrap()["aud"],
        json!([ANALYTICS, CRUD])
    );
    let id_token = text(&wide, "id_token");
    rejected(&estate.workflows(id_token).await);
}

#[tokio::test]
async fn an_expired_token_is_rejected() {
    let estate = Estate::start().await;
    let token = estate.token(ANALYTICS).await;
    assert_eq!(estate.workflows(&token).await.status, 200);
    estate
        .party
        .clock
        .advance(std::time::Duration::from_secs(301));
    rejected(&estate.workflows(&token).await);
}

#[tokio::test]
async fn a_token_that_was_tampered_with_is_rejected() {
    let estate = Estate::start().await;
    for tampering in [
        JwtTampering::OtherKey,
        JwtTampering::OtherIssuer,
        JwtTampering::OtherAudience,
        JwtTampering::Expired,
        JwtTampering::AlgNone,
    ] {
        let fault = Fault::AccessToken { tampering };
        estate.party.provider.set_fault(FaultRule::times(1, fault));
        rejected(&estate.workflows(&estate.token(ANALYTICS).await).await);
    }
    rejected(&estate.workflows("not-a-jwt.at.all").await);
    assert_eq!(estate.analytics.counters().unauthorized, 6);
    assert_eq!(estate.analytics.counters().accepted, 0);
}

#[tokio::test]
async fn a_request_without_a_token_or_with_two_is_rejected() {
    let estate = Estate::start().await;
    let url = format!("{}/api/v1/analytics/workflows", estate.analytics.url());
    let without = estate
        .party
        .browser
        .fetch(BrowserRequest::get(url.as_str()))
        .await
        .unwrap();
    assert_eq!(
        (without.status, without.header("www-authenticate")),
        (401, Some("Bearer"))
    );
    let token = estate.token(ANALYTICS).await;
    let twice = BrowserRequest::get(url).header(header::AUTHORIZATION, bearer("another"));
    assert_eq!(estate.send(twice, &token).await.status, 400);
}

#[tokio::test]
async fn a_new_key_is_fetched_once_and_the_old_one_stays_good() {
    let estate = Estate::start().await;
    let jwks = || estate.party.provider.counters().requests_of(Endpoint::Jwks);
    let old = estate.token(ANALYTICS).await;
    assert_eq!(estate.workflows(&old).await.status, 200);
    assert_eq!(jwks(), 1);
    estate.party.provider.rotate_keys().unwrap();
    let new = estate.token(ANALYTICS).await;
    for token in [&new, &old, &new] {
        assert_eq!(estate.workflows(token).await.status, 200);
    }
    assert_eq!(jwks(), 2);
}

#[tokio::test]
async fn an_issuer_that_is_away_is_no_reason_to_blame_the_token() {
    let estate = Estate::start().await;
    let token = estate.token(ANALYTICS).await;
    estate.party.provider.go_away().await;
    assert_eq!(estate.workflows(&token).await.status, 503);
    estate.party.provider.come_back().await.unwrap();
    assert_eq!(estate.workflows(&token).await.status, 200);
    estate.party.provider.go_away().await;
    assert_eq!(estate.workflows(&token).await.status, 200);
}

#[tokio::test]
async fn an_opaque_token_is_introspected() {
    let estate = Estate::start().await;
    estate.party.provider.set_modes([Mode::OpaqueAccessTokens]);
    let token = estate.token(ANALYTICS).await;
    assert_eq!(estate.workflows(&token).await.status, 200);
    rejected(&estate.workflows(&estate.token(CRUD).await).await);
    rejected(&estate.workflows("unknown").await);
}

#[tokio::test]
async fn the_next_requests_can_be_rejected_on_purpose() {
    let estate = Estate::start().await;
    let token = estate.token(ANALYTICS).await;
    estate.analytics.reject_next(1);
    rejected(&estate.workflows(&token).await);
    assert_eq!(estate.workflows(&token).await.status, 200);
}

#[tokio::test]
async fn requests_are_counted_and_remembered_without_their_tokens() {
    let estate = Estate::start().await;
    let token = estate.token(ANALYTICS).await;
    estate.workflows(&token).await;
    let requests = estate.analytics.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].target, "/api/v1/analytics/workflows");
    assert_eq!(requests[0].subject.as_deref(), Some("alice"));
    assert!(!format!("{requests:?}").contains(&token));
    assert_eq!(estate.crud.counters().requests, 0);
}
