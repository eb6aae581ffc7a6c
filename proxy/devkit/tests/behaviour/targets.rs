//! Which audiences a token is for: the rules of the two files, and the places where one line may
//! be missing.

use serde_json::json;

use crate::relying_party::*;

const SETTINGS: &str = include_str!("../../../../conf/idp/settings.yaml");
const CLIENTS: &str = include_str!("../../../../conf/idp/clients.yaml");

/// A file without the line that holds these words.
fn without_line(file: &str, words: &str) -> String {
    let kept: Vec<&str> = file.lines().filter(|line| line.trim() != words).collect();
    assert_eq!(
        kept.len() + 1,
        file.lines().count(),
        "one line is `{words}`"
    );
    kept.join("\n")
}

async fn refreshed(party: &RelyingParty, more: &[(&str, &str)]) -> browser::Page {
    let tokens = party.login().await;
    party.refresh(text(&tokens, "refresh_token"), more).await
}

use tokenbridge_devkit::browser;

#[tokio::test]
async fn a_named_target_gives_a_token_for_it_alone() {
    let party = RelyingParty::start().await;
    for target in [("resource", ANALYTICS), ("audience", CRUD)] {
        let tokens = success(&refreshed(&party, &[target]).await);
        assert_eq!(audience(&tokens), target.1);
        assert_eq!(tokens["scope"], "application.all");
        let code = party.code(&[]).await;
        let tokens = success(&party.redeem(&code, &[target]).await);
        assert_eq!(audience(&tokens), target.1);
    }
}

#[tokio::test]
async fn without_a_target_the_token_is_for_every_audience_of_the_scopes() {
    let party = RelyingParty::start().await;
    let tokens = success(&refreshed(&party, &[]).await);
    assert_eq!(audience(&tokens), json!([ANALYTICS, CRUD]));
    let tokens = success(&refreshed(&party, &[("scope", "openid")]).await);
    assert_eq!(audience(&tokens), party.provider.issuer());
}

#[tokio::test]
async fn the_target_of_the_authorization_request_holds_where_the_token_request_names_none() {
    let party = RelyingParty::start().await;
    let code = party.code(&[("resource", ANALYTICS)]).await;
    let tokens = success(&party.redeem(&code, &[]).await);
    assert_eq!(audience(&tokens), ANALYTICS);
    let code = party
        .code(&[("resource", ANALYTICS), ("resource", CRUD)])
        .await;
    let tokens = success(&party.redeem(&code, &[]).await);
    assert_eq!(audience(&tokens), json!([ANALYTICS, CRUD]));
    let other = party
        .refresh(text(&tokens, "refresh_token"), &[("resource", CRUD)])
        .await;
    assert_eq!(audience(&success(&other)), CRUD);
}

#[tokio::test]
async fn an_audience_that_no_scope_stands_for_is_an_invalid_target() {
    let settings = without_line(SETTINGS, &format!("- {ANALYTICS}"));
    let party = RelyingParty::with_files(&settings, CLIENTS).await;
    let refused = refreshed(&party, &[("resource", ANALYTICS)]).await;
    assert_eq!(error(&refused), refusal(400, "invalid_target"));
    assert!(refused.text().contains("scope_mappings"));
    let tokens = success(&refreshed(&party, &[("resource", CRUD)]).await);
    assert_eq!(audience(&tokens), CRUD);
}

#[tokio::test]
async fn an_audience_that_the_client_may_not_ask_for_is_an_invalid_target() {
    let clients = without_line(CLIENTS, &format!("- {ANALYTICS}"));
    let party = RelyingParty::with_files(SETTINGS, &clients).await;
    let refused = refreshed(&party, &[("resource", ANALYTICS)]).await;
    assert_eq!(error(&refused), refusal(400, "invalid_target"));
    assert!(refused.text().contains("allowed_audiences"));
    let page = party.authorize(&[("resource", ANALYTICS)]).await;
    assert_eq!(query(&page, "error").as_deref(), Some("invalid_target"));
}

#[tokio::test]
async fn a_scope_that_the_client_may_not_have_is_left_out_and_takes_its_audiences_along() {
    let clients = CLIENTS.replace(", application.all", "");
    assert_ne!(clients, CLIENTS);
    let party = RelyingParty::with_files(SETTINGS, &clients).await;
    let tokens = party.login().await;
    assert_eq!(tokens["scope"], "openid profile email offline_access");
    let token = text(&tokens, "refresh_token");
    let refused = party.refresh(token, &[("resource", ANALYTICS)]).await;
    assert_eq!(error(&refused), refusal(400, "invalid_target"));
}

#[tokio::test]
async fn a_client_with_no_line_left_in_its_lists_still_logs_in() {
    let settings = without_line(SETTINGS, &format!("- {ANALYTICS}"));
    let settings = without_line(&settings, &format!("- {CRUD}"));
    let party = RelyingParty::with_files(&settings, CLIENTS).await;
    assert_eq!(audience(&party.login().await), party.provider.issuer());
}

#[tokio::test]
async fn a_refused_target_does_not_spend_the_refresh_token() {
    let party = RelyingParty::start().await;
    let tokens = party.login().await;
    let token = text(&tokens, "refresh_token");
    let unknown = [("resource", "https://unknown.example")];
    assert_eq!(
        error(&party.refresh(token, &unknown).await),
        refusal(400, "invalid_target")
    );
    assert_eq!(
        error(&party.refresh(token, &[("scope", "openid admin.api")]).await),
        refusal(400, "invalid_scope")
    );
    success(&party.refresh(token, &[]).await);
}

#[tokio::test]
async fn two_targets_in_one_token_request_are_refused() {
    let party = RelyingParty::start().await;
    let tokens = party.login().await;
    let token = text(&tokens, "refresh_token");
    for two in [
        [("resource", ANALYTICS), ("resource", CRUD)],
        [("resource", ANALYTICS), ("audience", CRUD)],
    ] {
        let refused = party.refresh(token, &two).await;
        assert_eq!(error(&refused), refusal(400, "invalid_target"));
    }
    let same = [("resource", CRUD), ("audience", CRUD)];
    assert_eq!(audience(&success(&party.refresh(token, &same).await)), CRUD);
}

#[tokio::test]
async fn a_narrowed_scope_narrows_the_audiences_and_not_the_grant() {
    let settings = "
token:
  audience_mappings:
    scope_mappings:
      - scope: analytics.read
        audiences: [https://analytics.example]
      - scope: crud.write
        audiences: [https://crud.example]
";
    let clients = "
bff-server:
  scopes: [openid, offline_access, analytics.read, crud.write]
  allowed_audiences: [https://analytics.example, https://crud.example]
";
    let party = RelyingParty::with_files(settings, clients).await;
    let scopes = "openid offline_access analytics.read crud.write";
    let code = party.code(&[("scope", scopes)]).await;
    let tokens = success(&party.redeem(&code, &[]).await);
    assert_eq!(audience(&tokens), json!([ANALYTICS, CRUD]));

    let narrow = [("scope", "openid analytics.read")];
    let narrowed = party.refresh(text(&tokens, "refresh_token"), &narrow).await;
    let narrowed = success(&narrowed);
    assert_eq!(audience(&narrowed), ANALYTICS);
    assert_eq!(narrowed["scope"], "openid analytics.read");

    let both = [("scope", "analytics.read"), ("resource", CRUD)];
    let token = text(&narrowed, "refresh_token");
    assert_eq!(
        error(&party.refresh(token, &both).await),
        refusal(400, "invalid_target")
    );
    let whole = success(&party.refresh(token, &[]).await);
    assert_eq!(audience(&whole), json!([ANALYTICS, CRUD]));
}

#[tokio::test]
async fn the_blocks_of_the_process_document_load_and_work_unchanged() {
    let settings = "
token:
  audience_mappings:
    scope_mappings:
      - scope: application.all
        audiences:
          - https://idp.ocg.labs.empowernow.ai/api/admin
          - https://idp.ocg.labs.empowernow.ai/api/v1
          - https://crud.ocg.labs.empowernow.ai
          - empowernow
          - https://analytics.ocg.labs.empowernow.ai   # added
";
    let clients = "
bff-server:
  # ...
  scopes: [openid, profile, email, offline_access, admin.api, application.all]
  allowed_audiences:
    - empowernow
    - https://analytics.ocg.labs.empowernow.ai        # added
";
    let party = RelyingParty::with_files(settings, clients).await;
    for target in ["https://analytics.ocg.labs.empowernow.ai", "empowernow"] {
        let tokens = success(&refreshed(&party, &[("resource", target)]).await);
        assert_eq!(audience(&tokens), target);
    }
    let not_allowed = [("resource", "https://crud.ocg.labs.empowernow.ai")];
    assert_eq!(
        error(&refreshed(&party, &not_allowed).await),
        refusal(400, "invalid_target")
    );
}

#[tokio::test]
async fn an_exchange_gives_a_token_for_its_audience() {
    let party = RelyingParty::start().await;
    let tokens = party.login().await;
    let subject = text(&tokens, "access_token");
    let page = party
        .exchange(subject, &[("audience", CRUD), ("scope", "application.all")])
        .await;
    let exchanged = success(&page);
    assert_eq!(audience(&exchanged), CRUD);
    assert_eq!(exchanged["issued_token_type"], ACCESS_TOKEN);
    assert_eq!(claims(text(&exchanged, "access_token"))["sub"], "alice");
    assert!(!exchanged.contains_key("refresh_token"));
    let unknown = [("audience", "https://unknown.example")];
    assert_eq!(
        error(&party.exchange(subject, &unknown).await),
        refusal(400, "invalid_target")
    );
    party.clock.advance(std::time::Duration::from_secs(301));
    let expired = party.exchange(subject, &[("audience", CRUD)]).await;
    assert_eq!(error(&expired), refusal(400, "invalid_request"));
    assert_eq!(party.provider.counters().exchanges, 1);
}

#[tokio::test]
async fn client_credentials_give_the_clients_own_token() {
    let party = RelyingParty::start().await;
    let own = [
        ("grant_type", "client_credentials"),
        ("resource", ANALYTICS),
    ];
    let tokens = success(&party.token(&own).await);
    assert_eq!(audience(&tokens), ANALYTICS);
    assert_eq!(claims(text(&tokens, "access_token"))["sub"], "bff-server");
    assert!(!tokens.contains_key("refresh_token") && !tokens.contains_key("id_token"));
}
