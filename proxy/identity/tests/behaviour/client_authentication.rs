//! How the gateway proves who it is, at a provider that checks it.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use tokenbridge_bridge::Secret;
use tokenbridge_bridge::rejection::Rejection;
use tokenbridge_config::issuer::ClientAuthentication;
use tokenbridge_devkit::IdpConfiguration;

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
