//! Services with an authorization of their own (strategy `authorize`): the browser brings a code,
//! the code a refresh token for that service alone, which then renews like any other. Where there
//! is none, or none any more, the service waits for the browser; the session lives on.

use std::sync::Arc;

use tokenbridge_bridge::grant::{Generation, RefreshGrant, Written};
use tokenbridge_bridge::service::{Mint, Strategy, TokenPlan};
use tokenbridge_bridge::session::Reading;
use tokenbridge_bridge::token::{MintRefusalReason, ServiceToken, TokenSlot};
use tokenbridge_session_store::StoreError;

use crate::minting::Minting;
use crate::minting::distinct::Put;
use crate::minting::order::{Minted, Order, Refused};
use crate::minting::rules::{RefusalCost, Step};
use crate::minting::slots::judge;
use crate::minting::turn::{Flight, Turn};
use crate::tokens::ReadProblem;
use crate::tokens::request::TokenRequest;
use crate::tokens::response::TokenResponse;

/// How many authorizations follow a login: each is three redirects, and browsers stop after
/// about twenty. What is left is authorized on demand.
pub(crate) const HOPS: usize = 6;

impl Minting {
    /// The services that are authorized right behind a login, those first that the provider has
    /// given tokens for before.
    pub(crate) fn authorized_at_login(&self) -> Vec<&TokenPlan> {
        let now = self.ports.clock.monotonic();
        let mut plans: Vec<&TokenPlan> = self
            .plans
            .iter()
            .filter(|plan| {
                plan.strategy == Strategy::Authorize
                    && plan.audience.is_some()
                    && plan.mint == Mint::Login
                    && self.suspensions.get(&plan.service, now).is_none()
            })
            .collect();
        plans.sort_by_key(|plan| !self.suspensions.was_minted(&plan.service));
        plans.truncate(HOPS);
        plans
    }

    /// Exchanges the code of a service's own authorization.
    ///
    /// # Errors
    /// Why nothing came of it; the session lives.
    pub(crate) async fn redeem(
        &self,
        plan: &TokenPlan,
        request: &TokenRequest,
    ) -> Result<TokenResponse, Refused> {
        let refused = match self.rules.step(self.ports.issuer.token(request).await) {
            Step::Keep(response) => return Ok(*response),
            Step::GrantRefused(detail) => Refused::new(MintRefusalReason::BadResponse, detail),
            Step::Refuse { refused, .. } => {
                self.suspend_authorization(plan, &refused);
                refused
            }
            Step::BackOff(refused) | Step::Lost(refused) => refused,
        };
        Err(Refused {
            // Another login would not help: this was a code, no refresh token that may be dead.
            unreadable: false,
            ..refused
        })
    }

    /// A target or scope that the provider refuses is not asked for again for a while. No refresh
    /// token went along, so none was spent by it.
    pub(crate) fn suspend_authorization(&self, plan: &TokenPlan, refused: &Refused) {
        match refused.reason {
            MintRefusalReason::InvalidTarget | MintRefusalReason::InvalidScope => {
                let now = self.ports.clock.monotonic();
                let cost = RefusalCost::Harmless;
                self.suspensions.suspend(&plan.service, refused, cost, now);
            }
            MintRefusalReason::NoAudience
            | MintRefusalReason::NoRefreshToken
            | MintRefusalReason::GrantRefused
            | MintRefusalReason::WrongAudience
            | MintRefusalReason::SharedToken
            | MintRefusalReason::BadResponse
            | MintRefusalReason::ClientRefused
            | MintRefusalReason::Unavailable
            | MintRefusalReason::InteractionRequired => {}
        }
    }

    /// Stores what a service's own authorization brought for the session's user, then judges the
    /// token. What came for a session that has ended meanwhile is revoked.
    pub(crate) async fn authorized(
        self: &Arc<Self>,
        order: &Order,
        plan: &TokenPlan,
        granted: &TokenResponse,
    ) -> Minted {
        let minted = self.keep_authorization(order, plan, granted).await;
        let minted = minted.unwrap_or_else(Minted::from);
        self.note(order, plan, &minted);
        if minted == (Minted::There { fresh: true }) {
            self.schedule(&order.session).await;
        }
        minted
    }

    /// Counts and logs an authorization that brought nothing, and says so in the session where
    /// asking again would not help.
    pub(crate) async fn not_authorized(
        &self,
        order: &Order,
        plan: &TokenPlan,
        refused: Refused,
    ) -> Minted {
        let minted = match refused.reason {
            MintRefusalReason::InvalidTarget | MintRefusalReason::InvalidScope => {
                let slot = self.ports.store.read(&order.session, &order.service).await;
                let slot = match slot {
                    Ok(Reading::Found(found)) => found.slot,
                    Ok(Reading::Replaced | Reading::Absent | Reading::Unreadable) | Err(_) => None,
                };
                let written = self.write_refusal(order, slot.as_ref(), refused).await;
                written.unwrap_or_else(Minted::from)
            }
            MintRefusalReason::NoAudience
            | MintRefusalReason::NoRefreshToken
            | MintRefusalReason::GrantRefused
            | MintRefusalReason::WrongAudience
            | MintRefusalReason::SharedToken
            | MintRefusalReason::BadResponse
            | MintRefusalReason::ClientRefused
            | MintRefusalReason::Unavailable
            | MintRefusalReason::InteractionRequired => Minted::Refused(refused),
        };
        self.note(order, plan, &minted);
        minted
    }

    async fn keep_authorization(
        &self,
        order: &Order,
        plan: &TokenPlan,
        granted: &TokenResponse,
    ) -> Result<Minted, StoreError> {
        let grant = RefreshGrant {
            refresh_token: granted.refresh_token.clone(),
            generation: Generation::FIRST,
            scopes: granted.scopes.clone(),
            access_token: None,
            id_token: granted.id_token.clone(),
        };
        let name = plan.grant();
        let put = self.ports.store.put_grant(&order.session, &name, &grant);
        let generation = match put.await {
            Ok(Some(generation)) => generation,
            Ok(None) => {
                self.revoke(granted);
                return Ok(Minted::SessionGone);
            }
            Err(error) => {
                self.revoke(granted);
                return Err(error);
            }
        };
        warn_without_refresh_token(plan, granted);
        let guard = Some((&name, generation));
        let put = match self.judge_authorized(plan, granted).await {
            Ok(token) => self.put_token(&order.session, plan, token, guard).await?,
            Err(refused) => Put::Refused(refused),
        };
        let refused = match put {
            Put::Asked(written) => return Ok(authorized(written)),
            // The refresh token is stored: the next request asks again.
            Put::Refused(refused) if refused.reason == MintRefusalReason::Unavailable => {
                return Ok(Minted::Refused(refused));
            }
            Put::Refused(refused) => refused,
        };
        let slot = self.refusal_slot(&refused);
        let put = self.put(&order.session, plan, &slot, guard);
        Ok(match put.await? {
            Written::Stored => Minted::Refused(refused),
            written @ (Written::Stale | Written::Gone) => authorized(written),
        })
    }

    async fn judge_authorized(
        &self,
        plan: &TokenPlan,
        granted: &TokenResponse,
    ) -> Result<ServiceToken, Refused> {
        let token = self.ports.issuer.read_access_token(plan, granted).await;
        let token = token.map_err(|problem| match problem {
            ReadProblem::NoKeys(why) => Refused::new(MintRefusalReason::Unavailable, why),
            ReadProblem::Invalid(why) => Refused::new(MintRefusalReason::BadResponse, why),
        })?;
        judge(plan, &token).map(|()| token)
    }

    /// Revokes a refresh token that nobody will keep.
    pub(crate) fn revoke(&self, granted: &TokenResponse) {
        if let Some(token) = &granted.refresh_token {
            self.ports.revoker.revoke(token.clone());
        }
    }

    /// The provider refuses the service's own refresh token: that is the end of this
    /// authorization, and of nothing else.
    pub(super) async fn authorization_refused(
        &self,
        flight: &Flight<'_>,
        detail: String,
    ) -> Result<Turn, StoreError> {
        tracing::info!(target: "tokenbridge", service = %flight.errand.plan.service, detail, "the provider refused the service's own refresh token; the service has to be authorized again");
        match self.spend(flight).await? {
            Written::Stored => {
                self.wait_for_browser(flight, flight.grant.generation.next())
                    .await
            }
            Written::Stale => Ok(Turn::Again),
            Written::Gone => Ok(Turn::Over(Minted::SessionGone)),
        }
    }

    /// The authorization has no refresh token, and its token has ended or is about to.
    pub(super) async fn authorization_over(&self, flight: &Flight<'_>) -> Result<Turn, StoreError> {
        self.wait_for_browser(flight, flight.grant.generation).await
    }

    /// Says in the session that the service needs the browser, unless a token lives there or
    /// another authorization has come meanwhile.
    async fn wait_for_browser(
        &self,
        flight: &Flight<'_>,
        generation: Generation,
    ) -> Result<Turn, StoreError> {
        let plan = flight.errand.plan;
        let refused = without_grant(plan);
        let now = self.ports.clock.now();
        let live = matches!(&flight.slot, Some(TokenSlot::Token(token)) if now < token.expires_at);
        if !live {
            let slot = self.refusal_slot(&refused);
            let guard = Some((&flight.lease.grant, generation));
            let put = self.put(&flight.lease.session, plan, &slot, guard);
            match put.await? {
                Written::Stored => {}
                Written::Stale => return Ok(Turn::Again),
                Written::Gone => return Ok(Turn::Over(Minted::SessionGone)),
            }
        }
        Ok(Turn::Over(Minted::Refused(refused)))
    }
}

fn authorized(written: Written) -> Minted {
    match written {
        Written::Stored => Minted::There { fresh: true },
        // The same user was quicker in another tab.
        Written::Stale => Minted::There { fresh: false },
        Written::Gone => Minted::SessionGone,
    }
}

fn warn_without_refresh_token(plan: &TokenPlan, granted: &TokenResponse) {
    if granted.refresh_token.is_none() {
        tracing::warn!(
            target: "tokenbridge",
            service = %plan.service,
            "the service's authorization brought no refresh token, so its user is sent to the provider again whenever its token ends: \
             ask for offline_access in auth.scopes, and look at what the provider wants for it"
        );
    }
}

/// Why a service has no token whose grant is not there, or has nothing left to spend.
pub(super) fn without_grant(plan: &TokenPlan) -> Refused {
    match plan.strategy {
        Strategy::Authorize => Refused::new(
            MintRefusalReason::InteractionRequired,
            "the service has no authorization of its own in this session, or none any more",
        ),
        Strategy::Login | Strategy::Refresh | Strategy::Exchange | Strategy::ClientCredentials => {
            Refused::new(
                MintRefusalReason::NoRefreshToken,
                "the session has no grant",
            )
        }
    }
}

/// Whether a refusal only says that the service waits for the browser: that is no fault, and it
/// passes as soon as the browser has been at the provider.
pub(super) fn waits_for_browser(plan: &TokenPlan, refused: &Refused) -> bool {
    plan.strategy == Strategy::Authorize && refused.reason == MintRefusalReason::InteractionRequired
}
