use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokenbridge_bridge::Secret;
use tokenbridge_session_store::{
    Clock, RedisOptions, RedisStore, RedisUrlError, SessionStore, StoreError, SystemClock,
};

use crate::bench::keyring;
use crate::samples::{found, session};
use crate::server::{RedisServer, free_port};

/// A server that also listens with TLS, the port for that, and its certificate.
async fn encrypted() -> (RedisServer, u16, Vec<u8>) {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = (
        directory.path().join("cert.pem"),
        directory.path().join("key.pem"),
    );
    std::fs::write(&certificate, cert.pem()).unwrap();
    std::fs::write(&key, signing_key.serialize_pem()).unwrap();
    let port = free_port();
    let server = RedisServer::start_with(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        certificate.to_str().unwrap(),
        "--tls-key-file",
        key.to_str().unwrap(),
        "--tls-auth-clients",
        "no",
        "--tls-ca-cert-file",
        certificate.to_str().unwrap(),
    ])
    .await;
    (server, port, cert.pem().into_bytes())
}

fn open(url: String, roots: Option<Vec<u8>>) -> Result<RedisStore, RedisUrlError> {
    let mut options = RedisOptions::new(Secret::new(url), "main");
    options.root_certificates = roots;
    RedisStore::open(
        &options,
        Arc::new(keyring("k1", 1)),
        Arc::new(SystemClock::default()),
    )
}

#[tokio::test]
async fn an_encrypted_server_is_used_when_its_authority_is_trusted() {
    let (_server, port, certificate) = encrypted().await;
    let store = open(format!("rediss://localhost:{port}"), Some(certificate)).unwrap();
    store
        .create(&session(1, SystemClock::default().now()))
        .await
        .unwrap();
    found(&store, 1, "crud").await;
}

#[tokio::test]
async fn an_encrypted_server_that_nobody_vouches_for_is_not_used() {
    let (_server, port, _) = encrypted().await;
    let store = open(format!("rediss://localhost:{port}"), None).unwrap();
    assert!(matches!(
        store.ping().await,
        Err(StoreError::Unavailable(_))
    ));
}

#[tokio::test]
async fn a_certificate_for_another_host_is_not_accepted() {
    let (_server, port, certificate) = encrypted().await;
    let store = open(format!("rediss://127.0.0.1:{port}"), Some(certificate)).unwrap();
    assert!(matches!(
        store.ping().await,
        Err(StoreError::Unavailable(_))
    ));
}

#[test]
fn authorities_without_encryption_or_that_cannot_be_read_are_refused() {
    let nonsense = || Some(b"-----BEGIN CERTIFICATE-----\nnonsense".to_vec());
    for url in [
        "redis://localhost",
        "redis+cluster://localhost",
        "redis+sentinel://localhost/primary",
    ] {
        assert_eq!(
            open(url.into(), nonsense()).err(),
            Some(RedisUrlError::NotEncrypted),
            "{url}"
        );
    }
    for url in [
        "rediss://localhost",
        "rediss+cluster://localhost",
        "rediss+sentinel://localhost/primary",
    ] {
        assert_eq!(
            open(url.into(), nonsense()).err(),
            Some(RedisUrlError::Certificates),
            "{url}"
        );
    }
}
