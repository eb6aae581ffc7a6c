//! Strategy `authorize`: each service has an authorization of its own, by the browser.

use std::collections::HashSet;
use std::time::Duration;

use tokenbridge_bridge::Secret;
use tokenbridge_bridge::rejection::Rejection;
use tokenbridge_bridge::service::{Mint, ServiceName, TargetParameter};
use tokenbridge_bridge::session::Reading;
use tokenbridge_config::preset::Preset;
use url::Url;

use crate::gateway::Gateway;
use crate::hops::{RETURN_TO, audience, gateway_of};

const LIFE: Duration = Duration::from_secs(300);

async fn assert_served(gateway: &Gateway, session: &crate::hops::Arrival, services: &[usize]) {
    for service in services {
        let name = format!("s{service}");
        let audiences = gateway.audiences(&session.session, &name).await;
        assert_eq!(audiences, [audience(*service)], "{name}");
    }
}

#[tokio::test]
async fn behind_a_login_each_service_is_given_a_refresh_token_of_its_own() {
    let gateway = gateway_of(3, |_| {}).await;
    let at = gateway.log_in().await;
    assert_eq!(at.location, RETURN_TO, "return_to survives the chain");
    assert_served(&gateway, &at, &[0, 1, 2]).await;
    let seen = gateway.provider.counters();
    assert_eq!(
        (seen.authorizations, seen.logins, seen.refreshes),
        (4, 1, 0)
    );
    let mut tokens = HashSet::new();
    for service in ["s0", "s1", "s2"] {
        let grant = gateway.grant_of(&at.session, service).await;
        tokens.insert(grant.refresh_token.unwrap().expose().to_owned());
    }
    assert_eq!(tokens.len(), 3);
    assert_eq!(gateway.counts.of("mint s1 authorize success"), 1);
    assert_eq!(gateway.counts.of("created"), 1);
    assert_eq!(gateway.cookie_names(), [""; 0], "each flow is forgotten");
}

#[tokio::test]
async fn each_service_renews_by_itself() {
    let gateway = gateway_of(2, |_| {}).await;
    let at = gateway.log_in().await;
    let untouched = gateway.grant_of(&at.session, "s0").await;
    gateway.advance(Duration::from_secs(250));
    gateway
        .identity
        .renew(at.session.key(), ServiceName::new("s1"));
    gateway
        .until("it is renewed", async || {
            gateway.counts.of("refresh s1 success") == 1
        })
        .await;
    assert_eq!(gateway.grant_of(&at.session, "s0").await, untouched);
    gateway.advance(LIFE);
    let (one, other) = tokio::join!(
        gateway.obtain(&at.session, "s0"),
        gateway.obtain(&at.session, "s1")
    );
    one.unwrap();
    other.unwrap();
    assert_served(&gateway, &at, &[0, 1]).await;
    let seen = gateway.provider.counters();
    assert_eq!((seen.refreshes, seen.reuse_detections), (3, 0));
    let names = &gateway
        .provider
        .token_requests()
        .pop()
        .unwrap()
        .parameter_names;
    let target = names
        .iter()
        .any(|name| name == "audience" || name == "scope");
    assert!(
        !target,
        "the target was named where it was authorized: {names:?}"
    );
}

#[tokio::test]
async fn what_falls_due_is_renewed_without_a_request() {
    let gateway = gateway_of(2, |_| {}).await;
    gateway.log_in().await;
    gateway.advance(Duration::from_secs(250));
    let renewing = gateway.identity.keep_renewing();
    let renewed = gateway.until("both are renewed", async || {
        gateway.provider.counters().refreshes == 2
    });
    tokio::select! {
        () = renewing => unreachable!("it never ends"),
        () = renewed => {}
    }
}

#[tokio::test]
async fn six_services_are_authorized_behind_a_login_and_the_rest_on_demand() {
    let gateway = gateway_of(8, |_| {}).await;
    let at = gateway.log_in().await;
    assert_eq!(gateway.provider.counters().authorizations, 7);
    assert_served(&gateway, &at, &[0, 1, 2, 3, 4, 5]).await;
    let refusal = gateway.obtain(&at.session, "s6").await.unwrap_err();
    assert_eq!(refusal.rejection, Rejection::InteractionRequired);
    let back = gateway.hop(&at.session, "s6").await.unwrap();
    assert_eq!(
        (back.session == at.session, back.location.as_str()),
        (true, RETURN_TO)
    );
    assert_served(&gateway, &at, &[6]).await;
    assert_eq!(gateway.provider.counters().authorizations, 8);
}

#[tokio::test]
async fn a_service_that_is_minted_on_first_use_is_not_authorized_at_the_login() {
    let gateway = gateway_of(2, |options| options.plans[0].mint = Mint::FirstUse).await;
    let at = gateway.log_in().await;
    assert_eq!(gateway.provider.counters().authorizations, 2);
    gateway.hop(&at.session, "s0").await.unwrap();
    assert_served(&gateway, &at, &[0, 1]).await;
    // There is a token now: nobody is asked again.
    let there = gateway.open_service(&at.session, "s0").await.unwrap();
    assert_eq!(there, RETURN_TO);
    assert_eq!(gateway.provider.counters().authorizations, 3);
}

#[tokio::test]
async fn a_hop_asks_in_silence_with_a_state_nonce_and_challenge_of_its_own() {
    for (preset, parameter, hinted) in [
        (Preset::Hydra, TargetParameter::Audience, true),
        (Preset::Cognito, TargetParameter::Resource, false),
    ] {
        let gateway = gateway_of(2, |options| {
            options.preset = preset;
            options.plans[0].target_parameter = parameter;
            options.plans[1].mint = Mint::FirstUse;
            options.plans[1].target_parameter = TargetParameter::Scope;
            options.plans[1].scopes = vec!["application.all".into()];
        })
        .await;
        let login = gateway.logged_in().await;
        let next = login.next.unwrap();
        let asked = Url::parse(&next.location).unwrap();
        let values = |name: &str| -> Vec<String> {
            let pairs = asked.query_pairs().filter(|(key, _)| key == name);
            pairs.map(|(_, value)| value.into_owned()).collect()
        };
        assert_eq!(values(parameter.as_str().unwrap()), [audience(0)]);
        assert_eq!(values("prompt"), ["none"]);
        assert_eq!(
            values("id_token_hint").len(),
            usize::from(hinted),
            "{preset}"
        );
        for name in ["state", "nonce", "code_challenge"] {
            assert_eq!(values(name).len(), 1, "{name}");
        }
        assert_eq!(values("scope")[0].split(' ').count(), 5);
        let location = gateway.open_service(&login.session, "s1").await.unwrap();
        assert!(
            location.contains("scope=openid+offline_access+application.all&"),
            "{location}"
        );
        assert_ne!(location, next.location);
    }
}

#[tokio::test]
async fn the_newest_id_token_is_the_hint() {
    let gateway = gateway_of(2, |options| options.plans[1].mint = Mint::FirstUse).await;
    let at = gateway.log_in().await;
    gateway.advance(LIFE);
    gateway.obtain(&at.session, "s0").await.unwrap();
    let newest = gateway.grant_of(&at.session, "s0").await.id_token;
    let location = gateway.open_service(&at.session, "s1").await.unwrap();
    let asked = Url::parse(&location).unwrap();
    let hint = asked
        .query_pairs()
        .find(|(name, _)| name == "id_token_hint");
    assert_eq!(hint.map(|(_, value)| Secret::new(&*value)), newest);
}

#[tokio::test]
async fn a_login_for_a_service_is_a_login_where_the_session_is_over_or_the_service_needs_none() {
    let gateway = gateway_of(1, |_| {}).await;
    let at = gateway.log_in().await;
    let is_login = |location: &str| !location.contains("prompt=none");
    assert!(is_login(
        &gateway.open_service(&at.session, "nobody").await.unwrap()
    ));
    let nobody = gateway.begin_for(Some("s0"), None).await.unwrap();
    assert!(is_login(&nobody.location));
    gateway
        .identity
        .logout(Some(at.session.key()), false)
        .await
        .unwrap();
    assert!(is_login(
        &gateway.open_service(&at.session, "s0").await.unwrap()
    ));
    assert!(matches!(
        gateway.reading(&at.session, "s0").await,
        Reading::Absent
    ));
}

#[tokio::test]
async fn a_navigation_is_sent_to_the_provider_by_itself_a_few_times_only() {
    let gateway = gateway_of(1, |options| options.plans[0].mint = Mint::FirstUse).await;
    let at = gateway.log_in().await;
    let may = async |service: &str, navigates| {
        let service = ServiceName::new(service);
        let key = at.session.key();
        gateway
            .identity
            .may_authorize(&key, &service, navigates)
            .await
    };
    assert!(!may("s0", false).await.unwrap(), "a fetch never is");
    assert!(!may("nobody", true).await.unwrap());
    for sent in [true, true, true, false] {
        assert_eq!(may("s0", true).await.unwrap(), sent);
    }
    gateway.advance(Duration::from_secs(61));
    assert!(may("s0", true).await.unwrap());
}

#[tokio::test]
async fn an_end_of_the_session_revokes_the_refresh_tokens_of_all_services() {
    let gateway = gateway_of(2, |_| {}).await;
    let at = gateway.log_in().await;
    gateway
        .identity
        .logout(Some(at.session.key()), false)
        .await
        .unwrap();
    gateway
        .until("all three are revoked", async || {
            gateway.provider.counters().revocations == 3
        })
        .await;
}
