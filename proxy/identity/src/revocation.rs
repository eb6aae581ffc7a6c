//! Revoking refresh tokens that nobody needs any more (RFC 7009): in the background, with
//! retries, and never in anybody's way. An access token is never revoked by itself: on some
//! providers that ends the whole grant.

use std::sync::Arc;
use std::time::Duration;

use tokenbridge_bridge::Secret;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::minting::ports::Revoker;
use crate::provider::Provider;
use crate::provider::endpoints::Revocation;

/// Pauses between attempts; after the last one it is given up.
const PAUSES: [Duration; 6] = [
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(120),
    Duration::from_secs(300),
];
/// Revocations that may wait or be under way at the same time.
const OUTSTANDING: usize = 10_000;
/// Calls to the provider at the same time.
const PARALLEL: usize = 8;

/// Revokes by a provider's revocation endpoint.
pub(crate) struct Revocations {
    provider: Arc<Provider>,
    runtime: Handle,
    tasks: TaskTracker,
    outstanding: Arc<Semaphore>,
    parallel: Arc<Semaphore>,
}

impl Revocations {
    pub(crate) fn new(provider: Arc<Provider>, runtime: Handle, tasks: TaskTracker) -> Self {
        Self {
            provider,
            runtime,
            tasks,
            outstanding: Arc::new(Semaphore::new(OUTSTANDING)),
            parallel: Arc::new(Semaphore::new(PARALLEL)),
        }
    }
}

impl Revoker for Revocations {
    fn revoke(&self, refresh_token: Secret) {
        let Ok(place) = Arc::clone(&self.outstanding).try_acquire_owned() else {
            tracing::warn!(target: "tokenbridge", "too many revocations are waiting; a refresh token is left to run out");
            return;
        };
        let (provider, parallel) = (Arc::clone(&self.provider), Arc::clone(&self.parallel));
        let revoking = async move {
            revoke(&provider, &parallel, &refresh_token).await;
            drop(place);
        };
        self.tasks.spawn_on(revoking, &self.runtime);
    }
}

async fn revoke(provider: &Provider, parallel: &Semaphore, refresh_token: &Secret) {
    for pause in [Duration::ZERO].into_iter().chain(PAUSES) {
        tokio::time::sleep(pause).await;
        let turn = parallel.acquire().await;
        let revocation = provider.revoke(refresh_token).await;
        drop(turn);
        match revocation {
            Revocation::Done => return,
            Revocation::Refused => {
                tracing::warn!(target: "tokenbridge", "the provider does not revoke a refresh token; it is left to run out");
                return;
            }
            Revocation::Failed => {}
        }
    }
    tracing::warn!(target: "tokenbridge", "a refresh token could not be revoked; it is left to run out");
}
