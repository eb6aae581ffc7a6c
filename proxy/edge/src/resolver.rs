//! Keeps upstream addresses resolved, off the request path. The last good answer is kept.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use pingora_core::server::ShutdownWatch;
use pingora_core::services::ServiceReadyNotifier;
use pingora_core::services::background::BackgroundService;

use crate::upstreams::{Upstream, Upstreams};

/// How often names are looked up again.
const EVERY: Duration = Duration::from_secs(10);
/// How often while one does not resolve.
const SOON: Duration = Duration::from_secs(1);
/// How long the start waits for the first answers.
const FIRST: Duration = Duration::from_secs(2);

/// The background service.
pub(crate) struct Resolver(pub(crate) Arc<Upstreams>);

#[async_trait]
impl BackgroundService for Resolver {
    async fn start_with_ready_notifier(
        &self,
        mut shutdown: ShutdownWatch,
        ready: ServiceReadyNotifier,
    ) {
        // The listeners wait for this, so that the first request finds addresses; not for ever.
        let mut all = tokio::time::timeout(FIRST, self.resolve_all(true))
            .await
            .unwrap_or(false);
        ready.notify_ready();
        loop {
            let pause = if all { EVERY } else { SOON };
            tokio::select! {
                _ = shutdown.changed() => return,
                () = tokio::time::sleep(pause) => all = self.resolve_all(false).await,
            }
        }
    }
}

impl Resolver {
    /// Looks all names up at once; whether each one resolved.
    async fn resolve_all(&self, first: bool) -> bool {
        let lookups = self
            .0
            .iter()
            .filter_map(|upstream| upstream.name().map(|name| resolve(upstream, name, first)));
        join_all(lookups).await.into_iter().all(|resolved| resolved)
    }
}

async fn resolve(upstream: &Upstream, (host, port): (&str, u16), first: bool) -> bool {
    match tokio::net::lookup_host((host, port)).await {
        Ok(found) => {
            let mut sockets: Vec<SocketAddr> = found.collect();
            sockets.dedup();
            let any = !sockets.is_empty();
            if any {
                upstream.resolved(&sockets);
            }
            any
        }
        Err(error) => {
            if first {
                tracing::warn!(target: "tokenbridge", host, "the upstream's name does not resolve: {error}");
            }
            false
        }
    }
}
