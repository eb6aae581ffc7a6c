//! The way back from the provider with one service's own authorization. It belongs to a session
//! that is there already: it creates none, changes no id, and brings none back.

use std::sync::Arc;

use tokenbridge_bridge::Secret;
use tokenbridge_bridge::admission::alive;
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_bridge::return_to::ReturnTo;
use tokenbridge_bridge::service::{ServiceName, TargetParameter, TokenPlan};
use tokenbridge_bridge::session::{SessionFacts, SessionKey, Subject};
use tokenbridge_bridge::token::MintRefusalReason;

use crate::login::callback::Outcome;
use crate::login::finish::{REMEMBERED, Return};
use crate::login::flow::Flow;
use crate::login::hop::{Hop, HopKind};
use crate::login::{Finished, Redirect};
use crate::minting::order::{Minted, Order, Refused, Trigger};
use crate::provider::discovery::Metadata;
use crate::relying_party::RelyingParty;
use crate::telemetry::EndReason;
use crate::tokens::id_token::Identified;
use crate::tokens::request::TokenRequest;
use crate::tokens::response::{OauthErrorKind, TokenResponse};

/// What came of a hop.
pub(crate) enum Landing {
    /// This, for its service.
    Landed(Minted),
    /// The user has logged in at the provider anew since: the session goes with another one there.
    OtherLogin {
        user: Subject,
        granted: Box<TokenResponse>,
    },
}

impl RelyingParty {
    /// Finishes a hop.
    ///
    /// # Errors
    /// What to answer, and whether the hop can be completed no more. The session lives on.
    pub(crate) async fn finish_hop(
        self: &Arc<Self>,
        back: Return,
        hop: Hop,
    ) -> Result<Finished, (Refusal, bool)> {
        let Return {
            flow,
            response,
            current_session,
        } = back;
        let plan = self.authorize_plan(hop.service.as_str());
        // Whoever has logged out or in anew meanwhile has no use for what comes; the code that
        // nobody redeems runs out by itself.
        let plan = plan.filter(|_| current_session == Some(hop.session));
        let Some(plan) = plan else {
            return Ok(Finished::Onward(Redirect::to(&flow.return_to)));
        };
        let metadata = match (self.metadata().await, &hop.kind) {
            (Ok(metadata), _) => metadata,
            (Err(_), HopKind::AfterLogin { .. }) => {
                return Ok(Finished::Onward(Redirect::to(&flow.return_to)));
            }
            (Err(refusal), HopKind::OnDemand { .. }) => return Err((refusal, false)),
        };
        response
            .check_issuer(self.provider.issuer(), metadata.responses_name_issuer)
            .map_err(|refusal| (refusal, true))?;
        let landing = match response.outcome {
            Outcome::Code(code) => self.land(&flow, &code, (&order(&hop), plan)).await?,
            Outcome::Error(code) => self.hop_refused(code, (&order(&hop), plan)).await,
        };
        let way = (hop, plan, flow.return_to);
        self.leave(&metadata, landing, way)
            .await
            .map_err(|refusal| (refusal, true))
    }

    async fn leave(
        &self,
        metadata: &Metadata,
        landing: Landing,
        (hop, plan, return_to): (Hop, &TokenPlan, ReturnTo),
    ) -> Result<Finished, Refusal> {
        match hop.kind {
            HopKind::AfterLogin { rest } => {
                let services = (hop.session, rest);
                Ok(self.go_on(metadata, landing, services, return_to).await)
            }
            HopKind::OnDemand { silent } => {
                let way = (hop.session, plan, silent);
                self.arrive(metadata, landing, way, return_to).await
            }
        }
    }

    /// Redeems a hop's code, once, for a session that lives and for its user alone.
    pub(crate) async fn land(
        self: &Arc<Self>,
        flow: &Flow,
        code: &Secret,
        (order, plan): (&Order, &TokenPlan),
    ) -> Result<Landing, (Refusal, bool)> {
        let reading = match self.store.read(&order.session, &order.service).await {
            Ok(reading) => reading,
            Err(error) => return Ok(Landing::Landed(error.into())),
        };
        let Ok(found) = alive(reading, self.settings.session_idle, self.now()) else {
            return Ok(Landing::Landed(Minted::SessionGone));
        };
        match self.store.claim_once(&flow.mark(), REMEMBERED).await {
            Ok(true) => {}
            Ok(false) => return Err((Rejection::LoginReplayed.into(), true)),
            Err(error) => return Ok(Landing::Landed(error.into())),
        }
        let redirect_uri = self.redirect_uri();
        let request = TokenRequest::code(code, &redirect_uri, &flow.verifier, resource(plan));
        let granted = match self.minting.redeem(plan, &request).await {
            Ok(granted) => granted,
            Err(refused) => return Ok(self.nothing((order, plan), refused).await),
        };
        match self.identify(flow, &granted).await {
            Ok(identified) => {
                let facts = (&found.facts, identified);
                Ok(self.take(granted, facts, (order, plan)).await)
            }
            Err(refusal) => {
                self.minting.revoke(&granted);
                let away = refusal.rejection == Rejection::IdpUnavailable;
                let reason = match away {
                    true => MintRefusalReason::Unavailable,
                    false => MintRefusalReason::BadResponse,
                };
                let refused = Refused::new(reason, refusal.detail);
                Ok(self.nothing((order, plan), refused).await)
            }
        }
    }

    /// Takes what came, if it is for the session's user.
    async fn take(
        self: &Arc<Self>,
        granted: TokenResponse,
        (facts, identified): (&SessionFacts, Identified),
        (order, plan): (&Order, &TokenPlan),
    ) -> Landing {
        if identified.subject != facts.subject {
            self.minting.revoke(&granted);
            self.another_user(&order.session, &plan.service).await;
            return Landing::Landed(Minted::SessionGone);
        }
        if let (Some(came), Some(known)) = (&identified.idp_session, &facts.idp_session)
            && came != known
        {
            tracing::info!(target: "tokenbridge", service = %plan.service, "the user has logged in at the provider anew since the session began: nothing of the authorization is kept");
            return Landing::OtherLogin {
                user: identified.subject,
                granted: Box::new(granted),
            };
        }
        Landing::Landed(self.minting.authorized(order, plan, &granted).await)
    }

    /// Somebody else has the browser at the provider by now: the session's user is taken to have
    /// left (OpenID Connect Session Management § 3.1).
    async fn another_user(&self, session: &SessionKey, service: &ServiceName) {
        tracing::warn!(target: "tokenbridge", claim = "sub", %service, "an authorization was answered for another subject; the session is ended");
        match self.store.end(session, None).await {
            Ok(Some(ended)) => {
                self.telemetry.session_destroyed(EndReason::SubjectChanged);
                self.revoke_all(ended);
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(target: "tokenbridge", %error, "a session whose browser is somebody else at the provider by now could not be ended");
            }
        }
    }

    /// The provider answered the authorization request with an error.
    pub(crate) async fn hop_refused(
        self: &Arc<Self>,
        code: Option<String>,
        (order, plan): (&Order, &TokenPlan),
    ) -> Landing {
        let code = code.as_deref().unwrap_or("a code that is no plain token");
        let reason = match (OauthErrorKind::of(code), code) {
            // A user who says no may say yes another time.
            (OauthErrorKind::InteractionRequired, _) | (_, "access_denied") => {
                MintRefusalReason::InteractionRequired
            }
            (OauthErrorKind::InvalidTarget, _) => MintRefusalReason::InvalidTarget,
            (OauthErrorKind::InvalidScope, _) => MintRefusalReason::InvalidScope,
            (OauthErrorKind::ClientRefused, _) => MintRefusalReason::ClientRefused,
            (OauthErrorKind::Temporary, _) => MintRefusalReason::Unavailable,
            (OauthErrorKind::InvalidGrant | OauthErrorKind::Other, _) => {
                MintRefusalReason::BadResponse
            }
        };
        let refused = Refused::new(reason, format!("the provider answered {code}"));
        self.minting.suspend_authorization(plan, &refused);
        self.nothing((order, plan), refused).await
    }

    async fn nothing(&self, (order, plan): (&Order, &TokenPlan), refused: Refused) -> Landing {
        Landing::Landed(self.minting.not_authorized(order, plan, refused).await)
    }
}

/// What a hop is for.
pub(crate) fn order(hop: &Hop) -> Order {
    Order {
        session: hop.session,
        service: hop.service.clone(),
        trigger: match hop.kind {
            HopKind::AfterLogin { .. } => Trigger::Login,
            HopKind::OnDemand { .. } => Trigger::Demand,
        },
    }
}

/// What the code exchange names as well (RFC 8707 § 2.2).
fn resource(plan: &TokenPlan) -> Option<&str> {
    let by_resource = plan.target_parameter == TargetParameter::Resource;
    plan.target_value.as_deref().filter(|_| by_resource)
}
