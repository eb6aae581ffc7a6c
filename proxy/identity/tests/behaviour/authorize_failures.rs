//! Authorizations of single services that do not come about: the session lives on, the other
//! services are served, and nothing of anybody else's gets in.

use std::time::Duration;

use tokenbridge_bridge::rejection::Rejection;
use tokenbridge_bridge::service::{Mint, ServiceName, TargetParameter};
use tokenbridge_bridge::session::Reading;
use tokenbridge_bridge::token::{MintRefusalReason, TokenSlot};
use tokenbridge_config::preset::Preset;
use tokenbridge_devkit::provider::{
    AnswerBody, AuthorizationTampering, Endpoint, Fault, FaultRule, GrantType, JwtTampering, Mode,
};
use tokenbridge_identity::Finished;

use crate::gateway::Gateway;
use crate::hops::{RETURN_TO, audience, gateway_of};
use crate::log;

const LIFE: Duration = Duration::from_secs(300);

/// A gateway with two services, the second of which is minted on first use.
async fn on_demand() -> Gateway {
    gateway_of(2, |options| options.plans[1].mint = Mint::FirstUse).await
}

fn on_code(status: u16, body: AnswerBody) -> FaultRule {
    let fault = Fault::Answer {
        endpoint: Endpoint::Token,
        status,
        retry_after: None,
        body,
    };
    FaultRule::times(1, fault).on_grant_type(GrantType::AuthorizationCode)
}

async fn lives(gateway: &Gateway, session: &tokenbridge_bridge::session::SessionId) -> bool {
    matches!(gateway.reading(session, "s0").await, Reading::Found(_))
}

#[tokio::test]
async fn consent_that_is_missing_for_one_service_ends_the_chain_and_is_asked_for_on_demand() {
    let gateway = gateway_of(3, |options| {
        let client = options.idp.clients.get_mut("bff-server").unwrap();
        client.require_consent = true;
        client.scopes.push("orders".into());
        options.plans[1].scopes = vec!["application.all".into(), "orders".into()];
    })
    .await;
    let at = gateway.log_in().await;
    assert_eq!(at.location, RETURN_TO);
    assert_eq!(gateway.audiences(&at.session, "s0").await, [audience(0)]);
    for service in ["s1", "s2"] {
        assert_eq!(gateway.slot(&at.session, service).await, None, "{service}");
        let refusal = gateway.obtain(&at.session, service).await.unwrap_err();
        assert_eq!(refusal.rejection, Rejection::InteractionRequired);
    }
    let before = gateway
        .provider
        .counters()
        .requests_of(Endpoint::Authorization);
    let back = gateway.hop(&at.session, "s1").await.unwrap();
    assert!(back.session == at.session && back.location == RETURN_TO);
    assert_eq!(gateway.audiences(&at.session, "s1").await, [audience(1)]);
    // In silence, with the user, and the consent form.
    let asked = gateway
        .provider
        .counters()
        .requests_of(Endpoint::Authorization)
        - before;
    assert_eq!(asked, 3);
}

#[tokio::test]
async fn a_provider_that_answers_for_somebody_else_ends_the_session_and_keeps_nothing() {
    // Without a hint the provider answers for whoever is logged in there.
    let gateway = gateway_of(2, |options| {
        options.preset = Preset::Cognito;
        for plan in &mut options.plans {
            plan.target_parameter = TargetParameter::Resource;
        }
        options.plans[1].mint = Mint::FirstUse;
    })
    .await;
    let at = gateway.log_in().await;
    gateway.browser.clear_cookies();
    let other = gateway.begin().await.unwrap();
    gateway.visit_as(&other.location, ("bob", "builder")).await;
    let back = gateway.hop(&at.session, "s1").await.unwrap();
    assert_eq!(back.location, RETURN_TO);
    assert!(matches!(
        gateway.reading(&at.session, "s1").await,
        Reading::Absent
    ));
    assert_eq!(gateway.counts.of("destroyed subject_changed"), 1);
    // Alice's two, and the one that came for bob.
    gateway
        .until("all are revoked", async || {
            gateway.provider.counters().revocations == 3
        })
        .await;
}

#[tokio::test]
async fn another_user_at_a_provider_that_takes_the_hint_is_asked_to_step_aside() {
    let gateway = on_demand().await;
    let at = gateway.log_in().await;
    gateway.browser.clear_cookies();
    let other = gateway.begin().await.unwrap();
    gateway.visit_as(&other.location, ("bob", "builder")).await;
    let silent = gateway.open_service(&at.session, "s1").await.unwrap();
    let query = gateway.visit(&silent).await;
    assert!(query.contains("login_required"), "{query}");
    let key = Some(at.session.key());
    let Ok(Finished::Onward(asking)) = gateway.finish_replacing(&query, key).await else {
        panic!("the user is asked");
    };
    assert!(!asking.location.contains("prompt="));
    // Bob stays: nothing comes of it, and alice's session is as it was.
    let query = gateway.visit_as(&asking.location, ("bob", "builder")).await;
    let failure = gateway.finish_replacing(&query, key).await.unwrap_err();
    assert_eq!(failure.refusal.rejection, Rejection::InteractionRequired);
    assert_eq!(gateway.audiences(&at.session, "s0").await, [audience(0)]);
    assert_eq!(gateway.slot(&at.session, "s1").await, None);
}

#[tokio::test]
async fn a_user_who_has_logged_in_at_the_provider_anew_is_logged_in_here_anew() {
    let gateway = on_demand().await;
    let at = gateway.log_in().await;
    gateway.browser.clear_cookies();
    let back = gateway.hop(&at.session, "s1").await.unwrap();
    assert!(back.session != at.session, "the session is a new one");
    assert_eq!(back.location, RETURN_TO);
    assert!(lives(&gateway, &back.session).await);
    assert!(matches!(
        gateway.reading(&at.session, "s0").await,
        Reading::Replaced
    ));
    gateway.hop(&back.session, "s1").await.unwrap();
    assert_eq!(gateway.audiences(&back.session, "s1").await, [audience(1)]);
}

#[tokio::test]
async fn an_outage_in_the_chain_ends_it_and_the_session_is_served_later() {
    for rule in [
        on_code(503, AnswerBody::Html),
        on_code(400, AnswerBody::Html),
        on_code(401, AnswerBody::Error("invalid_client".into())),
        FaultRule::times(
            1,
            Fault::LostAnswer {
                endpoint: Endpoint::Token,
            },
        ),
    ] {
        let what = format!("{rule:?}");
        let gateway = gateway_of(2, |_| {}).await;
        let login = gateway.logged_in().await;
        gateway.provider.set_fault(rule);
        let next = login.next.unwrap();
        gateway.keep_cookies(&next.set_cookies);
        let at = gateway.follow(login.session, next.location).await.unwrap();
        assert_eq!(at.location, RETURN_TO, "{what}");
        assert!(lives(&gateway, &at.session).await, "{what}");
        let asked = gateway.provider.counters().requests_of(Endpoint::Token);
        assert_eq!(asked, 2, "{what}: the login and one service");
        let refusal = gateway.obtain(&at.session, "s0").await.unwrap_err();
        assert_ne!(
            refusal.rejection,
            Rejection::InteractionRequired,
            "{what}: not yet"
        );
        gateway.advance(Duration::from_secs(31));
        let refusal = gateway.obtain(&at.session, "s0").await.unwrap_err();
        assert_eq!(refusal.rejection, Rejection::InteractionRequired, "{what}");
        gateway.hop(&at.session, "s0").await.unwrap();
        assert_eq!(
            gateway.audiences(&at.session, "s0").await,
            [audience(0)],
            "{what}"
        );
    }
}

#[tokio::test]
async fn an_outage_on_demand_is_said_and_costs_no_session() {
    let gateway = on_demand().await;
    let at = gateway.log_in().await;
    gateway.provider.set_fault(on_code(503, AnswerBody::Html));
    let failure = gateway.hop(&at.session, "s1").await.err().unwrap();
    assert_eq!(failure.refusal.rejection, Rejection::IdpUnavailable);
    assert!(lives(&gateway, &at.session).await);
    let service = ServiceName::new("s1");
    let asked = gateway
        .identity
        .may_authorize(&at.session.key(), &service, true)
        .await;
    assert_eq!(asked.unwrap_err().rejection, Rejection::IdpUnavailable);
    gateway.hop(&at.session, "s1").await.unwrap();
    assert_eq!(gateway.audiences(&at.session, "s1").await, [audience(1)]);
}

#[tokio::test]
async fn a_target_that_the_provider_refuses_costs_the_other_services_nothing() {
    let gateway = gateway_of(3, |options| {
        options.plans[0].target_value = Some("https://unknown.example".into());
    })
    .await;
    let at = gateway.log_in().await;
    let reason = gateway.refusal(&at.session, "s0").await;
    assert_eq!(reason, MintRefusalReason::InvalidTarget);
    for service in [1, 2] {
        let audiences = gateway.audiences(&at.session, &format!("s{service}")).await;
        assert_eq!(audiences, [audience(service)]);
    }
    let refusal = gateway.open_service(&at.session, "s0").await.unwrap_err();
    assert_eq!(refusal.rejection, Rejection::NoTokenAvailable);
    assert!(!log::lines(&["NO_TOKEN_AVAILABLE service=s0", "invalid_target"]).is_empty());
}

#[tokio::test]
async fn a_provider_that_ignores_the_target_is_a_mismatch() {
    let gateway = gateway_of(2, |_| {}).await;
    gateway.provider.set_modes([Mode::IgnoreTarget]);
    let at = gateway.log_in().await;
    for service in ["s0", "s1"] {
        let reason = gateway.refusal(&at.session, service).await;
        assert_eq!(reason, MintRefusalReason::WrongAudience, "{service}");
    }
    let failure = gateway.hop(&at.session, "s0").await.err().unwrap();
    assert_eq!(failure.refusal.rejection, Rejection::AudienceMismatch);
}

#[tokio::test]
async fn answers_that_are_not_what_they_must_be_are_not_kept() {
    let gateway = on_demand().await;
    let at = gateway.log_in().await;
    let id_token = |tampering| Fault::IdToken { tampering };
    let redirect = |tampering| Fault::AuthorizationResponse { tampering };
    for (fault, rejection) in [
        (
            id_token(JwtTampering::OtherNonce),
            Rejection::TokenResponseInvalid,
        ),
        (
            id_token(JwtTampering::OtherKey),
            Rejection::TokenResponseInvalid,
        ),
        (
            id_token(JwtTampering::OtherIssuer),
            Rejection::TokenResponseInvalid,
        ),
        (
            redirect(AuthorizationTampering::OtherIssuer),
            Rejection::IssuerMismatch,
        ),
        (
            redirect(AuthorizationTampering::MissingIssuer),
            Rejection::IssuerMismatch,
        ),
    ] {
        let what = format!("{fault:?}");
        gateway.provider.set_fault(FaultRule::times(1, fault));
        let failure = gateway.hop(&at.session, "s1").await.err().unwrap();
        assert_eq!(failure.refusal.rejection, rejection, "{what}");
        assert_eq!(gateway.slot(&at.session, "s1").await, None, "{what}");
        assert!(lives(&gateway, &at.session).await, "{what}");
    }
    let opaque = [Mode::AuthorizeOnly, Mode::OpaqueAccessTokens];
    gateway.provider.set_modes(opaque);
    let failure = gateway.hop(&at.session, "s1").await.err().unwrap();
    assert_eq!(failure.refusal.rejection, Rejection::TokenResponseInvalid);
    gateway.provider.set_modes([Mode::AuthorizeOnly]);
    // Its refresh token is kept, so the next request needs no browser.
    gateway.advance(Duration::from_secs(11));
    gateway.obtain(&at.session, "s1").await.unwrap();
    assert!(matches!(
        gateway.slot(&at.session, "s1").await,
        Some(TokenSlot::Token(_))
    ));
    gateway.advance(LIFE);
    gateway.obtain(&at.session, "s1").await.unwrap();
}
