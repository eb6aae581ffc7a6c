//! The provider's metadata (OpenID Connect Discovery § 3, RFC 8414 § 2).
//!
//! | module | owns |
//! |---|---|
//! | [`location`] | where they are |
//! | [`authorization_server`] | reading those of a server that is no OpenID provider |

mod authorization_server;
mod location;

pub(crate) use location::{Location, locations};

use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm,
    CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{AdditionalProviderMetadata, ProviderMetadata};
use serde::{Deserialize, Serialize};
use tokenbridge_bridge::rejection::{Refusal, Rejection};
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
    /// Always there at the login's provider (OpenID Connect Discovery § 3).
    pub(crate) authorization: Option<Url>,
    pub(crate) token: Url,
    /// Always there at an OpenID provider; optional elsewhere (RFC 8414 § 2).
    pub(crate) keys: Option<Url>,
    pub(crate) revocation: Option<Url>,
    /// RFC 8414 § 2.
    pub(crate) introspection: Option<Url>,
    pub(crate) end_session: Option<Url>,
    /// Authorization responses carry `iss` (RFC 9207 § 3).
    pub(crate) responses_name_issuer: bool,
    /// PKCE with S256 is announced (RFC 8414 § 2); it is sent in any case.
    pub(crate) announces_s256: bool,
}

impl Metadata {
    /// Where browsers are sent.
    ///
    /// # Errors
    /// Nobody can log in there.
    pub(crate) fn authorization(&self) -> Result<&Url, Refusal> {
        let missing = "the provider's metadata has no authorization_endpoint";
        let url = self.authorization.as_ref();
        url.ok_or_else(|| Refusal::new(Rejection::IdpUnavailable, missing))
    }

    /// Whether browsers are sent there without PKCE being announced.
    pub(crate) fn lacks_s256(&self) -> bool {
        self.authorization.is_some() && !self.announces_s256
    }
}

/// Reads a metadata document. Its `issuer` must be the configured one, byte for byte (OpenID
/// Connect Discovery § 4.3).
///
/// # Errors
/// What is wrong with it.
pub(crate) fn read(body: &[u8], issuer: &str) -> Result<Metadata, String> {
    let document: Document = serde_json::from_slice(body)
        .map_err(|error| format!("the provider's metadata cannot be read: {error}"))?;
    same_issuer(document.issuer().as_str(), issuer)?;
    let beyond = document.additional_metadata();
    let token = document
        .token_endpoint()
        .ok_or("the provider's metadata has no token_endpoint")?;
    let endpoint = |url: &Url, name| safe(url, name, issuer);
    let optional = |url: &Option<Url>, name| optional(url.as_ref(), name, issuer);
    Ok(Metadata {
        authorization: Some(endpoint(
            document.authorization_endpoint().url(),
            "authorization_endpoint",
        )?),
        token: endpoint(token.url(), "token_endpoint")?,
        keys: Some(endpoint(document.jwks_uri().url(), "jwks_uri")?),
        revocation: optional(&beyond.revocation_endpoint, "revocation_endpoint")?,
        introspection: optional(&beyond.introspection_endpoint, "introspection_endpoint")?,
        end_session: optional(&beyond.end_session_endpoint, "end_session_endpoint")?,
        responses_name_issuer: beyond.authorization_response_iss_parameter_supported == Some(true),
        announces_s256: lists_s256(beyond.code_challenge_methods_supported.as_deref()),
    })
}

/// Metadata count for the issuer that they name alone (RFC 8414 § 3.3).
fn same_issuer(named: &str, issuer: &str) -> Result<(), String> {
    match named == issuer {
        true => Ok(()),
        false => Err(format!(
            "the provider's metadata is for issuer {named:?}, but the configured issuer is {issuer:?}: they must be the same string"
        )),
    }
}

fn lists_s256(methods: Option<&[String]>) -> bool {
    methods
        .iter()
        .copied()
        .flatten()
        .any(|method| method == "S256")
}

fn optional(url: Option<&Url>, name: &str, issuer: &str) -> Result<Option<Url>, String> {
    url.map(|url| safe(url, name, issuer)).transpose()
}

fn safe(url: &Url, name: &str, issuer: &str) -> Result<Url, String> {
    match is_safe(url) || is_meant(url, issuer) {
        true => Ok(url.clone()),
        false => Err(format!(
            "the provider's metadata has a {name} that is neither https nor on this machine"
        )),
    }
}

/// Whether the configuration let an issuer on this host pass that is plain http itself
/// (`dangerously_allow_http_issuer`).
fn is_meant(url: &Url, issuer: &str) -> bool {
    let plain = |url: &Url| url.scheme() == "http" && url.has_host();
    Url::parse(issuer)
        .is_ok_and(|issuer| plain(&issuer) && plain(url) && issuer.host() == url.host())
}

/// Whether secrets may be sent to a URL: https, or http to this machine (RFC 6761 § 6.3).
fn is_safe(url: &Url) -> bool {
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
mod tests;
