//! The services of a probe that need an authorization of their own: the browser goes to the
//! provider once more for each, as behind a login, and what came of each is noted in between.

use std::sync::Arc;

use tokenbridge_bridge::Secret;
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_bridge::return_to::ReturnTo;
use tokenbridge_bridge::service::ServiceName;
use tokenbridge_bridge::session::SessionKey;
use tokenbridge_bridge::token::MintRefusalReason;

use super::login::{ProbeFlow, probing};
use super::ticket::{self, Mark};
use super::{Probed, Report};
use crate::login::Finished;
use crate::login::callback::Outcome;
use crate::login::finish::Return;
use crate::login::flow::{Flow, LIFE};
use crate::login::hop::{Hop, HopKind};
use crate::login::landing::{Landing, order};
use crate::minting::order::{Minted, Refused};
use crate::provider::discovery::Metadata;
use crate::relying_party::{RelyingParty, no_randomness};

impl RelyingParty {
    /// Finishes one authorization of a probe, and goes on to the next or ends the probe. Unlike
    /// those of a login it belongs to no session of the browser.
    ///
    /// # Errors
    /// What to answer, and whether it can be completed no more.
    pub(crate) async fn finish_probe_hop(
        self: &Arc<Self>,
        back: Return,
        hop: Hop,
        probe: ProbeFlow,
    ) -> Result<Finished, (Refusal, bool)> {
        let Return { flow, response, .. } = back;
        let metadata = self.metadata().await.map_err(|refusal| (refusal, false))?;
        let used = |refusal| (refusal, true);
        response
            .check_issuer(self.provider.issuer(), metadata.responses_name_issuer)
            .map_err(used)?;
        let plan = self.authorize_plan(hop.service.as_str());
        let plan = plan.ok_or_else(|| used(Rejection::LoginUnknown.into()))?;
        let order = order(&hop);
        let landing = match response.outcome {
            Outcome::Code(code) => self.land(&flow, &code, (&order, plan)).await?,
            Outcome::Error(code) => self.hop_refused(code, (&order, plan)).await,
        };
        let minted = match landing {
            Landing::Landed(minted) => minted,
            Landing::OtherLogin { granted, .. } => {
                self.minting.revoke(&granted);
                Minted::Refused(Refused::new(
                    MintRefusalReason::InteractionRequired,
                    "the authorization belongs to another session at the provider",
                ))
            }
        };
        let mut services = self.part(&probe.id).await.map_err(used)?;
        let session = hop.session;
        services.push(self.minting.probed(&session, plan, minted).await);
        let rest = match hop.kind {
            HopKind::AfterLogin { rest } => rest,
            HopKind::OnDemand { .. } => Vec::new(),
        };
        let hint = self.newest_id_token(&session).await;
        self.probe_on(&metadata, (probe, session), (services, rest), hint.as_ref())
            .await
            .map_err(used)
    }

    /// On to the first service of the chain; without any the probe has ended.
    ///
    /// # Errors
    /// The store does not answer, or there is no randomness.
    pub(super) async fn probe_on(
        self: &Arc<Self>,
        metadata: &Metadata,
        (probe, session): (ProbeFlow, SessionKey),
        (services, mut chain): (Vec<Probed>, Vec<ServiceName>),
        hint: Option<&Secret>,
    ) -> Result<Finished, Refusal> {
        if chain.is_empty() {
            self.conclude_probe(&probe, &session, services).await;
            return Ok(probing());
        }
        self.keep_part(&probe.id, services).await?;
        let service = chain.remove(0);
        let flow = Flow::begin(ReturnTo::default(), self.now(), false);
        let flow = Flow {
            probe: Some(probe),
            hop: Some(Hop {
                session,
                service,
                kind: HopKind::AfterLogin { rest: chain },
            }),
            ..flow.ok_or_else(no_randomness)?
        };
        self.redirect_to_hop(metadata, &flow, hint)
            .map(Finished::Onward)
    }

    async fn keep_part(&self, id: &Secret, services: Vec<Probed>) -> Result<(), Refusal> {
        let part = Report {
            problem: None,
            services,
        };
        let mark = ticket::mark(Mark::Part, id.expose());
        let text = serde_json::json!(part).to_string();
        let kept = self.store.put_note(&mark, &text, LIFE).await;
        kept.map_err(Refusal::from)
    }

    async fn part(&self, id: &Secret) -> Result<Vec<Probed>, Refusal> {
        let note = self
            .store
            .note(&ticket::mark(Mark::Part, id.expose()))
            .await;
        let note = note.map_err(Refusal::from)?;
        let part = note.and_then(|text| serde_json::from_str::<Report>(&text).ok());
        part.map(|part| part.services)
            .ok_or(Rejection::LoginExpired.into())
    }
}
