//! A browser that goes from one authorization to the next.

use tokenbridge_bridge::grant::{GrantName, RefreshGrant};
use tokenbridge_bridge::rejection::Refusal;
use tokenbridge_bridge::service::{ServiceName, Strategy, TargetParameter, TokenPlan};
use tokenbridge_bridge::session::SessionId;
use tokenbridge_config::preset::Preset;
use tokenbridge_devkit::IdpConfiguration;
use tokenbridge_devkit::provider::Mode;
use tokenbridge_identity::{Finished, LoggedIn, LoginFailure};

use crate::gateway::{Gateway, Options, plan};

/// What the browser was going to.
pub(crate) const RETURN_TO: &str = "/dashboard?tab=1";

pub(crate) fn audience(service: usize) -> String {
    format!("https://s{service}.example")
}

/// A provider that knows the audiences of so many services.
pub(crate) fn provider_of(services: usize) -> IdpConfiguration {
    let mut idp = IdpConfiguration::demo().unwrap();
    let client = idp.clients.get_mut("bff-server").unwrap();
    let mapping = &mut idp.token.audience_mappings.scope_mappings[0];
    for audience in (0..services).map(audience) {
        client.allowed_audiences.push(audience.clone());
        mapping.audiences.push(audience);
    }
    idp
}

/// So many services, `s0` and on, each with an authorization of its own.
pub(crate) fn plans_of(services: usize) -> Vec<TokenPlan> {
    let audiences: Vec<String> = (0..services).map(audience).collect();
    let plan = |(service, own): (usize, &String)| {
        let others: Vec<&str> = audiences.iter().map(String::as_str).collect();
        let others: Vec<&str> = others.into_iter().filter(|other| other != own).collect();
        TokenPlan {
            target_parameter: TargetParameter::Audience,
            ..plan(&format!("s{service}"), Strategy::Authorize, own, &others)
        }
    };
    audiences.iter().enumerate().map(plan).collect()
}

/// A gateway at a provider that decides a token's target where it authorizes, and never after.
pub(crate) async fn gateway_of(services: usize, change: impl FnOnce(&mut Options)) -> Gateway {
    let mut options = Options {
        idp: provider_of(services),
        plans: plans_of(services),
        preset: Preset::Hydra,
        ..Options::default()
    };
    change(&mut options);
    let gateway = Gateway::with(options).await;
    gateway.provider.set_modes([Mode::AuthorizeOnly]);
    gateway
}

/// Where a browser has come to.
pub(crate) struct Arrival {
    pub(crate) session: SessionId,
    pub(crate) location: String,
}

impl Gateway {
    /// The login itself, up to the first hop.
    pub(crate) async fn logged_in(&self) -> LoggedIn {
        let redirect = self.begin().await.unwrap();
        let mut query = self.visit(&redirect.location).await;
        loop {
            match self.finish(&query).await.unwrap() {
                Finished::LoggedIn(login) => return login,
                Finished::Again(again) => query = self.visit(&again.location).await,
                other => panic!("{other:?}"),
            }
        }
    }

    /// A login and all hops behind it.
    pub(crate) async fn log_in(&self) -> Arrival {
        let login = self.logged_in().await;
        self.go_on(login).await.unwrap()
    }

    async fn go_on(&self, login: LoggedIn) -> Result<Arrival, LoginFailure> {
        let location = match login.next {
            Some(next) => {
                self.keep_cookies(&next.set_cookies);
                next.location
            }
            None => login.return_to.as_str().to_owned(),
        };
        Box::pin(self.follow(login.session, location)).await
    }

    /// Follows redirects through the provider until the browser is back.
    pub(crate) async fn follow(
        &self,
        session: SessionId,
        mut location: String,
    ) -> Result<Arrival, LoginFailure> {
        for _ in 0..20 {
            if location.starts_with('/') {
                return Ok(Arrival { session, location });
            }
            let query = self.visit(&location).await;
            match self.finish_replacing(&query, Some(session.key())).await? {
                Finished::Onward(next) | Finished::Again(next) => location = next.location,
                Finished::LoggedIn(login) => return self.go_on(login).await,
                Finished::Probing { .. } => panic!("a hop is no probe"),
            }
        }
        panic!("round in circles, last to {location}");
    }

    /// The user opens the login of one service.
    pub(crate) async fn open_service(
        &self,
        session: &SessionId,
        service: &str,
    ) -> Result<String, Refusal> {
        let redirect = self.begin_for(Some(service), Some(session.key())).await?;
        Ok(redirect.location)
    }

    /// The same, and what follows.
    pub(crate) async fn hop(
        &self,
        session: &SessionId,
        service: &str,
    ) -> Result<Arrival, LoginFailure> {
        let location = self.open_service(session, service).await.unwrap();
        self.follow(session.clone(), location).await
    }

    pub(crate) async fn grant_of(&self, session: &SessionId, service: &str) -> RefreshGrant {
        let name = GrantName::Service(ServiceName::new(service));
        let found = self.store.grant(&session.key(), &name).await.unwrap();
        found.unwrap_or_else(|| panic!("{service} has no grant"))
    }
}
