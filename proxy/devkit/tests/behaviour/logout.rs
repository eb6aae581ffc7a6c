//! Logout that the client asks for.

use crate::relying_party::*;

async fn end_session(
    party: &RelyingParty,
    parameters: &[(&str, &str)],
) -> tokenbridge_devkit::browser::Page {
    let mut url = url::Url::parse(&party.url("/end_session")).unwrap();
    url.query_pairs_mut().extend_pairs(parameters);
    party.browser.navigate(url.as_str()).await.unwrap()
}

async fn is_logged_in(party: &RelyingParty) -> bool {
    let page = party.authorize(&[("prompt", "none")]).await;
    query(&page, "code").is_some()
}

#[tokio::test]
async fn a_logout_with_a_hint_ends_the_session_and_comes_back_with_the_state() {
    let party = RelyingParty::start().await;
    let tokens = party.login().await;
    assert!(is_logged_in(&party).await);
    let back = party.redirect_uri();
    let page = end_session(
        &party,
        &[
            ("id_token_hint", text(&tokens, "id_token")),
            ("client_id", "bff-server"),
            ("post_logout_redirect_uri", &back),
            ("state", "the-state"),
        ],
    )
    .await;
    assert_eq!(page.url.path(), "/");
    assert_eq!(query(&page, "state").as_deref(), Some("the-state"));
    assert!(!is_logged_in(&party).await);
    assert_eq!(party.provider.counters().logouts, 1);
}

#[tokio::test]
async fn the_hint_ends_the_session_in_a_browser_that_lost_its_cookie_too() {
    let party = RelyingParty::start().await;
    let tokens = party.login().await;
    let url = party.provider.issuer();
    let cookie = party.browser.cookie(url, "devkit_idp_session").unwrap();
    party.browser.clear_cookies();
    end_session(&party, &[("id_token_hint", text(&tokens, "id_token"))]).await;
    let planted = format!("devkit_idp_session={cookie}; Path=/");
    party.browser.plant_cookie(url, &planted).unwrap();
    assert!(!is_logged_in(&party).await);
}

#[tokio::test]
async fn an_expired_hint_signed_by_a_former_key_is_good_enough() {
    let party = RelyingParty::start().await;
    let tokens = party.login().await;
    party.provider.rotate_keys().unwrap();
    party.clock.advance(std::time::Duration::from_secs(3_600));
    let page = end_session(&party, &[("id_token_hint", text(&tokens, "id_token"))]).await;
    assert!(page.text().contains("Signed out"));
    assert!(!is_logged_in(&party).await);
}

#[tokio::test]
async fn a_logout_that_cannot_be_believed_ends_nothing() {
    let party = RelyingParty::with_files(
        "token: {}\n",
        "bff-server:\n  scopes: [openid]\n  post_logout_redirect_uris: [http://localhost:8080/auth/logged-out]\n",
    )
    .await;
    let tokens = success(&party.redeem(&party.code(&[]).await, &[]).await);
    let hint = text(&tokens, "id_token");
    let registered = "http://localhost:8080/auth/logged-out";
    for parameters in [
        vec![("id_token_hint", "not-a-token")],
        vec![
            ("id_token_hint", hint),
            ("post_logout_redirect_uri", "http://localhost:8080/"),
        ],
        vec![("id_token_hint", hint), ("client_id", "another")],
        vec![("post_logout_redirect_uri", registered)],
        vec![
            ("client_id", "nobody"),
            ("post_logout_redirect_uri", registered),
        ],
    ] {
        let page = end_session(&party, &parameters).await;
        assert_eq!(page.status, 400);
    }
    assert!(is_logged_in(&party).await);
}

#[tokio::test]
async fn tokens_for_offline_access_outlive_the_logout() {
    let party = RelyingParty::start().await;
    let tokens = party.login().await;
    end_session(&party, &[("id_token_hint", text(&tokens, "id_token"))]).await;
    success(&party.refresh(text(&tokens, "refresh_token"), &[]).await);
}
