//! Answers of the provider that bring no usable token, and what they do to the session.

use std::time::Duration;

use tokenbridge_bridge::grant::GrantName;
use tokenbridge_bridge::rejection::Rejection;
use tokenbridge_bridge::service::ServiceName;
use tokenbridge_bridge::session::Reading;
use tokenbridge_config::preset::Preset;
use tokenbridge_devkit::provider::{
    AnswerBody, Endpoint, Fault, FaultRule, GrantType, JwtTampering, Mode, TokenResponseTampering,
};

use crate::gateway::{ANALYTICS, CRUD, Gateway, Options};
use crate::log;

const LIFE: Duration = Duration::from_secs(300);

fn on_refresh(times: u32, fault: Fault) -> FaultRule {
    FaultRule::times(times, fault).on_grant_type(GrantType::RefreshToken)
}

fn answer(status: u16, body: AnswerBody) -> Fault {
    Fault::Answer {
        endpoint: Endpoint::Token,
        status,
        retry_after: None,
        body,
    }
}

#[tokio::test]
async fn a_provider_that_ignores_the_target_costs_the_token_not_the_session() {
    for mode in [Mode::IgnoreTarget, Mode::Wide] {
        let gateway = Gateway::start().await;
        gateway.provider.set_modes([mode]);
        let session = gateway.login().await;
        assert_eq!(
            gateway.refusal(&session, "analytics").await.as_str(),
            "wrong_audience"
        );
        let refusal = gateway.obtain(&session, "crud").await;
        assert_eq!(
            refusal.unwrap_err().rejection,
            Rejection::AudienceMismatch,
            "{mode:?}"
        );
        let words = [
            "AUDIENCE_MISMATCH service=analytics",
            "expected=https://analytics.example",
            "asked=resource=https://analytics.example",
            "came=[",
            "hint=",
        ];
        assert!(!log::lines(&words).is_empty());
        // The refresh token has lived through all of it.
        let grant = gateway
            .store
            .grant(&session.key(), &GrantName::Login)
            .await
            .unwrap()
            .unwrap();
        assert!(grant.refresh_token.is_some() && grant.generation.number() > 2);
        assert_eq!(gateway.provider.counters().reuse_detections, 0);
    }
}

#[tokio::test]
async fn a_wrong_audience_at_a_renewal_leaves_the_live_token_in_use() {
    let gateway = Gateway::start().await;
    let session = gateway.login().await;
    gateway.provider.set_modes([Mode::IgnoreTarget]);
    gateway.advance(Duration::from_secs(250));
    gateway
        .identity
        .renew(session.key(), ServiceName::new("crud"));
    gateway
        .until("the renewal was refused", async || {
            gateway.counts.of("refresh crud wrong_audience") == 1
        })
        .await;
    assert_eq!(gateway.audiences(&session, "crud").await, [CRUD]);
}

#[tokio::test]
async fn a_refused_target_costs_one_service_its_token_and_no_other() {
    let gateway = Gateway::start().await;
    let session = gateway.login().await;
    gateway.advance(LIFE);
    let refused = answer(400, AnswerBody::Error("invalid_target".into()));
    gateway
        .provider
        .set_fault(FaultRule::always(refused).on_target(ANALYTICS));
    let refusal = gateway.obtain(&session, "analytics").await.unwrap_err();
    assert_eq!(refusal.rejection, Rejection::NoTokenAvailable);
    assert!(
        refusal.detail.contains("reason=invalid_target"),
        "{}",
        refusal.detail
    );
    gateway.obtain(&session, "crud").await.unwrap();
    assert_eq!(gateway.audiences(&session, "crud").await, [CRUD]);
    // It is suspended: nobody asks again.
    let asked = gateway.provider.counters().requests_of(Endpoint::Token);
    gateway.obtain(&session, "analytics").await.unwrap_err();
    assert_eq!(
        gateway.provider.counters().requests_of(Endpoint::Token),
        asked
    );
}

#[tokio::test]
async fn where_a_refusal_spends_the_refresh_token_it_is_never_sent_again() {
    let preset = Preset::OidcProvider;
    let gateway = Gateway::with(Options {
        preset,
        ..Options::default()
    })
    .await;
    gateway.provider.set_modes([Mode::RefusedTargetSpends]);
    let session = gateway.login().await;
    gateway.advance(LIFE);
    let refused = answer(400, AnswerBody::Error("invalid_target".into()));
    gateway
        .provider
        .set_fault(FaultRule::always(refused).on_target(ANALYTICS));
    gateway.obtain(&session, "analytics").await.unwrap_err();
    let refusal = gateway.obtain(&session, "crud").await.unwrap_err();
    assert!(
        refusal.detail.contains("refresh token is spent"),
        "{}",
        refusal.detail
    );
    // Another login helps: a navigation goes there by itself, a few times.
    assert_eq!(refusal.rejection, Rejection::InteractionRequired);
    let (key, crud) = (session.key(), ServiceName::new("crud"));
    for goes in [true, true, true, false] {
        let may = gateway.identity.may_authorize(&key, &crud, true).await;
        assert_eq!(may.unwrap(), goes);
    }
    assert_eq!(gateway.provider.counters().reuse_detections, 0);
}

#[tokio::test]
async fn a_refresh_token_that_the_provider_refuses_ends_the_session() {
    let gateway = Gateway::start().await;
    let session = gateway.login().await;
    gateway.advance(LIFE);
    gateway.provider.revoke_everything();
    gateway.obtain(&session, "crud").await.unwrap();
    assert!(matches!(
        gateway.reading(&session, "crud").await,
        Reading::Absent
    ));
    assert_eq!(gateway.counts.of("destroyed invalid_grant"), 1);
}

#[tokio::test]
async fn a_refresh_token_that_is_refused_in_the_middle_of_a_login_leaves_the_session() {
    let gateway = Gateway::start().await;
    let refused = answer(400, AnswerBody::Error("invalid_grant".into()));
    gateway.provider.set_fault(on_refresh(1, refused));
    let session = gateway.login().await;
    for service in ["analytics", "crud"] {
        assert_eq!(
            gateway.refusal(&session, service).await.as_str(),
            "grant_refused"
        );
    }
    assert_eq!(gateway.provider.counters().refreshes, 0);
}

#[tokio::test]
async fn an_answer_for_another_subject_ends_the_session_and_is_given_back() {
    for tampering in [
        JwtTampering::OtherSubject,
        JwtTampering::OtherIssuer,
        JwtTampering::OtherIdpSession,
    ] {
        let gateway = Gateway::start().await;
        let session = gateway.login().await;
        gateway.advance(LIFE);
        gateway
            .provider
            .set_fault(on_refresh(1, Fault::IdToken { tampering }));
        gateway.obtain(&session, "crud").await.unwrap();
        assert!(
            matches!(gateway.reading(&session, "crud").await, Reading::Absent),
            "{tampering:?}"
        );
        assert_eq!(gateway.counts.of("destroyed subject_changed"), 1);
        gateway
            .until("revoked", async || {
                gateway.provider.counters().revocations >= 1
            })
            .await;
    }
}

#[tokio::test]
async fn an_unusable_answer_is_refused_and_the_refresh_token_beside_it_is_kept() {
    use TokenResponseTampering as Tampering;
    for (tampering, rejection) in [
        (
            Tampering::MissingAccessToken,
            Rejection::TokenResponseInvalid,
        ),
        (Tampering::ExpiresInZero, Rejection::TokenResponseInvalid),
        (
            Tampering::ExpiresInNegative,
            Rejection::TokenResponseInvalid,
        ),
        (Tampering::ExpiresInHuge, Rejection::TokenResponseInvalid),
        (Tampering::OtherTokenType, Rejection::TokenResponseInvalid),
        (Tampering::Truncated, Rejection::TokenResponseInvalid),
        (Tampering::MissingTokenType, Rejection::TokenResponseInvalid),
    ] {
        let gateway = Gateway::start().await;
        let session = gateway.login().await;
        gateway.advance(LIFE);
        gateway
            .provider
            .set_fault(on_refresh(1, Fault::TokenResponse { tampering }));
        let refusal = gateway.obtain(&session, "crud").await.unwrap_err();
        assert_eq!(refusal.rejection, rejection, "{tampering:?}");
        assert!(
            refusal.detail.starts_with("service=crud reason="),
            "{}",
            refusal.detail
        );
        gateway.advance(Duration::from_secs(1));
        gateway.obtain(&session, "crud").await.unwrap();
        assert_eq!(
            gateway.audiences(&session, "crud").await,
            [CRUD],
            "{tampering:?}"
        );
        assert_eq!(
            gateway.provider.counters().reuse_detections,
            0,
            "{tampering:?}"
        );
    }
}

#[tokio::test]
async fn an_access_token_that_cannot_be_trusted_is_not_used() {
    for tampering in [
        JwtTampering::OtherKey,
        JwtTampering::OtherIssuer,
        JwtTampering::Expired,
        JwtTampering::AlgNone,
    ] {
        let gateway = Gateway::start().await;
        let session = gateway.login().await;
        gateway.advance(LIFE);
        gateway
            .provider
            .set_fault(on_refresh(1, Fault::AccessToken { tampering }));
        let refusal = gateway.obtain(&session, "crud").await.unwrap_err();
        assert_eq!(
            refusal.rejection,
            Rejection::TokenResponseInvalid,
            "{tampering:?}"
        );
        gateway.advance(Duration::from_secs(1));
        gateway.obtain(&session, "crud").await.unwrap();
    }
}

#[tokio::test]
async fn the_provider_may_want_to_ask_the_user() {
    let gateway = Gateway::start().await;
    let session = gateway.login().await;
    gateway.advance(LIFE);
    let wants = answer(400, AnswerBody::Error("consent_required".into()));
    gateway.provider.set_fault(on_refresh(1, wants));
    let refusal = gateway.obtain(&session, "crud").await.unwrap_err();
    assert_eq!(refusal.rejection, Rejection::InteractionRequired);
    assert!(matches!(
        gateway.reading(&session, "crud").await,
        Reading::Found(_)
    ));
}

#[tokio::test]
async fn a_refused_client_is_tried_again_after_half_a_minute() {
    let gateway = Gateway::start().await;
    let session = gateway.login().await;
    gateway.advance(LIFE);
    let refused = answer(401, AnswerBody::Error("invalid_client".into()));
    gateway.provider.set_fault(on_refresh(1, refused));
    for _ in 0..3 {
        let refusal = gateway.obtain(&session, "crud").await.unwrap_err();
        assert_eq!(refusal.rejection, Rejection::ClientRefused);
    }
    gateway.advance(Duration::from_secs(30));
    gateway.obtain(&session, "crud").await.unwrap();
}
