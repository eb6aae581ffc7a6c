//! No token value serves two services of different audiences, however wide they accept it.

use std::time::Duration;

use tokenbridge_bridge::rejection::Rejection;
use tokenbridge_bridge::service::{AudienceCheck, Strategy, TargetParameter, TokenPlan};
use tokenbridge_bridge::session::SessionId;
use tokenbridge_bridge::token::{MintRefusalReason, TokenSlot};
use tokenbridge_config::preset::Preset;
use tokenbridge_devkit::IdpConfiguration;
use tokenbridge_devkit::provider::Mode;

use crate::gateway::{ANALYTICS, CRUD, Gateway, Options, plan};
use crate::log;

/// It takes a token that is for others too.
fn wide(service: &str, strategy: Strategy, audience: &str) -> TokenPlan {
    let mut plan = plan(service, strategy, audience, &[]);
    plan.audience.as_mut().unwrap().check = AudienceCheck::Contains;
    if strategy == Strategy::Exchange {
        plan.target_parameter = TargetParameter::Audience;
        plan.scopes = vec!["application.all".into()];
    }
    plan
}

/// At a provider that answers every target with one and the same token for all audiences.
async fn start(plans: Vec<TokenPlan>) -> Gateway {
    let mut idp = IdpConfiguration::demo().unwrap();
    idp.development.modes = vec![Mode::IgnoreTarget, Mode::SameAccessToken];
    Gateway::with(Options {
        preset: Preset::Keycloak,
        idp,
        plans,
        ..Options::default()
    })
    .await
}

async fn value(gateway: &Gateway, session: &SessionId, service: &str) -> Option<String> {
    match gateway.slot(session, service).await {
        Some(TokenSlot::Token(token)) => Some(token.value.expose().to_owned()),
        Some(TokenSlot::Refused(_)) | None => None,
    }
}

#[tokio::test]
async fn a_second_service_of_another_audience_is_refused_the_same_token() {
    for strategy in [Strategy::Refresh, Strategy::Exchange] {
        let gateway = start(vec![
            wide("analytics", strategy, ANALYTICS),
            wide("crud", strategy, CRUD),
        ])
        .await;
        let session = gateway.login().await;
        assert_eq!(
            gateway.audiences(&session, "analytics").await,
            [ANALYTICS, CRUD]
        );
        assert_eq!(
            gateway.refusal(&session, "crud").await,
            MintRefusalReason::SharedToken
        );
        let refusal = gateway.obtain(&session, "crud").await.unwrap_err();
        assert_eq!(refusal.rejection, Rejection::AudienceMismatch);
        for word in ["service=crud", "reason=shared_token", "analytics has"] {
            assert!(refusal.detail.contains(word), "{}", refusal.detail);
        }
        let words = ["AUDIENCE_MISMATCH service=crud reason=shared_token"];
        assert!(!log::lines(&words).is_empty());
        gateway.obtain(&session, "analytics").await.unwrap();
    }
}

#[tokio::test]
async fn services_minted_at_the_same_time_do_not_both_get_it() {
    let gateway = start(vec![
        wide("analytics", Strategy::Exchange, ANALYTICS),
        wide("crud", Strategy::Exchange, CRUD),
    ])
    .await;
    let session = gateway.login().await;
    for _ in 0..5 {
        gateway.advance(Duration::from_secs(300));
        let (one, other) = tokio::join!(
            gateway.obtain(&session, "analytics"),
            gateway.obtain(&session, "crud")
        );
        let there = [
            value(&gateway, &session, "analytics").await,
            value(&gateway, &session, "crud").await,
        ];
        assert!(
            there[0].is_none() || there[0] != there[1],
            "{one:?} {other:?}"
        );
        assert!(one.is_err() || other.is_err());
    }
}

#[tokio::test]
async fn services_of_one_audience_may_share_a_token() {
    let gateway = start(vec![
        wide("analytics", Strategy::Refresh, CRUD),
        wide("crud", Strategy::Refresh, CRUD),
    ])
    .await;
    let session = gateway.login().await;
    let there = value(&gateway, &session, "analytics").await;
    assert!(there.is_some());
    assert_eq!(there, value(&gateway, &session, "crud").await);
}

#[tokio::test]
async fn the_logins_token_serves_all_services_of_login_and_no_other_one() {
    let gateway = start(vec![
        wide("analytics", Strategy::Login, ANALYTICS),
        wide("crud", Strategy::Login, CRUD),
        wide("reports", Strategy::Refresh, "https://crud.example"),
    ])
    .await;
    for _ in 0..2 {
        let session = gateway.login().await;
        let there = value(&gateway, &session, "analytics").await;
        assert!(there.is_some());
        assert_eq!(there, value(&gateway, &session, "crud").await);
        assert_eq!(
            gateway.refusal(&session, "reports").await,
            MintRefusalReason::SharedToken
        );
    }
}

#[tokio::test]
async fn the_gateways_own_tokens_are_not_shared_between_audiences_either() {
    let gateway = start(vec![
        wide("analytics", Strategy::ClientCredentials, ANALYTICS),
        wide("crud", Strategy::ClientCredentials, CRUD),
    ])
    .await;
    let session = gateway.login().await;
    gateway.obtain(&session, "analytics").await.unwrap();
    let refusal = gateway.obtain(&session, "crud").await.unwrap_err();
    assert_eq!(refusal.rejection, Rejection::AudienceMismatch);
    assert!(
        refusal.detail.contains("reason=shared_token"),
        "{}",
        refusal.detail
    );
}

#[tokio::test]
async fn different_tokens_that_are_as_wide_serve_both() {
    let mut idp = IdpConfiguration::demo().unwrap();
    idp.development.modes = vec![Mode::IgnoreTarget];
    let gateway = Gateway::with(Options {
        idp,
        plans: vec![
            wide("analytics", Strategy::Refresh, ANALYTICS),
            wide("crud", Strategy::Refresh, CRUD),
        ],
        ..Options::default()
    })
    .await;
    let session = gateway.login().await;
    for service in ["analytics", "crud"] {
        assert_eq!(
            gateway.audiences(&session, service).await,
            [ANALYTICS, CRUD]
        );
    }
}
