//! The tokens of a session that was just created: first what the login itself brought, then one
//! service after the other, in the order that costs least.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokenbridge_bridge::grant::{Generation, GrantName};
use tokenbridge_bridge::service::{Mint, ServiceName, Strategy, TokenPlan};
use tokenbridge_bridge::session::SessionKey;
use tokenbridge_bridge::token::ServiceToken;

use crate::minting::Minting;
use crate::minting::distinct::{Put, may_both_have};
use crate::minting::order::{Minted, Order, Refused, Trigger};
use crate::minting::slots::judge;

/// How long a login waits for its tokens; what is not there by then is minted on demand.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The access token of a login.
pub(crate) struct LoginToken {
    /// The token, or why it is not used.
    pub(crate) token: Result<ServiceToken, Refused>,
    /// The service whose resource the code exchange named.
    pub(crate) made_for: Option<ServiceName>,
}

impl Minting {
    /// Fills a new session. Nothing that fails here fails the login. The service, if any, whose
    /// refusal has spent the login's refresh token, or may have: it is suspended now, and what was
    /// still to be minted can be had by another login.
    pub(crate) async fn fill(
        self: &Arc<Self>,
        session: SessionKey,
        login: LoginToken,
    ) -> Option<ServiceName> {
        for plan in &self.plans {
            if plan.strategy == Strategy::Login && plan.audience.is_some() {
                let _ = self.place(&session, plan, &login).await;
            }
        }
        let made_for = login
            .made_for
            .as_ref()
            .filter(|service| self.fits(service, &login));
        if let Some(plan) = made_for.and_then(|service| self.plan(service)) {
            let _ = self.place(&session, plan, &login).await;
        }
        let orders = self.orders(session, made_for);
        let minting = pin!(self.mint_in_order(orders));
        let patience = pin!(self.ports.machine.sleep(PATIENCE));
        let spent_by = match select(minting, patience).await {
            Either::Left((spent_by, _)) => spent_by,
            Either::Right(_) => {
                tracing::warn!(target: "tokenbridge", "minting took too long at a login; the rest is minted on demand");
                None
            }
        };
        self.schedule(&session).await;
        spent_by
    }

    /// One after the other, up to a refusal that has spent the refresh token, or may have.
    async fn mint_in_order(self: &Arc<Self>, orders: Vec<Order>) -> Option<ServiceName> {
        for order in orders {
            let service = order.service.clone();
            match self.request(order).await {
                Minted::Refused(refused) if refused.spends => return Some(service),
                Minted::There { .. }
                | Minted::Refused(_)
                | Minted::SessionGone
                | Minted::StoreUnavailable(_) => {}
            }
        }
        None
    }

    /// Whether the login's own token will do for a service that can also get one by a refresh,
    /// and serves no other one already.
    fn fits(&self, service: &ServiceName, login: &LoginToken) -> bool {
        let by_login = |plan: &&TokenPlan| plan.strategy == Strategy::Login;
        self.plan(service)
            .zip(login.token.as_ref().ok())
            .is_some_and(|(plan, token)| {
                let mut others = self.plans.iter().filter(by_login);
                judge(plan, token).is_ok() && !others.any(|other| may_both_have(plan, other, token))
            })
    }

    /// Puts the login's own token where it belongs, if it may be used there.
    pub(super) async fn place(
        &self,
        session: &SessionKey,
        plan: &TokenPlan,
        login: &LoginToken,
    ) -> Minted {
        let judged = login
            .token
            .clone()
            .and_then(|token| judge(plan, &token).map(|()| token));
        let order = Order {
            session: *session,
            service: plan.service.clone(),
            trigger: Trigger::Login,
        };
        let guard = Some((&GrantName::Login, Generation::FIRST));
        let put = match judged {
            Ok(token) => self.put_token(session, plan, token, guard).await,
            Err(refused) => Ok(Put::Refused(refused)),
        };
        let minted = match put {
            Ok(Put::Asked(_)) => Minted::There { fresh: true },
            Ok(Put::Refused(refused)) => {
                let slot = self.refusal_slot(&refused);
                let put = self.put(session, plan, &slot, guard).await;
                put.map_or_else(Minted::from, |_| Minted::Refused(refused))
            }
            Err(error) => error.into(),
        };
        self.note(&order, plan, &minted);
        minted
    }

    /// What is minted at login: services that the provider has given tokens for before go first,
    /// for a refusal may spend the refresh token.
    fn orders(&self, session: SessionKey, done: Option<&ServiceName>) -> Vec<Order> {
        let wanted = |plan: &&TokenPlan| {
            plan.audience.is_some()
                && plan.mint == Mint::Login
                && plan.strategy != Strategy::Login
                // Its tokens come by the browser, behind the login.
                && plan.strategy != Strategy::Authorize
                && done != Some(&plan.service)
        };
        let mut services: Vec<&ServiceName> = self
            .plans
            .iter()
            .filter(wanted)
            .map(|plan| &plan.service)
            .collect();
        services.sort_by_key(|service| !self.suspensions.was_minted(service));
        services
            .into_iter()
            .map(|service| Order {
                session,
                service: service.clone(),
                trigger: Trigger::Login,
            })
            .collect()
    }
}
