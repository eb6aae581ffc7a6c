//! `POST /probe` and `GET /probe/ID` on the admin listener. Only whoever reaches it can begin a
//! probe, and reads what came of it; on the public listener a probe's ticket gives no session.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::frontend::Frontend;

/// The routes.
pub(crate) fn routes() -> Router<Arc<Frontend>> {
    Router::new()
        .route("/probe", post(begin))
        .route("/probe/{id}", get(report))
}

async fn begin(State(frontend): State<Arc<Frontend>>, headers: HeaderMap) -> Response {
    if is_of_a_page(&headers) {
        return answer(StatusCode::FORBIDDEN, &json!({ "error": "not for pages" }));
    }
    match frontend.identity.begin_probe() {
        Ok(begun) => {
            let origin = frontend.served().public_url.origin();
            let ticket = begun.ticket.expose();
            let document = json!({
                "id": begun.id.expose(),
                "login_url": format!("{origin}/auth/login?probe={ticket}"),
            });
            answer(StatusCode::CREATED, &document)
        }
        Err(refusal) => unavailable(&refusal.detail),
    }
}

async fn report(
    State(frontend): State<Arc<Frontend>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    if is_of_a_page(&headers) {
        return answer(StatusCode::FORBIDDEN, &json!({ "error": "not for pages" }));
    }
    match frontend.identity.probe_report(&id).await {
        Ok(Some(report)) => answer(StatusCode::OK, &json!(report)),
        Ok(None) => answer(StatusCode::ACCEPTED, &Value::Null),
        Err(refusal) => unavailable(&refusal.detail),
    }
}

/// A page that a browser on this machine shows could send requests here, also by a name of its
/// own that it lets point here. A browser says so, a command does not.
fn is_of_a_page(headers: &HeaderMap) -> bool {
    headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site")
}

fn unavailable(why: &str) -> Response {
    answer(StatusCode::SERVICE_UNAVAILABLE, &json!({ "error": why }))
}

fn answer(status: StatusCode, document: &Value) -> Response {
    let fields = [(header::CACHE_CONTROL, "no-store")];
    (status, fields, Json(document)).into_response()
}
