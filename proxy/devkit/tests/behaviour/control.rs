//! The control API, and where devkit listens.

use http::{HeaderValue, Method, header};
use serde_json::{Value, json};
use tokenbridge_devkit::browser::{BrowserRequest, Page};
use tokenbridge_devkit::{BrowserSession, DevelopmentProvider, ProviderOptions, StartError};

use crate::relying_party::*;

/// A change over the control API.
async fn change(party: &RelyingParty, method: Method, path: &str, body: Value) -> Page {
    let request = BrowserRequest::new(method, party.url(path)).json(&body);
    party.browser.fetch(request).await.unwrap()
}

#[tokio::test]
async fn faults_can_be_set_and_reset_over_http() {
    let party = RelyingParty::start().await;
    let rule = json!({
        "fault": {"kind": "answer", "endpoint": "token", "status": 503, "retry_after": 7},
        "when": {"grant_type": "client_credentials"},
        "times": 1,
    });
    let set = change(&party, Method::POST, "/devkit/faults", rule).await;
    assert_eq!(set.status, 201);
    let own = [("grant_type", "client_credentials")];
    let struck = party.token(&own).await;
    assert_eq!(
        (struck.status, struck.header("retry-after")),
        (503, Some("7"))
    );
    assert_eq!(party.token(&own).await.status, 200);

    let always = json!({"fault": {"kind": "lost_answer", "endpoint": "jwks"}});
    change(&party, Method::POST, "/devkit/faults", always).await;
    assert_eq!(party.provider.faults().len(), 1);
    let reset = change(&party, Method::DELETE, "/devkit/faults", json!({})).await;
    assert_eq!((reset.status, party.provider.faults().len()), (204, 0));
    let unknown = json!({"fault": {"kind": "earthquake"}});
    let refused = change(&party, Method::POST, "/devkit/faults", unknown).await;
    assert_eq!(refused.status, 422);
}

#[tokio::test]
async fn modes_keys_and_counters_are_reached_over_http() {
    let party = RelyingParty::start().await;
    party.token(&[("grant_type", "client_credentials")]).await;
    let modes = change(&party, Method::PUT, "/devkit/modes", json!(["wide"])).await;
    assert_eq!(modes.json::<Value>().unwrap(), json!(["wide"]));
    let keys = change(&party, Method::POST, "/devkit/keys/rotate", json!({})).await;
    let keys: Value = keys.json().unwrap();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
    let counters = party
        .browser
        .open(&party.url("/devkit/counters"))
        .await
        .unwrap();
    let counters: Value = counters.json().unwrap();
    assert_eq!(counters["requests"]["token"], 1);
    assert_eq!(counters["client_credentials"], 1);
}

#[tokio::test]
async fn a_page_from_elsewhere_cannot_steer_the_provider() {
    let party = RelyingParty::start().await;
    let simple = BrowserRequest::new(Method::POST, party.url("/devkit/revoke-everything"));
    assert_eq!(party.browser.fetch(simple).await.unwrap().status, 415);
    // A page needs permission for this method, with a body or without.
    let delete = BrowserRequest::new(Method::DELETE, party.url("/devkit/faults"));
    assert_eq!(party.browser.fetch(delete).await.unwrap().status, 204);
    let rebound = BrowserRequest::get(party.url("/devkit/token-requests"))
        .header(header::HOST, HeaderValue::from_static("rebound.example"));
    assert_eq!(party.browser.fetch(rebound).await.unwrap().status, 421);
}

#[tokio::test]
async fn no_other_address_than_loopback_is_listened_on() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let mut options = ProviderOptions::demo().unwrap();
        options.listen = address.parse().unwrap();
        let refused = DevelopmentProvider::start(options).await;
        assert!(
            matches!(refused, Err(StartError::NotLoopback(_))),
            "{address}"
        );
    }
}

#[tokio::test]
async fn both_loopback_addresses_answer() {
    let party = RelyingParty::start().await;
    let port = party.provider.address().port();
    for host in ["127.0.0.1", "[::1]", "localhost"] {
        let url = format!("http://{host}:{port}/jwks");
        assert_eq!(
            party.browser.open(&url).await.unwrap().status,
            200,
            "{host}"
        );
    }
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let party = RelyingParty::start().await;
    let mut options = ProviderOptions::demo().unwrap();
    options.listen = party.provider.address();
    let Err(error) = DevelopmentProvider::start(options).await else {
        panic!("two providers on one port");
    };
    assert!(
        error
            .to_string()
            .contains(&party.provider.address().to_string())
    );
}

#[tokio::test]
async fn a_provider_that_was_away_remembers() {
    let party = RelyingParty::start().await;
    let tokens = party.login().await;
    party.provider.go_away().await;
    let browser = BrowserSession::new().unwrap();
    assert!(browser.open(&party.url("/jwks")).await.is_err());
    party.provider.come_back().await.unwrap();
    success(&party.refresh(text(&tokens, "refresh_token"), &[]).await);
}

#[tokio::test]
async fn everything_can_be_revoked_at_once() {
    let party = RelyingParty::start().await;
    let tokens = party.login().await;
    assert_eq!(party.provider.revoke_everything(), 1);
    let refused = party.refresh(text(&tokens, "refresh_token"), &[]).await;
    assert_eq!(error(&refused), refusal(400, "invalid_grant"));
    let page = party.authorize(&[("prompt", "none")]).await;
    assert_eq!(query(&page, "error").as_deref(), Some("login_required"));
}

#[tokio::test]
async fn what_was_given_out_is_found_in_texts() {
    let party = RelyingParty::start().await;
    let code = party.code(&[]).await;
    let tokens = success(&party.redeem(&code, &[]).await);
    let found = |text: &str| party.provider.secrets_in(text);
    assert_eq!(found(&format!("a={code}&b")), ["an authorization code"]);
    let refresh_token = text(&tokens, "refresh_token");
    assert_eq!(found(&format!("\"{refresh_token}\"")), ["a refresh token"]);
    assert_eq!(found(text(&tokens, "id_token")), ["a JWT"]);
    assert_eq!(
        found("nothing that was ever given to anybody"),
        Vec::<&str>::new()
    );
}
