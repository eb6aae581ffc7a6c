//! What stands in the session where a service's token belongs.

use tokenbridge_bridge::admission::{mismatch_detail, refused as refusal_of};
use tokenbridge_bridge::grant::{Generation, GrantName, Written};
use tokenbridge_bridge::service::{Strategy, TokenPlan};
use tokenbridge_bridge::session::SessionKey;
use tokenbridge_bridge::token::{
    AudienceBound, BindProblem, MintRefusal, MintRefusalReason, ServiceToken, TokenSlot,
};
use tokenbridge_session_store::StoreError;

use crate::minting::Minting;
use crate::minting::distinct::Put;
use crate::minting::order::{Minted, Order, Refused, Trigger};
use crate::minting::turn::{Flight, Turn};

impl Minting {
    /// Judges a token that a refresh brought, and puts it where it belongs. A plain refresh
    /// renews all services that live on the login's own token.
    pub(super) async fn settle_token(
        &self,
        flight: &Flight<'_>,
        token: &ServiceToken,
    ) -> Result<Turn, StoreError> {
        let token = &ServiceToken {
            forced: matches!(flight.errand.order.trigger, Trigger::Rejected(_)),
            ..token.clone()
        };
        let guard = (&flight.lease.grant, flight.grant.generation.next());
        if flight.errand.plan.strategy == Strategy::Login {
            for plan in &self.plans {
                let other = plan.service != flight.errand.plan.service;
                if other && plan.strategy == Strategy::Login && judge(plan, token).is_ok() {
                    let put =
                        self.put_token(&flight.lease.session, plan, token.clone(), Some(guard));
                    if let Put::Refused(refused) = put.await? {
                        log_refusal(plan, &refused);
                    }
                }
            }
        }
        if let Err(refused) = judge(flight.errand.plan, token) {
            return self.refuse(flight, refused).await;
        }
        let (session, plan) = (&flight.lease.session, flight.errand.plan);
        let put = self.put_token(session, plan, token.clone(), Some(guard));
        match put.await? {
            Put::Asked(Written::Stored) => Ok(Turn::Over(Minted::There { fresh: true })),
            Put::Asked(Written::Stale) => Ok(Turn::Again),
            Put::Asked(Written::Gone) => Ok(Turn::Over(Minted::SessionGone)),
            Put::Refused(refused) => self.refuse(flight, refused).await,
        }
    }

    /// Writes a refusal down, unless a valid token stands there: that is used while it lives.
    pub(super) async fn refuse(
        &self,
        flight: &Flight<'_>,
        refused: Refused,
    ) -> Result<Turn, StoreError> {
        let slot = flight.slot.as_ref();
        self.write_refusal(flight.errand.order, slot, refused)
            .await
            .map(Turn::Over)
    }

    /// The same, for whoever holds no lease. `slot`: what stands there now.
    pub(super) async fn write_refusal(
        &self,
        order: &Order,
        slot: Option<&TokenSlot>,
        refused: Refused,
    ) -> Result<Minted, StoreError> {
        let now = self.ports.clock.now();
        let live = match slot {
            Some(TokenSlot::Token(token)) => now < token.expires_at,
            Some(TokenSlot::Refused(_)) | None => false,
        };
        // An outage says nothing about the service: there is nothing to remember.
        if !live && refused.reason != MintRefusalReason::Unavailable {
            let slot = self.refusal_slot(&refused);
            let put = self
                .ports
                .store
                .put_slot(&order.session, &order.service, &slot, None);
            if put.await? == Written::Gone {
                return Ok(Minted::SessionGone);
            }
        }
        Ok(Minted::Refused(refused))
    }

    /// An order that is refused at once still says so in the session.
    pub(super) async fn remember_refusal(&self, order: &Order, refused: Refused) -> Minted {
        if !refused.reason.may_pass() && matches!(order.trigger, Trigger::Login | Trigger::Demand) {
            let slot = self.refusal_slot(&refused);
            let put = self
                .ports
                .store
                .put_slot(&order.session, &order.service, &slot, None);
            match put.await {
                Ok(Written::Gone) => return Minted::SessionGone,
                Ok(Written::Stored | Written::Stale) => {}
                Err(error) => return error.into(),
            }
        }
        Minted::Refused(refused)
    }

    pub(super) async fn put(
        &self,
        session: &SessionKey,
        plan: &TokenPlan,
        slot: &TokenSlot,
        guard: Option<(&GrantName, Generation)>,
    ) -> Result<Written, StoreError> {
        self.ports
            .store
            .put_slot(session, &plan.service, slot, guard)
            .await
    }

    pub(super) fn refusal_slot(&self, refused: &Refused) -> TokenSlot {
        TokenSlot::Refused(MintRefusal {
            reason: refused.reason,
            detail: refused.detail.clone(),
            at: self.ports.clock.now(),
        })
    }
}

/// Whether a token may be sent to the plan's service.
pub(super) fn judge(plan: &TokenPlan, token: &ServiceToken) -> Result<(), Refused> {
    let Some(policy) = &plan.audience else {
        return Err(Refused::new(MintRefusalReason::NoAudience, ""));
    };
    AudienceBound::bind(token, policy)
        .map(|_| ())
        .map_err(|problem| match problem {
            BindProblem::Audience(problem) => Refused {
                came: token.audiences.clone(),
                scopes: token.scopes.clone(),
                life: Some(token.expires_at.since(token.issued_at)),
                ..Refused::new(
                    MintRefusalReason::WrongAudience,
                    mismatch_detail(plan, policy, &token.audiences, &problem),
                )
            },
            BindProblem::NotAHeaderValue => Refused::new(
                MintRefusalReason::BadResponse,
                "the access token cannot stand in a header field",
            ),
        })
}

/// One line for whoever runs the gateway, when a service is refused.
pub(super) fn log_refusal(plan: &TokenPlan, refused: &Refused) {
    let refusal = refusal_of(plan, refused.reason, &refused.detail);
    let code = refusal.rejection.code();
    tracing::warn!(target: "tokenbridge", "{code} {}", refusal.detail);
}

/// One line for whoever watches tokens come.
pub(super) fn log_success(plan: &TokenPlan, trigger: Trigger) {
    let what = match trigger {
        Trigger::Login | Trigger::Demand | Trigger::Probe => "minted",
        Trigger::Renewal | Trigger::Rejected(_) => "renewed",
    };
    let (service, strategy) = (&plan.service, plan.strategy.as_str());
    tracing::debug!(target: "tokenbridge", "token {what} service={service} strategy={strategy}");
}
