//! How clients prove who they are.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderValue, header};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tokenbridge_devkit::browser::Page;

use crate::relying_party::*;

const OWN: [(&str, &str); 1] = [("grant_type", "client_credentials")];
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

async fn send(party: &RelyingParty, more: &[(&str, &str)], credentials: Option<&str>) -> Page {
    let parameters: Vec<_> = OWN.iter().chain(more).copied().collect();
    let mut request = party.form("/token", &parameters);
    if let Some(credentials) = credentials {
        let value = format!("Basic {}", STANDARD.encode(credentials));
        request = request.header(header::AUTHORIZATION, HeaderValue::try_from(value).unwrap());
    }
    party.browser.fetch(request).await.unwrap()
}

#[tokio::test]
async fn a_secret_is_taken_by_basic_and_by_post() {
    let party = RelyingParty::start().await;
    let secret = "dev-secret-change-me";
    success(&send(&party, &[], Some(&format!("bff-server:{secret}"))).await);
    let post = [("client_id", "bff-server"), ("client_secret", secret)];
    success(&send(&party, &post, None).await);
    let methods: Vec<_> = party
        .provider
        .token_requests()
        .iter()
        .map(|record| record.client_authentication)
        .collect();
    assert_eq!(
        methods,
        [Some("client_secret_basic"), Some("client_secret_post")]
    );
}

#[tokio::test]
async fn without_the_right_proof_there_is_no_token() {
    let party = RelyingParty::start().await;
    for credentials in [
        None,
        Some("bff-server:wrong"),
        Some("nobody:dev-secret-change-me"),
        Some("bff-server"),
    ] {
        let refused = send(&party, &[], credentials).await;
        assert_eq!(
            error(&refused),
            refusal(401, "invalid_client"),
            "{credentials:?}"
        );
        assert!(refused.header("www-authenticate").is_some());
    }
    let both = [
        ("client_id", "bff-server"),
        ("client_secret", "dev-secret-change-me"),
    ];
    let refused = send(&party, &both, Some("bff-server:dev-secret-change-me")).await;
    assert_eq!(error(&refused), refusal(400, "invalid_request"));
}

#[tokio::test]
async fn a_secret_with_reserved_characters_works_encoded_and_as_it_is() {
    let clients = "bff-server:\n  scopes: [a]\n  client_secret: 'x&y=z%2B+1'\n";
    let party = RelyingParty::with_files("token: {}\n", clients).await;
    success(&send(&party, &[], Some("bff-server:x%26y%3Dz%252B%2B1")).await);
    success(&send(&party, &[], Some("bff-server:x&y=z%252B%2B1")).await);
}

#[tokio::test]
async fn a_client_that_is_registered_for_one_method_may_use_no_other() {
    let clients = "bff-server:\n  scopes: [a]\n  token_endpoint_auth_method: client_secret_post\n";
    let party = RelyingParty::with_files("token: {}\n", clients).await;
    let refused = send(&party, &[], Some("bff-server:dev-secret-change-me")).await;
    assert_eq!(error(&refused), refusal(401, "invalid_client"));
    assert!(refused.text().contains("client_secret_post"));
}

#[tokio::test]
async fn a_client_may_use_only_its_grant_types() {
    let clients = "bff-server:\n  scopes: [a]\n  grant_types: [authorization_code]\n";
    let party = RelyingParty::with_files("token: {}\n", clients).await;
    let refused = send(&party, &[], Some("bff-server:dev-secret-change-me")).await;
    assert_eq!(error(&refused), refusal(400, "unauthorized_client"));
    let unknown = party.token(&[("grant_type", "password")]).await;
    assert_eq!(error(&unknown), refusal(400, "unsupported_grant_type"));
}

/// A client with an Ed25519 key.
struct Keyholder {
    party: RelyingParty,
    key: EncodingKey,
}

impl Keyholder {
    async fn start() -> Self {
        let key = ed25519();
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::EdDSA).unwrap();
        jwk.common.key_id = Some("one".to_owned());
        let clients = format!(
            "bff-server:\n  scopes: [a]\n  token_endpoint_auth_method: private_key_jwt\n  jwks: {}\n",
            json!({"keys": [jwk]})
        );
        let party = RelyingParty::with_files("token: {}\n", &clients).await;
        Self { party, key }
    }

    fn claims(&self) -> Value {
        let now = jsonwebtoken::get_current_timestamp();
        json!({
            "iss": "bff-server", "sub": "bff-server", "aud": self.party.provider.issuer(),
            "iat": now, "exp": now + 60, "jti": format!("{now}-1"),
        })
    }

    fn sign(&self, claims: &Value, key: &EncodingKey) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some("one".to_owned());
        jsonwebtoken::encode(&header, claims, key).unwrap()
    }

    async fn present(&self, assertion: &str) -> Page {
        let proof = [
            ("client_assertion_type", JWT_BEARER),
            ("client_assertion", assertion),
        ];
        send(&self.party, &proof, None).await
    }
}

fn ed25519() -> EncodingKey {
    let key = aws_lc_rs::signature::Ed25519KeyPair::generate_pkcs8v1(
        &aws_lc_rs::rand::SystemRandom::new(),
    );
    EncodingKey::from_ed_der(key.unwrap().as_ref())
}

#[tokio::test]
async fn an_assertion_signed_by_the_clients_key_is_good_once() {
    let client = Keyholder::start().await;
    let assertion = client.sign(&client.claims(), &client.key);
    success(&client.present(&assertion).await);
    let again = client.present(&assertion).await;
    assert_eq!(error(&again), refusal(401, "invalid_client"));
    assert!(again.text().contains("jti"));
}

#[tokio::test]
async fn the_audience_of_an_assertion_may_be_the_token_endpoint() {
    let client = Keyholder::start().await;
    let mut claims = client.claims();
    claims["aud"] = json!([client.party.url("/token")]);
    success(&client.present(&client.sign(&claims, &client.key)).await);
}

#[tokio::test]
async fn an_assertion_that_is_not_what_it_should_be_is_refused() {
    let client = Keyholder::start().await;
    let now = jsonwebtoken::get_current_timestamp();
    for (claim, value) in [
        ("aud", json!("https://elsewhere.example")),
        ("iss", json!("another")),
        ("exp", json!(now - 1)),
        ("exp", json!(now + 86_400)),
    ] {
        let mut claims = client.claims();
        claims[claim] = value;
        let refused = client.present(&client.sign(&claims, &client.key)).await;
        assert_eq!(error(&refused), refusal(401, "invalid_client"), "{claim}");
    }
    let stranger = client.sign(&client.claims(), &ed25519());
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    let unsigned = format!(
        "{header}.{}.",
        URL_SAFE_NO_PAD.encode(client.claims().to_string())
    );
    for assertion in [stranger.as_str(), unsigned.as_str(), "not-a-jwt"] {
        let refused = client.present(assertion).await;
        assert_eq!(error(&refused), refusal(401, "invalid_client"));
    }
}
