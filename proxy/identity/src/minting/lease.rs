//! One flight per grant in the fleet: taking the lease, waiting for whoever has it, keeping it.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokenbridge_bridge::grant::{Holder, RefreshGrant};
use tokenbridge_bridge::session::Reading;
use tokenbridge_bridge::token::MintRefusalReason;
use tokenbridge_session_store::{Acquired, Lease, StoreError};

use crate::minting::Minting;
use crate::minting::authorize::without_grant;
use crate::minting::order::Minted;
use crate::minting::turn::{Errand, Goal};

/// How long a lease lasts unless it is kept: what a replica that died holds others up.
pub(crate) const LEASE: Duration = Duration::from_secs(6);
/// How often it is kept.
const KEPT_EVERY: Duration = Duration::from_secs(2);
/// How often a flight looks whether another replica has finished.
const POLL: Duration = Duration::from_millis(150);
/// How long it looks.
const PATIENCE: Duration = Duration::from_secs(30);

/// A grant's refresh token was sent before, and nobody knows what came of it.
#[derive(Clone, Copy)]
pub(super) struct EarlierSend {
    /// By the monotonic clock, when it was first sent; rather too early than too late.
    pub(super) first: Duration,
    /// How long the answer may still come.
    pub(super) remaining: Duration,
}

/// What came of waiting for a lease.
pub(super) enum Taken {
    /// It is held.
    Held(Box<RefreshGrant>, Option<EarlierSend>),
    /// There is nothing left to do.
    Over(Minted),
}

impl Minting {
    /// A claim that nobody else in the fleet makes.
    pub(super) fn claim(&self, errand: Errand<'_>) -> Option<Lease> {
        self.ports.machine.random().map(|number| Lease {
            session: errand.order.session,
            grant: errand.plan.grant(),
            holder: Holder(number),
        })
    }

    /// Takes the lease. While another replica has it, looks whether that has brought the token.
    pub(super) async fn take(
        &self,
        lease: &Lease,
        errand: Errand<'_>,
    ) -> Result<Taken, StoreError> {
        let patience = self.ports.clock.monotonic().saturating_add(PATIENCE);
        loop {
            let asked = self.ports.clock.monotonic();
            let wait = match self.ports.store.acquire(lease, LEASE).await? {
                Acquired::Held { grant, sent } => {
                    let earlier = sent.map(|mark| EarlierSend {
                        first: asked.saturating_sub(mark.age),
                        remaining: mark.remaining,
                    });
                    return Ok(Taken::Held(grant, earlier));
                }
                Acquired::Gone => return Ok(Taken::Over(Minted::SessionGone)),
                Acquired::NoGrant => {
                    return Ok(Taken::Over(Minted::Refused(without_grant(errand.plan))));
                }
                Acquired::Busy { remaining } => remaining.min(POLL),
            };
            if self.ports.clock.monotonic() >= patience {
                let refused = Minted::refused(
                    MintRefusalReason::Unavailable,
                    "another replica has been renewing this session for too long",
                );
                return Ok(Taken::Over(refused));
            }
            self.ports.machine.sleep(wait).await;
            let reading = self
                .ports
                .store
                .read(&lease.session, &errand.order.service)
                .await?;
            if let Some(minted) = self.brought_by_another(&reading, errand) {
                return Ok(Taken::Over(minted));
            }
        }
    }

    fn brought_by_another(&self, reading: &Reading, errand: Errand<'_>) -> Option<Minted> {
        let slot = match reading {
            Reading::Found(session) => session.slot.as_ref(),
            Reading::Replaced | Reading::Absent | Reading::Unreadable => {
                return Some(Minted::SessionGone);
            }
        };
        let there = match errand.goal {
            Goal::ServiceToken => !self.needed(errand.order, slot),
            // The login's token stands in the grant, which is read with the lease.
            Goal::LoginToken { .. } => false,
        };
        there.then_some(Minted::There { fresh: false })
    }

    /// Keeps the lease while `work` goes on. A lease that is lost meanwhile stops nothing: what
    /// the work brings is written by its generation, not by its lease.
    pub(super) async fn keeping<T>(&self, lease: &Lease, work: impl Future<Output = T>) -> T {
        let keeper = pin!(async {
            loop {
                self.ports.machine.sleep(KEPT_EVERY).await;
                let _ = self.ports.store.keep(lease, LEASE).await;
            }
        });
        match select(pin!(work), keeper).await {
            Either::Left((done, _)) => done,
            Either::Right((never, _)) => match never {},
        }
    }

    /// Gives the lease back; if that fails it runs out by itself.
    pub(super) async fn give_back(&self, lease: &Lease) {
        let _ = self.ports.store.release(lease).await;
    }
}
