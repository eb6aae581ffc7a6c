//! A provider that decides at its authorization endpoint for whom a token is, and many services.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use tokenbridge_devkit::browser::Page;
use tokenbridge_devkit::{BrowserSession, IdpConfiguration, ProviderOptions};

use crate::support::recorder::{Recorded, Recorder};
use crate::support::{ConfigurationFolder, Installation, repository};

/// Services `s0` and on, each below its own path, all at one upstream that keeps what it is sent.
pub(crate) struct Estate {
    pub(crate) installation: Installation,
    upstream: Recorder,
}

fn audience(service: usize) -> String {
    format!("https://s{service}.example")
}

impl Estate {
    pub(crate) async fn start(services: usize) -> Self {
        Self::start_with(services, |_| {}, |_| {}).await
    }

    /// With changes to the provider and to the gateway's files.
    pub(crate) async fn start_with(
        services: usize,
        idp_change: impl FnOnce(&mut IdpConfiguration),
        folder_change: impl FnOnce(&mut ConfigurationFolder),
    ) -> Self {
        let example = repository("conf/examples/hydra-like");
        let mut idp = IdpConfiguration::load(&example.join("idp")).unwrap();
        for audience in (0..services).map(audience) {
            let client = idp.clients.get_mut("bff-server").unwrap();
            client.allowed_audiences.push(audience.clone());
            let mapping = &mut idp.token.audience_mappings.scope_mappings[0];
            mapping.audiences.push(audience);
        }
        idp_change(&mut idp);
        let upstream = Recorder::start().await;
        let options = ProviderOptions::new(idp);
        let installation = Installation::start_from(&example, options, |folder| {
            folder.edit("routes.yaml", |_| routes(services, &upstream.url()));
            let audiences: String = (0..services)
                .map(|service| format!("  s{service}: {}\n", audience(service)))
                .collect();
            let demo = "  analytics_service: https://analytics.example\n  crud_service: https://crud.example\n";
            folder.replace("settings.yaml", demo, &audiences);
            folder_change(folder);
        })
        .await;
        Self {
            installation,
            upstream,
        }
    }

    pub(crate) async fn logged_in(&self) -> BrowserSession {
        let browser = BrowserSession::new().unwrap();
        self.log_in(&browser, "/s0/start").await;
        browser
    }

    /// Opens a page as a user does who has to log in for it.
    pub(crate) async fn log_in(&self, browser: &BrowserSession, path: &str) -> Page {
        let form = self.navigate(browser, path).await;
        self.pass_forms(browser, form, "alice").await
    }

    pub(crate) async fn navigate(&self, browser: &BrowserSession, path: &str) -> Page {
        browser
            .navigate(&self.installation.url(path))
            .await
            .unwrap()
    }

    /// Fills in what the provider asks.
    pub(crate) async fn pass_forms(
        &self,
        browser: &BrowserSession,
        page: Page,
        user: &str,
    ) -> Page {
        let password = if user == "alice" {
            "wonderland"
        } else {
            "builder"
        };
        let gateway = self.installation.folder.public_url();
        let passed = browser.pass_forms(page, gateway, (user, password)).await;
        passed.unwrap()
    }

    /// A fetch of a service.
    pub(crate) async fn get(&self, browser: &BrowserSession, service: usize) -> Page {
        let path = format!("/s{service}/data");
        self.installation.get(browser, &path).await
    }

    /// Goes to the provider from an address, step by step, and stops before the callback.
    pub(crate) async fn walk(&self, browser: &BrowserSession, from: &str) -> String {
        let mut location = match from.starts_with('/') {
            true => self.installation.url(from),
            false => from.to_owned(),
        };
        for _ in 0..5 {
            if location.contains("/auth/callback") {
                return location;
            }
            let step = browser.open(&location).await.unwrap();
            let next = step.header("location").expect("a redirect").to_owned();
            location = step.url.join(&next).unwrap().to_string();
        }
        panic!("no callback came");
    }

    /// Every token that arrived is for the service it arrived at, and each of the first so many
    /// services had one.
    pub(crate) fn assert_each_token_at_its_service(&self, services: usize) {
        let mut served = vec![false; services];
        for request in self.upstream.seen() {
            let path = request.line().split(' ').nth(1).unwrap().to_owned();
            let service = path.trim_start_matches("/s").split('/').next().unwrap();
            let service: usize = service.parse().unwrap();
            assert_eq!(claims(&request)["aud"], *audience(service), "{path}");
            served[service] = true;
        }
        assert_eq!(served, vec![true; services]);
    }

    /// Whose tokens arrived, in this order.
    pub(crate) fn subjects(&self) -> Vec<String> {
        let arrived = self.subjects_by_path().into_iter();
        arrived.map(|(_, subject)| subject).collect()
    }

    /// The same, with the path of each request.
    pub(crate) fn subjects_by_path(&self) -> Vec<(String, String)> {
        let arrived = |request: &Recorded| {
            let path = request.line().split(' ').nth(1).unwrap().to_owned();
            (path, claims(request)["sub"].as_str().unwrap().to_owned())
        };
        self.upstream.seen().iter().map(arrived).collect()
    }
}

/// The claims of the token that a request carries.
fn claims(request: &Recorded) -> Value {
    let values = request.values("authorization");
    let [authorization] = values.as_slice() else {
        panic!("{}: {} Authorization fields", request.line(), values.len());
    };
    let token = authorization.strip_prefix("Bearer ").unwrap();
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap());
    serde_json::from_slice(&payload.unwrap()).unwrap()
}

fn routes(services: usize, upstream: &str) -> String {
    let numbers = 0..services;
    let declared: String = numbers
        .clone()
        .map(|n| format!("  s{n}:\n    base_url: \"{upstream}\"\n    mint: login\n"))
        .collect();
    let routes: String = numbers
        .map(|n| {
            format!(
                "  - id: \"s{n}\"\n    path: \"/s{n}/*\"\n    target_service: \"s{n}\"\n    \
                 upstream_path: \"/s{n}/{{path}}\"\n    auth: \"session\"\n"
            )
        })
        .collect();
    format!("services:\n{declared}routes:\n{routes}")
}
