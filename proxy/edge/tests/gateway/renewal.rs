//! Tokens that renew themselves, and what an upstream's 401 may and may not do.

use std::time::{Duration, Instant};

use tokenbridge_devkit::ProviderOptions;
use tokenbridge_devkit::browser::BrowserRequest;
use tokenbridge_devkit::configuration::Lifetime;
use tokenbridge_devkit::provider::{
    Endpoint, Fault, FaultRule, GrantType, TokenResponseTampering as Tampering,
};

use crate::support::{GatewayProcess, ITEMS, Installation, RedisServer, WORKFLOWS};

/// The demo's provider with access tokens of this life.
fn short_lived(seconds: u64) -> ProviderOptions {
    let mut options = ProviderOptions::demo().unwrap();
    options.configuration.token.access_token_lifetime = Some(Lifetime::from_seconds(seconds));
    options
}

/// The backends read the provider's keys at their first request, and keep them.
async fn backends_know_the_keys(installation: &Installation) {
    let bob = installation.logged_in("bob").await;
    for path in [WORKFLOWS, ITEMS] {
        assert_eq!(installation.get(&bob, path).await.status, 200);
    }
}

async fn until(mut wanted: impl FnMut() -> bool) {
    for _ in 0..1_500 {
        if wanted() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it did not come about in 30 seconds");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_renewed_without_anybody_asking() {
    let redis = RedisServer::start();
    for store in ["memory", "redis"] {
        let installation = Installation::start_at(short_lived(3), |folder| {
            if store == "redis" {
                folder.use_redis(&redis.url());
            }
        })
        .await;
        let browser = installation.logged_in("alice").await;
        let at_login = installation.provider.counters().refreshes;
        // Three lives of a token go by without a request.
        until(|| installation.provider.counters().refreshes >= at_login + 6).await;
        for path in [WORKFLOWS, ITEMS] {
            assert_eq!(
                installation.get(&browser, path).await.status,
                200,
                "{store} {path}"
            );
        }
        assert_eq!(
            installation.provider.counters().reuse_detections,
            0,
            "{store}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_the_answer_to_a_refresh_token_that_was_sent() {
    let redis = RedisServer::start();
    let mut installation = Installation::start_at(short_lived(8), |folder| {
        folder.use_redis(&redis.url());
        folder.add_settings("drain: {grace_period: 0s, timeout: 30s}");
    })
    .await;
    let browser = installation.logged_in("alice").await;
    let at_login = installation.provider.counters().refreshes;
    let delay = Fault::Delay {
        endpoint: Endpoint::Token,
        milliseconds: 2_000,
        after_processing: true,
    };
    installation
        .provider
        .set_fault(FaultRule::always(delay).on_grant_type(GrantType::RefreshToken));
    // The provider has rotated, and its answer is on its way.
    until(|| installation.provider.counters().refreshes > at_login).await;
    installation.gateway.stop().await;
    installation.provider.reset_faults();
    installation.gateway = GatewayProcess::start_again(&mut installation.folder).await;
    let restarted = installation.provider.counters().refreshes;
    until(|| installation.provider.counters().refreshes >= restarted + 4).await;
    for path in [WORKFLOWS, ITEMS] {
        assert_eq!(installation.get(&browser, path).await.status, 200, "{path}");
    }
    assert_eq!(installation.provider.counters().reuse_detections, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_that_cannot_be_read_costs_no_session_while_a_token_lives() {
    let installation = Installation::start_at(short_lived(20), |_| {}).await;
    let browser = installation.logged_in("alice").await;
    let at_login = installation.provider.counters().refreshes;
    for tampering in [Tampering::EmptyBody, Tampering::NotJson] {
        let fault = Fault::TokenResponse { tampering };
        let rule = FaultRule::times(1, fault).on_grant_type(GrantType::RefreshToken);
        installation.provider.set_fault(rule);
    }
    // Both services are due, and their common refresh token is spent by an answer nobody can read.
    until(|| installation.provider.counters().refreshes > at_login).await;
    let end = Instant::now() + Duration::from_secs(6);
    while Instant::now() < end {
        for path in [WORKFLOWS, ITEMS] {
            assert_eq!(installation.get(&browser, path).await.status, 200, "{path}");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(installation.provider.counters().reuse_detections, 0);
    installation.gateway.logs("no JSON object").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_in_an_answer_that_is_too_large_is_kept() {
    let installation = Installation::start_at(short_lived(12), |_| {}).await;
    let browser = installation.logged_in("alice").await;
    let at_login = installation.provider.counters().refreshes;
    let fault = Fault::TokenResponse {
        tampering: Tampering::Huge,
    };
    let rule = FaultRule::times(2, fault).on_grant_type(GrantType::RefreshToken);
    installation.provider.set_fault(rule);
    until(|| installation.provider.counters().refreshes >= at_login + 6).await;
    for path in [WORKFLOWS, ITEMS] {
        assert_eq!(installation.get(&browser, path).await.status, 200, "{path}");
    }
    assert_eq!(installation.provider.counters().reuse_detections, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn live_tokens_serve_while_the_provider_is_away() {
    let installation = Installation::start().await;
    let browser = installation.logged_in("alice").await;
    backends_know_the_keys(&installation).await;
    installation.provider.go_away().await;
    for path in [WORKFLOWS, ITEMS] {
        assert_eq!(installation.get(&browser, path).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_live_token_a_provider_that_is_away_is_503_and_never_a_logout() {
    let installation = Installation::start_at(short_lived(3), |_| {}).await;
    let browser = installation.logged_in("alice").await;
    backends_know_the_keys(&installation).await;
    installation.provider.go_away().await;
    let mut page = installation.get(&browser, ITEMS).await;
    for _ in 0..1_500 {
        // A token that ends on its way is refused by the backend itself, with 401.
        if page.status == 503 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        page = installation.get(&browser, ITEMS).await;
    }
    assert_eq!(page.status, 503, "{}", page.text());
    assert!(page.text().contains("IDP_UNAVAILABLE") && page.header("retry-after").is_some());
    assert!(
        page.header("set-cookie").is_none(),
        "an outage is no logout"
    );
    installation.provider.come_back().await.unwrap();
    for _ in 0..1_500 {
        page = installation.get(&browser, ITEMS).await;
        if page.status == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(page.status, 200, "it heals by itself: {}", page.text());
    assert_eq!(installation.provider.counters().reuse_detections, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_token_is_replaced_once_and_nobody_can_have_the_provider_asked_at_will() {
    let installation = Installation::start().await;
    let browser = installation.logged_in("alice").await;
    let refreshes = || installation.provider.counters().refreshes;
    let at_login = refreshes();
    // A token that just arrived is not replaced: the rejection goes through.
    installation.crud.reject_next(1);
    assert_eq!(
        (installation.get(&browser, ITEMS).await.status, refreshes()),
        (401, at_login)
    );
    let mut status = 401;
    for _ in 0..1_500 {
        installation.crud.reject_next(1);
        status = installation.get(&browser, ITEMS).await.status;
        if status == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(
        (status, refreshes()),
        (200, at_login + 1),
        "the request was sent again with another token"
    );
    installation
        .gateway
        .logs("another token was had, the request is sent again")
        .await;
    for _ in 0..20 {
        installation.crud.reject_next(1);
        assert_eq!(installation.get(&browser, ITEMS).await.status, 401);
    }
    assert_eq!(refreshes(), at_login + 1);
    assert_eq!(installation.get(&browser, ITEMS).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_write_is_not_repeated_and_the_next_request_has_another_token() {
    let installation = Installation::start().await;
    let browser = installation.logged_in("alice").await;
    let refreshes = || installation.provider.counters().refreshes;
    let at_login = refreshes();
    for _ in 0..1_500 {
        installation.crud.reject_next(1);
        let write = BrowserRequest::post(installation.url(ITEMS));
        assert_eq!(installation.send(&browser, write).await.status, 401);
        if refreshes() > at_login {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(refreshes(), at_login + 1);
    assert_eq!(installation.get(&browser, ITEMS).await.status, 200);
}
