//! Access tokens that nobody but the provider can read (`token_format: opaque`).

use std::time::Duration;

use tokenbridge_bridge::rejection::Rejection;
use tokenbridge_bridge::service::{Strategy, TokenFormat, TokenPlan};
use tokenbridge_devkit::IdpConfiguration;
use tokenbridge_devkit::provider::{
    AnswerBody, Endpoint, Fault, FaultRule, Mode, TokenResponseTampering,
};

use crate::gateway::{ANALYTICS, CRUD, Gateway, Options, plan};

fn opaque(plan: TokenPlan) -> TokenPlan {
    TokenPlan {
        format: TokenFormat::Opaque,
        ..plan
    }
}

async fn start(plans: Vec<TokenPlan>, modes: &[Mode]) -> Gateway {
    let mut idp = IdpConfiguration::demo().unwrap();
    idp.development.modes = modes.to_vec();
    Gateway::with(Options {
        idp,
        plans,
        ..Options::default()
    })
    .await
}

fn refreshed() -> Vec<TokenPlan> {
    vec![
        opaque(plan("analytics", Strategy::Refresh, ANALYTICS, &[CRUD])),
        opaque(plan("crud", Strategy::Refresh, CRUD, &[ANALYTICS])),
    ]
}

fn introspections(gateway: &Gateway) -> u64 {
    gateway
        .provider
        .counters()
        .requests_of(Endpoint::Introspection)
}

#[tokio::test]
async fn each_token_is_introspected_once_when_it_arrives() {
    let gateway = start(refreshed(), &[Mode::OpaqueAccessTokens]).await;
    let session = gateway.login().await;
    for (service, audience) in [("analytics", ANALYTICS), ("crud", CRUD)] {
        assert_eq!(gateway.audiences(&session, service).await, [audience]);
        gateway.obtain(&session, service).await.unwrap();
    }
    assert_eq!(introspections(&gateway), 2);
    gateway.advance(Duration::from_secs(300));
    gateway.obtain(&session, "crud").await.unwrap();
    assert_eq!(introspections(&gateway), 3);
}

#[tokio::test]
async fn the_audience_is_judged_by_what_the_introspection_says() {
    let modes = [Mode::OpaqueAccessTokens, Mode::IgnoreTarget];
    let gateway = start(refreshed(), &modes).await;
    let session = gateway.login().await;
    let refusal = gateway.obtain(&session, "crud").await.unwrap_err();
    assert_eq!(refusal.rejection, Rejection::AudienceMismatch);
    assert!(refusal.detail.contains(ANALYTICS), "{}", refusal.detail);
}

#[tokio::test]
async fn an_introspection_that_fails_costs_no_session_and_heals() {
    let gateway = start(refreshed(), &[Mode::OpaqueAccessTokens]).await;
    let session = gateway.login().await;
    for (status, body, rejection) in [
        (503, "server_error", Rejection::IdpUnavailable),
        (401, "invalid_client", Rejection::TokenResponseInvalid),
    ] {
        gateway.advance(Duration::from_secs(300));
        let fault = Fault::Answer {
            endpoint: Endpoint::Introspection,
            status,
            retry_after: None,
            body: AnswerBody::Error(body.into()),
        };
        gateway.provider.set_fault(FaultRule::always(fault));
        let refusal = gateway.obtain(&session, "crud").await.unwrap_err();
        assert_eq!(refusal.rejection, rejection, "{status}");
        gateway.provider.reset_faults();
        gateway.advance(Duration::from_secs(11));
        gateway.obtain(&session, "crud").await.unwrap();
    }
    assert_eq!(gateway.provider.counters().reuse_detections, 0);
}

#[tokio::test]
async fn the_logins_own_token_and_the_gateways_own_may_be_opaque_too() {
    let plans = vec![
        opaque(plan(
            "analytics",
            Strategy::ClientCredentials,
            ANALYTICS,
            &[],
        )),
        opaque(plan("crud", Strategy::Login, CRUD, &[])),
    ];
    let gateway = start(plans, &[Mode::OpaqueAccessTokens]).await;
    let session = gateway.login().await;
    assert_eq!(gateway.audiences(&session, "crud").await, [ANALYTICS, CRUD]);
    gateway.obtain(&session, "analytics").await.unwrap();
}

fn unread(plan: TokenPlan) -> TokenPlan {
    TokenPlan {
        format: TokenFormat::Unintrospected,
        ..plan
    }
}

const NOBODY_TELLS: [Mode; 2] = [Mode::OpaqueAccessTokens, Mode::NoIntrospection];

#[tokio::test]
async fn without_an_introspection_endpoint_a_token_is_refused() {
    let gateway = start(refreshed(), &NOBODY_TELLS).await;
    let session = gateway.login().await;
    let refusal = gateway.obtain(&session, "crud").await.unwrap_err();
    assert_eq!(refusal.rejection, Rejection::TokenResponseInvalid);
    assert!(
        refusal.detail.contains("introspection_endpoint"),
        "{}",
        refusal.detail
    );
}

#[tokio::test]
async fn a_token_that_is_taken_unread_lives_as_long_as_its_answer_says() {
    let plans = vec![
        unread(plan("analytics", Strategy::Refresh, ANALYTICS, &[CRUD])),
        unread(plan("crud", Strategy::Refresh, CRUD, &[ANALYTICS])),
    ];
    let gateway = start(plans, &NOBODY_TELLS).await;
    let session = gateway.login().await;
    assert_eq!(gateway.audiences(&session, "analytics").await, [ANALYTICS]);
    assert_eq!(gateway.audiences(&session, "crud").await, [CRUD]);
    assert_eq!(introspections(&gateway), 0);
    let refreshes = gateway.provider.counters().refreshes;
    gateway.obtain(&session, "crud").await.unwrap();
    assert_eq!(gateway.provider.counters().refreshes, refreshes);
    gateway.advance(Duration::from_secs(300));
    gateway.obtain(&session, "crud").await.unwrap();
    assert_eq!(gateway.provider.counters().refreshes, refreshes + 1);
    gateway
        .provider
        .set_fault(FaultRule::always(Fault::TokenResponse {
            tampering: TokenResponseTampering::MissingExpiresIn,
        }));
    gateway.advance(Duration::from_secs(300));
    let refusal = gateway.obtain(&session, "crud").await.unwrap_err();
    assert!(refusal.detail.contains("expires_in"), "{}", refusal.detail);
}

#[tokio::test]
async fn one_token_that_is_taken_unread_serves_one_audience() {
    let modes = [
        Mode::OpaqueAccessTokens,
        Mode::NoIntrospection,
        Mode::IgnoreTarget,
        Mode::SameAccessToken,
    ];
    let plans = vec![
        unread(plan("analytics", Strategy::Refresh, ANALYTICS, &[CRUD])),
        unread(plan("crud", Strategy::Refresh, CRUD, &[ANALYTICS])),
    ];
    let gateway = start(plans, &modes).await;
    let session = gateway.login().await;
    assert_eq!(gateway.audiences(&session, "analytics").await, [ANALYTICS]);
    let refusal = gateway.refusal(&session, "crud").await;
    assert_eq!(refusal.as_str(), "shared_token");
}

#[tokio::test]
async fn the_logins_own_token_is_taken_unread_for_all_services_of_one_audience() {
    let login = |service, audience| unread(plan(service, Strategy::Login, audience, &[]));
    let plans = vec![login("analytics", CRUD), login("crud", CRUD)];
    let gateway = start(plans, &NOBODY_TELLS).await;
    let session = gateway.login().await;
    for service in ["analytics", "crud"] {
        assert_eq!(gateway.audiences(&session, service).await, [CRUD]);
    }
}
