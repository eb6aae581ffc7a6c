//! Odd behaviours of known providers.

use serde_json::json;
use std::time::Duration;
use tokenbridge_devkit::IdpConfiguration;
use tokenbridge_devkit::configuration::Lifetime;
use tokenbridge_devkit::provider::Mode;

use crate::relying_party::*;

const FOR_ANALYTICS: [(&str, &str); 1] = [("resource", ANALYTICS)];

async fn with(modes: impl IntoIterator<Item = Mode>) -> RelyingParty {
    let mut configuration = IdpConfiguration::demo().unwrap();
    configuration.development.modes.extend(modes);
    configuration.token.refresh_token_grace = Some(Lifetime::from_seconds(30));
    RelyingParty::with(configuration).await
}

#[tokio::test]
async fn ignore_target_answers_with_every_audience() {
    let party = with([Mode::IgnoreTarget]).await;
    let tokens = party.login().await;
    let token = text(&tokens, "refresh_token");
    let asked = [("resource", ANALYTICS), ("scope", "openid")];
    let answered = success(&party.refresh(token, &asked).await);
    assert_eq!(audience(&answered), json!([ANALYTICS, CRUD]));
    assert_eq!(answered["scope"], SCOPES);
    let unknown = [("resource", "https://unknown.example")];
    success(
        &party
            .refresh(text(&answered, "refresh_token"), &unknown)
            .await,
    );
}

#[tokio::test]
async fn default_audience_answers_with_one_fixed_other_audience() {
    let party = with([Mode::DefaultAudience]).await;
    let tokens = party.login().await;
    let answered = party
        .refresh(text(&tokens, "refresh_token"), &FOR_ANALYTICS)
        .await;
    assert_eq!(
        audience(&success(&answered)),
        "https://default-audience.example"
    );

    let mut configuration = IdpConfiguration::demo().unwrap();
    configuration.development.modes.push(Mode::DefaultAudience);
    configuration.development.default_audience = Some(CRUD.to_owned());
    let party = RelyingParty::with(configuration).await;
    let tokens = party.login().await;
    let answered = party
        .refresh(text(&tokens, "refresh_token"), &FOR_ANALYTICS)
        .await;
    assert_eq!(audience(&success(&answered)), CRUD);
}

#[tokio::test]
async fn other_issuer_puts_another_issuer_into_a_token_for_a_target() {
    let party = with([Mode::OtherIssuer]).await;
    let tokens = party.login().await;
    let issuer = party.provider.issuer();
    assert_eq!(claims(text(&tokens, "access_token"))["iss"], issuer);
    let answered = party
        .refresh(text(&tokens, "refresh_token"), &FOR_ANALYTICS)
        .await;
    let answered = success(&answered);
    let other = format!("{issuer}/other-issuer");
    assert_eq!(claims(text(&answered, "access_token"))["iss"], other);
    assert_eq!(claims(text(&answered, "id_token"))["iss"], issuer);
    let discovery = format!("{other}/.well-known/openid-configuration");
    let page = party.browser.open(&discovery).await.unwrap();
    assert_eq!(page.json::<serde_json::Value>().unwrap()["issuer"], other);
}

#[tokio::test]
async fn wide_checks_the_target_and_answers_with_every_audience() {
    let party = with([Mode::Wide]).await;
    let tokens = party.login().await;
    let token = text(&tokens, "refresh_token");
    let unknown = [("resource", "https://unknown.example")];
    assert_eq!(
        error(&party.refresh(token, &unknown).await),
        refusal(400, "invalid_target")
    );
    let answered = success(&party.refresh(token, &FOR_ANALYTICS).await);
    assert_eq!(audience(&answered), json!([ANALYTICS, CRUD]));
}

#[tokio::test]
async fn replay_revokes_newer_kills_what_replaced_the_replayed_token() {
    let party = with([Mode::ReplayRevokesNewer]).await;
    let tokens = party.login().await;
    let first = text(&tokens, "refresh_token");
    let second = success(&party.refresh(first, &[]).await);
    let third = success(&party.refresh(text(&second, "refresh_token"), &[]).await);
    let replayed = success(&party.refresh(first, &[]).await);
    let newest = text(&third, "refresh_token");
    assert_eq!(
        error(&party.refresh(newest, &[]).await),
        refusal(400, "invalid_grant")
    );
    success(&party.refresh(text(&replayed, "refresh_token"), &[]).await);
    assert_eq!(party.provider.counters().families_revoked, 0);
}

#[tokio::test]
async fn refused_target_spends_the_refresh_token() {
    let party = with([Mode::RefusedTargetSpends]).await;
    let tokens = party.login().await;
    let token = text(&tokens, "refresh_token");
    let unknown = [("resource", "https://unknown.example")];
    assert_eq!(
        error(&party.refresh(token, &unknown).await),
        refusal(400, "invalid_target")
    );
    party.clock.advance(Duration::from_secs(31));
    assert_eq!(
        error(&party.refresh(token, &[]).await),
        refusal(400, "invalid_grant")
    );
    assert!(!party.is_active(text(&tokens, "access_token")).await);
    assert_eq!(party.provider.counters().families_revoked, 1);
}

#[tokio::test]
async fn scope_decides_and_the_target_is_ignored() {
    let party = with([Mode::ScopeDecides]).await;
    let tokens = party.login().await;
    let token = text(&tokens, "refresh_token");
    let answered = success(&party.refresh(token, &FOR_ANALYTICS).await);
    assert_eq!(audience(&answered), json!([ANALYTICS, CRUD]));
    let narrowed = [("scope", "openid"), ("resource", ANALYTICS)];
    let token = text(&answered, "refresh_token");
    let answered = success(&party.refresh(token, &narrowed).await);
    assert_eq!(audience(&answered), party.provider.issuer());
}

#[tokio::test]
async fn exchange_only_ignores_the_target_of_a_refresh() {
    let party = with([Mode::ExchangeOnly]).await;
    let tokens = party.login().await;
    let answered = party
        .refresh(text(&tokens, "refresh_token"), &FOR_ANALYTICS)
        .await;
    let answered = success(&answered);
    assert_eq!(audience(&answered), json!([ANALYTICS, CRUD]));
    let exchanged = party
        .exchange(text(&answered, "access_token"), &[("audience", CRUD)])
        .await;
    assert_eq!(audience(&success(&exchanged)), CRUD);
}

#[tokio::test]
async fn authorize_only_lets_the_authorization_request_decide() {
    let party = with([Mode::AuthorizeOnly]).await;
    let code = party.code(&[("audience", ANALYTICS)]).await;
    let tokens = success(&party.redeem(&code, &[]).await);
    assert_eq!(audience(&tokens), ANALYTICS);
    let answered = party
        .refresh(text(&tokens, "refresh_token"), &[("audience", CRUD)])
        .await;
    assert_eq!(audience(&success(&answered)), ANALYTICS);
    let exchanged = party
        .exchange(text(&tokens, "access_token"), &[("audience", CRUD)])
        .await;
    assert_eq!(error(&exchanged), refusal(400, "unsupported_grant_type"));
    let silent = party
        .authorize(&[("prompt", "none"), ("audience", CRUD)])
        .await;
    let second = success(&party.redeem(&query(&silent, "code").unwrap(), &[]).await);
    assert_eq!(audience(&second), CRUD);
    success(&party.refresh(text(&second, "refresh_token"), &[]).await);
}

#[tokio::test]
async fn opaque_access_tokens_are_known_to_introspection() {
    let party = with([Mode::OpaqueAccessTokens]).await;
    let tokens = party.login().await;
    let answered = party
        .refresh(text(&tokens, "refresh_token"), &FOR_ANALYTICS)
        .await;
    let answered = success(&answered);
    let token = text(&answered, "access_token");
    assert!(!token.contains('.'));
    let page = party.post("/introspect", &[("token", token)]).await;
    let introspected = page.json::<serde_json::Value>().unwrap();
    assert_eq!(introspected["active"], true);
    assert_eq!(introspected["aud"], ANALYTICS);
    assert_eq!(introspected["token_type"], "Bearer");
}

#[tokio::test]
async fn modes_can_be_changed_while_the_provider_runs() {
    let party = RelyingParty::start().await;
    let tokens = party.login().await;
    party.provider.set_modes([Mode::IgnoreTarget]);
    let wide = party
        .refresh(text(&tokens, "refresh_token"), &FOR_ANALYTICS)
        .await;
    let wide = success(&wide);
    assert_eq!(audience(&wide), json!([ANALYTICS, CRUD]));
    party.provider.set_modes([]);
    let single = party
        .refresh(text(&wide, "refresh_token"), &FOR_ANALYTICS)
        .await;
    assert_eq!(audience(&success(&single)), ANALYTICS);
}

#[tokio::test]
async fn same_access_token_answers_every_target_of_a_grant_with_one_token() {
    let party = with([Mode::IgnoreTarget, Mode::SameAccessToken]).await;
    let tokens = party.login().await;
    let first = text(&tokens, "access_token");
    let token = text(&tokens, "refresh_token");
    let answered = success(&party.refresh(token, &FOR_ANALYTICS).await);
    assert_eq!(text(&answered, "access_token"), first);
    assert_ne!(text(&answered, "refresh_token"), token);
    assert_eq!(audience(&answered), json!([ANALYTICS, CRUD]));
    party.clock.advance(Duration::from_secs(300));
    let token = text(&answered, "refresh_token");
    let later = success(&party.refresh(token, &FOR_ANALYTICS).await);
    assert_ne!(text(&later, "access_token"), first);
}

#[tokio::test]
async fn metadata_are_where_the_modes_say() {
    let places = [
        "/other-issuer/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/other-issuer",
        "/other-issuer/.well-known/oauth-authorization-server",
    ];
    for (mode, there) in [
        (Mode::NoIntrospection, 0),
        (Mode::OauthMetadata, 1),
        (Mode::OauthMetadataBehind, 2),
    ] {
        let party = with([mode]).await;
        for (place, path) in places.iter().enumerate() {
            let url = format!("{}{path}", party.provider.issuer());
            let page = party.browser.open(&url).await.unwrap();
            let status = if place == there { 200 } else { 404 };
            assert_eq!(page.status, status, "{mode:?} {path}");
            if page.status == 200 {
                let metadata = page.json::<serde_json::Value>().unwrap();
                assert_eq!(
                    metadata.get("introspection_endpoint").is_some(),
                    mode != Mode::NoIntrospection
                );
                assert_eq!(
                    metadata.get("subject_types_supported").is_some(),
                    place == 0
                );
            }
        }
    }
}
