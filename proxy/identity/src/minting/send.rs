//! Sending a refresh token: the mark before it, the answer after it, and once more where the
//! provider's own rule allows it.

use std::time::Duration;

use tokenbridge_bridge::Secret;
use tokenbridge_bridge::grant::Written;
use tokenbridge_session_store::StoreError;

use crate::minting::order::{Minted, Trigger};
use crate::minting::rules::{RefusalCost, Step};
use crate::minting::turn::{Flight, Goal, Turn};
use crate::minting::{Minting, back_off, lease};
use crate::tokens::request::TokenRequest;

/// How often one turn sends the same refresh token, where `refresh_retry` allows it.
const SENDS: u32 = 3;
/// How much time may pass between asking for the mark and sending: a mark lasts so much longer
/// than the answer is awaited, so that nobody takes over while the answer may still come.
pub(super) const SENDING: Duration = Duration::from_secs(2);

impl Minting {
    /// Marks the refresh token as sent, sends it, and sees to what comes back.
    pub(super) async fn send(
        &self,
        flight: &Flight<'_>,
        refresh_token: &Secret,
    ) -> Result<Turn, StoreError> {
        let request = request(flight, refresh_token);
        let now = self.ports.clock.monotonic();
        let first_sent = flight.first_sent.unwrap_or(now);
        for sends in 1..=SENDS {
            let in_doubt = flight.first_sent.is_some() || sends > 1;
            if let Some(turn) = self.mark_to_send(flight, in_doubt).await? {
                return Ok(turn);
            }
            let answer = self.ports.issuer.token(&request);
            let answer = self.keeping(flight.lease, answer).await;
            let refused = match self.rules.step(answer) {
                Step::Keep(response) => return self.keep(flight, *response).await,
                Step::GrantRefused(detail) => return self.grant_refused(flight, detail).await,
                Step::Refuse { refused, cost } => {
                    self.mark_refused(flight, cost, in_doubt).await;
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

    /// What a refused service leaves of the mark.
    async fn mark_refused(&self, flight: &Flight<'_>, cost: Option<RefusalCost>, in_doubt: bool) {
        match cost {
            Some(RefusalCost::Spent) => {}
            Some(RefusalCost::Unknown) => {
                // A probe has nothing to lose, and more services to ask for.
                let probes = flight.errand.order.trigger == Trigger::Probe;
                self.take_mark_back(flight, in_doubt || !probes).await;
            }
            Some(RefusalCost::Harmless) | None => self.take_mark_back(flight, in_doubt).await,
        }
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
            self.rules.may_resend(elapsed, true)
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

    /// Nothing is outstanding any more. Where nobody knows what became of the refresh token, by this
    /// send or an earlier one, the mark stays, without a deadline. A mark that stays for want of the
    /// store only makes the next flight careful.
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
