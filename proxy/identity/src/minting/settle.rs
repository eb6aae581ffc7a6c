//! What becomes of an answer: what a refresh brought is stored first, and judged afterwards.

use std::time::Duration;

use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::grant::{RefreshGrant, Written};
use tokenbridge_bridge::service::Strategy;
use tokenbridge_bridge::token::MintRefusalReason;
use tokenbridge_session_store::{Acquired, EndedSession, StoreError};

use crate::minting::order::{Minted, Refused, Trigger};
use crate::minting::rules::RefusalCost;
use crate::minting::turn::{Flight, Goal, Turn};
use crate::minting::{Minting, back_off, exchange, lease};
use crate::telemetry::EndReason;
use crate::tokens::ReadProblem;
use crate::tokens::refreshed_id_token::{self, Verdict};
use crate::tokens::response::TokenResponse;

/// How long a rotated refresh token is held in memory while the store does not take it.
const HELD_FOR: Duration = Duration::from_secs(600);

impl Minting {
    /// Stores what a refresh brought, then judges the access token.
    pub(super) async fn keep(
        &self,
        flight: &Flight<'_>,
        response: TokenResponse,
    ) -> Result<Turn, StoreError> {
        let verdict = response.id_token.as_ref().map(|token| {
            refreshed_id_token::judge(token, &flight.facts, flight.grant.id_token.as_ref())
        });
        if let Some(Verdict::Foreign(claim)) = verdict {
            return self.subject_changed(flight, response, claim).await;
        }
        let next = next_grant(flight, &response, verdict, self.ports.clock.now());
        match self.complete(flight, &next).await? {
            Written::Stored => {}
            Written::Stale => return Ok(Turn::Again),
            Written::Gone => {
                if let Some(token) = response.refresh_token {
                    self.ports.revoker.revoke(token);
                }
                return Ok(Turn::Over(Minted::SessionGone));
            }
        }
        match flight.errand.goal {
            Goal::ServiceToken => self.judge_response(flight, &response).await,
            // It serves no service by itself, so nobody judges it.
            Goal::LoginToken { .. } => Ok(Turn::Over(Minted::There { fresh: true })),
        }
    }

    async fn judge_response(
        &self,
        flight: &Flight<'_>,
        response: &TokenResponse,
    ) -> Result<Turn, StoreError> {
        let plan = flight.errand.plan;
        let read = self.ports.issuer.read_access_token(plan, response);
        let token = match self.keeping(flight.lease, read).await {
            Ok(token) => token,
            Err(ReadProblem::NoKeys(why)) => {
                let refused = Refused::new(MintRefusalReason::Unavailable, why);
                return Ok(Turn::Over(Minted::Refused(refused)));
            }
            Err(ReadProblem::Invalid(why)) => {
                let refused = Refused::new(MintRefusalReason::BadResponse, why);
                return self.refuse(flight, refused).await;
            }
        };
        self.settle_token(flight, &token).await
    }

    /// Stores the next generation. It may hold the only live refresh token, so a store that does
    /// not answer is tried again for as long as makes sense.
    async fn complete(
        &self,
        flight: &Flight<'_>,
        next: &RefreshGrant,
    ) -> Result<Written, StoreError> {
        let give_up = self.ports.clock.monotonic().saturating_add(HELD_FOR);
        let (session, grant) = (&flight.lease.session, &flight.lease.grant);
        let spent = flight.grant.generation;
        let mut failures = 0;
        loop {
            let error = match self.ports.store.complete(session, grant, spent, next).await {
                Ok(written) => return Ok(written),
                Err(error) => error,
            };
            if self.ports.clock.monotonic() >= give_up {
                tracing::error!(target: "tokenbridge", %error, "a rotated refresh token could not be stored; its session will need a new login");
                return Err(error);
            }
            let chance = self.ports.machine.random().unwrap_or_default();
            let pause = self.ports.machine.sleep(back_off::delay(failures, chance));
            self.keeping(flight.lease, pause).await;
            failures = failures.saturating_add(1);
        }
    }

    /// The answer belongs to somebody else: nothing of it is kept, and the session ends.
    async fn subject_changed(
        &self,
        flight: &Flight<'_>,
        response: TokenResponse,
        claim: &'static str,
    ) -> Result<Turn, StoreError> {
        tracing::warn!(target: "tokenbridge", claim, service = %flight.errand.plan.service, "a refresh was answered for another subject; the session is ended");
        if let Some(token) = response.refresh_token {
            self.ports.revoker.revoke(token);
        }
        self.end_session(flight, EndReason::SubjectChanged).await
    }

    /// The refresh token is refused: the session is over, unless somebody else was quicker. In the
    /// middle of a login it is not: the login would fail again and again. There the session stays
    /// without a refresh token, and its services say so.
    pub(super) async fn grant_refused(
        &self,
        flight: &Flight<'_>,
        detail: String,
    ) -> Result<Turn, StoreError> {
        if flight.errand.plan.strategy == Strategy::Authorize {
            return self.authorization_refused(flight, detail).await;
        }
        let trigger = flight.errand.order.trigger;
        if matches!(trigger, Trigger::Login | Trigger::Probe) {
            return match self.spend(flight).await? {
                Written::Stored => {
                    self.refuse(
                        flight,
                        Refused::new(MintRefusalReason::GrantRefused, detail),
                    )
                    .await
                }
                Written::Stale => Ok(Turn::Again),
                Written::Gone => Ok(Turn::Over(Minted::SessionGone)),
            };
        }
        // Whoever was paused for long may have sent a refresh token that another flight had
        // spent by then: that refusal says nothing about the session.
        match self.ports.store.acquire(flight.lease, lease::LEASE).await? {
            Acquired::Held { grant, .. } if grant.generation == flight.grant.generation => {
                tracing::info!(target: "tokenbridge", service = %flight.errand.plan.service, "the provider refused the refresh token; the session is ended");
                self.end_refused(flight).await
            }
            Acquired::Held { .. } | Acquired::Busy { .. } => Ok(Turn::Again),
            Acquired::NoGrant | Acquired::Gone => Ok(Turn::Over(Minted::SessionGone)),
        }
    }

    async fn end_refused(&self, flight: &Flight<'_>) -> Result<Turn, StoreError> {
        let (session, grant) = (&flight.lease.session, &flight.lease.grant);
        let refused = flight.grant.generation;
        Ok(
            match self
                .ports
                .store
                .end_refused(session, grant, refused)
                .await?
            {
                Some(ended) => self.ended(ended, EndReason::GrantRefused),
                // Gone, or renewed: the next look tells.
                None => Turn::Again,
            },
        )
    }

    async fn end_session(
        &self,
        flight: &Flight<'_>,
        reason: EndReason,
    ) -> Result<Turn, StoreError> {
        let ended = self.ports.store.end(&flight.lease.session, None).await?;
        Ok(ended.map_or(Turn::Over(Minted::SessionGone), |ended| {
            self.ended(ended, reason)
        }))
    }

    fn ended(&self, ended: EndedSession, reason: EndReason) -> Turn {
        self.ports.telemetry.session_destroyed(reason);
        for (_, token) in ended.refresh_tokens {
            self.ports.revoker.revoke(token);
        }
        Turn::Over(Minted::SessionGone)
    }

    /// The provider refuses this service. With a `cost` it is the configuration's fault, and the
    /// service is suspended; a refresh token that was spent by it is never sent again, and one that may
    /// be only by `refresh_retry`.
    pub(super) async fn service_refused(
        &self,
        flight: &Flight<'_>,
        refused: Refused,
        cost: Option<RefusalCost>,
    ) -> Result<Turn, StoreError> {
        if let Some(cost) = cost {
            self.suspend(flight.errand.order, &refused, cost);
        }
        match cost {
            Some(RefusalCost::Spent) => match self.spend(flight).await? {
                Written::Stored => {}
                Written::Stale => return Ok(Turn::Again),
                Written::Gone => return Ok(Turn::Over(Minted::SessionGone)),
            },
            Some(RefusalCost::Harmless | RefusalCost::Unknown) | None => {}
        }
        let spends = match cost {
            Some(RefusalCost::Spent | RefusalCost::Unknown) => true,
            Some(RefusalCost::Harmless) | None => false,
        };
        self.refuse(flight, Refused { spends, ..refused }).await
    }

    /// Takes the refresh token out of the session: it must not be sent again.
    pub(super) async fn spend(&self, flight: &Flight<'_>) -> Result<Written, StoreError> {
        let next = RefreshGrant {
            refresh_token: None,
            ..flight.grant.clone()
        };
        self.complete(flight, &next).await
    }
}

/// The grant after a refresh. What the answer left out stays as it was.
fn next_grant(
    flight: &Flight<'_>,
    response: &TokenResponse,
    verdict: Option<Verdict>,
    now: UnixTime,
) -> RefreshGrant {
    let before = &flight.grant;
    let id_token = response
        .id_token
        .as_ref()
        .filter(|_| verdict == Some(Verdict::Same));
    // A plain refresh renews the login's own token and says what the whole grant is good for.
    let plain = match flight.errand.goal {
        Goal::ServiceToken => flight.errand.plan.strategy == Strategy::Login,
        Goal::LoginToken { .. } => true,
    };
    let login_token = exchange::login_token(response, now);
    RefreshGrant {
        refresh_token: response
            .refresh_token
            .clone()
            .or_else(|| before.refresh_token.clone()),
        generation: before.generation.next(),
        scopes: response
            .scopes
            .clone()
            .filter(|_| plain)
            .or_else(|| before.scopes.clone()),
        access_token: login_token
            .filter(|_| plain)
            .or_else(|| before.access_token.clone()),
        id_token: id_token.cloned().or_else(|| before.id_token.clone()),
    }
}
