//! Why a backend does not accept a token, as RFC 6750 § 3 answers it.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

/// A token that was not accepted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Rejection {
    #[error("there is no bearer token")]
    Missing,
    #[error("there is more than one Authorization header")]
    Repeated,
    #[error("the token is not a JWT that can be read")]
    Unreadable,
    #[error("the token's algorithm is not one that the issuer publishes keys for")]
    Algorithm,
    #[error("the issuer publishes no key with the token's kid")]
    UnknownKey,
    #[error("the token's signature is wrong")]
    Signature,
    #[error("the token is from issuer {found}, expected is {expected}")]
    Issuer { found: Value, expected: String },
    #[error("the token is for {found}, expected is {expected}")]
    Audience { found: Value, expected: String },
    #[error("the token has expired or says no time of expiry")]
    Expired,
    #[error("the issuer says that the token is not active")]
    Inactive,
    #[error("the test wants this request to be rejected")]
    OnPurpose,
    #[error("the issuer could not be asked: {0}")]
    IssuerUnavailable(String),
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let description = self.to_string();
        let (status, code, challenge) = match self {
            // RFC 6750 § 3.1: no error code for a request without authentication.
            Self::Missing => (StatusCode::UNAUTHORIZED, "missing_token", Some("Bearer")),
            Self::Repeated => (StatusCode::BAD_REQUEST, "invalid_request", None),
            Self::Unreadable
            | Self::Algorithm
            | Self::UnknownKey
            | Self::Signature
            | Self::Issuer { .. }
            | Self::Audience { .. }
            | Self::Expired
            | Self::Inactive
            | Self::OnPurpose => (
                StatusCode::UNAUTHORIZED,
                "invalid_token",
                Some("Bearer error=\"invalid_token\""),
            ),
            Self::IssuerUnavailable(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "issuer_unavailable", None)
            }
        };
        let mut response = error(status, code, &description);
        if let Some(challenge) = challenge {
            let challenge = HeaderValue::from_static(challenge);
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// An error as JSON.
pub(crate) fn error(status: StatusCode, code: &str, description: &str) -> Response {
    let body = json!({"error": code, "error_description": description});
    (status, Json(body)).into_response()
}
