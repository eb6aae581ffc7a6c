//! The gateway's own tokens (client credentials, RFC 6749 § 4.4): one for each service that has
//! the strategy, shared by all sessions here and, through the store, by all replicas.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::service::{ServiceName, Strategy, TokenPlan};
use tokenbridge_bridge::session::SessionKey;
use tokenbridge_bridge::token::{MintRefusalReason, ServiceToken, TokenSlot};
use tokenbridge_session_store::StoreError;

use crate::minting::Minting;
use crate::minting::distinct::{may_both_have, refused_as_shared};
use crate::minting::order::{Minted, Order, Refused, Trigger};
use crate::minting::rules::{RefusalCost, Step};
use crate::minting::slots::judge;
use crate::tokens::ReadProblem;
use crate::tokens::request::TokenRequest;
use crate::tokens::response::TokenResponse;

/// How much longer than an answer may take others are kept from asking.
const MARGIN: Duration = Duration::from_secs(5);
/// How often is looked whether another replica has the token.
const LOOK: Duration = Duration::from_millis(100);

/// Stands for no session: no session id has this hash.
pub(crate) fn nobody() -> SessionKey {
    SessionKey::from_bytes([0; 32])
}

/// What this process knows of its own tokens; as many as there are such services.
#[derive(Default)]
pub(crate) struct OwnTokens {
    known: RwLock<HashMap<ServiceName, TokenSlot>>,
}

impl OwnTokens {
    pub(crate) fn get(&self, service: &ServiceName) -> Option<TokenSlot> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(service).cloned()
    }

    fn arrived(&self, service: &ServiceName) -> Option<UnixTime> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        match known.get(service)? {
            TokenSlot::Token(token) => Some(token.issued_at),
            TokenSlot::Refused(_) => None,
        }
    }

    /// Keeps a token, unless a service of another audience has the very same.
    ///
    /// # Errors
    /// That it has.
    fn keep(
        &self,
        plan: &TokenPlan,
        all: &[TokenPlan],
        token: ServiceToken,
    ) -> Result<(), Refused> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let has_it = |other: &&TokenPlan| match known.get(&other.service) {
            Some(TokenSlot::Token(theirs)) => {
                theirs.value == token.value && may_both_have(plan, other, &token)
            }
            Some(TokenSlot::Refused(_)) | None => false,
        };
        if let Some(other) = all.iter().find(has_it) {
            return Err(refused_as_shared(plan, &other.service, &token));
        }
        known.insert(plan.service.clone(), TokenSlot::Token(token));
        Ok(())
    }
}

impl Minting {
    /// Whose the order's token will be: nobody's where it is the gateway's own.
    pub(super) fn owner(&self, order: &Order) -> SessionKey {
        match self.plan(&order.service).map(|plan| plan.strategy) {
            Some(Strategy::ClientCredentials) => nobody(),
            Some(
                Strategy::Login | Strategy::Refresh | Strategy::Exchange | Strategy::Authorize,
            )
            | None => order.session,
        }
    }

    /// What stands for every session where the token of such a service belongs. No I/O.
    pub(crate) fn own_slot(&self, service: &ServiceName) -> Option<TokenSlot> {
        self.own_tokens.get(service)
    }

    /// When the token of such a service arrived. No I/O.
    pub(crate) fn own_arrived(&self, service: &ServiceName) -> Option<UnixTime> {
        self.own_tokens.arrived(service)
    }

    /// Takes over from the store what this replica lacks.
    pub(crate) async fn find_own(&self) {
        for plan in &self.plans {
            if plan.strategy != Strategy::ClientCredentials {
                continue;
            }
            let order = Order {
                session: nobody(),
                service: plan.service.clone(),
                trigger: Trigger::Demand,
            };
            let mark = mark(&self.ports.issuer.client(plan), plan);
            let _ = self.serves(&order, plan, &mark).await;
        }
    }

    /// Asks for those of our own tokens that are there and fall due. Returns at once.
    pub(crate) fn renew_own(self: &Arc<Self>) {
        for plan in &self.plans {
            let order = Order {
                session: nobody(),
                service: plan.service.clone(),
                trigger: Trigger::Renewal,
            };
            let due = self
                .own_slot(&plan.service)
                .is_some_and(|slot| self.needed(&order, Some(&slot)));
            if due && self.refused_for_now(&order).is_none() {
                drop(self.request(order));
            }
        }
    }

    /// Gets a token of our own, unless another replica has one already.
    pub(super) async fn own(&self, order: &Order, plan: &TokenPlan) -> Minted {
        self.try_own(order, plan).await.unwrap_or_else(Minted::from)
    }

    async fn try_own(&self, order: &Order, plan: &TokenPlan) -> Result<Minted, StoreError> {
        let mark = mark(&self.ports.issuer.client(plan), plan);
        let patience = self.rules.answer_deadline.saturating_add(MARGIN);
        let give_up = self.ports.clock.monotonic().saturating_add(patience);
        loop {
            if self.serves(order, plan, &mark).await? {
                return Ok(Minted::There { fresh: false });
            }
            if self.ports.store.claim_once(&mark, patience).await? {
                break;
            }
            // Another replica asks. The token that is there goes on being used meanwhile.
            if order.trigger == Trigger::Renewal {
                return Ok(Minted::There { fresh: false });
            }
            if self.ports.clock.monotonic() >= give_up {
                return Ok(Minted::refused(
                    MintRefusalReason::Unavailable,
                    "another replica asks for the token and has none yet",
                ));
            }
            self.ports.machine.sleep(LOOK).await;
        }
        let minted = self.ask(order, plan, &mark).await;
        // Where this fails, the claim runs out by itself.
        let _ = self.ports.store.unclaim(&mark).await;
        minted
    }

    /// Whether a token that will do is there by now, from this replica or from another.
    async fn serves(
        &self,
        order: &Order,
        plan: &TokenPlan,
        mark: &[u8; 32],
    ) -> Result<bool, StoreError> {
        if !self.needed(order, self.own_slot(&plan.service).as_ref()) {
            return Ok(true);
        }
        let stored = self.ports.store.shared_token(mark).await?;
        let Some(token) = stored.filter(|token| judge(plan, token).is_ok()) else {
            return Ok(false);
        };
        let needed = self.needed(order, Some(&TokenSlot::Token(token.clone())));
        Ok(!needed && self.own_tokens.keep(plan, &self.plans, token).is_ok())
    }

    async fn ask(
        &self,
        order: &Order,
        plan: &TokenPlan,
        mark: &[u8; 32],
    ) -> Result<Minted, StoreError> {
        // It may have come between the last look and the claim.
        if self.serves(order, plan, mark).await? {
            return Ok(Minted::There { fresh: false });
        }
        let request = TokenRequest::client_credentials(plan);
        let answer = self.ports.issuer.token(&request).await;
        let read = match self.rules.step(answer) {
            Step::Keep(response) => self.read_own(plan, &response).await,
            Step::Refuse { refused, cost } => {
                if cost.is_some() {
                    self.suspend(order, &refused, RefusalCost::Harmless);
                }
                Err(refused)
            }
            Step::GrantRefused(why) => Err(Refused::new(MintRefusalReason::BadResponse, why)),
            // No login helps where no user is asked.
            Step::BackOff(refused) | Step::Lost(refused) => Err(Refused {
                unreadable: false,
                ..refused
            }),
        };
        let token = match read {
            Ok(token) => token,
            Err(refused) => return Ok(Minted::Refused(refused)),
        };
        let forced = matches!(order.trigger, Trigger::Rejected(_));
        let token = ServiceToken { forced, ..token };
        if let Err(refused) = self.own_tokens.keep(plan, &self.plans, token.clone()) {
            return Ok(Minted::Refused(refused));
        }
        if let Err(error) = self.ports.store.put_shared_token(mark, &token).await {
            tracing::debug!(target: "tokenbridge", %error, service = %plan.service, "the gateway's own token could not be shared");
        }
        Ok(Minted::There { fresh: true })
    }

    async fn read_own(
        &self,
        plan: &TokenPlan,
        response: &TokenResponse,
    ) -> Result<ServiceToken, Refused> {
        let token = match self.ports.issuer.read_access_token(plan, response).await {
            Ok(token) => token,
            Err(ReadProblem::NoKeys(why)) => {
                return Err(Refused::new(MintRefusalReason::Unavailable, why));
            }
            Err(ReadProblem::Invalid(why)) => {
                return Err(Refused::new(MintRefusalReason::BadResponse, why));
            }
        };
        judge(plan, &token).map(|()| token)
    }
}

/// What a token is stored under: one that another client got, or that was asked for in other
/// words, is not found. SHA-256 over each text behind its length.
fn mark(client: &str, plan: &TokenPlan) -> [u8; 32] {
    let audience = plan.audience.as_ref();
    let expected = audience.map_or("", |policy| policy.expected.as_str());
    let mut hash = Sha256::new();
    for text in [
        "own token",
        client,
        plan.service.as_str(),
        &plan.asked(),
        expected,
    ] {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hash.finalize().into()
}
