//! One flight's turn with a refresh token: whether it is needed, and may be sent.

use std::time::Duration;

use tokenbridge_bridge::Secret;
use tokenbridge_bridge::grant::{Generation, GrantName, RefreshGrant};
use tokenbridge_bridge::service::{ServiceName, Strategy, TokenPlan};
use tokenbridge_bridge::session::{Reading, SessionFacts};
use tokenbridge_bridge::token::{MintRefusalReason, TokenSlot};
use tokenbridge_session_store::{Described, Lease, StoreError};

use crate::minting::Minting;
use crate::minting::exchange::{LEFT, subject};
use crate::minting::lease::Taken;
use crate::minting::order::{Minted, Order, Refused, Trigger};

/// A turn is repeated when somebody else was quicker; so often, and then it is given up.
const TURNS: usize = 8;

const NOT_REPEATED: &str = "the answer to a refresh was lost; by refresh_retry it is not sent \
                            again while a valid token is left";

const SPENT: &str = "the session's refresh token is spent";

/// How a turn ended.
pub(super) enum Turn {
    /// There is nothing left to do.
    Over(Minted),
    /// Somebody else was quicker: look again.
    Again,
}

/// What a refresh is for.
#[derive(Clone, Copy)]
pub(super) enum Goal<'a> {
    /// The service's own token.
    ServiceToken,
    /// The login's token, from which exchanges start; another one than `refused`.
    LoginToken {
        /// A login token that the provider does not take any more.
        refused: Option<&'a Secret>,
    },
}

/// For whom a refresh is made, and for what.
#[derive(Clone, Copy)]
pub(super) struct Errand<'a> {
    pub(super) order: &'a Order,
    pub(super) plan: &'a TokenPlan,
    pub(super) goal: Goal<'a>,
}

/// What a turn works on.
pub(super) struct Flight<'a> {
    pub(super) errand: Errand<'a>,
    pub(super) lease: &'a Lease,
    pub(super) facts: SessionFacts,
    pub(super) grant: RefreshGrant,
    /// What stands in the session now.
    pub(super) slot: Option<TokenSlot>,
    /// By the monotonic clock, when this refresh token was first sent without anybody knowing
    /// what came of it.
    pub(super) first_sent: Option<Duration>,
}

impl Minting {
    /// Gets a token by spending the session's refresh token.
    pub(super) async fn fly(&self, errand: Errand<'_>) -> Minted {
        let Some(lease) = self.claim(errand) else {
            return Minted::refused(
                MintRefusalReason::Unavailable,
                "the operating system's random source failed",
            );
        };
        let flown = self.turns(errand, &lease).await;
        self.give_back(&lease).await;
        flown.unwrap_or_else(Minted::from)
    }

    async fn turns(&self, errand: Errand<'_>, lease: &Lease) -> Result<Minted, StoreError> {
        for _ in 0..TURNS {
            let (grant, sent) = match self.take(lease, errand).await? {
                Taken::Held(grant, sent) => (grant, sent),
                Taken::Over(minted) => return Ok(minted),
            };
            if let Some(sent) = sent.filter(|sent| !sent.remaining.is_zero()) {
                // Whoever sent it may yet store the answer.
                let wait = self.ports.machine.sleep(sent.remaining);
                self.keeping(lease, wait).await;
                continue;
            }
            let first_sent = sent.map(|sent| sent.first);
            // Before anything is judged: what is true now may have passed by the end of the queue.
            let _call = self.keeping(lease, self.call()).await;
            match self.turn(errand, lease, (*grant, first_sent)).await? {
                Turn::Over(minted) => return Ok(minted),
                Turn::Again => {}
            }
        }
        Ok(Minted::refused(
            MintRefusalReason::Unavailable,
            "other replicas were quicker again and again",
        ))
    }

    /// One turn under the lease. `found`: the grant, and when its refresh token was first sent if
    /// nobody knows what came of that.
    async fn turn(
        &self,
        errand: Errand<'_>,
        lease: &Lease,
        (grant, first_sent): (RefreshGrant, Option<Duration>),
    ) -> Result<Turn, StoreError> {
        let Errand { order, goal, .. } = errand;
        let reading = self.ports.store.read(&order.session, &order.service);
        let session = match reading.await? {
            Reading::Found(session) => *session,
            Reading::Replaced | Reading::Absent | Reading::Unreadable => {
                return Ok(Turn::Over(Minted::SessionGone));
            }
        };
        let needed = match goal {
            Goal::ServiceToken => self.needed(order, session.slot.as_ref()),
            Goal::LoginToken { refused } => {
                let until = self.ports.clock.now().plus(LEFT);
                subject(self.rules, &grant, refused, until).is_none()
            }
        };
        if !needed {
            return Ok(Turn::Over(Minted::There { fresh: false }));
        }
        let flight = Flight {
            errand,
            lease,
            facts: session.facts,
            grant,
            slot: session.slot,
            first_sent,
        };
        let Some(refresh_token) = flight.grant.refresh_token.clone() else {
            return self.no_refresh_token(&flight).await;
        };
        if let Some(first_sent) = first_sent
            && !self.may_resend(&flight, first_sent).await?
        {
            return Ok(Turn::Over(Minted::refused(
                MintRefusalReason::Unavailable,
                NOT_REPEATED,
            )));
        }
        self.send(&flight, &refresh_token).await
    }

    async fn no_refresh_token(&self, flight: &Flight<'_>) -> Result<Turn, StoreError> {
        if flight.errand.plan.strategy == Strategy::Authorize {
            return self.authorization_over(flight).await;
        }
        let (reason, detail) = match flight.errand.order.trigger {
            _ if flight.grant.generation == Generation::FIRST => (
                MintRefusalReason::NoRefreshToken,
                "the login brought no refresh token",
            ),
            // It has just been refused: another login would bring another like it.
            Trigger::Login | Trigger::Probe => (MintRefusalReason::GrantRefused, SPENT),
            // Another login brings another one.
            Trigger::Demand | Trigger::Renewal | Trigger::Rejected(_) => {
                (MintRefusalReason::InteractionRequired, SPENT)
            }
        };
        let refused = Refused::new(reason, detail);
        self.refuse(flight, refused).await
    }

    /// Whether a service's token ends with the login's refresh token. One that has an authorization
    /// of its own renews for ever: waiting for its end would leave the others without tokens.
    fn is_paid_by_login(&self, service: &ServiceName) -> bool {
        self.plan(service)
            .is_none_or(|plan| plan.grant() == GrantName::Login)
    }

    async fn may_resend(
        &self,
        flight: &Flight<'_>,
        first_sent: Duration,
    ) -> Result<bool, StoreError> {
        let elapsed = || self.ports.clock.monotonic().saturating_sub(first_sent);
        // The rule is asked first as if there were something to lose: that needs no look.
        if self.rules.may_resend(elapsed(), true) {
            return Ok(true);
        }
        let now = self.ports.clock.now();
        if flight.lease.grant != GrantName::Login {
            // Only this service lives on it: there is nothing else to lose.
            let slot = flight.slot.as_ref();
            let live = matches!(slot, Some(TokenSlot::Token(token)) if now < token.expires_at);
            return Ok(self.rules.may_resend(elapsed(), live));
        }
        let live = match self
            .ports
            .store
            .describe(&flight.errand.order.session)
            .await?
        {
            Described::Found(session) => session.slots.iter().any(|(service, slot)| match slot {
                TokenSlot::Token(token) => now < token.expires_at && self.is_paid_by_login(service),
                TokenSlot::Refused(_) => false,
            }),
            Described::Replaced | Described::Absent | Described::Unreadable => false,
        };
        Ok(self.rules.may_resend(elapsed(), live))
    }
}
