//! Strategy `exchange`: tokens by RFC 8693, from the login's own token.

use std::time::Duration;

use tokenbridge_bridge::rejection::Rejection;
use tokenbridge_bridge::service::{ServiceName, Strategy, TargetParameter};
use tokenbridge_bridge::session::Reading;
use tokenbridge_config::preset::Preset;
use tokenbridge_devkit::IdpConfiguration;
use tokenbridge_devkit::provider::{AnswerBody, Endpoint, Fault, FaultRule, GrantType, Mode};

use crate::gateway::{ANALYTICS, CRUD, Gateway, Options, plan};
use crate::log;

const LIFE: Duration = Duration::from_secs(300);

async fn start() -> Gateway {
    start_with(IdpConfiguration::demo().unwrap()).await
}

async fn start_with(idp: IdpConfiguration) -> Gateway {
    let mut plans = vec![
        plan("analytics", Strategy::Exchange, ANALYTICS, &[CRUD]),
        plan("crud", Strategy::Exchange, CRUD, &[ANALYTICS]),
    ];
    for plan in &mut plans {
        plan.target_parameter = TargetParameter::Audience;
        plan.scopes = vec!["application.all".into()];
    }
    let preset = Preset::Keycloak;
    let gateway = Gateway::with(Options {
        preset,
        plans,
        idp,
        ..Options::default()
    })
    .await;
    gateway.provider.set_modes([Mode::ExchangeOnly]);
    gateway
}

fn on_exchange(times: u32, code: &str) -> FaultRule {
    let fault = Fault::Answer {
        endpoint: Endpoint::Token,
        status: 400,
        retry_after: None,
        body: AnswerBody::Error(code.into()),
    };
    FaultRule::times(times, fault).on_grant_type(GrantType::TokenExchange)
}

#[tokio::test]
async fn each_service_gets_its_token_by_an_exchange_that_spends_no_refresh_token() {
    let gateway = start().await;
    let session = gateway.login().await;
    assert_eq!(gateway.audiences(&session, "analytics").await, [ANALYTICS]);
    assert_eq!(gateway.audiences(&session, "crud").await, [CRUD]);
    let seen = gateway.provider.counters();
    assert_eq!((seen.exchanges, seen.refreshes), (2, 0));
    let asked = gateway.provider.token_requests();
    assert_eq!(
        asked.last().unwrap().scope.as_deref(),
        Some("openid application.all")
    );
}

#[tokio::test]
async fn a_login_token_that_has_ended_is_renewed_once_for_all_services() {
    let gateway = start().await;
    let session = gateway.login().await;
    gateway.advance(LIFE);
    let (one, other) = tokio::join!(
        gateway.obtain(&session, "analytics"),
        gateway.obtain(&session, "crud")
    );
    one.unwrap();
    other.unwrap();
    assert_eq!(gateway.audiences(&session, "crud").await, [CRUD]);
    let seen = gateway.provider.counters();
    assert_eq!(
        (seen.exchanges, seen.refreshes, seen.reuse_detections),
        (4, 1, 0)
    );
    assert!(seen.token_errors.is_empty(), "{:?}", seen.token_errors);
}

#[tokio::test]
async fn a_login_token_that_lives_for_seconds_is_renewed_and_exchanged() {
    let mut idp = IdpConfiguration::demo().unwrap();
    idp.token.access_token_lifetime = Some("4s".parse().unwrap());
    let gateway = start_with(idp).await;
    let session = gateway.login().await;
    assert_eq!(gateway.audiences(&session, "analytics").await, [ANALYTICS]);
    gateway.advance(Duration::from_secs(5));
    gateway.obtain(&session, "crud").await.unwrap();
    assert_eq!(gateway.audiences(&session, "crud").await, [CRUD]);
    let seen = gateway.provider.counters();
    assert!(seen.token_errors.is_empty(), "{:?}", seen.token_errors);
    assert_eq!(seen.reuse_detections, 0);
}

#[tokio::test]
async fn a_login_token_that_the_provider_does_not_take_any_more_is_renewed_once() {
    let gateway = start().await;
    let session = gateway.login().await;
    gateway.advance(Duration::from_secs(250));
    gateway
        .provider
        .set_fault(on_exchange(1, "invalid_request"));
    gateway
        .identity
        .renew(session.key(), ServiceName::new("crud"));
    gateway
        .until("it is renewed", async || {
            gateway.counts.of("refresh crud success") == 1
        })
        .await;
    assert_eq!(gateway.provider.counters().refreshes, 1);
}

#[tokio::test]
async fn a_refused_exchange_never_ends_the_session() {
    for (code, rejection) in [
        ("invalid_grant", Rejection::NoTokenAvailable),
        ("invalid_target", Rejection::NoTokenAvailable),
        ("consent_required", Rejection::InteractionRequired),
        ("access_denied", Rejection::TokenResponseInvalid),
    ] {
        let gateway = start().await;
        let session = gateway.login().await;
        gateway.advance(LIFE);
        gateway.provider.set_fault(on_exchange(2, code));
        let refusal = gateway.obtain(&session, "crud").await.unwrap_err();
        assert_eq!(refusal.rejection, rejection, "{code}");
        assert!(
            matches!(gateway.reading(&session, "crud").await, Reading::Found(_)),
            "{code}"
        );
        gateway.provider.reset_faults();
        gateway.obtain(&session, "analytics").await.unwrap();
        assert_eq!(
            gateway.audiences(&session, "analytics").await,
            [ANALYTICS],
            "{code}"
        );
    }
}

#[tokio::test]
async fn a_refused_login_token_renewal_ends_the_session() {
    let gateway = start().await;
    let session = gateway.login().await;
    gateway.advance(LIFE);
    gateway.provider.revoke_everything();
    gateway.obtain(&session, "crud").await.unwrap();
    assert!(matches!(
        gateway.reading(&session, "crud").await,
        Reading::Absent
    ));
}

#[tokio::test]
async fn an_exchange_that_ignores_the_audience_is_a_mismatch() {
    let gateway = start().await;
    gateway.provider.set_modes([Mode::IgnoreTarget]);
    let session = gateway.login().await;
    assert_eq!(
        gateway.refusal(&session, "crud").await.as_str(),
        "wrong_audience"
    );
    let words = [
        "AUDIENCE_MISMATCH service=crud",
        "asked=audience=https://crud.example",
    ];
    assert!(!log::lines(&words).is_empty());
}
