//! Token introspection (RFC 7662).

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::mode::Mode;
use super::oauth_error::OAuthError;
use super::parameters::Parameters;
use super::state::Provider;

/// `POST /introspect`. Any client may ask about any token: this is how a resource server does it.
pub(crate) async fn introspect(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if provider.has(Mode::NoIntrospection) {
        return StatusCode::NOT_FOUND.into_response();
    }
    provider
        .answer_introspection(&headers, &Parameters::parse(&body))
        .map_or_else(IntoResponse::into_response, |answer| {
            Json(answer).into_response()
        })
}

impl Provider {
    fn answer_introspection(
        &self,
        headers: &HeaderMap,
        parameters: &Parameters,
    ) -> Result<Value, OAuthError> {
        self.authenticate_client(headers, parameters)?;
        let token = parameters.required("token")?;
        let now = self.now();
        let ledger = self.ledger();
        if let Some(found) = ledger.live_access_token(token, now) {
            let mut claims = found.claims.clone();
            claims.insert("active".to_owned(), true.into());
            claims.insert("token_type".to_owned(), "Bearer".into());
            return Ok(Value::Object(claims));
        }
        let Some((refresh_token, grant)) = ledger.live_refresh_token(token, now) else {
            return Ok(json!({"active": false}));
        };
        Ok(json!({
            "active": true,
            "iss": self.issuer,
            "sub": grant.subject,
            "client_id": grant.client_id,
            "scope": grant.scopes.to_string(),
            "exp": refresh_token.expires_at.as_secs(),
        }))
    }
}
