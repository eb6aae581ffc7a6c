//! What minting needs of the world. A simulation drives the same code through these, the store's
//! trait and the clock's.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use tokenbridge_bridge::Secret;
use tokenbridge_bridge::service::TokenPlan;
use tokenbridge_bridge::token::ServiceToken;
use tokenbridge_config::preset::Preset;

use crate::tokens::ReadProblem;
use crate::tokens::request::TokenRequest;
use crate::tokens::response::{Answer, TokenResponse};

/// The provider's token endpoint.
#[async_trait]
pub(crate) trait TokenIssuer: Send + Sync {
    /// Which client asks at which issuer; a token of the client's own is kept under it. Empty
    /// where there is but one.
    fn client(&self, _: &TokenPlan) -> String {
        String::new()
    }

    /// The client's id there.
    fn client_id(&self, _: &TokenPlan) -> String {
        String::new()
    }

    /// The preset of the issuer that makes a service's token, where that is not the login's.
    fn preset(&self, _: &TokenPlan) -> Option<Preset> {
        None
    }

    /// Sends a request. Takes a bounded time.
    async fn token(&self, request: &TokenRequest) -> Answer;

    /// Verifies the access token of an answer, in the plan's format; for whom it is, the caller judges.
    ///
    /// # Errors
    /// Why it is not used.
    async fn read_access_token(
        &self,
        plan: &TokenPlan,
        response: &TokenResponse,
    ) -> Result<ServiceToken, ReadProblem>;
}

/// Where refresh tokens go that nobody needs any more.
pub(crate) trait Revoker: Send + Sync {
    /// Revokes in the background.
    fn revoke(&self, refresh_token: Secret);
}

/// The machine: waiting, running, chance.
#[async_trait]
pub(crate) trait Machine: Send + Sync {
    /// Waits.
    async fn sleep(&self, duration: Duration);

    /// Runs a task that nobody cancels.
    fn spawn(&self, task: BoxFuture<'static, ()>);

    /// A random number; `None` when the source failed.
    fn random(&self) -> Option<u128>;
}
