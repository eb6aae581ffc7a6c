//! Getting and renewing tokens while a session lives.

use std::sync::Arc;
use std::time::Duration;

use tokenbridge_bridge::grant::GrantName;
use tokenbridge_bridge::service::{AudienceCheck, ServiceName, Strategy};
use tokenbridge_bridge::session::SessionId;
use tokenbridge_bridge::token::TokenSlot;
use tokenbridge_devkit::provider::{Endpoint, Fault, FaultRule, GrantType};

use crate::gateway::{ANALYTICS, CRUD, Counts, Gateway, Options, TestClock, identity, plan};

/// The demo's tokens live five minutes.
const LIFE: Duration = Duration::from_secs(300);

fn delay(milliseconds: u64) -> FaultRule {
    let fault = Fault::Delay {
        endpoint: Endpoint::Token,
        milliseconds,
        after_processing: true,
    };
    FaultRule::always(fault).on_grant_type(GrantType::RefreshToken)
}

async fn value(gateway: &Gateway, session: &SessionId, service: &str) -> String {
    match gateway.slot(session, service).await {
        Some(TokenSlot::Token(token)) => token.value.expose().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_token_that_ended_is_replaced_and_the_chain_of_refresh_tokens_stays_whole() {
    let gateway = Gateway::start().await;
    let session = gateway.login().await;
    for _ in 0..3 {
        gateway.advance(LIFE);
        for (service, audience) in [("analytics", ANALYTICS), ("crud", CRUD)] {
            gateway.obtain(&session, service).await.unwrap();
            assert_eq!(gateway.audiences(&session, service).await, [audience]);
        }
    }
    let seen = gateway.provider.counters();
    assert_eq!(
        (
            seen.refreshes,
            seen.reuse_detections,
            seen.replays_within_grace
        ),
        (8, 0, 0)
    );
}

#[tokio::test]
async fn a_token_that_lives_is_not_asked_for_again() {
    let gateway = Gateway::start().await;
    let session = gateway.login().await;
    gateway.obtain(&session, "crud").await.unwrap();
    gateway
        .identity
        .renew(session.key(), ServiceName::new("crud"));
    gateway.obtain(&session, "crud").await.unwrap();
    assert_eq!(gateway.provider.counters().refreshes, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_requests_at_once_make_one_refresh() {
    let gateway = Arc::new(Gateway::start().await);
    let session = gateway.login().await;
    gateway.advance(LIFE);
    gateway.provider.set_fault(delay(100));
    let before = gateway.provider.counters().refreshes;
    let waiting: Vec<_> = (0..100)
        .map(|_| {
            let (gateway, session) = (Arc::clone(&gateway), session.clone());
            tokio::spawn(async move { gateway.obtain(&session, "crud").await })
        })
        .collect();
    for waiter in waiting {
        waiter.await.unwrap().unwrap();
    }
    let seen = gateway.provider.counters();
    assert_eq!((seen.refreshes - before, seen.reuse_detections), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_that_share_a_refresh_token_renew_one_after_the_other() {
    let gateway = Arc::new(Gateway::start().await);
    let session = gateway.login().await;
    for _ in 0..3 {
        gateway.advance(LIFE);
        let get = |service: &'static str| {
            let (gateway, session) = (Arc::clone(&gateway), session.clone());
            tokio::spawn(async move { gateway.obtain(&session, service).await })
        };
        let (one, other) = (get("analytics"), get("crud"));
        one.await.unwrap().unwrap();
        other.await.unwrap().unwrap();
        assert_eq!(gateway.audiences(&session, "analytics").await, [ANALYTICS]);
        assert_eq!(gateway.audiences(&session, "crud").await, [CRUD]);
    }
    assert_eq!(gateway.provider.counters().reuse_detections, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_never_spend_the_same_refresh_token() {
    let gateway = Arc::new(Gateway::start().await);
    let session = gateway.login().await;
    let replicas: Vec<_> = (0..3)
        .map(|_| {
            let counts = Arc::new(Counts::default());
            let clock: &Arc<TestClock> = &gateway.clock;
            identity(
                gateway.provider.issuer(),
                Options::default(),
                &gateway.store,
                clock,
                &counts,
            )
        })
        .collect();
    gateway.provider.set_fault(delay(50));
    for _ in 0..3 {
        gateway.advance(LIFE);
        let waiting: Vec<_> = replicas
            .iter()
            .flat_map(|replica| ["analytics", "crud"].map(|service| (replica, service)))
            .map(|(replica, service)| {
                let (replica, key) = (Arc::clone(replica), session.key());
                tokio::spawn(
                    async move { replica.obtain_token(&key, &ServiceName::new(service)).await },
                )
            })
            .collect();
        for waiter in waiting {
            waiter.await.unwrap().unwrap();
        }
    }
    let seen = gateway.provider.counters();
    assert_eq!((seen.refreshes, seen.reuse_detections), (2 + 3 * 2, 0));
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_cancel_the_renewal() {
    let gateway = Gateway::start().await;
    let session = gateway.login().await;
    gateway.advance(LIFE);
    let before = value(&gateway, &session, "crud").await;
    gateway.provider.set_fault(delay(200));
    let waited = tokio::time::timeout(Duration::from_millis(50), gateway.obtain(&session, "crud"));
    assert!(waited.await.is_err());
    gateway
        .until("the token is there", async || {
            value(&gateway, &session, "crud").await != before
        })
        .await;
    gateway.obtain(&session, "crud").await.unwrap();
    let seen = gateway.provider.counters();
    assert_eq!((seen.refreshes, seen.reuse_detections), (3, 0));
}

#[tokio::test]
async fn a_token_near_its_end_is_renewed_while_it_goes_on_being_used() {
    let gateway = Gateway::start().await;
    let session = gateway.login().await;
    let before = value(&gateway, &session, "crud").await;
    gateway.advance(Duration::from_secs(250));
    gateway
        .identity
        .renew(session.key(), ServiceName::new("crud"));
    gateway.obtain(&session, "crud").await.unwrap();
    gateway
        .until("the token is renewed", async || {
            value(&gateway, &session, "crud").await != before
        })
        .await;
    assert_eq!(gateway.counts.of("refresh crud success"), 1);
}

#[tokio::test]
async fn a_plain_refresh_renews_all_services_that_use_the_logins_own_token() {
    let wide = |service, audience| {
        let mut plan = plan(service, Strategy::Login, audience, &[]);
        plan.audience.as_mut().unwrap().check = AudienceCheck::Contains;
        plan
    };
    let plans = vec![wide("analytics", ANALYTICS), wide("crud", CRUD)];
    let gateway = Gateway::with(Options {
        plans,
        ..Options::default()
    })
    .await;
    let session = gateway.login().await;
    gateway.advance(LIFE);
    let before = value(&gateway, &session, "crud").await;
    gateway.obtain(&session, "analytics").await.unwrap();
    gateway.obtain(&session, "crud").await.unwrap();
    assert_ne!(value(&gateway, &session, "crud").await, before);
    assert_eq!(gateway.provider.counters().refreshes, 1);
}

#[tokio::test]
async fn a_session_that_ends_during_a_renewal_stays_ended_and_what_came_is_revoked() {
    let gateway = Gateway::start().await;
    let session = gateway.login().await;
    gateway.advance(LIFE);
    gateway.provider.set_fault(delay(200));
    gateway
        .identity
        .renew(session.key(), ServiceName::new("crud"));
    gateway
        .until("the refresh is under way", async || {
            gateway.provider.counters().refreshes == 3
        })
        .await;
    gateway
        .identity
        .logout(Some(session.key()), false)
        .await
        .unwrap();
    gateway
        .until("both refresh tokens are revoked", async || {
            gateway.counts.of("call revocation 200") == 2
        })
        .await;
    let grant = gateway
        .store
        .grant(&session.key(), &GrantName::Login)
        .await
        .unwrap();
    assert_eq!(grant, None);
}
