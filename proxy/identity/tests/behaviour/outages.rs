//! A provider or a store that is away: never a logout.

use std::sync::Arc;
use std::time::Duration;

use tokenbridge_bridge::Secret;
use tokenbridge_bridge::rejection::Rejection;
use tokenbridge_bridge::session::{Reading, SessionKey};
use tokenbridge_config::issuer::RefreshRetry;
use tokenbridge_devkit::provider::{AnswerBody, Endpoint, Fault, FaultRule, GrantType};
use tokenbridge_identity::ProviderState;
use tokenbridge_session_store::{Keyring, RedisOptions, RedisStore, SystemClock};

use crate::gateway::{CRUD, Gateway, Options};

const LIFE: Duration = Duration::from_secs(300);

fn answer(status: u16, body: AnswerBody) -> Fault {
    Fault::Answer {
        endpoint: Endpoint::Token,
        status,
        retry_after: None,
        body,
    }
}

#[tokio::test]
async fn the_gateway_starts_with_the_provider_down_and_heals_by_itself() {
    let gateway = Gateway::start().await;
    gateway.provider.go_away().await;
    let other = crate::gateway::identity(
        gateway.provider.issuer(),
        Options::default(),
        &gateway.store,
        &gateway.clock,
        &gateway.counts,
    );
    let request = || tokenbridge_identity::LoginRequest {
        return_to: Default::default(),
        service: None,
        session: None,
        cookies: &[],
    };
    let refusal = other.begin_login(request()).await.unwrap_err();
    assert_eq!(refusal.rejection, Rejection::IdpUnavailable);
    assert_eq!(other.health().state, ProviderState::Down);
    assert!(!other.health().why.is_empty());
    gateway.provider.come_back().await.unwrap();
    gateway
        .until("it is up", async || {
            other.health().state == ProviderState::Up
        })
        .await;
    other.begin_login(request()).await.unwrap();
}

#[tokio::test]
async fn a_provider_that_is_away_costs_no_session_and_live_tokens_stay() {
    let gateway = Gateway::start().await;
    let session = gateway.login().await;
    gateway.provider.go_away().await;
    gateway.advance(LIFE);
    let refusal = gateway.obtain(&session, "crud").await.unwrap_err();
    assert_eq!(refusal.rejection, Rejection::IdpUnavailable);
    assert!(matches!(
        gateway.reading(&session, "crud").await,
        Reading::Found(_)
    ));
    gateway.provider.come_back().await.unwrap();
    gateway.advance(Duration::from_secs(1));
    gateway.obtain(&session, "crud").await.unwrap();
    assert_eq!(gateway.provider.counters().reuse_detections, 0);
}

#[tokio::test]
async fn errors_of_the_provider_cost_no_session() {
    for (status, body) in [
        (500, AnswerBody::Html),
        (503, AnswerBody::Empty),
        (429, AnswerBody::Empty),
        (403, AnswerBody::Html),
        (400, AnswerBody::Empty),
        (400, AnswerBody::Error("temporarily_unavailable".into())),
    ] {
        let gateway = Gateway::start().await;
        let session = gateway.login().await;
        gateway.advance(LIFE);
        gateway
            .provider
            .set_fault(FaultRule::times(1, answer(status, body)));
        let refusal = gateway.obtain(&session, "crud").await.unwrap_err();
        assert_eq!(refusal.rejection, Rejection::IdpUnavailable, "{status}");
        // It is asked again only after a while.
        gateway.obtain(&session, "crud").await.unwrap_err();
        gateway.advance(Duration::from_secs(1));
        gateway.obtain(&session, "crud").await.unwrap();
        assert_eq!(
            gateway.audiences(&session, "crud").await,
            [CRUD],
            "{status}"
        );
        assert_eq!(gateway.provider.counters().reuse_detections, 0, "{status}");
    }
}

#[tokio::test]
async fn a_request_that_surely_was_not_processed_is_repeated_while_the_token_lives() {
    let crud = || tokenbridge_bridge::service::ServiceName::new("crud");
    for fault in [
        Some(answer(429, AnswerBody::Empty)),
        Some(answer(403, AnswerBody::Html)),
        None,
    ] {
        let gateway = Gateway::start().await;
        let session = gateway.login().await;
        gateway.advance(Duration::from_secs(250));
        match &fault {
            Some(fault) => gateway
                .provider
                .set_fault(FaultRule::times(1, fault.clone())),
            None => gateway.provider.go_away().await,
        }
        gateway.identity.renew(session.key(), crud());
        gateway
            .until("it failed", async || {
                gateway.counts.of("refresh crud unavailable") == 1
            })
            .await;
        if fault.is_none() {
            gateway.provider.come_back().await.unwrap();
        }
        gateway.advance(Duration::from_secs(2));
        gateway.identity.renew(session.key(), crud());
        gateway
            .until("it is renewed", async || {
                gateway.counts.of("refresh crud success") == 1
            })
            .await;
    }
}

#[tokio::test]
async fn a_provider_that_fails_again_and_again_is_asked_seldom() {
    let gateway = Gateway::start().await;
    let mut sessions = Vec::new();
    for _ in 0..7 {
        sessions.push(gateway.login().await);
    }
    gateway.advance(LIFE);
    gateway
        .provider
        .set_fault(FaultRule::always(answer(503, AnswerBody::Html)));
    for session in &sessions {
        let refusal = gateway.obtain(session, "crud").await.unwrap_err();
        assert_eq!(refusal.rejection, Rejection::IdpUnavailable);
    }
    assert_eq!(gateway.counts.of("call token 503"), 5);
    assert_eq!(gateway.counts.of("call token breaker_open"), 2);
    gateway.provider.reset_faults();
    gateway.advance(Duration::from_secs(5));
    gateway.obtain(&sessions[6], "crud").await.unwrap();
}

fn lost() -> FaultRule {
    let fault = Fault::LostAnswer {
        endpoint: Endpoint::Token,
    };
    FaultRule::times(1, fault).on_grant_type(GrantType::RefreshToken)
}

#[tokio::test]
async fn a_refresh_whose_answer_was_lost_is_not_repeated_while_there_is_something_to_lose() {
    let gateway = Gateway::start().await;
    let session = gateway.login().await;
    gateway.advance(Duration::from_secs(250));
    gateway.provider.set_fault(lost());
    let crud = tokenbridge_bridge::service::ServiceName::new("crud");
    gateway.identity.renew(session.key(), crud.clone());
    gateway
        .until("the answer is lost", async || {
            gateway.counts.of("refresh crud unavailable") == 1
        })
        .await;
    gateway.advance(Duration::from_secs(2));
    gateway.identity.renew(session.key(), crud);
    gateway
        .until("it is not repeated", async || {
            gateway.counts.of("refresh crud unavailable") == 2
        })
        .await;
    assert_eq!(gateway.provider.counters().reuse_detections, 0);
    assert_eq!(gateway.audiences(&session, "crud").await, [CRUD]);
    // With no valid token left it is tried; this provider takes that for theft, as it may.
    gateway.advance(LIFE);
    gateway.obtain(&session, "crud").await.unwrap();
    assert_eq!(gateway.provider.counters().reuse_detections, 1);
    assert!(matches!(
        gateway.reading(&session, "crud").await,
        Reading::Absent
    ));
}

#[tokio::test]
async fn a_refresh_whose_answer_was_lost_is_repeated_at_once_where_that_is_safe() {
    for refresh_retry in [
        RefreshRetry::Safe,
        RefreshRetry::Within(Duration::from_secs(10)),
    ] {
        let mut idp = tokenbridge_devkit::IdpConfiguration::demo().unwrap();
        idp.token.refresh_token_grace = serde_json::from_str("\"10s\"").ok();
        let gateway = Gateway::with(Options {
            idp,
            refresh_retry,
            ..Options::default()
        })
        .await;
        let session = gateway.login().await;
        gateway.advance(LIFE);
        gateway.provider.set_fault(lost());
        gateway.obtain(&session, "crud").await.unwrap();
        assert_eq!(gateway.audiences(&session, "crud").await, [CRUD]);
        let seen = gateway.provider.counters();
        assert_eq!(
            (seen.reuse_detections, seen.replays_within_grace),
            (0, 1),
            "{refresh_retry:?}"
        );
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_no_logout_and_a_login_may_be_finished_later() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let options = RedisOptions::new(Secret::new(url), "main");
    let keyring = Arc::new(Keyring::random().unwrap());
    let store = RedisStore::open(&options, keyring, Arc::new(SystemClock::default())).unwrap();
    let gateway = Gateway::with(Options {
        store: Some(Arc::new(store)),
        ..Options::default()
    })
    .await;
    let redirect = gateway.begin().await.unwrap();
    let query = gateway.visit(&redirect.location).await;
    let failure = gateway.finish(&query).await.unwrap_err();
    assert_eq!(failure.refusal.rejection, Rejection::StoreUnavailable);
    assert_eq!(
        gateway.cookie_names().len(),
        1,
        "the login can be finished yet"
    );
    assert_eq!(gateway.provider.counters().codes_redeemed, 0);
    let key = SessionKey::from_bytes([1; 32]);
    for everywhere in [false, true] {
        let refusal = gateway
            .identity
            .logout(Some(key), everywhere)
            .await
            .unwrap_err();
        assert_eq!(refusal.rejection, Rejection::StoreUnavailable);
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_may_mean_a_new_login_but_not_in_circles() {
    let gateway = Gateway::start().await;
    let session = gateway.login().await;
    let created_at = match gateway.reading(&session, "crud").await {
        Reading::Found(found) => found.facts.created_at,
        other => panic!("{other:?}"),
    };
    let crud = tokenbridge_bridge::service::ServiceName::new("crud");
    let helps = || {
        gateway
            .identity
            .login_may_help(&session.key(), &crud, created_at)
    };
    let later = created_at.plus(LIFE);
    gateway.advance(LIFE);
    assert!(!helps());
    gateway
        .provider
        .set_fault(FaultRule::times(1, answer(400, AnswerBody::Empty)));
    gateway.obtain(&session, "crud").await.unwrap_err();
    assert!(helps());
    assert!(
        !gateway
            .identity
            .login_may_help(&session.key(), &crud, later)
    );
    gateway.advance(Duration::from_secs(1));
    gateway.obtain(&session, "crud").await.unwrap();
    assert!(!helps());
}
