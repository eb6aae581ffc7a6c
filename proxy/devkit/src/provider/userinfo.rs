//! The user information endpoint (OpenID Connect Core § 5.3).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use serde_json::{Map, Value};

use super::oauth_error::{ErrorCode, OAuthError};
use super::state::Provider;
use crate::scopes::Scopes;

/// `GET` and `POST /userinfo`.
pub(crate) async fn userinfo(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
) -> Response {
    provider
        .user_claims(&headers)
        .map_or_else(IntoResponse::into_response, |claims| {
            Json(claims).into_response()
        })
}

impl Provider {
    fn user_claims(&self, headers: &HeaderMap) -> Result<Map<String, Value>, OAuthError> {
        let invalid = || {
            let reason = "the access token is missing, unknown, expired or revoked";
            OAuthError::new(ErrorCode::InvalidToken, reason)
        };
        let presented = bearer(headers).ok_or_else(invalid)?;
        let now = self.now();
        let token = self.ledger().live_access_token(presented, now).cloned();
        let token = token.ok_or_else(invalid)?;
        let scopes = Scopes::parse(token.text("scope").unwrap_or_default());
        if !scopes.contains("openid") {
            return Err(OAuthError::new(
                ErrorCode::InsufficientScope,
                "the access token's scope lacks openid",
            ));
        }
        let subject = token.text("sub").unwrap_or_default();
        let mut claims = self.person_claims(subject, |scope| scopes.contains(scope));
        claims.insert("sub".to_owned(), subject.into());
        Ok(claims)
    }
}

/// The token of `Authorization: Bearer`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}
