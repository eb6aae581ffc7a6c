//! Callbacks that are refused.

use std::time::Duration;

use tokenbridge_bridge::rejection::Rejection;
use tokenbridge_devkit::provider::{AuthorizationTampering, Fault, FaultRule};

use crate::gateway::Gateway;

async fn rejection(gateway: &Gateway, query: &str) -> Rejection {
    gateway.finish(query).await.unwrap_err().refusal.rejection
}

#[tokio::test]
async fn of_nine_pending_logins_the_oldest_is_dropped() {
    let gateway = Gateway::start().await;
    let mut queries = Vec::new();
    for _ in 0..9 {
        let redirect = gateway.begin().await.unwrap();
        queries.push(gateway.visit(&redirect.location).await);
        gateway.advance(Duration::from_secs(1));
    }
    assert_eq!(gateway.cookie_names().len(), 8);
    assert_eq!(
        rejection(&gateway, &queries[0]).await,
        Rejection::LoginUnknown
    );
    gateway.finish(&queries[1]).await.unwrap();
    gateway.finish(&queries[8]).await.unwrap();
}

#[tokio::test]
async fn cookies_of_logins_that_are_over_are_cleared_away() {
    let gateway = Gateway::start().await;
    gateway.begin().await.unwrap();
    gateway.set_cookie("bff_session_login_nonsense", "AAAA");
    gateway.set_cookie("bff_session_login_\"odd\"", "AAAA");
    gateway.set_cookie("other", "kept");
    gateway.advance(Duration::from_secs(601));
    gateway.begin().await.unwrap();
    let names = gateway.cookie_names();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names.contains(&"other".to_string()));
}

#[tokio::test]
async fn a_callback_without_its_browsers_cookie_is_refused() {
    let gateway = Gateway::start().await;
    let redirect = gateway.begin().await.unwrap();
    let query = gateway.visit(&redirect.location).await;
    let header = gateway.cookie_header();
    let (name, value) = header.split_once('=').unwrap();
    let other = Gateway::start().await;
    assert_eq!(rejection(&other, &query).await, Rejection::LoginUnknown);
    // The same cookie of a gateway with other keys, cut off, or under another name.
    other.set_cookie(name, value);
    assert_eq!(rejection(&other, &query).await, Rejection::LoginUnknown);
    gateway.set_cookie(name, &value[..value.len() - 4]);
    assert_eq!(rejection(&gateway, &query).await, Rejection::LoginUnknown);
    gateway.set_cookie(name, value);
    gateway.finish(&query).await.unwrap();
}

#[tokio::test]
async fn a_code_of_one_login_does_not_finish_another() {
    let gateway = Gateway::start().await;
    let mine = gateway.begin().await.unwrap();
    let mine = gateway.visit(&mine.location).await;
    let other = Gateway::start().await;
    let theirs = other.begin().await.unwrap();
    let theirs = other.visit(&theirs.location).await;
    let part = |query: &str, name: &str| {
        query
            .split('&')
            .find(|pair| pair.starts_with(name))
            .unwrap()
            .to_owned()
    };
    let mixed = theirs.replace(&part(&theirs, "code="), &part(&mine, "code="));
    let refused = other.finish(&mixed).await.unwrap_err().refusal;
    assert_eq!(
        refused.rejection,
        Rejection::CodeRefused,
        "{}",
        refused.detail
    );
    assert_eq!(other.store.active_sessions().await.unwrap(), 0);
}

#[tokio::test]
async fn a_login_is_used_once() {
    let gateway = Gateway::start().await;
    let redirect = gateway.begin().await.unwrap();
    let query = gateway.visit(&redirect.location).await;
    let header = gateway.cookie_header();
    let (name, value) = header.split_once('=').unwrap();
    gateway.finish(&query).await.unwrap();
    assert_eq!(rejection(&gateway, &query).await, Rejection::LoginUnknown);
    gateway.set_cookie(name, value);
    assert_eq!(rejection(&gateway, &query).await, Rejection::LoginReplayed);
    assert_eq!(gateway.provider.counters().codes_reused, 0);
}

#[tokio::test]
async fn a_login_that_takes_too_long_is_over() {
    let gateway = Gateway::start().await;
    let redirect = gateway.begin().await.unwrap();
    let query = gateway.visit(&redirect.location).await;
    gateway.clock.advance(Duration::from_secs(600));
    assert_eq!(rejection(&gateway, &query).await, Rejection::LoginExpired);
    assert_eq!(gateway.cookie_names(), [] as [&str; 0]);
}

#[tokio::test]
async fn an_answer_without_state_or_with_a_parameter_twice_is_refused() {
    let gateway = Gateway::start().await;
    let redirect = gateway.begin().await.unwrap();
    let query = gateway.visit(&redirect.location).await;
    for broken in [
        "",
        "code=a",
        &format!("{query}&{query}"),
        &format!("{query}&error=x"),
    ] {
        assert_eq!(
            rejection(&gateway, broken).await,
            Rejection::CallbackInvalid,
            "{broken:?}"
        );
    }
    assert_eq!(
        rejection(&gateway, "code=a&state=b").await,
        Rejection::LoginUnknown
    );
    gateway.finish(&query).await.unwrap();
}

#[tokio::test]
async fn an_answer_of_another_issuer_is_refused() {
    for tampering in [
        AuthorizationTampering::OtherIssuer,
        AuthorizationTampering::MissingIssuer,
    ] {
        let gateway = Gateway::start().await;
        let fault = Fault::AuthorizationResponse { tampering };
        gateway.provider.set_fault(FaultRule::always(fault));
        assert_eq!(
            gateway.refused_login().await,
            Rejection::IssuerMismatch,
            "{tampering:?}"
        );
        assert_eq!(gateway.provider.counters().codes_redeemed, 0);
    }
}

#[tokio::test]
async fn an_answer_with_another_state_is_refused() {
    for (tampering, expected) in [
        (AuthorizationTampering::OtherState, Rejection::LoginUnknown),
        (
            AuthorizationTampering::MissingState,
            Rejection::CallbackInvalid,
        ),
    ] {
        let gateway = Gateway::start().await;
        let fault = Fault::AuthorizationResponse { tampering };
        gateway.provider.set_fault(FaultRule::always(fault));
        assert_eq!(gateway.refused_login().await, expected, "{tampering:?}");
    }
}

#[tokio::test]
async fn an_error_of_the_provider_is_told_with_its_code_and_forgets_the_login() {
    let gateway = Gateway::start().await;
    let redirect = gateway.begin().await.unwrap();
    let query = gateway.visit(&redirect.location).await;
    let keep = |name: &str| {
        query
            .split('&')
            .find(|pair| pair.starts_with(name))
            .unwrap()
            .to_owned()
    };
    let denied = format!("error=access_denied&{}&{}", keep("state="), keep("iss="));
    let failure = gateway.finish(&denied).await.unwrap_err();
    assert_eq!(failure.refusal.rejection, Rejection::LoginRefused);
    assert!(failure.refusal.detail.contains("access_denied"));
    assert_eq!(gateway.cookie_names(), [] as [&str; 0]);
}
