//! One flight's turn with a refresh token: look, mark, send.

use std::time::Duration;

use tokenbridge_bridge::Secret;
use tokenbridge_bridge::grant::{Generation, RefreshGrant, Written};
use tokenbridge_bridge::service::TokenPlan;
use tokenbridge_bridge::session::{Reading, SessionFacts};
use tokenbridge_bridge::token::{MintRefusalReason, TokenSlot};
use tokenbridge_session_store::{Described, Lease, SentMark, StoreError};

use crate::minting::exchange::{LEFT, subject};
use crate::minting::lease::Taken;
use crate::minting::order::{Minted, Order, Refused};
use crate::minting::rules::{RefusalCost, Step};
use crate::minting::{Minting, back_off, lease};
use crate::tokens::request::TokenRequest;

/// A turn is repeated when somebody else was quicker; so often, and then it is given up.
const TURNS: usize = 8;
/// How often one turn sends the same refresh token, where `refresh_retry` allows it.
const SENDS: u32 = 3;
/// How much time may pass between asking for the mark and sending: a mark lasts so much longer
/// than the answer is awaited, so that nobody takes over while the answer may still come.
pub(super) const SENDING: Duration = Duration::from_secs(2);

const NOT_REPEATED: &str = "the answer to a refresh was lost; by refresh_retry it is not sent \
                            again while a valid token is left";

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
    /// Whether this refresh token was sent before and nobody knows what came of it.
    pub(super) in_doubt: bool,
}

impl Minting {
    /// Gets a token by spending the session's refresh token.
    pub(super) async fn fly(&self, errand: Errand<'_>) -> Minted {
        let Some(lease) = self.claim(errand.order) else {
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
        let mut waited_for = None;
        for _ in 0..TURNS {
            let (grant, sent) = match self.take(lease, errand).await? {
                Taken::Held(grant, sent) => (grant, sent),
                Taken::Over(minted) => return Ok(minted),
            };
            if let Some(mark) = sent.filter(|mark| !mark.remaining.is_zero()) {
                // Whoever sent it may yet store the answer.
                let ends = self.ports.clock.monotonic().saturating_add(mark.remaining);
                let wait = self.ports.machine.sleep(mark.remaining);
                self.keeping(lease, wait).await;
                waited_for = Some((mark.generation, ends.saturating_sub(self.outstanding())));
                continue;
            }
            // Who waited a mark's deadline out knows how long ago it was made.
            let sent_at = waited_for
                .filter(|(generation, _)| sent.is_some_and(|mark| mark.generation == *generation))
                .map(|(_, at)| at);
            let found = (*grant, sent, sent_at);
            match self.turn(errand, lease, found).await? {
                Turn::Over(minted) => return Ok(minted),
                Turn::Again => {}
            }
        }
        Ok(Minted::refused(
            MintRefusalReason::Unavailable,
            "other replicas were quicker again and again",
        ))
    }

    /// One turn under the lease. `found`: the grant, the mark of an earlier send, and when that
    /// was, where it is known.
    async fn turn(
        &self,
        errand: Errand<'_>,
        lease: &Lease,
        found: (RefreshGrant, Option<SentMark>, Option<Duration>),
    ) -> Result<Turn, StoreError> {
        let (grant, sent, sent_at) = found;
        let Errand { order, goal, .. } = errand;
        let reading = self.ports.store.read(&order.session, &order.service);
        let session = match reading.await? {
            Reading::Found(session) => *session,
            Reading::Replaced | Reading::Absent => return Ok(Turn::Over(Minted::SessionGone)),
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
            in_doubt: sent.is_some(),
        };
        let Some(refresh_token) = flight.grant.refresh_token.clone() else {
            return self.no_refresh_token(&flight).await;
        };
        if sent.is_some() && !self.may_resend(&flight, sent_at).await? {
            return Ok(Turn::Over(Minted::refused(
                MintRefusalReason::Unavailable,
                NOT_REPEATED,
            )));
        }
        self.send(&flight, &refresh_token).await
    }

    async fn no_refresh_token(&self, flight: &Flight<'_>) -> Result<Turn, StoreError> {
        let refused = match flight.grant.generation == Generation::FIRST {
            true => Refused::new(
                MintRefusalReason::NoRefreshToken,
                "the login brought no refresh token",
            ),
            false => Refused::new(
                MintRefusalReason::GrantRefused,
                "the session's refresh token is spent",
            ),
        };
        self.refuse(flight, refused).await
    }

    async fn may_resend(
        &self,
        flight: &Flight<'_>,
        sent_at: Option<Duration>,
    ) -> Result<bool, StoreError> {
        let elapsed = || sent_at.map(|at| self.ports.clock.monotonic().saturating_sub(at));
        // The rule is asked first as if there were something to lose: that needs no look.
        if self.rules.may_resend(elapsed(), true) {
            return Ok(true);
        }
        let now = self.ports.clock.now();
        let live = match self
            .ports
            .store
            .describe(&flight.errand.order.session)
            .await?
        {
            Described::Found(session) => session.slots.values().any(|slot| match slot {
                TokenSlot::Token(token) => now < token.expires_at,
                TokenSlot::Refused(_) => false,
            }),
            Described::Replaced | Described::Absent => false,
        };
        Ok(self.rules.may_resend(elapsed(), live))
    }

    /// Marks the refresh token as sent, sends it, and sees to what comes back.
    async fn send(&self, flight: &Flight<'_>, refresh_token: &Secret) -> Result<Turn, StoreError> {
        let request = request(flight, refresh_token);
        let first_sent = self.ports.clock.monotonic();
        for sends in 1..=SENDS {
            let in_doubt = flight.in_doubt || sends > 1;
            if let Some(turn) = self.mark_to_send(flight, in_doubt).await? {
                return Ok(turn);
            }
            let answer = self.ports.issuer.token(&request);
            let answer = self.keeping(flight.lease, answer).await;
            let refused = match self.rules.step(answer) {
                Step::Keep(response) => return self.keep(flight, *response).await,
                Step::GrantRefused(detail) => return self.grant_refused(flight, detail).await,
                Step::Refuse { refused, cost } => {
                    if cost != Some(RefusalCost::Spent) {
                        self.take_mark_back(flight, in_doubt).await;
                    }
                    return self.service_refused(flight, refused, cost).await;
                }
                Step::BackOff(refused) => {
                    self.take_mark_back(flight, in_doubt).await;
                    return self.refuse(flight, refused).await;
                }
                Step::Lost(refused) => refused,
            };
            if sends == SENDS || !self.sends_again(flight, sends, first_sent).await {
                // The connection is gone: no answer will come to wait for.
                let _ = self.mark(flight, Duration::ZERO).await;
                return self.refuse(flight, refused).await;
            }
        }
        Ok(Turn::Again)
    }

    /// The last check before a refresh token leaves. `None`: it may, at once.
    async fn mark_to_send(
        &self,
        flight: &Flight<'_>,
        in_doubt: bool,
    ) -> Result<Option<Turn>, StoreError> {
        let asked = self.ports.clock.monotonic();
        match self.mark(flight, self.outstanding()).await {
            Ok(Written::Stored) => {}
            Ok(Written::Stale) => return Ok(Some(Turn::Again)),
            Ok(Written::Gone) => return Ok(Some(Turn::Over(Minted::SessionGone))),
            Err(error) => {
                // The mark may stand although nobody said so.
                self.take_mark_back(flight, in_doubt).await;
                return Err(error);
            }
        }
        if self.ports.clock.monotonic().saturating_sub(asked) <= SENDING {
            return Ok(None);
        }
        self.take_mark_back(flight, in_doubt).await;
        Ok(Some(Turn::Again))
    }

    /// Whether a refresh whose answer was lost is sent again in this turn, after a pause.
    async fn sends_again(&self, flight: &Flight<'_>, sends: u32, first_sent: Duration) -> bool {
        let allowed = || {
            let elapsed = self.ports.clock.monotonic().saturating_sub(first_sent);
            self.rules.may_resend(Some(elapsed), true)
        };
        if !allowed() {
            return false;
        }
        let chance = self.ports.machine.random().unwrap_or_default();
        let pause = self.ports.machine.sleep(back_off::delay(sends - 1, chance));
        self.keeping(flight.lease, pause).await;
        // Steps that are shorter than the keeper's pause would let the lease run out.
        let _ = self.ports.store.keep(flight.lease, lease::LEASE).await;
        allowed()
    }

    /// How long after its mark a send may still be under way.
    fn outstanding(&self) -> Duration {
        self.rules.answer_deadline.saturating_add(SENDING)
    }

    /// Nothing is outstanding any more. What came of an earlier send is as unknown as before, so
    /// such a mark stays, without a deadline. A mark that stays for want of the store only makes
    /// the next flight careful.
    async fn take_mark_back(&self, flight: &Flight<'_>, in_doubt: bool) {
        let generation = flight.grant.generation;
        let _ = match in_doubt {
            true => self.mark(flight, Duration::ZERO).await,
            false => self.ports.store.clear_sent(flight.lease, generation).await,
        };
    }

    async fn mark(&self, flight: &Flight<'_>, deadline: Duration) -> Result<Written, StoreError> {
        let generation = flight.grant.generation;
        self.ports
            .store
            .mark_sent(flight.lease, generation, deadline)
            .await
    }
}

fn request(flight: &Flight<'_>, refresh_token: &Secret) -> TokenRequest {
    let plan = match flight.errand.goal {
        Goal::ServiceToken => Some(flight.errand.plan),
        Goal::LoginToken { .. } => None,
    };
    TokenRequest::refresh(refresh_token, plan)
}
