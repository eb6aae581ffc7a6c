//! The code flow: login form, single sign-on, prompts, codes and PKCE.

use serde_json::{Value, json};
use tokenbridge_devkit::browser::BrowserRequest;

use crate::relying_party::*;

#[tokio::test]
async fn a_login_gives_a_code_and_the_code_gives_tokens() {
    let party = RelyingParty::start().await;
    let page = party.authorize(&[]).await;
    assert_eq!(query(&page, "state").as_deref(), Some("the-state"));
    assert_eq!(
        query(&page, "iss").as_deref(),
        Some(party.provider.issuer())
    );
    let code = query(&page, "code").unwrap();
    let tokens = success(&party.redeem(&code, &[]).await);

    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 300);
    assert_eq!(tokens["scope"], SCOPES);
    let access_token = text(&tokens, "access_token");
    assert_eq!(jose_header(access_token)["typ"], "at+jwt");
    let access = claims(access_token);
    assert_eq!(access["iss"], party.provider.issuer());
    assert_eq!(access["sub"], "alice");
    assert_eq!(access["client_id"], "bff-server");
    assert_eq!(access["aud"], json!([ANALYTICS, CRUD]));
    for claim in ["exp", "iat", "jti", "auth_time", "scope"] {
        assert!(access.contains_key(claim), "{claim}");
    }
    let id = claims(text(&tokens, "id_token"));
    assert_eq!(id["aud"], "bff-server");
    assert_eq!(id["nonce"], "the-nonce");
    assert_eq!(id["name"], "Alice Liddell");
    assert_eq!(id["email"], "alice@wonderland.example");
    for claim in ["auth_time", "sid", "at_hash"] {
        assert!(id.contains_key(claim), "{claim}");
    }
}

#[tokio::test]
async fn discovery_names_working_endpoints() {
    let party = RelyingParty::start().await;
    let discovery = party.url("/.well-known/openid-configuration");
    let page = party
        .browser
        .fetch(BrowserRequest::get(discovery))
        .await
        .unwrap();
    let metadata: Value = page.json().unwrap();
    assert_eq!(metadata["issuer"], party.provider.issuer());
    assert_eq!(
        metadata["authorization_response_iss_parameter_supported"],
        true
    );
    assert_eq!(
        metadata["code_challenge_methods_supported"],
        json!(["S256"])
    );
    let jwks = metadata["jwks_uri"].as_str().unwrap();
    let keys: Value = party
        .browser
        .fetch(BrowserRequest::get(jwks))
        .await
        .unwrap()
        .json()
        .unwrap();
    let token = party.login().await;
    assert_eq!(
        keys["keys"][0]["kid"],
        jose_header(text(&token, "id_token"))["kid"]
    );
}

#[tokio::test]
async fn the_second_authorization_needs_no_form_and_keeps_the_session() {
    let party = RelyingParty::start().await;
    let first = party.login().await;
    let silent = party.authorize(&[("prompt", "none")]).await;
    let second = success(&party.redeem(&query(&silent, "code").unwrap(), &[]).await);
    let sid = |tokens| claims(text(tokens, "id_token"))["sid"].clone();
    assert_eq!(sid(&first), sid(&second));
    assert_eq!(party.provider.counters().logins, 1);
    assert_eq!(party.provider.counters().authorizations, 2);
}

#[tokio::test]
async fn prompt_none_without_a_session_is_login_required() {
    let party = RelyingParty::start().await;
    let page = party.authorize(&[("prompt", "none")]).await;
    assert_eq!(query(&page, "error").as_deref(), Some("login_required"));
    assert_eq!(query(&page, "state").as_deref(), Some("the-state"));
    assert_eq!(
        query(&page, "iss").as_deref(),
        Some(party.provider.issuer())
    );
}

#[tokio::test]
async fn prompt_login_and_max_age_ask_for_the_password_again() {
    let party = RelyingParty::start().await;
    party.login().await;
    for again in [("prompt", "login"), ("max_age", "0")] {
        let before = party.provider.counters().logins;
        party.code(&[again]).await;
        assert_eq!(party.provider.counters().logins, before + 1, "{again:?}");
    }
    party.clock.advance(std::time::Duration::from_secs(100));
    let page = party
        .authorize(&[("max_age", "60"), ("prompt", "none")])
        .await;
    assert_eq!(query(&page, "error").as_deref(), Some("login_required"));
}

#[tokio::test]
async fn consent_is_asked_for_once_where_the_client_needs_it() {
    let party = RelyingParty::with_files(
        "token: {}\n",
        "bff-server:\n  scopes: [openid]\n  require_consent: true\n",
    )
    .await;
    let start = party.authorization_url(&[]);
    let form = party.browser.navigate(&start).await.unwrap();
    let fields = [("username", "alice"), ("password", "wonderland")];
    let consent = party.browser.submit(&form, &fields).await.unwrap();
    assert!(consent.text().contains("Allow access?"));
    let silent = party.authorize(&[("prompt", "none")]).await;
    assert_eq!(query(&silent, "error").as_deref(), Some("consent_required"));
    let agreed = party.browser.submit(&consent, &[]).await.unwrap();
    assert!(query(&agreed, "code").is_some());
    assert!(query(&party.authorize(&[("prompt", "none")]).await, "code").is_some());
}

#[tokio::test]
async fn a_user_who_does_not_agree_sends_access_denied() {
    let party = RelyingParty::start().await;
    party.login().await;
    let start = party.authorization_url(&[("prompt", "consent")]);
    let consent = party.browser.navigate(&start).await.unwrap();
    let denied = party
        .browser
        .submit(&consent, &[("decision", "deny")])
        .await
        .unwrap();
    assert_eq!(query(&denied, "error").as_deref(), Some("access_denied"));
}

#[tokio::test]
async fn a_wrong_password_shows_the_form_again() {
    let party = RelyingParty::start().await;
    let start = party.authorization_url(&[]);
    let form = party.browser.navigate(&start).await.unwrap();
    let fields = [("username", "alice"), ("password", "Wonderland")];
    let page = party.browser.submit(&form, &fields).await.unwrap();
    assert_eq!(page.status, 400);
    assert!(page.text().contains("name=\"password\""));
    assert_eq!(party.provider.counters().logins, 0);
}

#[tokio::test]
async fn every_page_says_that_it_is_for_development() {
    let party = RelyingParty::start().await;
    for path in ["/", "/end_session", "/authorize"] {
        let page = party.browser.navigate(&party.url(path)).await.unwrap();
        assert!(page.text().contains("For development only"), "{path}");
    }
}

#[tokio::test]
async fn errors_go_to_the_client_only_where_the_redirect_uri_is_its_own() {
    let party = RelyingParty::start().await;
    for broken in [
        ("redirect_uri", "https://evil.example/callback"),
        ("redirect_uri", "http://localhost.evil.example/"),
        ("client_id", "nobody"),
    ] {
        let page = party.authorize(&[broken]).await;
        assert_eq!(
            (page.status, page.url.path()),
            (400, "/authorize"),
            "{broken:?}"
        );
    }
    for (broken, code) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("scope", "unknown"), "invalid_scope"),
        (("resource", "https://unknown.example"), "invalid_target"),
        (("prompt", "none login"), "invalid_request"),
        (("request", "ey"), "request_not_supported"),
    ] {
        let page = party.authorize(&[broken]).await;
        assert_eq!(query(&page, "error").as_deref(), Some(code), "{broken:?}");
        assert_eq!(query(&page, "state").as_deref(), Some("the-state"));
    }
}

#[tokio::test]
async fn registered_redirect_uris_are_matched_exactly() {
    let party = RelyingParty::with_files(
        "token: {}\n",
        "bff-server:\n  scopes: [openid]\n  redirect_uris: [http://localhost:8080/auth/callback]\n",
    )
    .await;
    let start = party.authorization_url(&[]);
    assert_eq!(party.browser.navigate(&start).await.unwrap().status, 400);
    let registered = [("redirect_uri", "http://localhost:8080/auth/callback")];
    let start = party.authorization_url(&registered);
    assert_eq!(party.browser.navigate(&start).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_code_needs_its_verifier_its_redirect_uri_and_its_minute() {
    let party = RelyingParty::start().await;
    let redirect_uri = party.redirect_uri();
    let redeem = async |code: &str, verifier: &str, redirect_uri: &str| {
        let parameters = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ];
        error(&party.token(&parameters).await)
    };
    let wrong_verifier = "a".repeat(43);
    let code = party.code(&[]).await;
    let refused = redeem(&code, &wrong_verifier, &redirect_uri).await;
    assert_eq!(refused, refusal(400, "invalid_grant"));
    let code = party.code(&[]).await;
    let refused = redeem(&code, VERIFIER, "http://localhost/other").await;
    assert_eq!(refused, refusal(400, "invalid_grant"));
    let code = party.code(&[]).await;
    party.clock.advance(std::time::Duration::from_secs(61));
    let refused = redeem(&code, VERIFIER, &redirect_uri).await;
    assert_eq!(refused, refusal(400, "invalid_grant"));
    let refused = redeem("unknown", VERIFIER, &redirect_uri).await;
    assert_eq!(refused, refusal(400, "invalid_grant"));
}

#[tokio::test]
async fn a_code_used_twice_revokes_what_it_gave() {
    let party = RelyingParty::start().await;
    let code = party.code(&[]).await;
    let tokens = success(&party.redeem(&code, &[]).await);
    assert!(party.is_active(text(&tokens, "access_token")).await);
    let again = party.redeem(&code, &[]).await;
    assert_eq!(error(&again), refusal(400, "invalid_grant"));
    assert!(!party.is_active(text(&tokens, "access_token")).await);
    assert!(!party.is_active(text(&tokens, "refresh_token")).await);
    let counters = party.provider.counters();
    assert_eq!((counters.codes_reused, counters.families_revoked), (1, 1));
}

#[tokio::test]
async fn no_refresh_token_without_offline_access_and_no_id_token_without_openid() {
    let party = RelyingParty::start().await;
    let code = party.code(&[("scope", "openid application.all")]).await;
    let tokens = success(&party.redeem(&code, &[]).await);
    assert!(!tokens.contains_key("refresh_token"));
    let code = party.code(&[("scope", "application.all")]).await;
    let tokens = success(&party.redeem(&code, &[]).await);
    assert!(!tokens.contains_key("id_token"));
}

#[tokio::test]
async fn user_information_is_that_of_the_token() {
    let party = RelyingParty::start().await;
    let tokens = party.login().await;
    let ask = async |token: &str| {
        let bearer = http::HeaderValue::try_from(format!("Bearer {token}")).unwrap();
        let request =
            BrowserRequest::get(party.url("/userinfo")).header(http::header::AUTHORIZATION, bearer);
        party.browser.fetch(request).await.unwrap()
    };
    let claims: Value = ask(text(&tokens, "access_token")).await.json().unwrap();
    assert_eq!(claims["sub"], "alice");
    assert_eq!(claims["preferred_username"], "alice");
    let refused = ask("unknown").await;
    assert_eq!(refused.status, 401);
    assert_eq!(
        refused.header("www-authenticate"),
        Some("Bearer error=\"invalid_token\"")
    );
    let narrow = party
        .refresh(text(&tokens, "refresh_token"), &[("resource", CRUD)])
        .await;
    let narrow = success(&narrow);
    assert_eq!(ask(text(&narrow, "access_token")).await.status, 403);
}
