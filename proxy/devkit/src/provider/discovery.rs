//! What the provider says about itself (OpenID Connect Discovery § 4, RFC 8414).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};

use super::grant_type::GrantType;
use super::mode::Mode;
use super::pages;
use super::state::Provider;
use crate::configuration::ClientAuthentication;

/// `GET /`.
pub(crate) async fn front(State(provider): State<Arc<Provider>>) -> Response {
    pages::front(&provider.issuer)
}

/// `GET /.well-known/openid-configuration`.
pub(crate) async fn discovery(State(provider): State<Arc<Provider>>) -> Response {
    provider.openid_metadata(&provider.issuer)
}

/// The same provider under the issuer of the mode `other-issuer`.
pub(crate) async fn other_discovery(State(provider): State<Arc<Provider>>) -> Response {
    provider.openid_metadata(&provider.other_issuer())
}

/// `GET /.well-known/oauth-authorization-server`: for an issuer without a path both forms are one.
pub(crate) async fn oauth_metadata(State(provider): State<Arc<Provider>>) -> Response {
    let modes = [Mode::OauthMetadata, Mode::OauthMetadataBehind];
    provider.oauth_metadata(&provider.issuer, &modes)
}

/// `GET /.well-known/oauth-authorization-server/other-issuer` (RFC 8414 § 3.1).
pub(crate) async fn other_oauth_metadata(State(provider): State<Arc<Provider>>) -> Response {
    provider.oauth_metadata(&provider.other_issuer(), &[Mode::OauthMetadata])
}

/// `GET /other-issuer/.well-known/oauth-authorization-server`: as OpenID discovery does it.
pub(crate) async fn other_oauth_metadata_behind(State(provider): State<Arc<Provider>>) -> Response {
    provider.oauth_metadata(&provider.other_issuer(), &[Mode::OauthMetadataBehind])
}

/// `GET /jwks`.
pub(crate) async fn jwks(State(provider): State<Arc<Provider>>) -> Json<Value> {
    Json(provider.keys.jwks())
}

/// What an authorization server that knows nothing of OpenID Connect does not say.
const OPENID_ALONE: [&str; 6] = [
    "userinfo_endpoint",
    "end_session_endpoint",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
    "claims_supported",
    "claims_parameter_supported",
];

impl Provider {
    fn openid_metadata(&self, issuer: &str) -> Response {
        match self.has(Mode::OauthMetadata) || self.has(Mode::OauthMetadataBehind) {
            true => StatusCode::NOT_FOUND.into_response(),
            false => Json(self.metadata(issuer)).into_response(),
        }
    }

    fn oauth_metadata(&self, issuer: &str, modes: &[Mode]) -> Response {
        if !modes.iter().any(|mode| self.has(*mode)) {
            return StatusCode::NOT_FOUND.into_response();
        }
        let mut metadata = self.metadata(issuer);
        if let Some(members) = metadata.as_object_mut() {
            members.retain(|name, _| !OPENID_ALONE.contains(&name.as_str()));
        }
        Json(metadata).into_response()
    }

    fn metadata(&self, issuer: &str) -> Value {
        let mut metadata = self.full_metadata(issuer);
        if let Some(members) = metadata.as_object_mut()
            && self.has(Mode::NoIntrospection)
        {
            members.retain(|name, _| !name.starts_with("introspection_"));
        }
        metadata
    }

    fn full_metadata(&self, issuer: &str) -> Value {
        let methods = ClientAuthentication::ALL.map(ClientAuthentication::name);
        let algorithms = ["RS256", "PS256", "ES256", "ES384", "EdDSA"];
        json!({
            "issuer": issuer,
            "authorization_endpoint": self.url("/authorize"),
            "token_endpoint": self.url("/token"),
            "userinfo_endpoint": self.url("/userinfo"),
            "jwks_uri": self.url("/jwks"),
            "revocation_endpoint": self.url("/revoke"),
            "introspection_endpoint": self.url("/introspect"),
            "end_session_endpoint": self.url("/end_session"),
            "scopes_supported": self.scopes(),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": self.grant_types(),
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": methods,
            "token_endpoint_auth_signing_alg_values_supported": algorithms,
            "revocation_endpoint_auth_methods_supported": methods,
            "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
            "introspection_endpoint_auth_methods_supported": methods,
            "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
            "claims_supported": [
                "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "sid", "amr", "at_hash",
                "name", "preferred_username", "email", "email_verified",
            ],
            "prompt_values_supported": ["none", "login", "consent", "select_account"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
            "claims_parameter_supported": false,
            "request_parameter_supported": false,
            "request_uri_parameter_supported": false,
        })
    }

    fn grant_types(&self) -> Vec<&'static str> {
        let offered = GrantType::ALL
            .into_iter()
            .filter(|known| self.offers(*known));
        offered.map(GrantType::name).collect()
    }

    fn offers(&self, grant_type: GrantType) -> bool {
        match grant_type {
            GrantType::TokenExchange => !self.has(Mode::AuthorizeOnly),
            GrantType::AuthorizationCode
            | GrantType::RefreshToken
            | GrantType::ClientCredentials => true,
        }
    }

    /// The scopes of OpenID Connect and those that the settings map.
    fn scopes(&self) -> Vec<&str> {
        let mut scopes = vec!["openid", "profile", "email", "offline_access"];
        for mapping in &self.configuration.token.audience_mappings.scope_mappings {
            if !scopes.contains(&mapping.scope.as_str()) {
                scopes.push(&mapping.scope);
            }
        }
        scopes
    }
}
