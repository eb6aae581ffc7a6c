//! Everything that the gateway asks of this crate.

use std::sync::Arc;
use std::time::Duration;

use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_bridge::service::{IssuerName, ServiceName, Strategy};
use tokenbridge_bridge::session::{FoundSession, Reading, SessionKey};
use tokenbridge_bridge::token::{MintRefusalReason, TokenSlot};
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinHandle};

use crate::health::ProviderHealth;
use crate::login::finish::interrupted;
use crate::login::{Callback, Finished, LoginFailure, LoginRequest, Redirect};
use crate::logout::{LoggedOut, LogoutReturn};
use crate::minting::order::{Minted, Order, Refused, Trigger};
use crate::minting::renewal;
use crate::relying_party::{RelyingParty, keep_documents};
use crate::settings::{IdentityParts, StartProblem};

/// How long a request waits for a token, beyond what one call to the provider may take.
const MARGIN: Duration = Duration::from_secs(2);
/// How often is looked for what is due.
const LOOK: Duration = Duration::from_millis(500);
/// How often while the store does not answer.
const STORE_AWAY: Duration = Duration::from_secs(2);
/// How often a browser with a live session is sent to login at most.
const LOGIN_PAUSE: Duration = Duration::from_secs(60);

/// One frontend's client at its provider. Shared by all threads; work that a client must not
/// cancel by going away runs on the runtime that it was given.
pub struct Identity {
    pub(crate) party: Arc<RelyingParty>,
    pub(crate) runtime: Handle,
    documents: AbortHandle,
}

impl Identity {
    /// Makes a client. Does no I/O: metadata and keys are fetched in the background and when they
    /// are needed, so the gateway starts with the provider down.
    ///
    /// # Errors
    /// The configuration asks for something that cannot be done.
    pub fn start(parts: IdentityParts) -> Result<Arc<Self>, StartProblem> {
        let runtime = parts.runtime.clone();
        let party = Arc::new(RelyingParty::new(parts)?);
        let documents = runtime.spawn(keep_documents(Arc::downgrade(&party)));
        Ok(Arc::new(Self {
            party,
            runtime,
            documents: documents.abort_handle(),
        }))
    }

    fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.party.tasks.spawn_on(work, &self.runtime)
    }

    /// Waits until no flight, login, logout or revocation is under way any more. For a process that
    /// stops: the caller sees to it that nothing new begins, and does not wait for ever.
    pub async fn at_rest(&self) {
        self.party.tasks.close();
        self.party.tasks.wait().await;
    }

    /// Begins a login, or one service's own authorization in a session that lives: the browser
    /// goes to the provider with a cookie for this flow alone.
    ///
    /// # Errors
    /// The provider is not known yet; for a service also: the store does not answer, or the
    /// provider refuses the service.
    pub async fn begin_login(&self, request: LoginRequest<'_>) -> Result<Redirect, Refusal> {
        if let (Some(session), Some(service)) = (request.session, request.service) {
            let party = Arc::clone(&self.party);
            let hop = party.begin_hop(session, service.to_owned(), request.return_to.clone());
            let begun = self.spawn(hop).await;
            if let Some(mut redirect) = begun.map_err(|_| stopping())?? {
                let cookies = self.party.flow_cookies();
                redirect
                    .set_cookies
                    .extend(cookies.make_room(request.cookies));
                return Ok(redirect);
            }
        }
        let metadata = match self.party.provider.known_metadata() {
            Some(metadata) => metadata,
            None => {
                let party = Arc::clone(&self.party);
                let fetched = self.spawn(async move { party.metadata().await });
                fetched.await.map_err(|_| stopping())??
            }
        };
        self.party
            .redirect(&metadata, request.return_to, true, request.cookies)
    }

    /// Finishes a login: checks the answer, exchanges the code, creates the session, mints the
    /// services' tokens. Goes on when the client goes away.
    ///
    /// # Errors
    /// What to answer; nothing was created.
    pub async fn finish_login(&self, callback: Callback<'_>) -> Result<Finished, LoginFailure> {
        let back = self.party.recognize(&callback)?;
        let party = Arc::clone(&self.party);
        let finished = self.spawn(party.finish(back));
        finished.await.unwrap_or_else(|_| Err(interrupted()))
    }

    /// Ends the session, or with `everywhere` all sessions of its subject. Refresh tokens are
    /// revoked in the background.
    ///
    /// # Errors
    /// The store does not answer: the cookie stays, and so does this session.
    pub async fn logout(
        &self,
        session: Option<SessionKey>,
        everywhere: bool,
    ) -> Result<LoggedOut, Refusal> {
        let party = Arc::clone(&self.party);
        let ended = self.spawn(party.log_out(session, everywhere));
        ended.await.unwrap_or_else(|_| Err(stopping()))
    }

    /// Takes a browser that comes back from the provider's logout page.
    ///
    /// # Errors
    /// Its `state` is not that of a logout of this browser.
    pub async fn logged_out(
        &self,
        query: &str,
        cookies: &[&[u8]],
    ) -> Result<LogoutReturn, Refusal> {
        self.party.returned(query, cookies)
    }

    /// Gets a token for a session that has none for the service, or none that lives: joins the
    /// flight of its grant or starts one, and waits for a bounded time. The caller reads the
    /// store again afterwards; a session that ended meanwhile is `Ok` as well.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn obtain_token(
        &self,
        session: &SessionKey,
        service: &ServiceName,
    ) -> Result<(), Refusal> {
        let Some(plan) = self.party.minting.plan(service) else {
            return Err(Refusal::new(Rejection::Internal, "no such service"));
        };
        let order = order(*session, service.clone(), Trigger::Demand);
        let patience = self.party.settings.timeouts.total.saturating_add(MARGIN);
        let ticket = self.party.minting.request(order.clone());
        let minted = tokio::time::timeout(patience, ticket).await;
        match minted.unwrap_or_else(|_| Minted::Refused(too_slow())) {
            Minted::There { .. } | Minted::SessionGone => Ok(()),
            Minted::Refused(why) => Err(self.party.minting.refusal(&order, plan, &why)),
            Minted::StoreUnavailable(error) => Err(error.into()),
        }
    }

    /// Asks for a new token while the old one still lives. Returns at once; joins a flight that
    /// is already there.
    pub fn renew(&self, session: SessionKey, service: ServiceName) {
        let order = order(session, service, Trigger::Renewal);
        if self.party.minting.refused_for_now(&order).is_none() {
            drop(self.party.minting.request(order));
        }
    }

    /// Asks for another token than the one that arrived at `issued_at`, which an upstream has
    /// rejected: once for each token, and not for one that just arrived. Waits for a bounded time.
    /// Whether another token is there now.
    pub async fn replace_rejected(
        &self,
        session: &SessionKey,
        service: &ServiceName,
        issued_at: UnixTime,
    ) -> bool {
        let order = order(*session, service.clone(), Trigger::Rejected(issued_at));
        if self.party.minting.refused_for_now(&order).is_some() {
            return false;
        }
        let patience = self.party.settings.timeouts.total.saturating_add(MARGIN);
        let minted = tokio::time::timeout(patience, self.party.minting.request(order)).await;
        match minted {
            Ok(Minted::There { fresh: true }) => true,
            // Somebody else may have been quicker, or the rule says no.
            Ok(Minted::There { fresh: false }) => {
                let read = self.party.store.read(session, service).await;
                let read = read.map(|reading| self.with_own_token(service, reading));
                matches!(read, Ok(Reading::Found(found))
                    if matches!(&found.slot, Some(TokenSlot::Token(token)) if token.issued_at != issued_at))
            }
            Ok(Minted::Refused(_) | Minted::SessionGone | Minted::StoreUnavailable(_)) | Err(_) => {
                false
            }
        }
    }

    /// Puts the gateway's own token where a session's would stand, for a service that is given
    /// that one (strategy `client_credentials`). Does no I/O.
    pub fn with_own_token(&self, service: &ServiceName, reading: Reading) -> Reading {
        let plan = self.party.minting.plan(service);
        match reading {
            Reading::Found(session)
                if plan.is_some_and(|plan| plan.strategy == Strategy::ClientCredentials) =>
            {
                Reading::Found(Box::new(FoundSession {
                    slot: self.own_token(service),
                    ..*session
                }))
            }
            reading => reading,
        }
    }

    /// Whether the gateway's own token for a service is the one that arrived at `issued_at`.
    /// Does no I/O.
    pub fn is_own_token(&self, service: &ServiceName, issued_at: UnixTime) -> bool {
        self.party.minting.own_arrived(service) == Some(issued_at)
    }

    /// Looks whether other replicas have those of the gateway's own tokens that this one lacks. One
    /// question to the store for each; a store that does not answer changes nothing.
    pub async fn find_own_tokens(&self) {
        self.party.minting.find_own().await;
    }

    /// The gateway's own token for a service, where it has one by now. Does no I/O.
    pub fn own_token(&self, service: &ServiceName) -> Option<TokenSlot> {
        self.party.minting.own_slot(service)
    }

    /// Renews what falls due, until the future is dropped. Flights that are under way then go on.
    pub async fn keep_renewing(&self) {
        loop {
            self.party.minting.renew_own();
            self.party.minting.lift_mended().await;
            let pause = match self.party.minting.renew_due().await {
                Ok(renewal::BATCH..) => Duration::ZERO,
                Ok(_) => LOOK,
                Err(_) => STORE_AWAY,
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Whether a navigation that found no valid token should be sent to login, although the
    /// session lives: the provider's last answer could not be read, which some give for a refresh
    /// token that is dead. A session that is younger than a minute is not sent, or the browser
    /// would go round in circles. Does no I/O.
    pub fn login_may_help(
        &self,
        session: &SessionKey,
        service: &ServiceName,
        created_at: UnixTime,
    ) -> bool {
        let order = order(*session, service.clone(), Trigger::Demand);
        let refused = self.party.minting.refused_for_now(&order);
        let old = self.party.now().since(created_at) >= LOGIN_PAUSE;
        old && refused.is_some_and(|refused| refused.unreadable)
    }

    /// Whether the other authorization servers answer, by name; does no I/O.
    pub fn health_of_others(&self) -> Vec<(IssuerName, ProviderHealth)> {
        let others = self.party.issuers.others();
        others
            .map(|(name, other)| (name.clone(), other.health().read()))
            .collect()
    }

    /// Whether the provider answers; does no I/O.
    pub fn health(&self) -> ProviderHealth {
        self.party.provider.health().read()
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        self.documents.abort();
    }
}

fn order(session: SessionKey, service: ServiceName, trigger: Trigger) -> Order {
    Order {
        session,
        service,
        trigger,
    }
}

fn too_slow() -> Refused {
    Refused::new(
        MintRefusalReason::Unavailable,
        "the token did not come in time; the flight goes on",
    )
}

pub(crate) fn stopping() -> Refusal {
    Refusal::new(Rejection::Internal, "the gateway is stopping, or failed")
}
