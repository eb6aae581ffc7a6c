//! The admin listener: `/live`, `/ready`, `/health`, `/metrics`, `/probe`. Never on the public address.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use pingora_core::server::ShutdownWatch;
use pingora_core::services::background::BackgroundService;
use serde_json::{Value, json};
use tokenbridge_identity::{ProviderHealth, ProviderState};
use tokenbridge_session_store::StoreHealth;

use crate::frontend::Frontend;
use crate::probe;

/// How often the store is asked whether it is there, and how many sessions it has.
const LOOK: Duration = Duration::from_secs(5);

/// The background service. Its listener is bound before anything starts, so that a taken port is
/// an error at once.
pub(crate) struct Admin {
    listener: Mutex<Option<TcpListener>>,
    frontend: Arc<Frontend>,
}

impl Admin {
    pub(crate) fn new(listener: TcpListener, frontend: Arc<Frontend>) -> Self {
        Self {
            listener: Mutex::new(Some(listener)),
            frontend,
        }
    }

    fn take_listener(&self) -> std::io::Result<tokio::net::TcpListener> {
        let taken = self
            .listener
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        let listener =
            taken.ok_or_else(|| std::io::Error::other("the admin listener was started twice"))?;
        listener.set_nonblocking(true)?;
        tokio::net::TcpListener::from_std(listener)
    }
}

#[async_trait]
impl BackgroundService for Admin {
    async fn start(&self, _: ShutdownWatch) {
        let listener = match self.take_listener() {
            Ok(listener) => listener,
            Err(error) => {
                tracing::error!(target: "tokenbridge", "the admin listener cannot start: {error}");
                return;
            }
        };
        self.frontend.drain.note_listening();
        let watch = watch_store(self.frontend.clone());
        // It outlives the listeners of a clean stop: `/ready` has to say no until the very end. After
        // a hand-over another process answers for this address.
        let drain = self.frontend.drain.clone();
        let serve = axum::serve(listener, router(self.frontend.clone()))
            .with_graceful_shutdown(async move { drain.handed_over().await });
        tokio::select! {
            () = watch => {}
            result = serve.into_future() => {
                if let Err(error) = result {
                    tracing::error!(target: "tokenbridge", "the admin listener stopped: {error}");
                }
            }
        }
    }
}

fn router(frontend: Arc<Frontend>) -> Router {
    Router::new()
        .route("/live", get(async || Json(json!({ "status": "live" }))))
        .route("/ready", get(ready))
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .merge(probe::admin::routes())
        .with_state(frontend)
}

/// Configuration applied (or nothing would answer), listening, not draining. A dependency's outage
/// must not take every replica out of a load balancer at once.
async fn ready(State(frontend): State<Arc<Frontend>>) -> impl IntoResponse {
    let (code, status) = match (frontend.drain.is_listening(), frontend.drain.is_draining()) {
        (_, true) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        (false, false) => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
        (true, false) => (StatusCode::OK, "ready"),
    };
    (code, Json(json!({ "status": status })))
}

async fn health(State(frontend): State<Arc<Frontend>>) -> Json<Value> {
    let provider = frontend.identity.health();
    // Asked afresh, bounded by the store's own timeouts: its state is read off `health`.
    let _ = frontend.background.store.ping().await;
    let (store, since) = match frontend.background.store.health() {
        StoreHealth::Unknown => ("unknown", None),
        StoreHealth::Up(since) => ("up", Some(since.seconds())),
        StoreHealth::Down(since) => ("down", Some(since.seconds())),
    };
    let others = frontend.identity.health_of_others();
    let issuers: serde_json::Map<String, Value> = others
        .iter()
        .map(|(name, health)| (name.to_string(), json!({ "status": health.state.as_str() })))
        .collect();
    let is_down = |health: &ProviderHealth| health.state == ProviderState::Down;
    let degraded =
        store == "down" || others.iter().any(|(_, health)| is_down(health)) || is_down(&provider);
    Json(json!({
        "status": if degraded { "degraded" } else { "ok" },
        "version": env!("CARGO_PKG_VERSION"),
        "store": { "status": store, "since": since },
        "identity_provider": {
            "status": provider.state.as_str(),
            "since": provider.since.seconds(),
            "reason": if provider.why.is_empty() { Value::Null } else { provider.why.into() },
        },
        "issuers": issuers,
        "requests_in_flight": frontend.drain.in_flight(),
    }))
}

async fn metrics(State(frontend): State<Arc<Frontend>>) -> impl IntoResponse {
    let (entries, bytes) = frontend.session_cache.size();
    let gauges = &frontend.metrics;
    gauges
        .cached_grants
        .set(i64::try_from(entries).unwrap_or(i64::MAX));
    gauges
        .cached_bytes
        .set(i64::try_from(bytes).unwrap_or(i64::MAX));
    (
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        frontend.metrics.render(),
    )
}

/// Keeps the store's state and the number of sessions fresh for `/health` and `/metrics`.
async fn watch_store(frontend: Arc<Frontend>) {
    loop {
        // An outage shows in the store's own health; the gauge keeps its last value.
        if let Ok(sessions) = frontend.background.store.active_sessions().await {
            frontend
                .metrics
                .active_sessions
                .set(i64::try_from(sessions).unwrap_or(i64::MAX));
        }
        tokio::time::sleep(LOOK).await;
    }
}
