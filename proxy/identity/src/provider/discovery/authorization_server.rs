//! Metadata of an authorization server that is no OpenID provider (RFC 8414 § 2).

use serde::Deserialize;
use url::Url;

use super::{Metadata, lists_s256, optional, safe, same_issuer};

#[derive(Deserialize)]
struct Document {
    issuer: String,
    token_endpoint: Option<Url>,
    jwks_uri: Option<Url>,
    revocation_endpoint: Option<Url>,
    introspection_endpoint: Option<Url>,
    code_challenge_methods_supported: Option<Vec<String>>,
}

/// Reads the document. Its `issuer` must be the configured one, byte for byte (RFC 8414 § 3.3).
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(body: &[u8], issuer: &str) -> Result<Metadata, String> {
    let document: Document = serde_json::from_slice(body)
        .map_err(|error| format!("the issuer's metadata cannot be read: {error}"))?;
    same_issuer(&document.issuer, issuer)?;
    let token = document
        .token_endpoint
        .ok_or("the issuer's metadata has no token_endpoint")?;
    let optional = |url: &Option<Url>, name| optional(url.as_ref(), name, issuer);
    Ok(Metadata {
        // Nobody logs in there.
        authorization: None,
        token: safe(&token, "token_endpoint", issuer)?,
        keys: optional(&document.jwks_uri, "jwks_uri")?,
        revocation: optional(&document.revocation_endpoint, "revocation_endpoint")?,
        introspection: optional(&document.introspection_endpoint, "introspection_endpoint")?,
        end_session: None,
        responses_name_issuer: false,
        announces_s256: lists_s256(document.code_challenge_methods_supported.as_deref()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_without_openid_connect_needs_a_token_endpoint_and_its_own_name() {
        let bare = r#"{"issuer":"https://as.example","token_endpoint":"https://as.example/t","response_types_supported":[]}"#;
        let metadata = read(bare.as_bytes(), "https://as.example").unwrap();
        assert_eq!(metadata.token.as_str(), "https://as.example/t");
        assert_eq!(metadata.keys, None);
        for (body, word) in [
            ("<html>", "cannot be read"),
            (
                r#"{"token_endpoint":"https://as.example/t"}"#,
                "cannot be read",
            ),
            (r#"{"issuer":"https://as.example"}"#, "no token_endpoint"),
            (
                r#"{"issuer":"https://as.example/","token_endpoint":"https://as.example/t"}"#,
                "same string",
            ),
            (
                r#"{"issuer":"https://as.example","token_endpoint":"http://as.example/t"}"#,
                "neither https",
            ),
            (
                r#"{"issuer":"https://as.example","token_endpoint":"https://as.example/t","jwks_uri":"http://as.example/k"}"#,
                "jwks_uri",
            ),
        ] {
            let problem = read(body.as_bytes(), "https://as.example").unwrap_err();
            assert!(problem.contains(word), "{body}: {problem}");
        }
    }
}
