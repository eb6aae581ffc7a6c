//! Probes: one token of each service, nothing left behind, and nobody but the asker learns of it.

mod authorizations;
mod tickets;

use std::sync::Arc;
use std::time::Duration;

use tokenbridge_bridge::rejection::Rejection;
use tokenbridge_bridge::service::{Strategy, TokenPlan};
use tokenbridge_devkit::provider::{AnswerBody, Endpoint, Fault, FaultRule, GrantType, Mode};
use tokenbridge_identity::probe::{Begun, Probed, RefreshTokenUse, Report, Verdict};
use tokenbridge_identity::{Callback, Finished, Identity, Redirect};

use crate::gateway::{ANALYTICS, CRUD, Gateway, Options, plan};

fn plans() -> Vec<TokenPlan> {
    vec![
        plan("analytics", Strategy::Refresh, ANALYTICS, &[CRUD]),
        plan("crud", Strategy::ClientCredentials, CRUD, &[ANALYTICS]),
    ]
}

async fn redirect(gateway: &Gateway, begun: &Begun) -> Redirect {
    let cookies = gateway.cookie_header();
    let redirect = gateway
        .identity
        .begin_probe_login(begun.ticket.expose(), &[cookies.as_bytes()])
        .await
        .unwrap();
    gateway.keep_cookies(&redirect.set_cookies);
    redirect
}

/// Logs in for a probe, whose callback lands at one replica and whose report another one reads.
async fn probe_at(gateway: &Gateway, landing: &Identity) -> Report {
    let begun = gateway.identity.begin_probe().unwrap();
    let mut redirect = redirect(gateway, &begun).await;
    loop {
        let query = gateway.visit(&redirect.location).await;
        let header = gateway.cookie_header();
        let cookies = [header.as_bytes()];
        let finished = landing.finish_login(Callback {
            query: &query,
            cookies: &cookies,
            current_session: None,
        });
        match finished.await.unwrap() {
            Finished::Probing { set_cookies } => {
                gateway.keep_cookies(&set_cookies);
                break;
            }
            Finished::Again(again) | Finished::Onward(again) => {
                gateway.keep_cookies(&again.set_cookies);
                redirect = again;
            }
            Finished::LoggedIn(_) => panic!("a probe gives no session"),
        }
    }
    report(gateway, &begun).await
}

async fn report(gateway: &Gateway, begun: &Begun) -> Report {
    let id = begun.id.expose();
    let there = async || gateway.identity.probe_report(id).await.unwrap().is_some();
    gateway.until("the probe ends", there).await;
    gateway.identity.probe_report(id).await.unwrap().unwrap()
}

async fn probe(gateway: &Gateway) -> Report {
    probe_at(gateway, &gateway.identity).await
}

fn of<'a>(report: &'a Report, service: &str) -> &'a Probed {
    let mut services = report.services.iter();
    services
        .find(|probed| probed.service == service)
        .unwrap_or_else(|| panic!("{service}: {report:?}"))
}

async fn nothing_is_left_of(gateway: &Gateway, sessions: u64) {
    assert_eq!(gateway.store.active_sessions().await.unwrap(), sessions);
    let revoked = async || gateway.provider.counters().revocations > 0;
    gateway.until("the refresh token is revoked", revoked).await;
    assert_eq!(gateway.cookie_names().len(), 0, "no flow is left either");
    assert_eq!(
        gateway.counts.of("created"),
        usize::try_from(sessions).unwrap()
    );
}

#[tokio::test]
async fn a_probe_shows_what_each_service_gets_and_leaves_nothing_behind() {
    let gateway = Gateway::with(Options {
        plans: plans(),
        ..Options::default()
    })
    .await;
    let report = probe(&gateway).await;
    assert!(!report.is_wrong(), "{report:?}");
    let (analytics, crud) = (of(&report, "analytics"), of(&report, "crud"));
    assert_eq!(analytics.audiences, [ANALYTICS]);
    assert_eq!(analytics.asked, format!("resource={ANALYTICS}"));
    assert_eq!(analytics.refresh_token, RefreshTokenUse::Rotated);
    assert!(matches!(analytics.life, Some(290..=300)), "{analytics:?}");
    assert_eq!(analytics.scopes, ["application.all"]);
    assert_eq!(
        (crud.audiences.as_slice(), crud.strategy.as_str()),
        (&[CRUD.to_string()][..], "client_credentials")
    );
    assert_eq!(crud.refresh_token, RefreshTokenUse::Kept);
    nothing_is_left_of(&gateway, 0).await;
    let text = format!("{report:?}");
    assert_eq!(gateway.provider.secrets_in(&text), Vec::<&str>::new());
    assert!(!text.contains("alice"), "{text}");
}

#[tokio::test]
async fn what_is_wrong_is_named_with_a_hint_and_suspends_nothing() {
    let gateway = Gateway::start().await;
    let session = gateway.login().await;
    gateway.provider.set_modes([Mode::IgnoreTarget]);
    let wide = probe(&gateway).await;
    for service in ["analytics", "crud"] {
        let probed = of(&wide, service);
        assert_eq!(probed.verdict, Verdict::Wrong);
        assert_eq!(probed.reason.as_deref(), Some("wrong_audience"));
        assert_eq!(probed.audiences, [ANALYTICS, CRUD]);
        assert!(probed.life.is_some() && !probed.scopes.is_empty());
        assert!(probed.hint.contains("aud holds all APIs"), "{probed:?}");
    }
    gateway.provider.set_modes([]);
    let fault = Fault::Answer {
        endpoint: Endpoint::Token,
        status: 400,
        retry_after: None,
        body: AnswerBody::Error("invalid_target".into()),
    };
    let rule = FaultRule::times(2, fault).on_grant_type(GrantType::RefreshToken);
    gateway.provider.set_fault(rule);
    let refused = probe(&gateway).await;
    assert_eq!(
        of(&refused, "crud").reason.as_deref(),
        Some("invalid_target")
    );
    gateway.advance(Duration::from_secs(300));
    for service in ["analytics", "crud"] {
        gateway.obtain(&session, service).await.unwrap();
    }
    nothing_is_left_of(&gateway, 1).await;
}

#[tokio::test]
async fn a_probe_that_succeeds_lifts_a_suspension_in_every_replica() {
    let gateway = Gateway::start().await;
    let other = crate::gateway::identity(
        gateway.provider.issuer(),
        Options::default(),
        &gateway.store,
        &gateway.clock,
        &gateway.counts,
    );
    let session = gateway.login().await;
    gateway.advance(Duration::from_secs(300));
    let fault = Fault::Answer {
        endpoint: Endpoint::Token,
        status: 400,
        retry_after: None,
        body: AnswerBody::Error("invalid_target".into()),
    };
    let rule = FaultRule::always(fault).on_grant_type(GrantType::RefreshToken);
    gateway.provider.set_fault(rule);
    let crud = tokenbridge_bridge::service::ServiceName::new("crud");
    for replica in [&gateway.identity, &other] {
        let refused = replica
            .obtain_token(&session.key(), &crud)
            .await
            .unwrap_err();
        assert_eq!(refused.rejection, Rejection::NoTokenAvailable);
    }
    gateway.provider.reset_faults();
    let suspended = gateway.obtain(&session, "crud").await.unwrap_err();
    assert_eq!(
        suspended.rejection,
        Rejection::NoTokenAvailable,
        "it is not even asked for"
    );
    let renewing = tokio::spawn({
        let other = Arc::clone(&other);
        async move { other.keep_renewing().await }
    });
    let report = probe(&gateway).await;
    assert!(!report.is_wrong(), "{report:?}");
    // A session that met the refusal asks again when its own pause is over.
    gateway.advance(Duration::from_secs(61));
    gateway.obtain(&session, "crud").await.unwrap();
    // The other replica hears of it by itself, also when it had looked a moment before.
    gateway
        .until("the other replica lifts it too", async || {
            other.obtain_token(&session.key(), &crud).await.is_ok()
        })
        .await;
    renewing.abort();
}

#[tokio::test]
async fn a_callback_that_lands_at_another_replica_is_finished_there() {
    let gateway = Gateway::start().await;
    let other = crate::gateway::identity(
        gateway.provider.issuer(),
        Options::default(),
        &gateway.store,
        &gateway.clock,
        &gateway.counts,
    );
    let report = probe_at(&gateway, &other).await;
    assert!(!report.is_wrong(), "{report:?}");
    nothing_is_left_of(&gateway, 0).await;
}
