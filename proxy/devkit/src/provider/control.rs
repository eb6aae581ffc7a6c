//! `/devkit/...`: what a person or a script on this machine asks of and does to the provider.
//!
//! | request | answer |
//! |---|---|
//! | `GET /devkit/counters` | [`Counters`] |
//! | `GET /devkit/token-requests` | the last [`TokenRequestRecord`]s |
//! | `GET`, `POST`, `DELETE /devkit/faults` | the [`FaultRule`]s in place, one more, none |
//! | `GET`, `PUT /devkit/modes` | the modes that are on, as a list of names |
//! | `POST /devkit/keys/rotate` | the JWK set, led by a new key |
//! | `POST /devkit/revoke-everything` | how many grants were alive |

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::{Value, json};

use super::counters::Counters;
use super::fault::FaultRule;
use super::keys::SigningKey;
use super::mode::Modes;
use super::state::Provider;
use super::token_log::TokenRequestRecord;

/// The control API.
pub(crate) fn routes() -> Router<Arc<Provider>> {
    Router::new()
        .route("/devkit/counters", get(counters))
        .route("/devkit/token-requests", get(token_requests))
        .route(
            "/devkit/faults",
            get(list_faults).post(add_fault).delete(reset_faults),
        )
        .route("/devkit/modes", get(modes).put(set_modes))
        .route("/devkit/keys/rotate", post(rotate_keys))
        .route("/devkit/revoke-everything", post(revoke_everything))
        .layer(axum::middleware::from_fn(guard))
}

/// No page that a browser happens to show may steer the provider: a name that was rebound to
/// loopback has another `Host`, and another origin can send neither JSON nor `DELETE` without
/// permission, which it is never given.
async fn guard(request: Request, next: Next) -> Response {
    if !names_loopback(request.headers()) {
        return (
            StatusCode::MISDIRECTED_REQUEST,
            "the control API answers to localhost only\n",
        )
            .into_response();
    }
    // No page may send another method than these unasked, whatever its body is (Fetch, CORS-safelisted).
    let unasked = *request.method() == Method::POST;
    let content_type = request.headers().get(header::CONTENT_TYPE);
    if unasked && content_type.is_none_or(|value| value != "application/json") {
        return (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send Content-Type: application/json\n",
        )
            .into_response();
    }
    next.run(request).await
}

fn names_loopback(headers: &HeaderMap) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let Some(authority) = host.and_then(|host| host.parse::<http::uri::Authority>().ok()) else {
        return false;
    };
    let name = authority.host().trim_matches(['[', ']']);
    name == "localhost"
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

async fn counters(State(provider): State<Arc<Provider>>) -> Json<Counters> {
    Json(provider.count().clone())
}

async fn token_requests(State(provider): State<Arc<Provider>>) -> Json<Vec<TokenRequestRecord>> {
    Json(provider.token_requests())
}

async fn list_faults(State(provider): State<Arc<Provider>>) -> Json<Vec<FaultRule>> {
    Json(provider.faults.list())
}

async fn add_fault(
    State(provider): State<Arc<Provider>>,
    Json(rule): Json<FaultRule>,
) -> (StatusCode, Json<Vec<FaultRule>>) {
    provider.faults.add(rule);
    (StatusCode::CREATED, Json(provider.faults.list()))
}

async fn reset_faults(State(provider): State<Arc<Provider>>) -> StatusCode {
    provider.faults.reset();
    StatusCode::NO_CONTENT
}

async fn modes(State(provider): State<Arc<Provider>>) -> Json<Modes> {
    Json(provider.modes())
}

async fn set_modes(State(provider): State<Arc<Provider>>, Json(modes): Json<Modes>) -> Json<Modes> {
    provider.set_modes(modes);
    Json(provider.modes())
}

async fn rotate_keys(State(provider): State<Arc<Provider>>) -> Response {
    match tokio::task::spawn_blocking(SigningKey::generate).await {
        Ok(Ok(key)) => {
            provider.keys.rotate(key);
            Json(provider.keys.jwks()).into_response()
        }
        Ok(Err(_)) | Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn revoke_everything(State(provider): State<Arc<Provider>>) -> Json<Value> {
    Json(json!({"grants_revoked": provider.revoke_everything()}))
}

impl Provider {
    /// Ends every session and grant, as a restart without memory would.
    pub(crate) fn revoke_everything(&self) -> u64 {
        let revoked = self.ledger().revoke_everything();
        self.count().families_revoked += revoked;
        revoked
    }
}
