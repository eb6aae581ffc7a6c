//! A whole installation on free ports: provider, two backends, gateway process, browser.

pub(crate) mod certificates;
mod configuration;
pub(crate) mod h2;
pub(crate) mod live;
pub(crate) mod live_upstream;
mod logged_process;
mod process;
pub(crate) mod raw;
pub(crate) mod recorder;
mod redis_server;
pub(crate) mod transport;

use std::path::Path;
use std::sync::Once;

use serde_json::Value;
use tokenbridge_devkit::backend::Introspection;
use tokenbridge_devkit::browser::{BrowserRequest, Page};
use tokenbridge_devkit::provider::Mode;
use tokenbridge_devkit::{
    Backend, BackendOptions, BrowserSession, DevelopmentProvider, ProviderOptions,
};

pub(crate) use configuration::{
    ANALYTICS, CRUD, ConfigurationFolder, free_port, is_as_on_page, repository,
};
pub(crate) use logged_process::LoggedProcess;
pub(crate) use process::GatewayProcess;
pub(crate) use redis_server::RedisServer;

/// The two routes of the demo.
pub(crate) const WORKFLOWS: &str = "/api/v1/analytics/workflows";
pub(crate) const ITEMS: &str = "/api/v1/crud/items";

/// Provider, backends and a running gateway.
pub(crate) struct Installation<P = DevelopmentProvider> {
    pub(crate) provider: P,
    pub(crate) analytics: Backend,
    pub(crate) crud: Backend,
    pub(crate) folder: ConfigurationFolder,
    pub(crate) gateway: GatewayProcess,
}

/// Installs the TLS provider once in this test binary, as `main` does.
pub(crate) fn tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    });
}

impl Installation {
    /// The demo's configuration.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The demo's configuration, changed before the gateway starts.
    pub(crate) async fn start_with(change: impl FnOnce(&mut ConfigurationFolder)) -> Self {
        Self::start_at(ProviderOptions::demo().unwrap(), change).await
    }

    /// As [`start_with`](Self::start_with), at a provider with other options.
    pub(crate) async fn start_at(
        options: ProviderOptions,
        change: impl FnOnce(&mut ConfigurationFolder),
    ) -> Self {
        Self::start_from(&repository("conf"), options, change).await
    }

    /// As [`start_at`](Self::start_at), with the files of another folder.
    pub(crate) async fn start_from(
        source: &Path,
        options: ProviderOptions,
        change: impl FnOnce(&mut ConfigurationFolder),
    ) -> Self {
        tls();
        let provider = DevelopmentProvider::start(options).await.unwrap();
        let mut backends = demo_backends(provider.issuer());
        let audiences = &provider.configuration().development.backend_audiences;
        let modes = &provider.configuration().development.modes;
        let opaque = modes.contains(&Mode::OpaqueAccessTokens);
        for backend in &mut backends {
            backend.introspection = opaque.then(|| introspection(provider.issuer()));
            if let Some(audience) = audiences.get(&backend.name) {
                backend.audience.clone_from(audience);
            }
        }
        Installation::without_provider(source, provider.issuer(), backends, change)
            .await
            .with_provider(provider)
    }
}

impl Installation<()> {
    /// Backends and a gateway for a provider that is not there yet.
    pub(crate) async fn without_provider(
        source: &Path,
        issuer: &str,
        [analytics, crud]: [BackendOptions; 2],
        change: impl FnOnce(&mut ConfigurationFolder),
    ) -> Self {
        tls();
        let analytics = Backend::start(analytics).await.unwrap();
        let crud = Backend::start(crud).await.unwrap();
        let mut folder =
            ConfigurationFolder::copy_of(source, issuer, &analytics.url(), &crud.url());
        change(&mut folder);
        let gateway = GatewayProcess::start(&mut folder).await;
        Self {
            provider: (),
            analytics,
            crud,
            folder,
            gateway,
        }
    }

    /// The same with its provider.
    pub(crate) fn with_provider<P>(self, provider: P) -> Installation<P> {
        Installation {
            provider,
            analytics: self.analytics,
            crud: self.crud,
            folder: self.folder,
            gateway: self.gateway,
        }
    }
}

impl<P> Installation<P> {
    /// Stops the gateway and starts it again on the same port.
    pub(crate) async fn restart(&mut self) {
        self.gateway.stop().await;
        self.gateway = GatewayProcess::start_again(&mut self.folder).await;
    }

    /// The address of a path at the gateway, as a browser sees it.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.folder.public_url())
    }

    /// A browser in which a user has logged in.
    pub(crate) async fn logged_in(&self, user: &str) -> BrowserSession {
        let browser = BrowserSession::new().unwrap();
        self.log_in(&browser, user).await;
        browser
    }

    /// Logs a user in; whatever page comes back.
    pub(crate) async fn log_in(&self, browser: &BrowserSession, user: &str) -> Page {
        let password = if user == "alice" {
            "wonderland"
        } else {
            "builder"
        };
        browser
            .login(self.folder.public_url(), user, password)
            .await
            .unwrap()
    }

    /// A GET as a page's script sends it.
    pub(crate) async fn get(&self, browser: &BrowserSession, path: &str) -> Page {
        browser
            .fetch(BrowserRequest::get(self.url(path)))
            .await
            .unwrap()
    }

    /// A request that a page's script sends with the session's token.
    pub(crate) async fn send(&self, browser: &BrowserSession, request: BrowserRequest) -> Page {
        browser.fetch_with_token(request).await.unwrap()
    }

    /// The value of the session cookie.
    pub(crate) fn session_cookie(&self, browser: &BrowserSession) -> Option<String> {
        browser.cookie(self.folder.public_url(), "bff_session")
    }
}

/// How a backend asks about tokens that it cannot read.
fn introspection(issuer: &str) -> Introspection {
    Introspection {
        endpoint: format!("{issuer}/introspect"),
        client_id: "bff-server".into(),
        client_secret: tokenbridge_devkit::Secret::new("dev-secret-change-me"),
    }
}

/// The demo's backends, on free ports.
pub(crate) fn demo_backends(issuer: &str) -> [BackendOptions; 2] {
    [
        BackendOptions::analytics(issuer),
        BackendOptions::crud(issuer),
    ]
}

/// The `code` member of a problem document.
pub(crate) fn code(page: &Page) -> String {
    let document: Value = page.json().unwrap_or_default();
    document["code"].as_str().unwrap_or_default().to_owned()
}

/// What a page answered, for an assertion.
pub(crate) fn status_and_code(page: &Page) -> (u16, String) {
    (page.status, code(page))
}
