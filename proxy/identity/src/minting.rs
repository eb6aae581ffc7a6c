//! Minting and renewing service tokens: one refresh token is spent by one flight at a time, what
//! it brings is stored before it is judged, and a flight belongs to no request.
//!
//! | module | owns |
//! |---|---|
//! | [`ports`] | what minting needs of the world: the token endpoint, waiting, chance |
//! | [`rules`] | what to make of an answer, and when a refresh may be sent again: no I/O |
//! | [`order`] | what is asked for, and what came of it |
//! | [`flights`] | one flight per grant in this process; others join it |
//! | [`lease`] | one flight per grant in the fleet |
//! | [`turn`] | one flight's turn: whether the refresh token is needed, and may be sent |
//! | [`send`] | the mark before a refresh token leaves, and the answer |
//! | [`exchange`] | token exchange, and the login token that it starts from |
//! | [`own`] | the gateway's own tokens, shared by all sessions and replicas |
//! | [`probe`] | one token of each service, to see what comes |
//! | [`authorize`] | services with an authorization, and so a refresh token, of their own |
//! | [`settle`] | what becomes of an answer: store first, then judge |
//! | [`renewal`] | renewing what falls due, behind everybody's back |
//! | [`slots`] | what stands in the session where a service's token belongs |
//! | [`distinct`] | that no token serves two services of different audiences |
//! | [`back_off`] | when something may be tried again |
//! | [`suspension`] | services that the provider refuses in this configuration |
//! | [`at_login`] | the tokens of a session that was just created |

use std::sync::Arc;

use tokenbridge_bridge::admission;
use tokenbridge_bridge::grant::GrantName;
use tokenbridge_bridge::rejection::Refusal;
use tokenbridge_bridge::service::{ServiceName, Strategy, TokenPlan};
use tokenbridge_bridge::token::{MintRefusalReason, TokenSlot};
use tokenbridge_config::preset::Preset;
use tokenbridge_session_store::{Clock, SessionStore};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::telemetry::{MintStatus, Telemetry};

pub(crate) mod at_login;
pub(crate) mod authorize;
pub(crate) mod back_off;
mod distinct;
pub(crate) mod exchange;
pub(crate) mod flights;
mod lease;
pub(crate) mod order;
mod own;
pub(crate) mod ports;
mod probe;
pub(crate) mod renewal;
pub(crate) mod rules;
mod send;
mod settle;
mod slots;
pub(crate) mod suspension;
mod turn;

use back_off::BackOff;
use flights::{Flights, Lane, Ticket};
use order::{Minted, Order, Refused, Trigger};
use own::OwnTokens;
use ports::{Machine, Revoker, TokenIssuer};
use rules::{RefusalCost, Rules};
use suspension::Suspensions;
use turn::{Errand, Goal};

/// What minting works with.
pub(crate) struct Ports {
    pub(crate) store: Arc<dyn SessionStore>,
    pub(crate) issuer: Arc<dyn TokenIssuer>,
    pub(crate) revoker: Arc<dyn Revoker>,
    pub(crate) machine: Arc<dyn Machine>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) telemetry: Arc<dyn Telemetry>,
}

/// Mints and renews the tokens of one frontend's services.
pub(crate) struct Minting {
    ports: Ports,
    rules: Rules,
    plans: Vec<TokenPlan>,
    flights: Flights,
    back_off: BackOff,
    suspensions: Suspensions,
    own_tokens: OwnTokens,
    calls: Semaphore,
}

/// How many token requests of one process are under way at once: after an outage every session
/// wants a token at the same time, and the provider should see a queue instead of all of them.
const CALLS: usize = 32;

impl Minting {
    pub(crate) fn new(ports: Ports, rules: Rules, plans: Vec<TokenPlan>) -> Arc<Self> {
        Arc::new(Self {
            ports,
            rules,
            plans,
            flights: Flights::default(),
            back_off: BackOff::default(),
            suspensions: Suspensions::default(),
            own_tokens: OwnTokens::default(),
            calls: Semaphore::new(CALLS),
        })
    }

    pub(crate) fn plan(&self, service: &ServiceName) -> Option<&TokenPlan> {
        self.plans.iter().find(|plan| plan.service == *service)
    }

    /// What kind of issuer makes a plan's token.
    fn preset(&self, plan: &TokenPlan) -> Preset {
        let other = self.ports.issuer.preset(plan);
        other.unwrap_or(self.rules.preset)
    }

    pub(crate) fn suspensions(&self) -> &Suspensions {
        &self.suspensions
    }

    /// Joins the flight of the order's grant, or starts one. The flight goes on whoever waits.
    pub(crate) fn request(self: &Arc<Self>, order: Order) -> Ticket {
        let lane = match self.plan(&order.service) {
            Some(plan) => match plan.strategy {
                Strategy::Exchange | Strategy::ClientCredentials => {
                    Lane::Service(order.service.clone())
                }
                Strategy::Login | Strategy::Refresh | Strategy::Authorize => {
                    Lane::Grant(plan.grant())
                }
            },
            None => Lane::Grant(GrantName::Login),
        };
        let session = self.owner(&order);
        let order = Order { session, ..order };
        let (ticket, key) = self.flights.enqueue(order, lane);
        if let Some(key) = key {
            let minting = Arc::clone(self);
            self.ports.machine.spawn(Box::pin(async move {
                let guard = minting.flights.guard(key.clone());
                let mut reschedule = false;
                while let Some(entry) = minting.flights.next(&key) {
                    let minted = minting.mint(&entry.order).await;
                    reschedule |=
                        minted == Minted::There { fresh: true } && entry.order.stands_alone();
                    entry.tell(minted);
                }
                guard.landed();
                if reschedule && key.0 != own::nobody() {
                    minting.schedule(&key.0).await;
                }
            }));
        }
        ticket
    }

    /// What is known without asking anybody: that it is of no use to ask now.
    pub(crate) fn refused_for_now(&self, order: &Order) -> Option<Refused> {
        let now = self.ports.clock.monotonic();
        self.suspensions
            .get(&order.service, now)
            .or_else(|| self.back_off.check(&self.owner(order), &order.service, now))
    }

    /// What a client is told of a refused order: where trying again makes sense, also how long
    /// nobody asks until then.
    pub(crate) fn refusal(&self, order: &Order, plan: &TokenPlan, why: &Refused) -> Refusal {
        let refusal = admission::refused(plan, why.reason, &why.detail);
        let pause = self.refused_for_now(order);
        let retry_after = pause.and_then(|pause| pause.retry_after);
        let again = refusal.rejection.row().retry_after;
        Refusal {
            retry_after: again.and(retry_after),
            ..refusal
        }
    }

    /// Waits for its turn among the [`CALLS`] that may ask the provider at once.
    async fn call(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.calls.acquire().await.ok()
    }

    /// Whether what stands in the session calls for a new token.
    fn needed(&self, order: &Order, slot: Option<&TokenSlot>) -> bool {
        self.rules
            .needed(slot, order.trigger, self.ports.clock.now())
    }

    async fn mint(&self, order: &Order) -> Minted {
        let Some(plan) = self.plan(&order.service) else {
            return Minted::refused(MintRefusalReason::NoAudience, "no such service");
        };
        if plan.audience.is_none() {
            return Minted::refused(MintRefusalReason::NoAudience, "");
        }
        let known = self.refused_for_now(order);
        if let Some(refused) = known.filter(|_| order.trigger != Trigger::Probe) {
            return match order.session == own::nobody() {
                true => Minted::Refused(refused),
                false => self.remember_refusal(order, refused).await,
            };
        }
        let minted = match plan.strategy {
            Strategy::Login | Strategy::Refresh | Strategy::Authorize => {
                let goal = Goal::ServiceToken;
                self.fly(Errand { order, plan, goal }).await
            }
            Strategy::Exchange => self.exchange(order, plan).await,
            Strategy::ClientCredentials => self.own(order, plan).await,
        };
        self.note(order, plan, &minted);
        minted
    }

    /// Asks no more for a service that the provider refuses in this configuration. What a probe
    /// meets is not everybody's.
    fn suspend(&self, order: &Order, refused: &Refused, cost: RefusalCost) {
        if order.trigger != Trigger::Probe {
            let now = self.ports.clock.monotonic();
            self.suspensions.suspend(&order.service, refused, cost, now);
        }
    }

    /// Counts, logs, and sets or clears the back-off.
    fn note(&self, order: &Order, plan: &TokenPlan, minted: &Minted) {
        let status = match minted {
            Minted::There { fresh: false } => return,
            Minted::There { fresh: true } => MintStatus::Success,
            Minted::Refused(refused) => MintStatus::Refused(refused.reason),
            Minted::SessionGone => MintStatus::SessionGone,
            Minted::StoreUnavailable(_) => MintStatus::StoreUnavailable,
        };
        match order.trigger {
            Trigger::Renewal | Trigger::Rejected(_) => {
                self.ports.telemetry.token_refreshed(&plan.service, status);
            }
            Trigger::Login | Trigger::Demand | Trigger::Probe => {
                self.ports
                    .telemetry
                    .token_minted(&plan.service, plan.strategy, status);
            }
        }
        match minted {
            Minted::There { .. } => {
                slots::log_success(plan, order.trigger);
                self.back_off.clear(&order.session, &order.service);
                self.suspensions.note_minted(&order.service);
            }
            Minted::Refused(refused) if authorize::waits_for_browser(plan, refused) => {
                tracing::debug!(target: "tokenbridge", service = %plan.service, detail = refused.detail, "the service waits for the browser");
            }
            Minted::Refused(refused) => {
                // What a probe meets keeps nobody else from asking.
                if order.trigger != Trigger::Probe {
                    let now = self.ports.clock.monotonic();
                    let chance = self.ports.machine.random().unwrap_or_default();
                    self.back_off
                        .note(&order.session, &order.service, refused, (now, chance));
                }
                slots::log_refusal(plan, refused);
            }
            Minted::SessionGone | Minted::StoreUnavailable(_) => {}
        }
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
