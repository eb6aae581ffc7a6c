//! The provider's metadata (OpenID Connect Discovery § 3, RFC 8414 § 2).

use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm,
    CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{AdditionalProviderMetadata, ProviderMetadata};
use serde::{Deserialize, Serialize};
use url::Url;

/// What the OpenID Connect Discovery document says beyond its core.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Beyond {
    revocation_endpoint: Option<Url>,
    introspection_endpoint: Option<Url>,
    end_session_endpoint: Option<Url>,
    authorization_response_iss_parameter_supported: Option<bool>,
    code_challenge_methods_supported: Option<Vec<String>>,
}

impl AdditionalProviderMetadata for Beyond {}

type Document = ProviderMetadata<
    Beyond,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// What the gateway needs to know of the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Metadata {
    pub(crate) authorization: Url,
    pub(crate) token: Url,
    pub(crate) keys: Url,
    pub(crate) revocation: Option<Url>,
    /// RFC 8414 § 2.
    pub(crate) introspection: Option<Url>,
    pub(crate) end_session: Option<Url>,
    /// Authorization responses carry `iss` (RFC 9207 § 3).
    pub(crate) responses_name_issuer: bool,
    /// PKCE with S256 is announced (RFC 8414 § 2); it is sent in any case.
    pub(crate) announces_s256: bool,
}

/// Where the metadata of an issuer is (OpenID Connect Discovery § 4.1).
pub(crate) fn location(issuer: &Url) -> Option<Url> {
    let base = issuer.as_str().trim_end_matches('/');
    Url::parse(&format!("{base}/.well-known/openid-configuration")).ok()
}

/// Reads a metadata document. Its `issuer` must be the configured one, byte for byte (OpenID
/// Connect Discovery § 4.3).
///
/// # Errors
/// What is wrong with it.
pub(crate) fn read(body: &[u8], issuer: &str) -> Result<Metadata, String> {
    let document: Document = serde_json::from_slice(body)
        .map_err(|error| format!("the provider's metadata cannot be read: {error}"))?;
    if document.issuer().as_str() != issuer {
        return Err(format!(
            "the provider's metadata is for issuer {:?}, but the configured issuer is {issuer:?}: they must be the same string",
            document.issuer().as_str()
        ));
    }
    let beyond = document.additional_metadata();
    let token = document
        .token_endpoint()
        .ok_or("the provider's metadata has no token_endpoint")?;
    Ok(Metadata {
        authorization: safe(
            document.authorization_endpoint().url(),
            "authorization_endpoint",
        )?,
        token: safe(token.url(), "token_endpoint")?,
        keys: safe(document.jwks_uri().url(), "jwks_uri")?,
        revocation: optional(beyond.revocation_endpoint.as_ref(), "revocation_endpoint")?,
        introspection: optional(
            beyond.introspection_endpoint.as_ref(),
            "introspection_endpoint",
        )?,
        end_session: optional(beyond.end_session_endpoint.as_ref(), "end_session_endpoint")?,
        responses_name_issuer: beyond.authorization_response_iss_parameter_supported == Some(true),
        announces_s256: beyond
            .code_challenge_methods_supported
            .iter()
            .flatten()
            .any(|method| method == "S256"),
    })
}

fn optional(url: Option<&Url>, name: &str) -> Result<Option<Url>, String> {
    url.map(|url| safe(url, name)).transpose()
}

fn safe(url: &Url, name: &str) -> Result<Url, String> {
    match is_safe(url) {
        true => Ok(url.clone()),
        false => Err(format!(
            "the provider's metadata has a {name} that is neither https nor on this machine"
        )),
    }
}

/// Whether secrets may be sent to a URL: https, or http to this machine (RFC 6761 § 6.3).
pub(crate) fn is_safe(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => match url.host() {
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            Some(url::Host::Domain(name)) => {
                let name = name.trim_end_matches('.');
                name == "localhost" || name.ends_with(".localhost")
            }
            None => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
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
    fn metadata_lies_beneath_the_issuer() {
        for (issuer, expected) in [
            (
                "https://idp.example",
                "https://idp.example/.well-known/openid-configuration",
            ),
            (
                "https://idp.example/",
                "https://idp.example/.well-known/openid-configuration",
            ),
            (
                "https://idp.example/a/b",
                "https://idp.example/a/b/.well-known/openid-configuration",
            ),
        ] {
            let found = location(&Url::parse(issuer).unwrap()).unwrap();
            assert_eq!(found.as_str(), expected);
        }
    }
}
