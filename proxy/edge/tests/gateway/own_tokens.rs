//! Strategy `client_credentials`, end to end: the gateway's own token behind a user's session.

use std::time::Duration;

use serde_json::Value;
use tokenbridge_devkit::BrowserSession;

use crate::support::{
    ANALYTICS, CRUD, ConfigurationFolder, GatewayProcess, ITEMS, Installation, RedisServer,
    WORKFLOWS,
};

/// The crud backend gets the gateway's own token.
fn own_for_crud(folder: &ConfigurationFolder) {
    folder.edit("routes.yaml", |text| {
        assert!(text.contains("  crud_service:\n"), "{text}");
        text.replacen(
            "  crud_service:\n",
            "  crud_service:\n    token: client_credentials\n",
            1,
        )
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn users_share_the_gateways_own_token_and_still_need_a_session() {
    let installation = Installation::start_with(|folder| own_for_crud(folder)).await;
    for user in ["alice", "bob"] {
        let browser = installation.logged_in(user).await;
        for (path, audience) in [(WORKFLOWS, ANALYTICS), (ITEMS, CRUD)] {
            let page = installation.get(&browser, path).await;
            assert_eq!(page.status, 200, "{user} {path}: {}", page.text());
            let answer: Value = page.json().unwrap();
            assert_eq!(answer["aud"], *audience, "{user}: {answer}");
        }
        let status: Value = installation
            .get(&browser, "/auth/session")
            .await
            .json()
            .unwrap();
        assert_eq!(status["services_count"], 2, "{status}");
    }
    assert_eq!(installation.provider.counters().client_credentials, 1);
    let stranger = BrowserSession::new().unwrap();
    assert_eq!(installation.get(&stranger, ITEMS).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_starts_finds_the_token_of_the_others() {
    let redis = RedisServer::start();
    let mut installation = Installation::start_with(|folder| {
        own_for_crud(folder);
        folder.use_redis(&redis.url());
    })
    .await;
    let browser = installation.logged_in("alice").await;
    assert_eq!(installation.get(&browser, ITEMS).await.status, 200);
    installation.gateway.stop().await;
    installation.gateway = GatewayProcess::start_again(&mut installation.folder).await;
    let status = installation.get(&browser, "/auth/session").await;
    let status: Value = status.json().unwrap();
    assert_eq!(status["services_count"], 2, "{status}");
    let page = installation.get(&browser, ITEMS).await;
    assert_eq!(page.status, 200, "{}", page.text());
    assert_eq!(installation.provider.counters().client_credentials, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_an_upstream_rejects_is_replaced_for_everybody_once() {
    let installation = Installation::start_with(|folder| own_for_crud(folder)).await;
    let (alice, bob) = (
        installation.logged_in("alice").await,
        installation.logged_in("bob").await,
    );
    // Both sessions' grants are in the cache.
    for browser in [&alice, &bob] {
        assert_eq!(installation.get(browser, ITEMS).await.status, 200);
    }
    let asked = || installation.provider.counters().client_credentials;
    let mut status = 401;
    for _ in 0..1_500 {
        installation.crud.reject_next(1);
        status = installation.get(&alice, ITEMS).await.status;
        if status == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((status, asked()), (200, 2));
    for browser in [&alice, &bob] {
        installation.crud.reject_next(1);
        assert_eq!(installation.get(browser, ITEMS).await.status, 401);
        assert_eq!(installation.get(browser, ITEMS).await.status, 200);
    }
    assert_eq!(
        asked(),
        2,
        "bob's cached grant went with the rejected token"
    );
}
