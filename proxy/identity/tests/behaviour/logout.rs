//! Logging out.

use std::collections::HashMap;

use tokenbridge_bridge::rejection::Rejection;
use tokenbridge_bridge::session::Reading;
use tokenbridge_devkit::provider::{AnswerBody, Endpoint, Fault, FaultRule};
use url::Url;

use crate::gateway::Gateway;

fn query(url: &str) -> HashMap<String, String> {
    Url::parse(url)
        .unwrap()
        .query_pairs()
        .into_owned()
        .collect()
}

#[tokio::test]
async fn a_logout_ends_the_session_revokes_and_leads_to_the_providers_page_and_back() {
    let gateway = Gateway::start().await;
    let session = gateway.login().await;
    let out = gateway
        .identity
        .logout(Some(session.key()), false)
        .await
        .unwrap();
    assert!(matches!(
        gateway.reading(&session, "crud").await,
        Reading::Absent
    ));
    assert!(out.set_cookies[0].starts_with("bff_session=; "));
    gateway.keep_cookies(&out.set_cookies);
    let url = out.logout_url.unwrap();
    let pairs = query(&url);
    assert_eq!(pairs["client_id"], "bff-server");
    assert_eq!(
        pairs["post_logout_redirect_uri"],
        format!("{}/auth/logged-out", gateway.provider.issuer())
    );
    assert_eq!(pairs["id_token_hint"].split('.').count(), 3);
    gateway
        .until("revoked", async || {
            gateway.provider.counters().revocations == 1
        })
        .await;

    let back = gateway.browser.navigate(&url).await.unwrap();
    assert_eq!(back.url.path(), "/auth/logged-out");
    let header = gateway.cookie_header();
    let query = back.url.query().unwrap();
    for broken in ["", "state=x", &format!("{query}&{query}")] {
        let refusal = gateway
            .identity
            .logged_out(broken, &[header.as_bytes()])
            .await
            .unwrap_err();
        assert_eq!(refusal.rejection, Rejection::CallbackInvalid);
    }
    gateway.identity.logged_out(query, &[]).await.unwrap_err();
    let back = gateway
        .identity
        .logged_out(query, &[header.as_bytes()])
        .await
        .unwrap();
    assert_eq!(back.location, "/");
    gateway.keep_cookies(&back.set_cookies);
    assert_eq!(gateway.cookie_names(), [] as [&str; 0]);
}

#[tokio::test]
async fn a_logout_everywhere_ends_every_session_of_the_subject() {
    let gateway = Gateway::start().await;
    let (one, other) = (gateway.login().await, gateway.login().await);
    gateway
        .identity
        .logout(Some(one.key()), true)
        .await
        .unwrap();
    for session in [&one, &other] {
        assert!(matches!(
            gateway.reading(session, "crud").await,
            Reading::Absent
        ));
    }
    gateway
        .until("revoked", async || {
            gateway.provider.counters().revocations == 2
        })
        .await;
    assert_eq!(gateway.counts.of("destroyed logout_everywhere"), 1);
}

#[tokio::test]
async fn a_logout_without_a_session_deletes_the_cookie_and_goes_nowhere() {
    let gateway = Gateway::start().await;
    let session = gateway.login().await;
    gateway
        .identity
        .logout(Some(session.key()), false)
        .await
        .unwrap();
    for gone in [None, Some(session.key())] {
        let out = gateway.identity.logout(gone, false).await.unwrap();
        assert_eq!((out.logout_url, out.set_cookies.len()), (None, 1));
    }
}

#[tokio::test]
async fn a_revocation_that_fails_is_tried_again_and_holds_up_nobody() {
    let gateway = Gateway::start().await;
    let session = gateway.login().await;
    let fault = Fault::Answer {
        endpoint: Endpoint::Revocation,
        status: 503,
        retry_after: None,
        body: AnswerBody::Html,
    };
    gateway.provider.set_fault(FaultRule::times(1, fault));
    gateway
        .identity
        .logout(Some(session.key()), false)
        .await
        .unwrap();
    gateway
        .until("revoked", async || {
            gateway.provider.counters().revocations == 1
        })
        .await;
    assert_eq!(gateway.counts.of("call revocation 503"), 1);
}
