//! Strategy `client_credentials`: the gateway's own token, shared by sessions and replicas.

use std::sync::Arc;
use std::time::Duration;

use tokenbridge_bridge::rejection::Rejection;
use tokenbridge_bridge::service::{ServiceName, Strategy, TokenPlan};
use tokenbridge_bridge::session::SessionId;
use tokenbridge_bridge::token::TokenSlot;
use tokenbridge_devkit::provider::{AnswerBody, Endpoint, Fault, FaultRule, GrantType, Mode};

use crate::gateway::{ANALYTICS, CRUD, Gateway, Options, plan};

const LIFE: Duration = Duration::from_secs(300);

fn plans() -> Vec<TokenPlan> {
    vec![
        plan("analytics", Strategy::Refresh, ANALYTICS, &[CRUD]),
        plan("crud", Strategy::ClientCredentials, CRUD, &[ANALYTICS]),
    ]
}

async fn start() -> Gateway {
    Gateway::with(Options {
        plans: plans(),
        ..Options::default()
    })
    .await
}

fn own(gateway: &Gateway) -> Option<(Vec<String>, String)> {
    match gateway.identity.own_token(&ServiceName::new("crud"))? {
        TokenSlot::Token(token) => Some((
            token.audiences.iter().map(ToString::to_string).collect(),
            token.value.expose().to_owned(),
        )),
        TokenSlot::Refused(refusal) => panic!("{refusal:?}"),
    }
}

fn asked(gateway: &Gateway) -> u64 {
    gateway.provider.counters().client_credentials
}

fn on_own(times: u32, status: u16, code: &str) -> FaultRule {
    let fault = Fault::Answer {
        endpoint: Endpoint::Token,
        status,
        retry_after: None,
        body: AnswerBody::Error(code.into()),
    };
    FaultRule::times(times, fault).on_grant_type(GrantType::ClientCredentials)
}

#[tokio::test]
async fn all_sessions_share_one_token_that_no_session_holds() {
    let gateway = start().await;
    let one = gateway.login().await;
    let other = gateway.login().await;
    for session in [&one, &other] {
        gateway.obtain(session, "crud").await.unwrap();
    }
    assert_eq!(own(&gateway).unwrap().0, [CRUD]);
    assert_eq!(asked(&gateway), 1);
    assert_eq!(gateway.slot(&other, "crud").await, None);
    assert_eq!(gateway.audiences(&other, "analytics").await, [ANALYTICS]);
    assert_eq!(
        gateway.identity.own_token(&ServiceName::new("analytics")),
        None
    );
}

#[tokio::test]
async fn replicas_that_need_it_at_the_same_time_ask_once() {
    let gateway = start().await;
    let session = gateway.login().await;
    gateway.advance(LIFE);
    let replica = || {
        let options = Options {
            plans: plans(),
            ..Options::default()
        };
        crate::gateway::identity(
            gateway.provider.issuer(),
            options,
            &gateway.store,
            &gateway.clock,
            &gateway.counts,
        )
    };
    let replicas: Vec<Arc<_>> = (0..4).map(|_| replica()).collect();
    let crud = ServiceName::new("crud");
    let key = session.key();
    let obtained = replicas
        .iter()
        .map(|replica| replica.obtain_token(&key, &crud));
    for obtained in futures_util::future::join_all(obtained).await {
        obtained.unwrap();
    }
    assert_eq!(asked(&gateway), 2, "one at the login, one for all replicas");
    for replica in &replicas {
        assert!(replica.own_token(&crud).is_some());
    }
}

#[tokio::test]
async fn it_is_renewed_while_the_old_one_is_used() {
    let gateway = start().await;
    let session = gateway.login().await;
    let first = own(&gateway).unwrap().1;
    gateway.advance(LIFE * 9 / 10);
    gateway
        .identity
        .renew(session.key(), ServiceName::new("crud"));
    gateway
        .until("it is renewed", async || own(&gateway).unwrap().1 != first)
        .await;
    assert_eq!(asked(&gateway), 2);
    assert_eq!(gateway.counts.of("refresh crud success"), 1);
}

#[tokio::test]
async fn a_token_for_somebody_else_is_not_kept() {
    let gateway = start().await;
    gateway.provider.set_modes([Mode::IgnoreTarget]);
    let session = gateway.login().await;
    let refusal = gateway.obtain(&session, "crud").await.unwrap_err();
    assert_eq!(refusal.rejection, Rejection::AudienceMismatch);
    assert_eq!(own(&gateway), None);
}

async fn refused(code: &str, status: u16) -> (Gateway, SessionId, Rejection) {
    let gateway = start().await;
    gateway.provider.set_fault(on_own(2, status, code));
    let session = gateway.login().await;
    let refusal = gateway.obtain(&session, "crud").await.unwrap_err();
    (gateway, session, refusal.rejection)
}

#[tokio::test]
async fn a_refusal_costs_neither_the_session_nor_other_services() {
    for (code, status, rejection) in [
        ("invalid_target", 400, Rejection::NoTokenAvailable),
        ("invalid_scope", 400, Rejection::NoTokenAvailable),
        ("invalid_grant", 400, Rejection::TokenResponseInvalid),
        ("unauthorized_client", 400, Rejection::ClientRefused),
        ("server_error", 500, Rejection::IdpUnavailable),
    ] {
        let (gateway, session, answered) = refused(code, status).await;
        assert_eq!(answered, rejection, "{code}");
        // A client that is refused is refused for everything.
        if rejection != Rejection::ClientRefused {
            assert_eq!(
                gateway.audiences(&session, "analytics").await,
                [ANALYTICS],
                "{code}"
            );
        }
        gateway.provider.reset_faults();
        gateway.advance(Duration::from_secs(61));
        gateway.obtain(&session, "crud").await.unwrap();
        assert_eq!(own(&gateway).unwrap().0, [CRUD], "{code}");
    }
}
