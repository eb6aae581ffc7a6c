//! One real token of each service for a probe: suspended services are asked for too, what fails
//! suspends nothing, and what succeeds lifts a suspension in the whole fleet.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use sha2::{Digest, Sha256};
use tokenbridge_bridge::Secret;
use tokenbridge_bridge::service::{Audience, ServiceName, Strategy, TokenPlan};
use tokenbridge_bridge::session::{Reading, SessionKey};
use tokenbridge_bridge::token::{MintRefusalReason, ServiceToken, TokenSlot};

use crate::minting::Minting;
use crate::minting::at_login::{LoginToken, PATIENCE};
use crate::minting::authorize::HOPS;
use crate::minting::order::{Minted, Order, Refused, Trigger};
use crate::probe::hints::{Asker, hint};
use crate::probe::{Probed, RefreshTokenUse, Verdict};

/// How long replicas are told that a service can be had again.
const TOLD_FOR: Duration = Duration::from_secs(120);

impl Minting {
    /// Asks for one token of each service that has an audience, one after the other.
    pub(crate) async fn probe(
        self: &Arc<Self>,
        session: SessionKey,
        login: LoginToken,
    ) -> Vec<Probed> {
        let mut plans: Vec<&TokenPlan> = self
            .plans
            .iter()
            .filter(|plan| plan.audience.is_some() && plan.strategy != Strategy::Authorize)
            .collect();
        // A refusal may spend the refresh token, so those that are known to work go first.
        plans.sort_by_key(|plan| !self.suspensions.was_minted(&plan.service));
        let mut services = Vec::with_capacity(plans.len());
        for plan in plans {
            services.push(self.probe_service(&session, plan, &login).await);
        }
        services
    }

    /// The services for which a probe's browser goes to the provider once more: as many as behind
    /// a login.
    pub(crate) fn authorized_for_a_probe(&self) -> Vec<ServiceName> {
        let plans = self.plans.iter().filter(|plan| by_itself(plan));
        let names = plans.map(|plan| plan.service.clone());
        names.take(HOPS).collect()
    }

    /// What was found, in the order of the configuration; services beyond a chain of
    /// authorizations were not asked for.
    pub(crate) fn in_order(&self, mut services: Vec<Probed>) -> Vec<Probed> {
        for plan in self.plans.iter().filter(|plan| by_itself(plan)) {
            if !services
                .iter()
                .any(|found| found.service == plan.service.as_str())
            {
                services.push(probed(plan, Found::Skipped));
            }
        }
        let position = |probed: &Probed| {
            let named = |plan: &TokenPlan| plan.service.as_str() == probed.service;
            self.plans.iter().position(named)
        };
        services.sort_by_key(position);
        services
    }

    async fn probe_service(
        self: &Arc<Self>,
        session: &SessionKey,
        plan: &TokenPlan,
        login: &LoginToken,
    ) -> Probed {
        let before = self.refresh_token(session, plan).await;
        let minted = match plan.strategy {
            Strategy::Login => self.place(session, plan, login).await,
            Strategy::Refresh
            | Strategy::Exchange
            | Strategy::ClientCredentials
            | Strategy::Authorize => self.probe_order(session, plan).await,
        };
        let after = self.refresh_token(session, plan).await;
        Probed {
            refresh_token: fate(before, after),
            ..self.probed(session, plan, minted).await
        }
    }

    /// What came of one service.
    pub(crate) async fn probed(
        &self,
        session: &SessionKey,
        plan: &TokenPlan,
        minted: Minted,
    ) -> Probed {
        let found = match minted {
            Minted::There { .. } => match self.found(session, plan).await {
                Some(token) => Found::Token(token),
                None => Found::Refused(unavailable("the store has not kept the token")),
            },
            Minted::Refused(refused) => Found::Refused(refused),
            Minted::SessionGone => Found::Refused(unavailable("the session is gone")),
            Minted::StoreUnavailable(error) => Found::Refused(unavailable(&error.to_string())),
        };
        if matches!(found, Found::Token(_)) {
            self.tell_mended(&plan.service).await;
        }
        let asker = Asker {
            preset: self.preset(plan),
            client_id: &self.ports.issuer.client_id(plan),
        };
        let hint = match &found {
            Found::Refused(refused) => hint(asker, plan, refused),
            Found::Token(_) | Found::Skipped => String::new(),
        };
        let own = self.refresh_token(session, plan).await;
        Probed {
            refresh_token: fate(own.clone(), own),
            hint,
            ..probed(plan, found)
        }
    }

    async fn probe_order(self: &Arc<Self>, session: &SessionKey, plan: &TokenPlan) -> Minted {
        let order = Order {
            session: *session,
            service: plan.service.clone(),
            trigger: Trigger::Probe,
        };
        let patience = pin!(self.ports.machine.sleep(PATIENCE));
        match select(self.request(order), patience).await {
            Either::Left((minted, _)) => minted,
            Either::Right(_) => Minted::Refused(unavailable("the token did not come in time")),
        }
    }

    async fn refresh_token(&self, session: &SessionKey, plan: &TokenPlan) -> Option<Secret> {
        let grant = self.ports.store.grant(session, &plan.grant()).await;
        grant.ok().flatten()?.refresh_token
    }

    async fn found(&self, session: &SessionKey, plan: &TokenPlan) -> Option<ServiceToken> {
        let slot = match plan.strategy {
            Strategy::ClientCredentials => self.own_slot(&plan.service),
            Strategy::Login | Strategy::Refresh | Strategy::Exchange | Strategy::Authorize => {
                match self.ports.store.read(session, &plan.service).await {
                    Ok(Reading::Found(found)) => found.slot,
                    Ok(Reading::Replaced | Reading::Absent | Reading::Unreadable) | Err(_) => None,
                }
            }
        };
        match slot {
            Some(TokenSlot::Token(token)) => Some(token),
            Some(TokenSlot::Refused(_)) | None => None,
        }
    }

    /// Tells other replicas, which may have suspended the service too.
    async fn tell_mended(&self, service: &ServiceName) {
        let Some(chance) = self.ports.machine.random() else {
            return;
        };
        let (mark, text) = (self.mended(service), format!("{chance:x}"));
        self.suspensions.heed(service, &text);
        if let Err(error) = self.ports.store.put_note(&mark, &text, TOLD_FOR).await {
            tracing::debug!(target: "tokenbridge", %error, %service, "other replicas could not be told that a service can be had again");
        }
    }

    /// Lifts the suspension of services that a probe at another replica found to be mended. Asks
    /// the store only while something is suspended, and now and then.
    pub(crate) async fn lift_mended(&self) {
        let now = self.ports.clock.monotonic();
        for service in self.suspensions.to_look_at(now) {
            let note = self.ports.store.note(&self.mended(&service)).await;
            if let Ok(Some(text)) = note
                && self.suspensions.heed(&service, &text)
            {
                tracing::info!(target: "tokenbridge", %service, "a probe found that the service can be had again");
            }
        }
    }

    fn mended(&self, service: &ServiceName) -> [u8; 32] {
        let plan = self.plan(service);
        let client = plan.map(|plan| self.ports.issuer.client(plan));
        Sha256::new()
            .chain_update(b"tokenbridge mended\0")
            .chain_update(client.unwrap_or_default())
            .chain_update([0])
            .chain_update(service.as_str())
            .finalize()
            .into()
    }
}

/// Whether a service has an authorization of its own.
fn by_itself(plan: &TokenPlan) -> bool {
    plan.strategy == Strategy::Authorize && plan.audience.is_some()
}

enum Found {
    Token(ServiceToken),
    Refused(Refused),
    Skipped,
}

fn probed(plan: &TokenPlan, found: Found) -> Probed {
    let expected = plan.audience.as_ref().map(|policy| &policy.expected);
    let bare = Probed {
        service: plan.service.to_string(),
        strategy: plan.strategy.as_str().into(),
        asked: plan.asked(),
        expected: expected.map(ToString::to_string).unwrap_or_default(),
        audiences: Vec::new(),
        scopes: Vec::new(),
        life: None,
        refresh_token: RefreshTokenUse::None,
        verdict: Verdict::Skipped,
        reason: None,
        detail: String::new(),
        hint: String::new(),
    };
    match found {
        Found::Token(token) => Probed {
            audiences: texts(&token.audiences),
            life: Some(token.expires_at.since(token.issued_at).as_secs()),
            scopes: token.scopes,
            verdict: Verdict::Ok,
            ..bare
        },
        Found::Refused(refused) => Probed {
            audiences: texts(&refused.came),
            scopes: refused.scopes,
            life: refused.life.map(|life| life.as_secs()),
            verdict: Verdict::Wrong,
            reason: Some(refused.reason.as_str().into()),
            detail: refused.detail,
            ..bare
        },
        Found::Skipped => Probed {
            detail: "more services need an authorization of their own than one chain of redirects can have".into(),
            ..bare
        },
    }
}

fn texts(audiences: &[Audience]) -> Vec<String> {
    audiences.iter().map(ToString::to_string).collect()
}

fn fate(before: Option<Secret>, after: Option<Secret>) -> RefreshTokenUse {
    match (before, after) {
        (Some(before), Some(after)) if before == after => RefreshTokenUse::Kept,
        (_, Some(_)) => RefreshTokenUse::Rotated,
        (_, None) => RefreshTokenUse::None,
    }
}

fn unavailable(why: &str) -> Refused {
    Refused::new(MintRefusalReason::Unavailable, why)
}
