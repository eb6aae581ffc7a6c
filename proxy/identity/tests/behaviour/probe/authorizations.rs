//! Probes of services with an authorization of their own.

use tokenbridge_bridge::service::Strategy;
use tokenbridge_identity::probe::{RefreshTokenUse, Verdict};

use super::{nothing_is_left_of, of, probe};
use crate::gateway::{CRUD, plan};

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
