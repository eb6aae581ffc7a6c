//! The background service that renews tokens.

use std::sync::Arc;

use async_trait::async_trait;
use pingora_core::server::ShutdownWatch;
use pingora_core::services::background::BackgroundService;
use tokenbridge_identity::Identity;
use tokio::runtime::Handle;

/// Looks for what is due until the gateway stops; flights that are under way by then go on in the
/// runtime for background work, which outlives the listeners.
pub(crate) struct Renewal {
    pub(crate) identity: Arc<Identity>,
    pub(crate) runtime: Handle,
}

#[async_trait]
impl BackgroundService for Renewal {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        let identity = self.identity.clone();
        let renewing = self
            .runtime
            .spawn(async move { identity.keep_renewing().await });
        // An error means that the process ends anyway.
        let _ = shutdown.changed().await;
        renewing.abort();
    }
}
