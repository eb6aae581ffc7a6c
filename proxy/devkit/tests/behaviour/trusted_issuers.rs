//! Exchanging the tokens of another issuer that is trusted.

use tokenbridge_devkit::IdpConfiguration;

use crate::relying_party::*;

async fn trusting(issuers: &[&str]) -> RelyingParty {
    let mut configuration = IdpConfiguration::demo().unwrap();
    let trusted = issuers.iter().map(ToString::to_string);
    configuration.development.trusted_issuers = trusted.collect();
    RelyingParty::with(configuration).await
}

async fn exchanged(party: &RelyingParty, token: &str) -> (u16, String) {
    error(&party.exchange(token, &[("audience", CRUD)]).await)
}

#[tokio::test]
async fn a_trusted_issuers_token_is_exchanged_for_the_same_user() {
    let login = RelyingParty::start().await;
    let tokens = login.login().await;
    let token = text(&tokens, "access_token");
    let party = trusting(&[login.provider.issuer()]).await;
    let minted = success(&party.exchange(token, &[("audience", CRUD)]).await);
    assert_eq!(audience(&minted), CRUD);
    let made = claims(text(&minted, "access_token"));
    assert_eq!(made["sub"], claims(token)["sub"]);
    assert_eq!(made["iss"], party.provider.issuer());
}

#[tokio::test]
async fn no_other_token_is() {
    let login = RelyingParty::start().await;
    let tokens = login.login().await;
    let token = text(&tokens, "access_token");
    let refused = refusal(400, "invalid_request");
    let stranger = trusting(&["http://localhost:1"]).await;
    assert_eq!(exchanged(&stranger, token).await, refused);
    let party = trusting(&[login.provider.issuer()]).await;
    let (signed, _) = token.rsplit_once('.').unwrap();
    for forged in [format!("{signed}.AAAA"), format!("{signed}."), "x".into()] {
        assert_eq!(exchanged(&party, &forged).await, refused, "{forged}");
    }
    party.clock.advance(std::time::Duration::from_secs(301));
    assert_eq!(exchanged(&party, token).await, refused, "it has ended");
}
