//! A provider with both backends behind it.

use http::{HeaderValue, header};
use tokenbridge_devkit::backend::Introspection;
use tokenbridge_devkit::browser::{BrowserRequest, Page};
use tokenbridge_devkit::{Backend, BackendOptions, Secret};

use crate::relying_party::*;

pub(crate) struct Estate {
    pub(crate) party: RelyingParty,
    pub(crate) analytics: Backend,
    pub(crate) crud: Backend,
}

impl Estate {
    pub(crate) async fn start() -> Self {
        let party = RelyingParty::start().await;
        let issuer = party.provider.issuer().to_owned();
        let options = |options: BackendOptions| BackendOptions {
            clock: party.clock.clock(),
            introspection: Some(Introspection {
                endpoint: format!("{issuer}/introspect"),
                client_id: "bff-server".to_owned(),
                client_secret: Secret::new("dev-secret-change-me"),
            }),
            ..options
        };
        let analytics = Backend::start(options(BackendOptions::analytics(&*issuer))).await;
        let crud = Backend::start(options(BackendOptions::crud(&*issuer))).await;
        Self {
            analytics: analytics.unwrap(),
            crud: crud.unwrap(),
            party,
        }
    }

    /// An access token for one audience.
    pub(crate) async fn token(&self, target: &str) -> String {
        let code = self.party.code(&[]).await;
        let page = self.party.redeem(&code, &[("resource", target)]).await;
        text(&success(&page), "access_token").to_owned()
    }

    pub(crate) async fn workflows(&self, token: &str) -> Page {
        let url = format!("{}/api/v1/analytics/workflows", self.analytics.url());
        self.send(BrowserRequest::get(url), token).await
    }

    pub(crate) async fn send(&self, request: BrowserRequest, token: &str) -> Page {
        let request = request.header(header::AUTHORIZATION, bearer(token));
        self.party.browser.fetch(request).await.unwrap()
    }
}

pub(crate) fn bearer(token: &str) -> HeaderValue {
    HeaderValue::try_from(format!("Bearer {token}")).unwrap()
}
