use super::*;

fn private_key() -> Secret {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    let random = aws_lc_rs::rand::SystemRandom::new();
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let body = STANDARD.encode(key.as_ref());
    Secret::new(format!(
        "-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"
    ))
}

#[tokio::test]
async fn a_basic_credential_is_form_encoded_first() {
    let configured = ClientAuthentication::SecretBasic(Secret::new("a:b c%+ä"));
    let client = Client::new("bff server", &configured).unwrap();
    let proof = client
        .prove("https://idp", UnixTime::from_seconds(1))
        .await
        .unwrap();
    let expected = STANDARD.encode("bff+server:a%3Ab+c%25%2B%C3%A4");
    assert_eq!(
        proof.authorization,
        Some(Secret::new(format!("Basic {expected}")))
    );
    assert!(proof.fields.is_empty());
}

#[tokio::test]
async fn a_posted_secret_goes_with_the_client_id() {
    let configured = ClientAuthentication::SecretPost(Secret::new("s"));
    let client = Client::new("bff", &configured).unwrap();
    let proof = client
        .prove("https://idp", UnixTime::from_seconds(1))
        .await
        .unwrap();
    assert_eq!(proof.authorization, None);
    assert_eq!(
        proof.fields,
        [
            ("client_id", Secret::new("bff")),
            ("client_secret", Secret::new("s"))
        ]
    );
}

#[tokio::test]
async fn each_assertion_is_short_lived_and_has_an_id_of_its_own() {
    let configured = ClientAuthentication::PrivateKeyJwt {
        key: private_key(),
        key_id: Some("k1".into()),
    };
    let client = Client::new("bff", &configured).unwrap();
    let now = UnixTime::from_seconds(1_000);
    let claims = async || {
        let proof = client.prove("https://idp", now).await.unwrap();
        let assertion = proof.fields[2].1.expose().to_owned();
        assert_eq!(
            jsonwebtoken::decode_header(&assertion)
                .unwrap()
                .kid
                .as_deref(),
            Some("k1")
        );
        jsonwebtoken::dangerous::insecure_decode::<serde_json::Value>(assertion)
            .unwrap()
            .claims
    };
    let (first, second) = (claims().await, claims().await);
    assert_ne!(first["jti"], second["jti"]);
    assert_eq!(first["exp"], 1_060);
    for (claim, value) in [("iss", "bff"), ("sub", "bff"), ("aud", "https://idp")] {
        assert_eq!(first[claim], value);
    }
}

#[test]
fn a_file_without_a_private_key_is_refused() {
    let configured = ClientAuthentication::PrivateKeyJwt {
        key: Secret::new("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----"),
        key_id: None,
    };
    assert!(Client::new("bff", &configured).is_err());
}

#[tokio::test]
async fn an_assertion_in_a_file_is_read_at_each_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let configured = ClientAuthentication::AssertionFile(path.clone());
    let client = Client::new("bff", &configured).unwrap();
    let now = UnixTime::from_seconds(1);
    let sent = async || {
        let proof = client.prove("https://idp", now).await?;
        Ok::<_, String>(proof.fields[2].1.expose().to_owned())
    };
    for (written, expected) in [
        (None, Err("No such file")),
        (Some("a.b-_1.c\n"), Ok("a.b-_1.c")),
        (Some("d.e.f"), Ok("d.e.f")),
        (Some(""), Err("holds no JWT")),
        (Some("a.b"), Err("holds no JWT")),
        (Some("a.b.c&x=1"), Err("holds no JWT")),
    ] {
        if let Some(text) = written {
            std::fs::write(&path, text).unwrap();
        }
        match (sent().await, expected) {
            (Ok(sent), Ok(expected)) => assert_eq!(sent, expected),
            (Err(why), Err(expected)) => assert!(why.contains(expected), "{why}"),
            (sent, _) => panic!("{written:?}: {sent:?}"),
        }
    }
}
