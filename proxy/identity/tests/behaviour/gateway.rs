//! A gateway without its proxy: the crate, a store, a provider, and a browser.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use tokenbridge_bridge::cookie::CookieName;
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_bridge::return_to::ReturnTo;
use tokenbridge_bridge::service::{
    Audience, AudienceCheck, AudiencePolicy, Mint, ServiceName, Strategy, TargetParameter,
    TokenFormat, TokenPlan,
};
use tokenbridge_bridge::session::{Reading, SessionId, SessionKey};
use tokenbridge_bridge::token::{MintRefusalReason, TokenSlot};
use tokenbridge_bridge::{Secret, UnixTime};
use tokenbridge_config::issuer::{
    ClientAuthentication, IssuerSettings, RefreshRetry, SubjectToken,
};
use tokenbridge_config::preset::Preset;
use tokenbridge_devkit::browser::Page;
use tokenbridge_devkit::{
    BrowserSession, DevelopmentProvider, IdpConfiguration, MovableClock, ProviderOptions,
};
use tokenbridge_identity::{
    Callback, EndReason, Endpoint, Finished, HttpTimeouts, Identity, IdentityParts,
    IdentitySettings, LoggedIn, LoginFailure, LoginRequest, MintStatus, Redirect, Telemetry,
};
use tokenbridge_session_store::{Clock, Keyring, MemoryLimits, MemoryStore, SessionStore};
use url::Url;

pub(crate) const ANALYTICS: &str = "https://analytics.example";
pub(crate) const CRUD: &str = "https://crud.example";

/// A clock that runs with the machine's and can be set forward.
#[derive(Default)]
pub(crate) struct TestClock {
    ahead: AtomicU64,
}

impl TestClock {
    pub(crate) fn advance(&self, by: Duration) {
        self.ahead
            .fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    fn ahead(&self) -> Duration {
        Duration::from_millis(self.ahead.load(Ordering::SeqCst))
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixTime {
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        UnixTime::from_seconds((since + self.ahead()).as_secs())
    }

    fn monotonic(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed() + self.ahead()
    }
}

/// What was counted, as lines.
#[derive(Default)]
pub(crate) struct Counts(Mutex<Vec<String>>);

impl Counts {
    fn add(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    pub(crate) fn of(&self, line: &str) -> usize {
        self.0
            .lock()
            .unwrap()
            .iter()
            .filter(|counted| *counted == line)
            .count()
    }
}

impl Telemetry for Counts {
    fn token_minted(&self, service: &ServiceName, strategy: Strategy, status: MintStatus) {
        self.add(format!(
            "mint {service} {} {}",
            strategy.as_str(),
            status.as_str()
        ));
    }
    fn token_refreshed(&self, service: &ServiceName, status: MintStatus) {
        self.add(format!("refresh {service} {}", status.as_str()));
    }
    fn provider_called(&self, endpoint: Endpoint, status: &str) {
        self.add(format!("call {} {status}", endpoint.as_str()));
    }
    fn session_created(&self) {
        self.add("created".into());
    }
    fn session_destroyed(&self, reason: EndReason) {
        self.add(format!("destroyed {}", reason.as_str()));
    }
}

/// What a test may want otherwise.
pub(crate) struct Options {
    pub(crate) idp: IdpConfiguration,
    pub(crate) preset: Preset,
    pub(crate) refresh_retry: RefreshRetry,
    pub(crate) plans: Vec<TokenPlan>,
    pub(crate) scopes: Vec<&'static str>,
    pub(crate) client_authentication: ClientAuthentication,
    pub(crate) store: Option<Arc<dyn SessionStore>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            idp: IdpConfiguration::demo().unwrap(),
            preset: Preset::Generic,
            refresh_retry: RefreshRetry::Never,
            plans: vec![
                plan("analytics", Strategy::Refresh, ANALYTICS, &[CRUD]),
                plan("crud", Strategy::Refresh, CRUD, &[ANALYTICS]),
            ],
            scopes: vec![
                "openid",
                "profile",
                "email",
                "offline_access",
                "application.all",
            ],
            client_authentication: ClientAuthentication::SecretBasic(Secret::new(
                "dev-secret-change-me",
            )),
            store: None,
        }
    }
}

pub(crate) fn plan(
    service: &str,
    strategy: Strategy,
    audience: &str,
    others: &[&str],
) -> TokenPlan {
    TokenPlan {
        service: ServiceName::new(service),
        strategy,
        target_parameter: match strategy {
            Strategy::Login => TargetParameter::None,
            _ => TargetParameter::Resource,
        },
        target_value: Some(audience.into()),
        scopes: Vec::new(),
        audience: Some(AudiencePolicy {
            expected: Audience::new(audience),
            check: AudienceCheck::Single,
            others: others.iter().map(|other| Audience::new(other)).collect(),
        }),
        format: TokenFormat::Jwt,
        mint: Mint::Login,
    }
}

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
        let header = self.cookie_header();
        let redirect = self
            .identity
            .begin_login(LoginRequest {
                return_to: ReturnTo::parse("/dashboard?tab=1"),
                cookies: &[header.as_bytes()],
            })
            .await?;
        self.keep_cookies(&redirect.set_cookies);
        Ok(redirect)
    }

    /// What the user does at the provider; the query with which the browser comes back.
    pub(crate) async fn visit(&self, location: &str) -> String {
        let mut page = self.browser.navigate(location).await.unwrap();
        for _ in 0..3 {
            if page.url.path() == "/auth/callback" {
                break;
            }
            page = self.fill_in(&page).await;
        }
        assert_eq!(page.url.path(), "/auth/callback", "{page:?}");
        page.url.query().unwrap_or_default().to_owned()
    }

    async fn fill_in(&self, page: &Page) -> Page {
        let fields = [("username", "alice"), ("password", "wonderland")];
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
            Ok(Finished::Again(redirect)) => self.keep_cookies(&redirect.set_cookies),
            Err(failure) => self.keep_cookies(&failure.set_cookies),
        }
        finished
    }

    /// The whole way; whatever the provider asks for on it.
    pub(crate) async fn try_login(&self) -> Result<LoggedIn, LoginFailure> {
        let mut redirect = self.begin().await.unwrap();
        for _ in 0..3 {
            let query = self.visit(&redirect.location).await;
            match self.finish(&query).await? {
                Finished::LoggedIn(login) => return Ok(login),
                Finished::Again(again) => redirect = again,
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
        for _ in 0..500 {
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

pub(crate) fn identity(
    issuer: &str,
    options: Options,
    store: &Arc<dyn SessionStore>,
    clock: &Arc<TestClock>,
    counts: &Arc<Counts>,
) -> Arc<Identity> {
    let settings = IdentitySettings {
        // The provider's own origin takes the browser back, as there is no proxy to do it.
        public_origin: issuer.to_owned(),
        cookie: CookieName::new("bff_session", false),
        issuer: IssuerSettings {
            identifier: issuer.to_owned(),
            url: Url::parse(issuer).unwrap(),
            client_id: "bff-server".into(),
            client_authentication: options.client_authentication,
            scopes: options.scopes.iter().map(ToString::to_string).collect(),
            authorization_parameters: Vec::new(),
            preset: options.preset,
            refresh_retry: options.refresh_retry,
            subject_token: SubjectToken::AccessToken,
        },
        plans: options.plans,
        session_ttl: Duration::from_secs(12 * 3600),
        token_refresh_threshold: Duration::from_secs(60),
        timeouts: HttpTimeouts {
            connect: Duration::from_secs(1),
            total: Duration::from_secs(2),
        },
    };
    Identity::start(IdentityParts {
        settings,
        store: Arc::clone(store),
        keyring: Arc::new(Keyring::random().unwrap()),
        clock: clock.clone(),
        runtime: tokio::runtime::Handle::current(),
        telemetry: counts.clone(),
    })
    .unwrap()
}
