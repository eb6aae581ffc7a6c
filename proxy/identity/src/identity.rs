//! Everything that the gateway asks of this crate.

use std::sync::Arc;

use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_bridge::service::ServiceName;
use tokenbridge_bridge::session::SessionKey;

use crate::health::ProviderHealth;
use crate::login::{Callback, Finished, LoginFailure, LoginRequest, Redirect};
use crate::logout::{LoggedOut, LogoutReturn};
use crate::settings::{IdentityParts, StartProblem};

/// One frontend's client at its provider. Shared by all threads; work that a client must not
/// cancel by going away runs on the runtime that it was given.
pub struct Identity {
    parts: IdentityParts,
}

impl Identity {
    /// Makes a client. Does no I/O: metadata and keys are fetched in the background and when they
    /// are needed, so the gateway starts with the provider down.
    ///
    /// # Errors
    /// The configuration asks for something that cannot be done.
    pub fn start(parts: IdentityParts) -> Result<Arc<Self>, StartProblem> {
        Ok(Arc::new(Self { parts }))
    }

    /// Begins a login: the browser goes to the provider with a cookie for this login alone.
    ///
    /// # Errors
    /// The provider is not known yet.
    pub async fn begin_login(&self, _request: LoginRequest<'_>) -> Result<Redirect, Refusal> {
        Err(Refusal::from(Rejection::IdpUnavailable))
    }

    /// Finishes a login: checks the answer, exchanges the code, creates the session, mints the
    /// services' tokens. Goes on when the client goes away.
    ///
    /// # Errors
    /// What to answer; nothing was created.
    pub async fn finish_login(&self, _callback: Callback<'_>) -> Result<Finished, LoginFailure> {
        Err(LoginFailure {
            refusal: Refusal::from(Rejection::IdpUnavailable),
            set_cookies: Vec::new(),
        })
    }

    /// Ends the session, or with `everywhere` all sessions of its subject. Refresh tokens are
    /// revoked in the background.
    ///
    /// # Errors
    /// The store does not answer: nothing was changed, and the cookie stays.
    pub async fn logout(
        &self,
        _session: Option<SessionKey>,
        _everywhere: bool,
    ) -> Result<LoggedOut, Refusal> {
        Err(Refusal::from(Rejection::StoreUnavailable))
    }

    /// Takes a browser that comes back from the provider's logout page.
    ///
    /// # Errors
    /// Its `state` is not that of a logout of this browser.
    pub async fn logged_out(
        &self,
        _query: &str,
        _cookies: &[&[u8]],
    ) -> Result<LogoutReturn, Refusal> {
        Err(Refusal::from(Rejection::CallbackInvalid))
    }

    /// Gets a token for a session that has none for the service, or none that lives: joins the
    /// flight of its grant or starts one, and waits for a bounded time. The caller reads the
    /// store again afterwards.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn obtain_token(
        &self,
        _session: &SessionKey,
        _service: &ServiceName,
    ) -> Result<(), Refusal> {
        Err(Refusal::from(Rejection::IdpUnavailable))
    }

    /// Asks for a new token while the old one still lives. Returns at once; joins a flight that
    /// is already there.
    pub fn renew(&self, _session: SessionKey, _service: ServiceName) {}

    /// Whether the provider answers; does no I/O.
    pub fn health(&self) -> ProviderHealth {
        ProviderHealth {
            state: crate::health::ProviderState::Unknown,
            since: self.parts.clock.now(),
            why: String::new(),
        }
    }
}
