use super::*;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;

use crate::tokens::signer::{ISSUER, NOW, Signer};

fn verify_at(
    signer: &Signer,
    token: &Secret,
    expires_in: Option<u64>,
) -> Result<ServiceToken, TokenProblem> {
    let expected = Expected {
        issuer: ISSUER,
        keys: &signer.keys,
        now: UnixTime::from_seconds(NOW),
        expires_in: expires_in.map(Duration::from_secs),
    };
    verify(token, expected)
}

fn verify_claims(signer: &Signer, claims: Value) -> Result<ServiceToken, TokenProblem> {
    let token = signer.sign(Some("at+jwt"), Some("k"), &claims);
    verify_at(signer, &token, None)
}

fn claims(more: Value) -> Value {
    let mut claims = json!({"iss": ISSUER, "sub": "alice", "exp": NOW + 100, "aud": "a"});
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

#[test]
fn claims_are_read_in_all_their_spellings() {
    let issuer = Signer::new();
    for (aud, expected) in [
        (json!("a"), vec!["a"]),
        (json!(["a", "b"]), vec!["a", "b"]),
        (json!([]), vec![]),
        (json!(null), vec![]),
    ] {
        let token = verify_claims(&issuer, claims(json!({"aud": aud}))).unwrap();
        let audiences: Vec<&str> = token.audiences.iter().map(Audience::as_str).collect();
        assert_eq!(audiences, expected, "{aud}");
    }
    for scope in [
        json!({"scope": "x y"}),
        json!({"scp": ["x", "y"]}),
        json!({"scp": "x y"}),
    ] {
        assert_eq!(
            verify_claims(&issuer, claims(scope)).unwrap().scopes,
            ["x", "y"]
        );
    }
    for typ in [
        None,
        Some("JWT"),
        Some("jwt"),
        Some("at+jwt"),
        Some("application/at+jwt"),
    ] {
        let token = issuer.sign(typ, Some("k"), &claims(json!({})));
        assert!(verify_at(&issuer, &token, None).is_ok(), "{typ:?}");
    }
    assert!(verify_at(&issuer, &issuer.sign(None, None, &claims(json!({}))), None).is_ok());
}

#[test]
fn a_token_with_a_wrong_claim_is_refused() {
    let issuer = Signer::new();
    for wrong in [
        json!({"iss": "https://idp/"}),
        json!({"iss": ["https://idp"]}),
        json!({"iss": null}),
        json!({"exp": null}),
        json!({"exp": "soon"}),
        json!({"exp": NOW}),
        json!({"exp": -5}),
        json!({"nbf": NOW + 61}),
        json!({"aud": 7}),
        json!({"aud": ["a", 7]}),
        json!({"aud": {"a": 1}}),
    ] {
        let refused = verify_claims(&issuer, claims(wrong.clone()));
        assert!(
            matches!(refused, Err(TokenProblem::Invalid(_))),
            "{wrong}: {refused:?}"
        );
    }
    assert!(verify_claims(&issuer, claims(json!({"nbf": NOW + 60, "exp": 10_100.5}))).is_ok());
}

#[test]
fn an_id_token_never_serves_as_an_access_token() {
    let issuer = Signer::new();
    for claim in ["nonce", "at_hash", "c_hash"] {
        let claims = claims(json!({claim: "x"}));
        let token = issuer.sign(Some("JWT"), Some("k"), &claims);
        assert!(verify_at(&issuer, &token, None).is_err(), "{claim}");
    }
    for typ in ["logout+jwt", "dpop+jwt", "secevent+jwt", "JWS"] {
        let token = issuer.sign(Some(typ), Some("k"), &claims(json!({})));
        assert!(verify_at(&issuer, &token, None).is_err(), "{typ}");
    }
}

#[test]
fn only_the_issuers_own_asymmetric_keys_count() {
    let (issuer, stranger) = (Signer::new(), Signer::new());
    let good = claims(json!({}));
    let foreign = stranger.sign(None, Some("k"), &good);
    assert!(matches!(
        verify_at(&issuer, &foreign, None),
        Err(TokenProblem::Key(_))
    ));
    let unknown = issuer.sign(None, Some("other"), &good);
    assert!(matches!(
        verify_at(&issuer, &unknown, None),
        Err(TokenProblem::Key(_))
    ));
    // The public key as the secret of a MAC, and no signature at all.
    let mac = EncodingKey::from_secret(&issuer.public);
    let forged = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &good, &mac).unwrap();
    let none = format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode("{\"alg\":\"none\"}"),
        URL_SAFE_NO_PAD.encode(good.to_string())
    );
    for forged in [forged, none, "opaque".into(), String::new(), "a.b.c".into()] {
        let refused = verify_at(&issuer, &Secret::new(forged.as_str()), None);
        assert!(
            matches!(refused, Err(TokenProblem::Invalid(_))),
            "{refused:?}"
        );
    }
}

#[test]
fn a_tokens_end_depends_on_nobodys_clock_where_its_life_is_told() {
    let issuer = Signer::new();
    for (exp, expires_in, ends) in [
        (NOW + 100, None, NOW + 99),
        (NOW + 100, Some(100), NOW + 99),
        // The answer was on its way for two seconds.
        (NOW + 98, Some(100), NOW + 97),
        // The provider's clock is a minute behind, or a minute ahead.
        (NOW + 40, Some(100), NOW + 99),
        (NOW + 160, Some(100), NOW + 99),
        // A short life, and a clock that is more of it behind than answers take.
        (NOW - 2, Some(3), NOW + 2),
        (NOW + 2, Some(3), NOW + 1),
        (NOW + 1, Some(1), NOW + 1),
        // The answer promises more than the token holds.
        (NOW + 100, Some(5_000), NOW + 159),
    ] {
        let token = issuer.sign(None, None, &claims(json!({"exp": exp})));
        let token = verify_at(&issuer, &token, expires_in).unwrap();
        assert_eq!(token.expires_at.seconds(), ends, "{exp} {expires_in:?}");
        assert_eq!(token.issued_at.seconds(), NOW);
    }
}
