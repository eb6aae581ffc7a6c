//! What a report says of each service.

use std::time::Duration;

use tokenbridge_bridge::service::{Strategy, TokenPlan};
use tokenbridge_devkit::provider::{AnswerBody, Endpoint, Fault, FaultRule, GrantType, Mode};
use tokenbridge_identity::probe::{RefreshTokenUse, Verdict};

use super::{nothing_is_left_of, of, probe};
use crate::gateway::{ANALYTICS, CRUD, Gateway, Options, plan};

fn plans() -> Vec<TokenPlan> {
    vec![
        plan("analytics", Strategy::Refresh, ANALYTICS, &[CRUD]),
        plan("crud", Strategy::ClientCredentials, CRUD, &[ANALYTICS]),
    ]
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
async fn services_with_an_authorization_of_their_own_are_probed_one_after_the_other() {
    let gateway = crate::hops::gateway_of(3, |options| {
        let more = plan("own", Strategy::ClientCredentials, CRUD, &[]);
        options.plans.insert(1, more);
    })
    .await;
    let report = probe(&gateway).await;
    let named: Vec<&str> = report
        .services
        .iter()
        .map(|one| one.service.as_str())
        .collect();
    assert_eq!(named, ["s0", "own", "s1", "s2"]);
    assert!(!report.is_wrong(), "{report:?}");
    for service in 0..3 {
        let probed = of(&report, &format!("s{service}"));
        assert_eq!(probed.audiences, [crate::hops::audience(service)]);
        assert_eq!(probed.refresh_token, RefreshTokenUse::Kept);
    }
    nothing_is_left_of(&gateway, 0).await;
    let all_revoked = async || gateway.provider.counters().revocations == 4;
    gateway
        .until("every refresh token is revoked", all_revoked)
        .await;
}

#[tokio::test]
async fn an_authorization_that_fails_is_one_line_of_the_report_and_the_others_go_on() {
    let gateway = crate::hops::gateway_of(8, |options| {
        let client = options.idp.clients.get_mut("bff-server").unwrap();
        let refused = crate::hops::audience(1);
        client
            .allowed_audiences
            .retain(|audience| *audience != refused);
    })
    .await;
    let report = probe(&gateway).await;
    let verdicts: Vec<Verdict> = report.services.iter().map(|one| one.verdict).collect();
    let (ok, wrong, skipped) = (Verdict::Ok, Verdict::Wrong, Verdict::Skipped);
    assert_eq!(verdicts, [ok, wrong, ok, ok, ok, ok, skipped, skipped]);
    assert_eq!(of(&report, "s1").reason.as_deref(), Some("invalid_target"));
    nothing_is_left_of(&gateway, 0).await;
}
