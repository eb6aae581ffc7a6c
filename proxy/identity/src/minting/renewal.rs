//! Renewing what falls due, behind everybody's back. Work grows with what is due, not with what is
//! stored; a session that is over is ended here instead of being renewed.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::service::ServiceName;
use tokenbridge_bridge::session::SessionKey;
use tokenbridge_bridge::token::TokenSlot;
use tokenbridge_session_store::{Described, Description, StoreError};

use crate::minting::Minting;
use crate::minting::order::{Order, Trigger};
use crate::telemetry::EndReason;

/// Sessions that one look takes on.
pub(crate) const BATCH: usize = 256;
/// Sessions that are renewed at the same time: what the provider has to bear from one replica.
const PARALLEL: usize = 16;
/// For how long a replica keeps the others off a session that it has taken on. Whoever comes by
/// afterwards finds it done; a replica that was killed costs this much.
const TAKEN_ON: Duration = Duration::from_secs(20);
/// How soon a session is looked at again of which a token is due and could not be renewed.
const AGAIN: Duration = Duration::from_secs(10);
/// How long a session is left alone that no key of this replica opens.
const UNREADABLE_AGAIN: Duration = Duration::from_secs(600);

impl Minting {
    /// Renews the sessions that are due, at most [`BATCH`] of them; how many there were.
    ///
    /// # Errors
    /// The store does not answer.
    pub(crate) async fn renew_due(self: &Arc<Self>) -> Result<usize, StoreError> {
        let now = self.ports.clock.now();
        let due = self.ports.store.due_before(now, BATCH).await?;
        let count = due.len();
        futures_util::stream::iter(due)
            .map(|session| Arc::clone(self).renew_session(session))
            .buffer_unordered(PARALLEL)
            .for_each(|renewed| async move {
                if let Err(error) = renewed {
                    tracing::debug!(target: "tokenbridge", %error, "a session could not be renewed");
                }
            })
            .await;
        Ok(count)
    }

    /// Notes when a session falls due next.
    pub(crate) async fn schedule(&self, session: &SessionKey) {
        if let Err(error) = self.try_schedule(session).await {
            // On-demand renewal still serves it; the next look at the session notes it again.
            tracing::debug!(target: "tokenbridge", %error, "a renewal could not be scheduled");
        }
    }

    async fn renew_session(self: Arc<Self>, session: SessionKey) -> Result<(), StoreError> {
        let now = self.ports.clock.now();
        let description = match self.ports.store.describe(&session).await? {
            Described::Found(description) => description,
            Described::Replaced | Described::Absent => {
                return self.ports.store.unschedule(&session).await;
            }
            // A replica that has its key may renew it.
            Described::Unreadable => {
                let later = now.plus(UNREADABLE_AGAIN);
                return self.ports.store.schedule(&session, later).await;
            }
        };
        if description
            .facts
            .check_alive(description.last_seen, self.rules.idle, now)
            .is_err()
        {
            return self.end_expired(&session).await;
        }
        self.ports
            .store
            .schedule(&session, now.plus(TAKEN_ON))
            .await?;
        for service in self.due_services(&description, now) {
            let order = Order {
                session,
                service,
                trigger: Trigger::Renewal,
            };
            if self.refused_for_now(&order).is_none() {
                let _ = self.request(order).await;
            }
        }
        self.try_schedule(&session).await
    }

    fn due_services(&self, description: &Description, now: UnixTime) -> Vec<ServiceName> {
        let due = |slot: Option<&TokenSlot>| match slot {
            Some(TokenSlot::Token(token)) => {
                now >= self
                    .rules
                    .timing
                    .due_at(token.issued_at, token.expires_at, EARLIEST)
            }
            // What was refused, or never minted, is asked for when somebody needs it.
            Some(TokenSlot::Refused(_)) | None => false,
        };
        let plans = self.plans.iter().filter(|plan| plan.audience.is_some());
        plans
            .filter(|plan| due(description.slots.get(&plan.service)))
            .map(|plan| plan.service.clone())
            .collect()
    }

    async fn end_expired(&self, session: &SessionKey) -> Result<(), StoreError> {
        if let Some(ended) = self.ports.store.end(session, None).await? {
            self.ports.telemetry.session_destroyed(EndReason::Expired);
            for (_, refresh_token) in ended.refresh_tokens {
                self.ports.revoker.revoke(refresh_token);
            }
        }
        Ok(())
    }

    async fn try_schedule(&self, session: &SessionKey) -> Result<(), StoreError> {
        let now = self.ports.clock.now();
        let Described::Found(description) = self.ports.store.describe(session).await? else {
            return Ok(());
        };
        let chance = self.ports.machine.random().unwrap_or_default();
        let at = self.next_due(&description, now, jitter(chance));
        self.ports.store.schedule(session, at).await
    }

    /// The earliest due time of its tokens, and no later than when it may be over.
    fn next_due(&self, description: &Description, now: UnixTime, jitter: f64) -> UnixTime {
        let tokens = description.slots.values().filter_map(|slot| match slot {
            TokenSlot::Token(token) => Some(token),
            TokenSlot::Refused(_) => None,
        });
        let due = tokens.map(|token| {
            let due = self
                .rules
                .timing
                .due_at(token.issued_at, token.expires_at, jitter);
            if due <= now { now.plus(AGAIN) } else { due }
        });
        let over = description
            .last_seen
            .plus(self.rules.idle.0)
            .min(description.facts.expires_at);
        due.fold(
            if over <= now { now.plus(AGAIN) } else { over },
            UnixTime::min,
        )
    }
}

/// The largest share of its life by which a token is renewed early (see `RenewalTiming::due_at`).
const EARLIEST: f64 = 0.1;

/// A share of life between 0 and [`EARLIEST`], so that sessions that were created together do not
/// fall due together.
fn jitter(chance: u128) -> f64 {
    let share = u32::try_from(chance % 1_000).unwrap_or_default();
    EARLIEST * f64::from(share) / 1_000.0
}
