//! A successful token response (RFC 6749 § 5.1).

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde::Serialize;

use crate::provider::issue::IssuedAccessToken;
use crate::provider::target::TokenTarget;

/// The body of the response.
#[derive(Serialize)]
pub(super) struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) issued_token_type: Option<&'static str>,
    /// For the record only.
    #[serde(skip)]
    pub(super) audiences: Vec<String>,
}

impl TokenResponse {
    pub(super) fn new(token: IssuedAccessToken, target: TokenTarget) -> Self {
        Self {
            access_token: token.value,
            token_type: "Bearer",
            expires_in: token.expires_in,
            scope: target.scopes.to_string(),
            refresh_token: None,
            id_token: None,
            issued_token_type: None,
            audiences: target.audiences,
        }
    }
}

impl IntoResponse for TokenResponse {
    fn into_response(self) -> Response {
        let mut response = Json(self).into_response();
        let no_store = HeaderValue::from_static("no-store");
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, no_store);
        response
    }
}
