//! Refresh tokens: rotation, reuse detection, grace, revocation.

use std::time::Duration;

use tokenbridge_devkit::IdpConfiguration;
use tokenbridge_devkit::configuration::Lifetime;

use crate::relying_party::*;

async fn with_grace(seconds: u64) -> RelyingParty {
    let mut configuration = IdpConfiguration::demo().unwrap();
    configuration.token.refresh_token_grace = Some(Lifetime::from_seconds(seconds));
    RelyingParty::with(configuration).await
}

#[tokio::test]
async fn each_use_replaces_the_refresh_token() {
    let party = RelyingParty::start().await;
    let tokens = party.login().await;
    let mut seen = vec![text(&tokens, "refresh_token").to_owned()];
    for _ in 0..3 {
        let next = success(&party.refresh(seen.last().unwrap(), &[]).await);
        let next = text(&next, "refresh_token").to_owned();
        assert!(!seen.contains(&next));
        seen.push(next);
    }
    assert_eq!(party.provider.counters().refreshes, 3);
}

#[tokio::test]
async fn a_refreshed_id_token_keeps_who_and_when_and_has_no_nonce() {
    let party = RelyingParty::start().await;
    let tokens = party.login().await;
    party.clock.advance(Duration::from_secs(10));
    let refreshed = success(&party.refresh(text(&tokens, "refresh_token"), &[]).await);
    let before = claims(text(&tokens, "id_token"));
    let after = claims(text(&refreshed, "id_token"));
    for claim in ["iss", "sub", "aud", "sid", "auth_time"] {
        assert_eq!(before[claim], after[claim], "{claim}");
    }
    assert!(!after.contains_key("nonce"));
}

#[tokio::test]
async fn a_refresh_token_used_twice_revokes_the_whole_family() {
    let party = RelyingParty::start().await;
    let tokens = party.login().await;
    let first = text(&tokens, "refresh_token");
    let next = success(&party.refresh(first, &[]).await);
    assert!(party.is_active(text(&next, "access_token")).await);
    assert_eq!(
        error(&party.refresh(first, &[]).await),
        refusal(400, "invalid_grant")
    );

    let newest = text(&next, "refresh_token");
    assert_eq!(
        error(&party.refresh(newest, &[]).await),
        refusal(400, "invalid_grant")
    );
    for token in [&tokens, &next] {
        assert!(!party.is_active(text(token, "access_token")).await);
    }
    let counters = party.provider.counters();
    assert_eq!(
        (counters.reuse_detections, counters.families_revoked),
        (1, 1)
    );
}

#[tokio::test]
async fn of_two_uses_at_once_one_is_the_second() {
    let party = RelyingParty::start().await;
    let tokens = party.login().await;
    let token = text(&tokens, "refresh_token");
    let (one, other) = tokio::join!(party.refresh(token, &[]), party.refresh(token, &[]));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    assert_eq!(party.provider.counters().reuse_detections, 1);
}

#[tokio::test]
async fn within_the_grace_a_used_refresh_token_is_taken_again() {
    let party = with_grace(30).await;
    let tokens = party.login().await;
    let first = text(&tokens, "refresh_token");
    let next = success(&party.refresh(first, &[]).await);
    party.clock.advance(Duration::from_secs(20));
    let replayed = success(&party.refresh(first, &[]).await);
    success(&party.refresh(text(&next, "refresh_token"), &[]).await);
    success(&party.refresh(text(&replayed, "refresh_token"), &[]).await);
    assert_eq!(party.provider.counters().replays_within_grace, 1);

    party.clock.advance(Duration::from_secs(20));
    assert_eq!(
        error(&party.refresh(first, &[]).await),
        refusal(400, "invalid_grant")
    );
    assert_eq!(party.provider.counters().reuse_detections, 1);
}

#[tokio::test]
async fn refresh_and_access_tokens_end_when_their_lifetimes_do() {
    let mut configuration = IdpConfiguration::demo().unwrap();
    configuration.token.access_token_lifetime = Some(Lifetime::from_seconds(1));
    configuration.token.refresh_token_lifetime = Some(Lifetime::from_seconds(100));
    let party = RelyingParty::with(configuration).await;
    let tokens = party.login().await;
    assert_eq!(tokens["expires_in"], 1);
    party.clock.advance(Duration::from_secs(2));
    assert!(!party.is_active(text(&tokens, "access_token")).await);
    assert!(party.is_active(text(&tokens, "refresh_token")).await);
    party.clock.advance(Duration::from_secs(100));
    let refused = party.refresh(text(&tokens, "refresh_token"), &[]).await;
    assert_eq!(error(&refused), refusal(400, "invalid_grant"));
    assert_eq!(party.provider.counters().reuse_detections, 0);
}

#[tokio::test]
async fn revoking_a_refresh_token_ends_its_family_and_an_access_token_goes_alone() {
    let party = RelyingParty::start().await;
    let tokens = party.login().await;
    let access = text(&tokens, "access_token");
    let refresh = text(&tokens, "refresh_token");
    assert_eq!(
        party.post("/revoke", &[("token", access)]).await.status,
        200
    );
    assert!(!party.is_active(access).await);
    assert!(party.is_active(refresh).await);
    let next = success(&party.refresh(refresh, &[]).await);
    let newest = text(&next, "refresh_token");
    assert_eq!(
        party.post("/revoke", &[("token", newest)]).await.status,
        200
    );
    assert!(!party.is_active(text(&next, "access_token")).await);
    assert_eq!(
        error(&party.refresh(newest, &[]).await),
        refusal(400, "invalid_grant")
    );
    assert_eq!(
        party.post("/revoke", &[("token", "unknown")]).await.status,
        200
    );
    let counters = party.provider.counters();
    assert_eq!((counters.revocations, counters.families_revoked), (2, 1));
}

#[tokio::test]
async fn what_the_token_endpoint_saw_can_be_looked_at_without_secrets() {
    let party = RelyingParty::start().await;
    let tokens = party.login().await;
    let token = text(&tokens, "refresh_token");
    party
        .refresh(token, &[("resource", CRUD), ("scope", "application.all")])
        .await;
    let records = party.provider.token_requests();
    let record = records.last().unwrap();
    assert_eq!(record.client_id.as_deref(), Some("bff-server"));
    assert_eq!(record.client_authentication, Some("client_secret_basic"));
    assert_eq!(record.grant_type, "refresh_token");
    assert_eq!(
        record.parameter_names,
        ["grant_type", "refresh_token", "resource", "scope"]
    );
    assert_eq!(record.resource, [CRUD]);
    assert_eq!(record.scope.as_deref(), Some("application.all"));
    assert_eq!(record.answered_audiences, [CRUD]);
    assert!(record.answered_refresh_token);
    let shown = format!("{records:?}");
    for secret in [token, text(&tokens, "access_token"), VERIFIER] {
        assert!(!shown.contains(secret));
    }
}
