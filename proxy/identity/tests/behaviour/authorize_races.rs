//! Authorizations that meet a logout, a second use, or a refresh token that is dead.

use std::sync::Arc;
use std::time::Duration;

use tokenbridge_bridge::rejection::Rejection;
use tokenbridge_bridge::service::{AudienceCheck, ServiceName, Strategy};
use tokenbridge_bridge::session::{Reading, SessionId};
use tokenbridge_devkit::provider::{Endpoint, Fault, FaultRule, GrantType};
use tokenbridge_identity::Finished;

use crate::gateway::{CRUD, Gateway, plan};
use crate::hops::{RETURN_TO, audience, gateway_of};

const LIFE: Duration = Duration::from_secs(300);

/// Back from the first hop behind a login: the session, and the query that the browser brings.
async fn in_the_chain(gateway: &Gateway) -> (SessionId, String) {
    let login = gateway.logged_in().await;
    let next = login.next.unwrap();
    gateway.keep_cookies(&next.set_cookies);
    (login.session, gateway.visit(&next.location).await)
}

async fn log_out(gateway: &Gateway, session: &SessionId) {
    let ended = gateway.identity.logout(Some(session.key()), false).await;
    ended.unwrap();
}

async fn gone(gateway: &Gateway, session: &SessionId) {
    for service in ["s0", "s1"] {
        let reading = gateway.reading(session, service).await;
        assert!(matches!(reading, Reading::Absent), "{service}");
    }
    assert_eq!(gateway.store.active_sessions().await.unwrap(), 0);
}

#[tokio::test]
async fn a_logout_in_the_chain_ends_it_and_no_code_is_redeemed() {
    let gateway = gateway_of(2, |_| {}).await;
    let (session, query) = in_the_chain(&gateway).await;
    let cookies = gateway.cookie_header();
    log_out(&gateway, &session).await;
    // The browser has no session cookie any more; another one keeps it and lies.
    for current in [None, Some(session.key())] {
        for pair in cookies.split("; ") {
            let (name, value) = pair.split_once('=').unwrap();
            gateway.set_cookie(name, value);
        }
        match gateway.finish_replacing(&query, current).await {
            Ok(Finished::Onward(home)) => assert_eq!(home.location, RETURN_TO),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(gateway.provider.counters().codes_redeemed, 1);
    gone(&gateway, &session).await;
}

#[tokio::test]
async fn a_refresh_token_that_comes_for_a_session_that_has_ended_is_revoked() {
    let gateway = Arc::new(gateway_of(2, |_| {}).await);
    let (session, query) = in_the_chain(&gateway).await;
    gateway.provider.set_fault(
        FaultRule::times(
            1,
            Fault::Delay {
                endpoint: Endpoint::Token,
                milliseconds: 1_500,
                after_processing: true,
            },
        )
        .on_grant_type(GrantType::AuthorizationCode),
    );
    let (key, landing) = (session.key(), Arc::clone(&gateway));
    let landing = tokio::spawn(async move {
        let finished = landing.finish_replacing(&query, Some(key)).await;
        matches!(finished, Ok(Finished::Onward(_)))
    });
    gateway
        .until("the code is redeemed", async || {
            gateway.provider.counters().codes_redeemed == 2
        })
        .await;
    log_out(&gateway, &session).await;
    assert!(landing.await.unwrap());
    gone(&gateway, &session).await;
    gateway
        .until("the login's and the service's are revoked", async || {
            gateway.provider.counters().revocations == 2
        })
        .await;
}

#[tokio::test]
async fn a_hop_is_finished_once() {
    let gateway = gateway_of(2, |_| {}).await;
    let (session, query) = in_the_chain(&gateway).await;
    let cookies = gateway.cookie_header();
    let key = Some(session.key());
    let (one, other) = tokio::join!(
        gateway.finish_replacing(&query, key),
        gateway.finish_replacing(&query, key)
    );
    let finished = [&one, &other].map(|finished| finished.is_ok());
    assert_ne!(finished[0], finished[1], "{one:?} {other:?}");
    let failure = one.err().or(other.err()).unwrap();
    assert_eq!(failure.refusal.rejection, Rejection::LoginReplayed);
    for pair in cookies.split("; ") {
        let (name, value) = pair.split_once('=').unwrap();
        gateway.set_cookie(name, value);
    }
    let again = gateway.finish_replacing(&query, key).await.unwrap_err();
    assert_eq!(again.refusal.rejection, Rejection::LoginReplayed);
    assert_eq!(gateway.provider.counters().codes_redeemed, 2);
    assert_eq!(gateway.audiences(&session, "s0").await, [audience(0)]);
}

#[tokio::test]
async fn a_hop_of_another_session_of_the_browser_brings_nothing() {
    let gateway = gateway_of(2, |_| {}).await;
    let (session, query) = in_the_chain(&gateway).await;
    let other = gateway.logged_in().await.session;
    let back = gateway.finish_replacing(&query, Some(other.key())).await;
    assert!(matches!(back, Ok(Finished::Onward(home)) if home.location == RETURN_TO));
    for session in [&session, &other] {
        assert_eq!(gateway.slot(session, "s0").await, None);
    }
    assert_eq!(gateway.provider.counters().codes_redeemed, 2);
}

#[tokio::test]
async fn a_refresh_token_that_is_dead_costs_its_own_service_alone() {
    let gateway = gateway_of(2, |_| {}).await;
    let at = gateway.log_in().await;
    gateway.advance(LIFE);
    gateway.obtain(&at.session, "s1").await.unwrap();
    // The answer to the first use is lost: the second one is a reuse.
    let lost = Fault::LostAnswer {
        endpoint: Endpoint::Token,
    };
    gateway.provider.set_fault(FaultRule::times(1, lost));
    let refusal = gateway.obtain(&at.session, "s0").await.unwrap_err();
    assert_eq!(refusal.rejection, Rejection::IdpUnavailable);
    gateway
        .until(
            "its fate is known although the other service's token lives",
            async || {
                let refusal = gateway.obtain(&at.session, "s0").await.unwrap_err();
                refusal.rejection == Rejection::InteractionRequired
            },
        )
        .await;
    assert_eq!(gateway.audiences(&at.session, "s1").await, [audience(1)]);
    gateway.hop(&at.session, "s0").await.unwrap();
    assert_eq!(gateway.audiences(&at.session, "s0").await, [audience(0)]);
    gateway.advance(LIFE);
    gateway.obtain(&at.session, "s0").await.unwrap();
    assert_eq!(gateway.counts.of("destroyed grant_refused"), 0);
}

#[tokio::test]
async fn a_service_that_renews_by_itself_keeps_no_other_waiting_after_a_lost_answer() {
    let gateway = gateway_of(1, |options| {
        let mut wide = plan("crud", Strategy::Login, CRUD, &[]);
        wide.audience.as_mut().unwrap().check = AudienceCheck::Contains;
        options.plans.push(wide);
        options.idp.token.refresh_token_grace = Some("60s".parse().unwrap());
    })
    .await;
    let at = gateway.log_in().await;
    gateway.advance(LIFE);
    gateway.obtain(&at.session, "s0").await.unwrap();
    let lost = Fault::LostAnswer {
        endpoint: Endpoint::Token,
    };
    gateway.provider.set_fault(FaultRule::times(1, lost));
    let refusal = gateway.obtain(&at.session, "crud").await.unwrap_err();
    assert_eq!(refusal.rejection, Rejection::IdpUnavailable);
    // The answer can come no more; `refresh_retry` is never, and only the other token lives.
    gateway.advance(Duration::from_secs(30));
    gateway.obtain(&at.session, "crud").await.unwrap();
    assert_eq!(gateway.audiences(&at.session, "s0").await, [audience(0)]);
    let seen = gateway.provider.counters();
    assert_eq!((seen.replays_within_grace, seen.reuse_detections), (1, 0));
}

#[tokio::test]
async fn everything_revoked_at_the_provider_ends_authorizations_and_not_the_session() {
    let gateway = gateway_of(2, |_| {}).await;
    let at = gateway.log_in().await;
    gateway.provider.revoke_everything();
    gateway.advance(Duration::from_secs(250));
    gateway
        .identity
        .renew(at.session.key(), ServiceName::new("s0"));
    gateway
        .until("its refresh token is known to be dead", async || {
            gateway
                .grant_of(&at.session, "s0")
                .await
                .refresh_token
                .is_none()
        })
        .await;
    // The token that is there is used while it lives.
    assert_eq!(gateway.audiences(&at.session, "s0").await, [audience(0)]);
    gateway.advance(LIFE);
    for service in ["s0", "s1"] {
        let refusal = gateway.obtain(&at.session, service).await.unwrap_err();
        assert_eq!(refusal.rejection, Rejection::InteractionRequired);
    }
    // The user has to log in there, and so here.
    let back = gateway.hop(&at.session, "s0").await.unwrap();
    assert_eq!(gateway.audiences(&back.session, "s0").await, [audience(0)]);
    assert_eq!(gateway.counts.of("destroyed grant_refused"), 0);
}
