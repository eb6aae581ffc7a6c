use super::*;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::tokens::signer::{ISSUER, NOW, Signer};

const CLIENT: &str = "bff";

fn claims(more: Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "sub": "alice", "aud": CLIENT, "nonce": "n", "exp": NOW + 100, "iat": NOW,
    });
    for (name, value) in more.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

fn verify_at(signer: &Signer, token: &Secret) -> Result<Identified, IdTokenProblem> {
    let expected = Expected {
        issuer: ISSUER,
        client_id: CLIENT,
        keys: &signer.keys,
        now: UnixTime::from_seconds(NOW),
        nonce: &Secret::new("n"),
        access_token: Some(&Secret::new("at")),
    };
    verify(token, expected)
}

fn verify_claims(signer: &Signer, more: Value) -> Result<Identified, IdTokenProblem> {
    verify_at(signer, &signer.sign(Some("JWT"), Some("k"), &claims(more)))
}

fn hash(access_token: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(access_token).into();
    URL_SAFE_NO_PAD.encode(&digest[..16])
}

#[test]
fn what_the_token_says_of_the_user_is_taken_over() {
    let signer = Signer::new();
    let identified = verify_claims(
        &signer,
        json!({
            "sid": "s", "auth_time": NOW - 5, "acr": "gold", "at_hash": hash("at"), "azp": CLIENT,
            "name": "Alice", "preferred_username": "alice", "email": "a@example",
            "email_verified": "true", "updated_at": "2026-01-01T00:00:00Z",
        }),
    )
    .unwrap();
    assert_eq!(identified.subject.issuer, ISSUER);
    assert_eq!(identified.subject.subject, "alice");
    assert_eq!(identified.idp_session.as_deref(), Some("s"));
    let authenticated_at = UnixTime::from_seconds(NOW - 5);
    assert_eq!(identified.authenticated_at, Some(authenticated_at));
    assert_eq!(identified.acr.as_deref(), Some("gold"));
    assert_eq!(identified.profile.name.as_deref(), Some("Alice"));
    let username = identified.profile.preferred_username;
    assert_eq!(username.as_deref(), Some("alice"));
    assert_eq!(identified.profile.email.as_deref(), Some("a@example"));
}

#[test]
fn odd_but_harmless_tokens_are_taken() {
    let signer = Signer::new();
    for odd in [
        json!({}),
        json!({"aud": [CLIENT]}),
        json!({"auth_time": 0}),
        json!({"exp": NOW - 59}),
        json!({"iat": NOW + 60}),
    ] {
        let verified = verify_claims(&signer, odd.clone());
        assert!(verified.is_ok(), "{odd}: {verified:?}");
    }
    let untyped = signer.sign(None, None, &claims(json!({})));
    assert!(verify_at(&signer, &untyped).is_ok());
}

#[test]
fn a_token_with_a_wrong_claim_is_refused() {
    let signer = Signer::new();
    for wrong in [
        json!({"iss": "https://idp/"}),
        json!({"iss": null}),
        json!({"sub": null}),
        json!({"aud": "other"}),
        json!({"aud": [CLIENT, "other"]}),
        json!({"aud": []}),
        json!({"azp": "other"}),
        json!({"nonce": "m"}),
        json!({"nonce": null}),
        json!({"exp": NOW - 60}),
        json!({"exp": null}),
        json!({"iat": NOW + 61}),
        json!({"at_hash": hash("other")}),
        json!({"at_hash": ""}),
    ] {
        let refused = verify_claims(&signer, wrong.clone());
        let invalid = matches!(refused, Err(IdTokenProblem::Invalid(_)));
        assert!(invalid, "{wrong}: {refused:?}");
    }
}

#[test]
fn only_the_issuers_own_asymmetric_keys_count() {
    let (signer, stranger) = (Signer::new(), Signer::new());
    let good = claims(json!({}));
    for foreign in [
        stranger.sign(None, Some("k"), &good),
        signer.sign(None, Some("other"), &good),
    ] {
        let refused = verify_at(&signer, &foreign);
        assert!(matches!(refused, Err(IdTokenProblem::Key(_))));
    }
    let mac = jsonwebtoken::EncodingKey::from_secret(&signer.public);
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
    let forged = jsonwebtoken::encode(&header, &good, &mac).unwrap();
    let none = format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode("{\"alg\":\"none\"}"),
        URL_SAFE_NO_PAD.encode(good.to_string())
    );
    for forged in [forged, none, "a.b.c".into(), String::new()] {
        let refused = verify_at(&signer, &Secret::new(forged.as_str()));
        let invalid = matches!(refused, Err(IdTokenProblem::Invalid(_)));
        assert!(invalid, "{refused:?}");
    }
}
