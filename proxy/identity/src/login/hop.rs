//! One service's own authorization in a session that is there already (strategy `authorize`): the
//! way to the provider. It asks nothing of the user, unless the user has come for it.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokenbridge_bridge::Secret;
use tokenbridge_bridge::admission::{alive, refused};
use tokenbridge_bridge::grant::GrantName;
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_bridge::return_to::ReturnTo;
use tokenbridge_bridge::service::{ServiceName, Strategy, TokenPlan};
use tokenbridge_bridge::session::SessionKey;
use tokenbridge_bridge::token::TokenSlot;

use crate::login::flow::Flow;
use crate::login::{Redirect, authorization};
use crate::provider::discovery::Metadata;
use crate::relying_party::{RelyingParty, no_randomness};
use crate::tokens::refreshed_id_token::issued_at;

/// A longer ID token makes URLs that servers on the way refuse.
const LONGEST_HINT: usize = 4096;

/// For which service of which session a flow is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hop {
    pub(crate) session: SessionKey,
    pub(crate) service: ServiceName,
    pub(crate) kind: HopKind,
}

/// Why the browser is on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HopKind {
    /// It has just logged in; what fails here fails no login.
    AfterLogin {
        /// The services that follow.
        rest: Vec<ServiceName>,
    },
    /// The user wants the service.
    OnDemand {
        /// Whether the provider may ask the user nothing.
        silent: bool,
    },
}

/// A [`Hop`] as it stands in the flow's cookie.
#[derive(Deserialize, Serialize)]
pub(crate) struct SealedHop {
    k: String,
    v: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    r: Option<Vec<String>>,
    s: bool,
}

impl SealedHop {
    pub(crate) fn of(hop: &Hop) -> Self {
        let (rest, silent) = match &hop.kind {
            HopKind::AfterLogin { rest } => {
                let names = rest.iter().map(ToString::to_string).collect();
                (Some(names), true)
            }
            HopKind::OnDemand { silent } => (None, *silent),
        };
        Self {
            k: URL_SAFE_NO_PAD.encode(hop.session.as_bytes()),
            v: hop.service.to_string(),
            r: rest,
            s: silent,
        }
    }

    pub(crate) fn open(self) -> Option<Hop> {
        let key = URL_SAFE_NO_PAD.decode(&self.k).ok()?;
        let kind = match self.r {
            Some(rest) => HopKind::AfterLogin {
                rest: rest.iter().map(|name| ServiceName::new(name)).collect(),
            },
            None => HopKind::OnDemand { silent: self.s },
        };
        Some(Hop {
            session: SessionKey::from_bytes(key.try_into().ok()?),
            service: ServiceName::new(&self.v),
            kind,
        })
    }
}

impl RelyingParty {
    /// The plan of a service that needs an authorization of its own.
    pub(crate) fn authorize_plan(&self, service: &str) -> Option<&TokenPlan> {
        let mut plans = self.settings.plans.iter();
        plans.find(|plan| {
            plan.service.as_str() == service
                && plan.strategy == Strategy::Authorize
                && plan.audience.is_some()
        })
    }

    /// Sends a user to the provider for one service of a session. `None`: a login is what is
    /// needed, for the session is over or the service is none that is authorized by itself.
    ///
    /// # Errors
    /// The store or the provider does not answer, or refuses the service in this configuration.
    pub(crate) async fn begin_hop(
        self: Arc<Self>,
        session: SessionKey,
        service: String,
        return_to: ReturnTo,
    ) -> Result<Option<Redirect>, Refusal> {
        let Some(plan) = self.authorize_plan(&service) else {
            return Ok(None);
        };
        let reading = self.store.read(&session, &plan.service).await;
        let reading = reading.map_err(Refusal::from)?;
        let Ok(found) = alive(reading, self.settings.session_idle, self.now()) else {
            return Ok(None);
        };
        if matches!(&found.slot, Some(TokenSlot::Token(token)) if self.now() < token.expires_at) {
            return Ok(Some(Redirect::to(&return_to)));
        }
        let suspensions = self.minting.suspensions();
        if let Some(why) = suspensions.get(&plan.service, self.clock.monotonic()) {
            return Err(refused(plan, why.reason, &why.detail));
        }
        let metadata = self.metadata().await?;
        let hint = self.newest_id_token(&session).await;
        let hop = Hop {
            session,
            service: plan.service.clone(),
            kind: HopKind::OnDemand { silent: true },
        };
        self.hop(&metadata, return_to, hop, hint.as_ref()).map(Some)
    }

    /// Sends a user who has just logged in on to the provider, for the services that are
    /// authorized behind a login. `None`: there are none.
    ///
    /// # Errors
    /// There is no randomness.
    pub(crate) fn hop_after_login(
        &self,
        metadata: &Metadata,
        session: SessionKey,
        return_to: ReturnTo,
        hint: Option<&Secret>,
    ) -> Result<Option<Redirect>, Refusal> {
        let plans = self.minting.authorized_at_login();
        let services = plans.iter().map(|plan| plan.service.clone()).collect();
        self.next_hop(metadata, (session, services), return_to, hint)
    }

    /// Goes on to the first of the services; `None` without any.
    ///
    /// # Errors
    /// There is no randomness.
    pub(crate) fn next_hop(
        &self,
        metadata: &Metadata,
        (session, mut services): (SessionKey, Vec<ServiceName>),
        return_to: ReturnTo,
        hint: Option<&Secret>,
    ) -> Result<Option<Redirect>, Refusal> {
        if services.is_empty() {
            return Ok(None);
        }
        let service = services.remove(0);
        let hop = Hop {
            session,
            service,
            kind: HopKind::AfterLogin { rest: services },
        };
        self.hop(metadata, return_to, hop, hint).map(Some)
    }

    /// A redirect to the provider, with the cookie of a flow of its own.
    ///
    /// # Errors
    /// There is no randomness, or the configuration has no such service any more.
    pub(crate) fn hop(
        &self,
        metadata: &Metadata,
        return_to: ReturnTo,
        hop: Hop,
        hint: Option<&Secret>,
    ) -> Result<Redirect, Refusal> {
        let flow = Flow::begin(return_to, self.now(), false).ok_or_else(no_randomness)?;
        let flow = Flow {
            hop: Some(hop),
            ..flow
        };
        self.redirect_to_hop(metadata, &flow, hint)
    }

    /// A redirect to the provider for a flow that is a hop.
    ///
    /// # Errors
    /// There is no randomness, or the configuration has no such service any more.
    pub(crate) fn redirect_to_hop(
        &self,
        metadata: &Metadata,
        flow: &Flow,
        hint: Option<&Secret>,
    ) -> Result<Redirect, Refusal> {
        let hop = flow.hop.as_ref().ok_or_else(no_such_service)?;
        let plan = self.authorize_plan(hop.service.as_str());
        let plan = plan.ok_or_else(no_such_service)?;
        let prompt = match hop.kind {
            HopKind::AfterLogin { .. } | HopKind::OnDemand { silent: true } => Some("none"),
            HopKind::OnDemand { silent: false } => None,
        };
        let set_cookies = self.flow_cookies().set(flow, &[]);
        Ok(Redirect {
            location: authorization::url_for_service(
                metadata.authorization()?,
                &self.settings.issuer,
                (&self.redirect_uri(), flow),
                (plan, prompt),
                hint.filter(|hint| hint.expose().len() <= LONGEST_HINT),
            ),
            set_cookies: set_cookies.ok_or_else(no_randomness)?,
        })
    }

    /// The newest ID token of a session, of whichever authorization: some providers take no
    /// other as a hint. A store that does not answer costs the hint alone.
    pub(crate) async fn newest_id_token(&self, session: &SessionKey) -> Option<Secret> {
        let mut names = vec![GrantName::Login];
        let plans = self.settings.plans.iter();
        names.extend(
            plans
                .filter(|plan| plan.strategy == Strategy::Authorize)
                .map(TokenPlan::grant),
        );
        let grants = join_all(names.iter().map(|name| self.store.grant(session, name))).await;
        let tokens = grants.into_iter().flatten().flatten();
        tokens
            .filter_map(|grant| grant.id_token)
            .max_by_key(issued_at)
    }
}

impl Redirect {
    /// To a place of our own.
    pub(crate) fn to(return_to: &ReturnTo) -> Self {
        Self {
            location: return_to.as_str().to_owned(),
            set_cookies: Vec::new(),
        }
    }
}

fn no_such_service() -> Refusal {
    Refusal::new(Rejection::Internal, "the configuration has no such service")
}
