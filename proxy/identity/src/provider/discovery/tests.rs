use super::*;

fn document(issuer: &str, token: &str) -> Vec<u8> {
    serde_json::json!({
        "issuer": issuer,
        "authorization_endpoint": "https://idp.example/authorize",
        "token_endpoint": token,
        "jwks_uri": "https://idp.example/jwks",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "X999"],
        "authorization_response_iss_parameter_supported": true,
        "end_session_endpoint": "https://idp.example/logout",
    })
    .to_string()
    .into_bytes()
}

#[test]
fn metadata_is_taken_only_from_the_configured_issuer() {
    let good = document("https://idp.example", "https://idp.example/token");
    let metadata = read(&good, "https://idp.example").unwrap();
    assert!(metadata.responses_name_issuer && metadata.revocation.is_none());
    assert!(!metadata.announces_s256);
    assert!(metadata.end_session.is_some());
    for issuer in [
        "https://idp.example/",
        "https://IDP.example",
        "https://other.example",
    ] {
        assert!(
            read(&good, issuer).unwrap_err().contains("same string"),
            "{issuer}"
        );
    }
}

#[test]
fn an_endpoint_without_tls_off_this_machine_is_refused() {
    for (token, safe) in [
        ("https://idp.example/token", true),
        ("http://localhost:8081/token", true),
        ("http://127.0.0.1/token", true),
        ("http://[::1]/token", true),
        ("http://idp.example/token", false),
        ("http://localhost.evil.example/token", false),
        ("ftp://idp.example/token", false),
    ] {
        let read = read(
            &document("https://idp.example", token),
            "https://idp.example",
        );
        assert_eq!(read.is_ok(), safe, "{token}");
    }
}

#[test]
fn an_issuer_that_is_plain_http_on_purpose_has_such_endpoints_on_its_own_host_alone() {
    let issuer = "http://idp.internal:8080/realm";
    for (token, taken) in [
        ("http://idp.internal:8080/realm/token", true),
        ("http://idp.internal/token", true),
        ("https://idp.example/token", true),
        ("http://other.internal/token", false),
        ("ftp://idp.internal/token", false),
    ] {
        let read = read(&document(issuer, token), issuer);
        assert_eq!(read.is_ok(), taken, "{token}");
    }
}
