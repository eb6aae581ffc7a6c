//! Logins whose answer is not what it must be: nothing is created.

use std::time::Duration;

use tokenbridge_bridge::rejection::Rejection;
use tokenbridge_devkit::provider::{Fault, FaultRule, JwtTampering, TokenResponseTampering};

use crate::gateway::Gateway;

async fn refused(gateway: &Gateway, fault: Fault, expected: Rejection) {
    let shown = format!("{fault:?}");
    gateway.provider.set_fault(FaultRule::always(fault));
    let failure = gateway.try_login().await.unwrap_err();
    assert_eq!(
        failure.refusal.rejection, expected,
        "{shown}: {}",
        failure.refusal.detail
    );
    assert_eq!(gateway.store.active_sessions().await.unwrap(), 0, "{shown}");
    assert_eq!(gateway.cookie_names(), [] as [&str; 0], "{shown}");
    gateway.provider.reset_faults();
}

#[tokio::test]
async fn an_id_token_that_is_not_what_it_must_be_creates_nothing() {
    let gateway = Gateway::start().await;
    for tampering in [
        JwtTampering::OtherNonce,
        JwtTampering::MissingNonce,
        JwtTampering::OtherKey,
        JwtTampering::OtherIssuer,
        JwtTampering::OtherAudience,
        JwtTampering::Expired,
        JwtTampering::AlgNone,
    ] {
        refused(
            &gateway,
            Fault::IdToken { tampering },
            Rejection::IdTokenInvalid,
        )
        .await;
    }
    // What the provider granted along with them is given back.
    gateway
        .until("all revoked", async || {
            gateway.provider.counters().revocations == 7
        })
        .await;
    gateway.login().await;
}

#[tokio::test]
async fn a_token_response_that_is_not_what_it_must_be_creates_nothing() {
    let gateway = Gateway::start().await;
    use TokenResponseTampering as Tampering;
    for tampering in [
        Tampering::MissingAccessToken,
        Tampering::MissingIdToken,
        Tampering::EmptyBody,
        Tampering::NotJson,
        Tampering::WrongTypes,
        Tampering::ExpiresInZero,
        Tampering::ExpiresInNegative,
        Tampering::ExpiresInHuge,
        Tampering::OtherTokenType,
        Tampering::MissingTokenType,
        Tampering::Truncated,
        Tampering::Huge,
    ] {
        refused(
            &gateway,
            Fault::TokenResponse { tampering },
            Rejection::TokenResponseInvalid,
        )
        .await;
    }
    gateway.login().await;
}

#[tokio::test]
async fn clocks_may_differ_by_a_minute() {
    for ahead in [0, 55] {
        let gateway = Gateway::start().await;
        gateway.clock.advance(Duration::from_secs(ahead));
        gateway.login().await;
    }
}

#[tokio::test]
async fn new_keys_of_the_provider_are_fetched_when_a_token_names_them() {
    let gateway = Gateway::start().await;
    gateway.login().await;
    gateway.provider.rotate_keys().unwrap();
    gateway.advance(Duration::from_secs(2));
    gateway.login().await;
    assert_eq!(gateway.provider.counters().families_revoked, 0);
}

#[tokio::test]
async fn keys_are_fetched_seldom_whatever_tokens_name() {
    let gateway = Gateway::start().await;
    gateway.login().await;
    let fault = Fault::IdToken {
        tampering: JwtTampering::OtherKey,
    };
    gateway.provider.set_fault(FaultRule::always(fault));
    let before = gateway.counts.of("call jwks 200");
    let begin = std::time::Instant::now();
    for _ in 0..5 {
        assert_eq!(gateway.refused_login().await, Rejection::IdTokenInvalid);
    }
    // At most once a second, however many tokens name keys that are not there.
    let fetched = gateway.counts.of("call jwks 200") - before;
    assert!(
        fetched as u128 <= begin.elapsed().as_millis() / 1_000 + 1,
        "{fetched} fetches"
    );
}
