//! Faults: what comes back, what is processed all the same, and when a fault is used up.

use std::time::Duration;

use serde_json::{Value, json};
use tokenbridge_devkit::provider::{
    AnswerBody, AuthorizationTampering, Endpoint, Fault, FaultRule, GrantType, JwtTampering,
    TokenResponseTampering as Shape,
};

use crate::relying_party::*;

fn answer(endpoint: Endpoint, status: u16, body: AnswerBody) -> Fault {
    Fault::Answer {
        endpoint,
        status,
        retry_after: None,
        body,
    }
}

#[tokio::test]
async fn an_answer_in_the_endpoints_place_processes_nothing() {
    let party = RelyingParty::start().await;
    let tokens = party.login().await;
    let token = text(&tokens, "refresh_token");
    let fault = answer(Endpoint::Token, 500, AnswerBody::Html);
    party.provider.set_fault(FaultRule::times(1, fault));
    let struck = party.refresh(token, &[]).await;
    assert_eq!(struck.status, 500);
    assert!(struck.text().contains("<h1>"));
    success(&party.refresh(token, &[]).await);
    assert_eq!(party.provider.counters().refreshes, 1);
}

#[tokio::test]
async fn answers_may_be_empty_or_any_error() {
    let party = RelyingParty::start().await;
    let fault = answer(Endpoint::Token, 400, AnswerBody::Empty);
    party.provider.set_fault(FaultRule::times(1, fault));
    assert_eq!(party.token(&[]).await.text(), "");
    let body = AnswerBody::Error("temporarily_unavailable".to_owned());
    party
        .provider
        .set_fault(FaultRule::times(1, answer(Endpoint::Token, 503, body)));
    let struck = party.token(&[]).await;
    assert_eq!(error(&struck), refusal(503, "temporarily_unavailable"));
}

#[tokio::test]
async fn a_lost_request_was_not_processed() {
    let party = RelyingParty::start().await;
    let tokens = party.login().await;
    let token = text(&tokens, "refresh_token");
    let fault = Fault::LostRequest {
        endpoint: Endpoint::Token,
    };
    party.provider.set_fault(FaultRule::times(1, fault));
    let own = [("grant_type", "refresh_token"), ("refresh_token", token)];
    let lost = party.browser.fetch(party.form("/token", &own)).await;
    assert!(lost.is_err());
    success(&party.refresh(token, &[]).await);
    assert_eq!(party.provider.counters().reuse_detections, 0);
}

#[tokio::test]
async fn a_lost_answer_was_processed() {
    let party = RelyingParty::start().await;
    let tokens = party.login().await;
    let token = text(&tokens, "refresh_token");
    let fault = Fault::LostAnswer {
        endpoint: Endpoint::Token,
    };
    party.provider.set_fault(FaultRule::times(1, fault));
    let lost = party.browser.fetch(party.form(
        "/token",
        &[
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("client_id", "bff-server"),
            ("client_secret", "dev-secret-change-me"),
        ],
    ));
    assert!(lost.await.is_err());
    assert_eq!(party.provider.counters().refreshes, 1);
    assert_eq!(
        error(&party.refresh(token, &[]).await),
        refusal(400, "invalid_grant")
    );
    assert_eq!(party.provider.counters().reuse_detections, 1);
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_undo_what_it_asked_for() {
    let party = RelyingParty::start().await;
    let tokens = party.login().await;
    let token = text(&tokens, "refresh_token");
    party.provider.set_fault(FaultRule::times(
        1,
        Fault::Delay {
            endpoint: Endpoint::Token,
            milliseconds: 60_000,
            after_processing: true,
        },
    ));
    let asked = party.refresh(token, &[]);
    let processed = async {
        for _ in 0..1_000 {
            if party.provider.counters().refreshes == 1 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the refresh was not processed");
    };
    tokio::select! {
        _ = asked => panic!("the answer came before its delay was over"),
        () = processed => {}
    }
    assert_eq!(party.provider.counters().refreshes, 1);
}

#[tokio::test]
async fn a_fault_strikes_only_where_its_condition_holds() {
    let party = RelyingParty::start().await;
    let tokens = party.login().await;
    let token = text(&tokens, "refresh_token");
    let fault = || answer(Endpoint::Token, 503, AnswerBody::Html);
    party
        .provider
        .set_fault(FaultRule::always(fault()).on_target(CRUD));
    party
        .provider
        .set_fault(FaultRule::always(fault()).on_grant_type(GrantType::TokenExchange));
    assert_eq!(
        party.refresh(token, &[("resource", CRUD)]).await.status,
        503
    );
    let other = success(&party.refresh(token, &[("resource", ANALYTICS)]).await);
    let subject = text(&other, "access_token");
    assert_eq!(party.exchange(subject, &[]).await.status, 503);
    party.provider.reset_faults();
    assert_eq!(party.exchange(subject, &[]).await.status, 200);
}

#[tokio::test]
async fn token_responses_can_have_any_wrong_shape() {
    let party = RelyingParty::start().await;
    let own = [("grant_type", "client_credentials")];
    let tampered = async |tampering: Shape| {
        let fault = Fault::TokenResponse { tampering };
        party.provider.set_fault(FaultRule::times(1, fault));
        party.token(&own).await
    };
    assert_eq!(tampered(Shape::EmptyBody).await.text(), "");
    assert!(
        tampered(Shape::NotJson)
            .await
            .text()
            .starts_with("<!doctype")
    );
    let truncated = tampered(Shape::Truncated).await;
    assert!(truncated.text().contains("access_token"));
    assert!(truncated.json::<Value>().is_err());
    assert!(tampered(Shape::Huge).await.body.len() > 8_000_000);
    for (shape, name, wrong) in [
        (Shape::MissingAccessToken, "access_token", Value::Null),
        (Shape::WrongTypes, "token_type", json!(1)),
        (Shape::ExpiresInZero, "expires_in", json!(0)),
        (Shape::ExpiresInNegative, "expires_in", json!(-1)),
        (
            Shape::ExpiresInHuge,
            "expires_in",
            json!(1_000_000_000_000_u64),
        ),
        (Shape::MissingExpiresIn, "expires_in", Value::Null),
        (Shape::OtherTokenType, "token_type", json!("N_A")),
        (Shape::MissingTokenType, "token_type", Value::Null),
    ] {
        let body: Value = tampered(shape).await.json().unwrap();
        assert_eq!(body[name], wrong, "{shape:?}");
    }
    assert_eq!(party.provider.faults(), []);
}

#[tokio::test]
async fn an_id_token_can_be_wrong_in_any_way() {
    let party = RelyingParty::start().await;
    let tampered = async |tampering: JwtTampering| {
        let fault = Fault::IdToken { tampering };
        party.provider.set_fault(FaultRule::times(1, fault));
        text(&party.login().await, "id_token").to_owned()
    };
    for (tampering, claim, wrong) in [
        (JwtTampering::OtherNonce, "nonce", "another-nonce"),
        (
            JwtTampering::OtherIssuer,
            "iss",
            "https://elsewhere.example",
        ),
        (JwtTampering::OtherAudience, "aud", "another-audience"),
        (JwtTampering::OtherSubject, "sub", "mallory"),
        (JwtTampering::OtherIdpSession, "sid", "another-session"),
    ] {
        assert_eq!(claims(&tampered(tampering).await)[claim], wrong);
    }
    let now = jsonwebtoken::get_current_timestamp();
    let expired = claims(&tampered(JwtTampering::Expired).await);
    assert!(expired["exp"].as_u64().unwrap() < now);
    let nonce = claims(&tampered(JwtTampering::MissingNonce).await);
    assert!(!nonce.contains_key("nonce"));
    let unsigned = tampered(JwtTampering::AlgNone).await;
    assert_eq!(jose_header(&unsigned)["alg"], "none");
    assert!(unsigned.ends_with('.'));
}

#[tokio::test]
async fn a_token_signed_by_another_key_carries_the_id_of_a_published_one() {
    let party = RelyingParty::start().await;
    let good = party.login().await;
    party.provider.set_fault(FaultRule::times(
        1,
        Fault::IdToken {
            tampering: JwtTampering::OtherKey,
        },
    ));
    let bad = party.login().await;
    let (good, bad) = (text(&good, "id_token"), text(&bad, "id_token"));
    assert_eq!(jose_header(good)["kid"], jose_header(bad)["kid"]);
    // The provider verifies the signature of a hint.
    for (token, status) in [(good, 200), (bad, 400)] {
        let url = party.url(&format!("/end_session?id_token_hint={token}"));
        assert_eq!(party.browser.open(&url).await.unwrap().status, status);
    }
}

#[tokio::test]
async fn an_authorization_response_can_be_wrong() {
    let party = RelyingParty::start().await;
    for (tampering, name, wrong) in [
        (AuthorizationTampering::MissingIssuer, "iss", None),
        (
            AuthorizationTampering::OtherIssuer,
            "iss",
            Some("https://elsewhere.example"),
        ),
        (AuthorizationTampering::MissingState, "state", None),
        (
            AuthorizationTampering::OtherState,
            "state",
            Some("another-state"),
        ),
    ] {
        let fault = Fault::AuthorizationResponse { tampering };
        party.provider.set_fault(FaultRule::times(1, fault));
        let page = party.authorize(&[]).await;
        assert_eq!(query(&page, name).as_deref(), wrong, "{tampering:?}");
        assert!(query(&page, "code").is_some());
    }
}

#[tokio::test]
async fn a_fault_for_a_token_that_is_not_there_is_not_used_up() {
    let party = RelyingParty::start().await;
    party.provider.set_fault(FaultRule::times(
        1,
        Fault::IdToken {
            tampering: JwtTampering::OtherNonce,
        },
    ));
    success(&party.token(&[("grant_type", "client_credentials")]).await);
    assert_eq!(party.token(&[("grant_type", "password")]).await.status, 400);
    assert_eq!(party.provider.faults().len(), 1);
}
