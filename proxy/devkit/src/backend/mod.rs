//! Demo backends: resource servers that verify the token of each request themselves.

mod behaviour;
mod crud;
mod echo;
pub(crate) mod issuer_keys;
mod rejection;
mod start;
mod verifier;
mod workflows;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use serde_json::{Map, Value};

pub use start::{Backend, BackendCounters, BackendOptions, ReceivedRequest};
pub use verifier::Introspection;

use rejection::Rejection;
use start::Service;

/// Which data a backend has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DemoData {
    /// `GET .../workflows`.
    Workflows,
    /// `GET` and `POST .../items`, `GET .../items/{id}`.
    Items,
}

/// The claims of a token that was verified.
#[derive(Clone)]
pub(crate) struct Caller(Arc<Map<String, Value>>);

impl Caller {
    fn claim(&self, name: &str) -> Value {
        self.0.get(name).cloned().unwrap_or_default()
    }

    /// What every answer says: which service, and what it saw in the token.
    fn answer(&self, service: &Service) -> Map<String, Value> {
        let mut answer = Map::new();
        answer.insert("service".to_owned(), service.name.clone().into());
        answer.insert("aud".to_owned(), self.claim("aud"));
        answer.insert("sub".to_owned(), self.claim("sub"));
        answer
    }
}

/// The routes of one backend.
fn router(service: Arc<Service>) -> Router {
    let base = service.base_path.clone();
    let path = |tail: &str| format!("{base}{tail}");
    let data = match service.data {
        DemoData::Workflows => Router::new().route(&path("/workflows"), get(workflows::list)),
        DemoData::Items => Router::new()
            .route(&path("/items"), get(crud::list).post(crud::create))
            .route(&path("/items/{id}"), get(crud::read)),
    };
    let protected = data
        .route(&path("/echo"), any(echo::echo))
        .route(&path("/echo/{*tail}"), any(echo::echo))
        .route(&path("/slow"), any(behaviour::slow))
        .route(&path("/stream"), get(behaviour::stream))
        .route(&path("/status/{code}"), any(behaviour::status))
        .route(&path("/headers"), any(behaviour::headers))
        .route(&path("/bytes/{length}"), get(behaviour::bytes))
        .fallback(not_found)
        .layer(from_fn_with_state(Arc::clone(&service), authenticate));
    Router::new()
        .route(&path("/public/echo"), any(echo::public_echo))
        .route(&path("/public/echo/{*tail}"), any(echo::public_echo))
        .merge(protected)
        .layer(from_fn_with_state(Arc::clone(&service), note))
        .with_state(service)
}

/// Notes that a request arrived and what became of it.
async fn note(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let method = request.method().to_string();
    let target = request.uri().to_string();
    let response = next.run(request).await;
    let caller = response.extensions().get::<Caller>();
    service.note(ReceivedRequest {
        method,
        target,
        status: response.status().as_u16(),
        subject: caller.and_then(|caller| caller.claim("sub").as_str().map(ToOwned::to_owned)),
    });
    response
}

/// Lets nobody through without a token that was made for this backend.
async fn authenticate(
    State(service): State<Arc<Service>>,
    mut request: Request,
    next: Next,
) -> Response {
    if service.takes_rejection() {
        return Rejection::OnPurpose.into_response();
    }
    match service.verifier.verify(request.headers()).await {
        Ok(claims) => {
            let caller = Caller(Arc::new(claims));
            request.extensions_mut().insert(caller.clone());
            let mut response = next.run(request).await;
            response.extensions_mut().insert(caller);
            response
        }
        Err(rejection) => {
            tracing::warn!(service = service.name, reason = %rejection, "token rejected");
            rejection.into_response()
        }
    }
}

async fn not_found(State(service): State<Arc<Service>>, request: Request) -> Response {
    let problem = format!("{} has no {}", service.name, request.uri().path());
    rejection::error(http::StatusCode::NOT_FOUND, "not_found", &problem)
}
