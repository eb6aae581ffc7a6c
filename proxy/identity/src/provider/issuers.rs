//! The login's provider and the other authorization servers: each request goes to the one that
//! makes the service's token, and what comes back is verified by that one's keys.

use std::sync::Arc;

use async_trait::async_trait;
use tokenbridge_bridge::service::{IssuerName, TokenPlan};
use tokenbridge_bridge::token::ServiceToken;
use tokenbridge_config::preset::Preset;
use tokenbridge_session_store::Clock;

use crate::minting::ports::TokenIssuer;
use crate::provider::{Provider, Site};
use crate::settings::{IdentitySettings, StartProblem};
use crate::telemetry::Telemetry;
use crate::tokens::ReadProblem;
use crate::tokens::request::TokenRequest;
use crate::tokens::response::{Answer, Failure, Processed, TokenResponse};

const UNKNOWN: &str = "the service names an issuer that is not configured";

/// All of them.
pub(crate) struct Issuers {
    login: Arc<Provider>,
    others: Vec<Other>,
}

struct Other {
    name: IssuerName,
    preset: Preset,
    provider: Arc<Provider>,
}

impl Issuers {
    /// Does no I/O.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub(crate) fn new(
        settings: &IdentitySettings,
        clock: &Arc<dyn Clock>,
        telemetry: &Arc<dyn Telemetry>,
    ) -> Result<Self, StartProblem> {
        let provider = |site: Site<'_>| {
            let (clock, telemetry) = (Arc::clone(clock), Arc::clone(telemetry));
            Provider::new(site, settings.timeouts, clock, telemetry).map(Arc::new)
        };
        let login = &settings.issuer;
        let login = provider(Site {
            identifier: &login.identifier,
            url: &login.url,
            login: true,
            client_id: &login.client_id,
            client_authentication: &login.client_authentication,
        })?;
        let mut others = Vec::with_capacity(settings.issuers.len());
        for issuer in &settings.issuers {
            let site = Site {
                identifier: &issuer.identifier,
                url: &issuer.url,
                login: false,
                client_id: &issuer.client_id,
                client_authentication: &issuer.client_authentication,
            };
            others.push(Other {
                name: issuer.name.clone(),
                preset: issuer.preset,
                provider: provider(site)?,
            });
        }
        Ok(Self { login, others })
    }

    /// The provider of the login.
    pub(crate) fn login(&self) -> Arc<Provider> {
        Arc::clone(&self.login)
    }

    /// The others, by name.
    pub(crate) fn others(&self) -> impl Iterator<Item = (&IssuerName, &Arc<Provider>)> {
        self.others
            .iter()
            .map(|other| (&other.name, &other.provider))
    }

    fn other(&self, name: &IssuerName) -> Option<&Other> {
        self.others.iter().find(|other| other.name == *name)
    }

    fn at(&self, name: Option<&IssuerName>) -> Option<&Provider> {
        match name {
            None => Some(&self.login),
            Some(name) => self.other(name).map(|other| &*other.provider),
        }
    }
}

#[async_trait]
impl TokenIssuer for Issuers {
    fn client(&self, plan: &TokenPlan) -> String {
        let at = self.at(plan.issuer.as_ref());
        at.map(|at| format!("{} {}", at.issuer(), at.client_id()))
            .unwrap_or_default()
    }

    fn client_id(&self, plan: &TokenPlan) -> String {
        let at = self.at(plan.issuer.as_ref());
        at.map(Provider::client_id).unwrap_or_default().to_owned()
    }

    fn preset(&self, plan: &TokenPlan) -> Option<Preset> {
        let other = plan.issuer.as_ref().and_then(|name| self.other(name));
        other.map(|other| other.preset)
    }

    async fn token(&self, request: &TokenRequest) -> Answer {
        match self.at(request.issuer.as_ref()) {
            Some(provider) => provider.send(request).await,
            None => Answer::Failed(Failure {
                processed: Processed::No,
                retry_after: None,
                what: UNKNOWN.into(),
            }),
        }
    }

    async fn read_access_token(
        &self,
        plan: &TokenPlan,
        response: &TokenResponse,
    ) -> Result<ServiceToken, ReadProblem> {
        match self.at(plan.issuer.as_ref()) {
            Some(provider) => provider.read(plan, response).await,
            None => Err(ReadProblem::Invalid(UNKNOWN.into())),
        }
    }
}
