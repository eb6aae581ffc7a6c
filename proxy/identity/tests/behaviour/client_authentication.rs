//! How the gateway proves who it is, at a provider that checks it.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use tokenbridge_bridge::Secret;
use tokenbridge_bridge::rejection::Rejection;
use tokenbridge_config::issuer::ClientAuthentication;
use tokenbridge_devkit::IdpConfiguration;
use tokenbridge_devkit::configuration::Client;

use crate::gateway::{CRUD, Gateway, Options};

/// A private key in PEM, and its public half as a JWK.
fn key_pair() -> (Secret, serde_json::Value) {
    let random = aws_lc_rs::rand::SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).unwrap();
    let point = pair.public_key().as_ref();
    let coordinate = |range| URL_SAFE_NO_PAD.encode(&point[range]);
    let jwk = serde_json::json!({
        "kty": "EC", "crv": "P-256", "kid": "k1", "alg": "ES256", "use": "sig",
        "x": coordinate(1..33), "y": coordinate(33..65),
    });
    let body = STANDARD.encode(pkcs8.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    (Secret::new(pem), jwk)
}

#[tokio::test]
async fn all_methods_are_taken_by_a_provider_that_insists_on_them() {
    let (key, jwk) = key_pair();
    let key_id = Some("k1".to_string());
    for (method, client_authentication) in [
        (
            "client_secret_basic",
            ClientAuthentication::SecretBasic(Secret::new("p&w d%+é")),
        ),
        (
            "client_secret_post",
            ClientAuthentication::SecretPost(Secret::new("p&w d%+é")),
        ),
        (
            "private_key_jwt",
            ClientAuthentication::PrivateKeyJwt { key, key_id },
        ),
    ] {
        let mut idp = IdpConfiguration::demo().unwrap();
        let client = idp.clients.get_mut("bff-server").unwrap();
        client.token_endpoint_auth_method = serde_json::from_value(method.into()).ok();
        client.client_secret = serde_json::from_value("p&w d%+é".into()).ok();
        client.jwks = serde_json::from_value(serde_json::json!({ "keys": [jwk] })).ok();
        assert!(client.token_endpoint_auth_method.is_some() && client.client_secret.is_some());
        let gateway = Gateway::with(Options {
            idp,
            client_authentication,
            ..Options::default()
        })
        .await;
        let session = gateway.login().await;
        assert_eq!(
            gateway.audiences(&session, "crud").await,
            [CRUD],
            "{method}"
        );
        let records = gateway.provider.token_requests();
        assert!(
            records
                .iter()
                .all(|record| record.client_authentication == Some(method))
        );
    }
}

#[tokio::test]
async fn a_wrong_secret_is_a_refused_client_and_creates_nothing() {
    let client_authentication = ClientAuthentication::SecretBasic(Secret::new("wrong"));
    let gateway = Gateway::with(Options {
        client_authentication,
        ..Options::default()
    })
    .await;
    assert_eq!(gateway.refused_login().await, Rejection::ClientRefused);
    assert_eq!(gateway.store.active_sessions().await.unwrap(), 0);
}

/// A provider whose client has this key, and takes nothing but assertions.
fn insisting(jwk: &serde_json::Value, more: impl FnOnce(&mut Client)) -> IdpConfiguration {
    let mut idp = IdpConfiguration::demo().unwrap();
    let client = idp.clients.get_mut("bff-server").unwrap();
    client.token_endpoint_auth_method = serde_json::from_value("private_key_jwt".into()).ok();
    client.jwks = serde_json::from_value(serde_json::json!({ "keys": [jwk] })).ok();
    more(client);
    idp
}

#[tokio::test]
async fn an_assertion_names_its_key_and_no_other_is_tried() {
    let (key, jwk) = key_pair();
    for (key_id, taken) in [(Some("k1"), true), (None, true), (Some("k2"), false)] {
        let gateway = Gateway::with(Options {
            idp: insisting(&jwk, |_| {}),
            client_authentication: ClientAuthentication::PrivateKeyJwt {
                key: key.clone(),
                key_id: key_id.map(str::to_owned),
            },
            ..Options::default()
        })
        .await;
        match taken {
            true => drop(gateway.login().await),
            false => assert_eq!(gateway.refused_login().await, Rejection::ClientRefused),
        }
    }
}

/// An assertion as a platform writes it for a workload: used again and again until it is replaced.
fn workload_token(key: &Secret, issuer: &str, life: u64) -> String {
    let now = jsonwebtoken::get_current_timestamp();
    let claims = serde_json::json!({
        "iss": "bff-server", "sub": "bff-server", "aud": issuer, "iat": now, "exp": now + life, "jti": "w1",
    });
    let key = jsonwebtoken::EncodingKey::from_ec_pem(key.expose().as_bytes()).unwrap();
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::ES256);
    jsonwebtoken::encode(&header, &claims, &key).unwrap()
}

#[tokio::test]
async fn a_workloads_assertion_is_read_from_its_file_whenever_it_is_used() {
    let (key, jwk) = key_pair();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let gateway = Gateway::with(Options {
        idp: insisting(&jwk, |client| client.reusable_assertions = true),
        client_authentication: ClientAuthentication::AssertionFile(file.clone()),
        ..Options::default()
    })
    .await;
    // A file that is not there yet is an outage of ours: nothing was sent.
    assert_eq!(gateway.refused_login().await, Rejection::IdpUnavailable);
    let written = |life| {
        let token = workload_token(&key, gateway.provider.issuer(), life);
        std::fs::write(&file, token).unwrap();
    };
    written(300);
    let session = gateway.login().await;
    assert_eq!(gateway.audiences(&session, "crud").await, [CRUD]);
    gateway.advance(std::time::Duration::from_secs(301));
    let refusal = gateway.obtain(&session, "crud").await.unwrap_err();
    assert_eq!(refusal.rejection, Rejection::ClientRefused);
    written(600);
    gateway.advance(std::time::Duration::from_secs(31));
    gateway.obtain(&session, "crud").await.unwrap();
}
