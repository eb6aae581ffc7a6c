//! A gateway without its proxy: the crate, a store, a provider, and a browser.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_bridge::return_to::ReturnTo;
use tokenbridge_bridge::service::ServiceName;
use tokenbridge_bridge::session::{Reading, SessionId, SessionKey};
use tokenbridge_bridge::token::{MintRefusalReason, TokenSlot};
use tokenbridge_devkit::browser::Page;
use tokenbridge_devkit::{BrowserSession, DevelopmentProvider, MovableClock, ProviderOptions};
use tokenbridge_identity::{
    Callback, Finished, Identity, LoggedIn, LoginFailure, LoginRequest, Redirect,
};
use tokenbridge_session_store::{MemoryLimits, MemoryStore, SessionStore};

pub(crate) use crate::parts::{ANALYTICS, CRUD, Counts, Options, TestClock, identity, plan};

/// A gateway, its provider and one browser.
pub(crate) struct Gateway {
    pub(crate) provider: DevelopmentProvider,
    pub(crate) identity: Arc<Identity>,
    pub(crate) store: Arc<dyn SessionStore>,
    pub(crate) clock: Arc<TestClock>,
    provider_clock: MovableClock,
    pub(crate) counts: Arc<Counts>,
    pub(crate) browser: BrowserSession,
    cookies: Mutex<Vec<(String, String)>>,
}

impl Gateway {
    pub(crate) async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        crate::log::listen();
        let provider_clock = MovableClock::default();
        let provider = DevelopmentProvider::start(ProviderOptions {
            clock: provider_clock.clock(),
            ..ProviderOptions::new(options.idp.clone())
        })
        .await
        .unwrap();
        let clock = Arc::new(TestClock::default());
        let counts = Arc::new(Counts::default());
        let store = options
            .store
            .clone()
            .unwrap_or_else(|| Arc::new(MemoryStore::new(MemoryLimits::default(), clock.clone())));
        let identity = identity(provider.issuer(), options, &store, &clock, &counts);
        Self {
            identity,
            provider,
            store,
            clock,
            provider_clock,
            counts,
            browser: BrowserSession::new().unwrap(),
            cookies: Mutex::default(),
        }
    }

    /// Time goes on, for the gateway and the provider.
    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.provider_clock.advance(by);
    }

    pub(crate) async fn begin(&self) -> Result<Redirect, Refusal> {
        self.begin_for(None, None).await
    }

    pub(crate) async fn begin_for(
        &self,
        service: Option<&str>,
        session: Option<SessionKey>,
    ) -> Result<Redirect, Refusal> {
        let header = self.cookie_header();
        let redirect = self
            .identity
            .begin_login(LoginRequest {
                return_to: ReturnTo::parse("/dashboard?tab=1"),
                service,
                session,
                cookies: &[header.as_bytes()],
            })
            .await?;
        self.keep_cookies(&redirect.set_cookies);
        Ok(redirect)
    }

    /// What the user does at the provider; the query with which the browser comes back.
    pub(crate) async fn visit(&self, location: &str) -> String {
        self.visit_as(location, ("alice", "wonderland")).await
    }

    pub(crate) async fn visit_as(&self, location: &str, user: (&str, &str)) -> String {
        let mut page = self.browser.navigate(location).await.unwrap();
        for _ in 0..3 {
            if page.url.path() == "/auth/callback" {
                break;
            }
            page = self.fill_in(&page, user).await;
        }
        assert_eq!(page.url.path(), "/auth/callback", "{page:?}");
        page.url.query().unwrap_or_default().to_owned()
    }

    async fn fill_in(&self, page: &Page, (name, password): (&str, &str)) -> Page {
        let fields = [("username", name), ("password", password)];
        self.browser.submit(page, &fields).await.unwrap()
    }

    pub(crate) async fn finish(&self, query: &str) -> Result<Finished, LoginFailure> {
        self.finish_replacing(query, None).await
    }

    pub(crate) async fn finish_replacing(
        &self,
        query: &str,
        current_session: Option<SessionKey>,
    ) -> Result<Finished, LoginFailure> {
        let header = self.cookie_header();
        let finished = self
            .identity
            .finish_login(Callback {
                query,
                cookies: &[header.as_bytes()],
                current_session,
            })
            .await;
        match &finished {
            Ok(Finished::LoggedIn(login)) => self.keep_cookies(&login.set_cookies),
            Ok(Finished::Again(redirect) | Finished::Onward(redirect)) => {
                self.keep_cookies(&redirect.set_cookies);
            }
            Ok(Finished::Probing { set_cookies }) => self.keep_cookies(set_cookies),
            Err(failure) => self.keep_cookies(&failure.set_cookies),
        }
        finished
    }

    /// The whole way; whatever the provider asks for on it.
    pub(crate) async fn try_login(&self) -> Result<LoggedIn, LoginFailure> {
        let mut redirect = self.begin().await.unwrap();
        for _ in 0..8 {
            let query = self.visit(&redirect.location).await;
            match self.finish(&query).await? {
                Finished::LoggedIn(login) => return Ok(login),
                Finished::Again(again) | Finished::Onward(again) => redirect = again,
                Finished::Probing { .. } => panic!("a login is no probe"),
            }
        }
        panic!("the login goes round in circles");
    }

    pub(crate) async fn login(&self) -> SessionId {
        self.try_login().await.unwrap().session
    }

    /// How a login is refused.
    pub(crate) async fn refused_login(&self) -> Rejection {
        self.try_login().await.unwrap_err().refusal.rejection
    }

    pub(crate) async fn slot(&self, session: &SessionId, service: &str) -> Option<TokenSlot> {
        match self.reading(session, service).await {
            Reading::Found(found) => found.slot,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn reading(&self, session: &SessionId, service: &str) -> Reading {
        self.store
            .read(&session.key(), &ServiceName::new(service))
            .await
            .unwrap()
    }

    /// The audiences of the token that stands there.
    pub(crate) async fn audiences(&self, session: &SessionId, service: &str) -> Vec<String> {
        match self.slot(session, service).await {
            Some(TokenSlot::Token(token)) => {
                token.audiences.iter().map(ToString::to_string).collect()
            }
            other => panic!("{service}: {other:?}"),
        }
    }

    pub(crate) async fn refusal(&self, session: &SessionId, service: &str) -> MintRefusalReason {
        match self.slot(session, service).await {
            Some(TokenSlot::Refused(refusal)) => refusal.reason,
            other => panic!("{service}: {other:?}"),
        }
    }

    pub(crate) async fn obtain(&self, session: &SessionId, service: &str) -> Result<(), Refusal> {
        self.identity
            .obtain_token(&session.key(), &ServiceName::new(service))
            .await
    }

    /// Waits until something is so, for a bounded time.
    pub(crate) async fn until(&self, what: &str, so: impl AsyncFn() -> bool) {
        for _ in 0..1_500 {
            if so().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("waited in vain: {what}");
    }

    pub(crate) fn cookie_header(&self) -> String {
        let cookies = self.cookies.lock().unwrap();
        let pairs: Vec<String> = cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    pub(crate) fn cookie_names(&self) -> Vec<String> {
        self.cookies
            .lock()
            .unwrap()
            .iter()
            .map(|(name, _)| name.clone())
            .collect()
    }

    pub(crate) fn set_cookie(&self, name: &str, value: &str) {
        let mut cookies = self.cookies.lock().unwrap();
        cookies.retain(|(known, _)| known != name);
        cookies.push((name.into(), value.into()));
    }

    pub(crate) fn keep_cookies(&self, set_cookies: &[String]) {
        for set_cookie in set_cookies {
            let (name, rest) = set_cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            let attributes = &rest[value.len()..];
            for attribute in ["Path=/", "HttpOnly", "SameSite=Lax"] {
                assert!(attributes.contains(attribute), "{set_cookie}");
            }
            match attributes.contains("Max-Age=0") {
                true => self
                    .cookies
                    .lock()
                    .unwrap()
                    .retain(|(known, _)| known != name),
                false => self.set_cookie(name, value),
            }
        }
    }
}
