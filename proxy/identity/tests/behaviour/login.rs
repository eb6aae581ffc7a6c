//! Logins that come about.

use std::time::Duration;

use tokenbridge_bridge::rejection::Rejection;
use tokenbridge_bridge::service::{AudienceCheck, Mint, Strategy};
use tokenbridge_bridge::session::Reading;
use tokenbridge_config::preset::Preset;
use tokenbridge_devkit::provider::{Fault, FaultRule, GrantType, TokenResponseTampering};
use tokenbridge_identity::Finished;
use tokenbridge_session_store::Described;

use crate::gateway::{ANALYTICS, CRUD, Gateway, Options, plan};
use crate::log;

#[tokio::test]
async fn a_login_creates_a_session_with_a_token_of_its_own_for_each_service() {
    let gateway = Gateway::start().await;
    let login = gateway.try_login().await.unwrap();
    assert_eq!(login.return_to.as_str(), "/dashboard?tab=1");
    assert_eq!(
        gateway.audiences(&login.session, "analytics").await,
        [ANALYTICS]
    );
    assert_eq!(gateway.audiences(&login.session, "crud").await, [CRUD]);
    let Described::Found(session) = gateway.store.describe(&login.session.key()).await.unwrap()
    else {
        panic!("no session");
    };
    assert_eq!(session.facts.subject.issuer, gateway.provider.issuer());
    assert!(session.facts.idp_session.is_some() && session.facts.authenticated_at.is_some());
    assert_eq!(
        session.profile.email.as_deref(),
        Some("alice@wonderland.example")
    );
    assert_eq!(gateway.cookie_names(), [] as [&str; 0]);
    assert_eq!(gateway.counts.of("created"), 1);
    assert_eq!(gateway.counts.of("mint analytics refresh success"), 1);
    let seen = gateway.provider.counters();
    assert_eq!(
        (seen.refreshes, seen.reuse_detections, seen.families_revoked),
        (2, 0, 0)
    );
}

#[tokio::test]
async fn the_first_token_already_serves_once_the_provider_has_given_one_before() {
    let gateway = Gateway::start().await;
    gateway.login().await;
    let session = gateway.login().await;
    assert_eq!(gateway.audiences(&session, "analytics").await, [ANALYTICS]);
    assert_eq!(gateway.audiences(&session, "crud").await, [CRUD]);
    // Two at the first login, one at the second: the code exchange brought the other.
    assert_eq!(gateway.provider.counters().refreshes, 3);
}

#[tokio::test]
async fn nothing_that_the_provider_gives_is_logged() {
    let gateway = Gateway::start().await;
    let session = gateway.login().await;
    let text = log::text();
    assert_eq!(gateway.provider.secrets_in(&text), [] as [&str; 0]);
    assert!(!text.contains(&session.expose()));
    assert!(!log::lines(&["login", "subject="]).is_empty());
}

#[tokio::test]
async fn two_tabs_log_in_at_the_same_time() {
    let gateway = Gateway::start().await;
    let one = gateway.begin().await.unwrap();
    let other = gateway.begin().await.unwrap();
    let back_of_one = gateway.visit(&one.location).await;
    let back_of_other = gateway.visit(&other.location).await;
    gateway.finish(&back_of_other).await.unwrap();
    gateway.finish(&back_of_one).await.unwrap();
    assert_eq!(gateway.counts.of("created"), 2);
}

#[tokio::test]
async fn a_new_login_replaces_the_session_of_its_browser_and_says_so_for_a_minute() {
    let gateway = Gateway::start().await;
    let old = gateway.login().await;
    let redirect = gateway.begin().await.unwrap();
    let query = gateway.visit(&redirect.location).await;
    gateway
        .finish_replacing(&query, Some(old.key()))
        .await
        .unwrap();
    assert!(matches!(
        gateway.reading(&old, "crud").await,
        Reading::Replaced
    ));
    gateway.advance(Duration::from_secs(61));
    assert!(matches!(
        gateway.reading(&old, "crud").await,
        Reading::Absent
    ));
    assert_eq!(gateway.counts.of("destroyed replaced"), 1);
}

#[tokio::test]
async fn the_replaced_sessions_refresh_token_is_revoked_unless_that_could_end_the_new_session() {
    let gateway = Gateway::start().await;
    let mut old = gateway.login().await;
    for (same_provider_session, revocations) in [(true, 0), (false, 1)] {
        if !same_provider_session {
            gateway.browser.clear_cookies();
        }
        let redirect = gateway.begin().await.unwrap();
        let query = gateway.visit(&redirect.location).await;
        let finished = gateway.finish_replacing(&query, Some(old.key())).await;
        let Ok(Finished::LoggedIn(login)) = finished else {
            panic!("no login");
        };
        old = login.session;
        let revoked = || gateway.counts.of("call revocation 200");
        gateway
            .until("revoked", async || revoked() >= revocations)
            .await;
        // A revocation that should not be would be through by the end of another login.
        gateway.login().await;
        assert_eq!(revoked(), revocations, "{same_provider_session}");
    }
    assert_eq!(gateway.counts.of("destroyed replaced"), 2);
}

#[tokio::test]
async fn services_that_were_minted_before_go_first() {
    const NEW: &str = "https://new.example";
    let mut options = Options::default();
    let mappings = &mut options.idp.token.audience_mappings.scope_mappings;
    mappings[0].audiences.push(NEW.into());
    let client = options.idp.clients.get_mut("bff-server").unwrap();
    client.allowed_audiences.push(NEW.into());
    options
        .plans
        .insert(0, plan("new", Strategy::Refresh, NEW, &[ANALYTICS, CRUD]));
    let gateway = Gateway::with(options).await;
    let fault = Fault::TokenResponse {
        tampering: TokenResponseTampering::MissingAccessToken,
    };
    let fault = FaultRule::times(1, fault).on_grant_type(GrantType::RefreshToken);
    gateway.provider.set_fault(fault);
    gateway.login().await;
    let asked = || -> Vec<String> {
        let records = gateway.provider.token_requests();
        records
            .iter()
            .flat_map(|record| record.resource.clone())
            .collect()
    };
    assert_eq!(asked(), [NEW, ANALYTICS, CRUD]);
    gateway.login().await;
    assert_eq!(asked()[3..], [ANALYTICS, CRUD, NEW]);
}

#[tokio::test]
async fn a_service_on_strategy_login_gets_the_logins_own_token_if_that_is_for_it_alone() {
    let mut wide = plan("wide", Strategy::Login, ANALYTICS, &[]);
    wide.audience.as_mut().unwrap().check = AudienceCheck::Contains;
    let strict = plan("strict", Strategy::Login, CRUD, &[ANALYTICS]);
    let gateway = Gateway::with(Options {
        plans: vec![wide, strict],
        ..Options::default()
    })
    .await;
    let session = gateway.login().await;
    let mut audiences = gateway.audiences(&session, "wide").await;
    audiences.sort();
    assert_eq!(audiences, [ANALYTICS, CRUD]);
    assert_eq!(
        gateway.refusal(&session, "strict").await.as_str(),
        "wrong_audience"
    );
    assert_eq!(gateway.provider.counters().refreshes, 0);
    assert!(
        !log::lines(&[
            "AUDIENCE_MISMATCH service=strict",
            "expected=",
            "came=[",
            "hint="
        ])
        .is_empty()
    );
}

#[tokio::test]
async fn a_service_minted_at_first_use_is_not_minted_at_login() {
    let mut options = Options::default();
    options.plans[1].mint = Mint::FirstUse;
    let gateway = Gateway::with(options).await;
    let session = gateway.login().await;
    assert_eq!(gateway.slot(&session, "crud").await, None);
    gateway.obtain(&session, "crud").await.unwrap();
    assert_eq!(gateway.audiences(&session, "crud").await, [CRUD]);
}

#[tokio::test]
async fn a_login_without_a_refresh_token_says_what_is_missing() {
    let scopes = vec!["openid", "application.all"];
    let gateway = Gateway::with(Options {
        scopes,
        ..Options::default()
    })
    .await;
    let session = gateway.login().await;
    assert_eq!(
        gateway.refusal(&session, "analytics").await.as_str(),
        "no_refresh_token"
    );
    let refusal = gateway.obtain(&session, "analytics").await.unwrap_err();
    assert_eq!(refusal.rejection, Rejection::NoTokenAvailable);
    assert!(!log::lines(&["brought no refresh token", "offline_access", "consent"]).is_empty());
    assert!(
        !log::lines(&[
            "NO_TOKEN_AVAILABLE service=analytics",
            "reason=no_refresh_token",
            "hint="
        ])
        .is_empty()
    );
}

#[tokio::test]
async fn one_wrong_resource_keeps_nobody_from_logging_in() {
    let mut options = Options::default();
    options.plans.insert(
        0,
        plan(
            "typo",
            Strategy::Refresh,
            "https://typo.example",
            &[ANALYTICS, CRUD],
        ),
    );
    let gateway = Gateway::with(options).await;
    let session = gateway.login().await;
    assert_eq!(
        gateway.refusal(&session, "typo").await.as_str(),
        "invalid_target"
    );
    assert_eq!(gateway.audiences(&session, "analytics").await, [ANALYTICS]);
    assert_eq!(gateway.audiences(&session, "crud").await, [CRUD]);
    assert!(
        !log::lines(&[
            "NO_TOKEN_AVAILABLE service=typo",
            "reason=invalid_target",
            "hint="
        ])
        .is_empty()
    );
    // It is suspended by now: the next login does not ask for it.
    let refused_before = gateway.provider.counters().token_errors.clone();
    let again = gateway.login().await;
    assert_eq!(
        gateway.refusal(&again, "typo").await.as_str(),
        "invalid_target"
    );
    assert_eq!(gateway.audiences(&again, "crud").await, [CRUD]);
    assert_eq!(gateway.provider.counters().token_errors, refused_before);
}

#[tokio::test]
async fn presets_that_know_no_resources_name_none_at_login() {
    let preset = Preset::Auth0;
    let gateway = Gateway::with(Options {
        preset,
        ..Options::default()
    })
    .await;
    let redirect = gateway.begin().await.unwrap();
    assert!(!redirect.location.contains("resource="));
}

#[tokio::test]
async fn a_failing_mint_does_not_fail_the_login() {
    let gateway = Gateway::start().await;
    let fault = Fault::TokenResponse {
        tampering: TokenResponseTampering::MissingAccessToken,
    };
    gateway
        .provider
        .set_fault(FaultRule::times(1, fault).on_grant_type(GrantType::RefreshToken));
    let session = gateway.login().await;
    assert_eq!(
        gateway.refusal(&session, "analytics").await.as_str(),
        "bad_response"
    );
    assert_eq!(gateway.audiences(&session, "crud").await, [CRUD]);
    assert_eq!(gateway.provider.counters().reuse_detections, 0);
}
