//! What a gateway is made of in a test: a clock, counts, plans, settings.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokenbridge_bridge::cookie::CookieName;
use tokenbridge_bridge::service::{
    Audience, AudienceCheck, AudiencePolicy, Mint, ServiceName, Strategy, TargetParameter,
    TokenFormat, TokenPlan,
};
use tokenbridge_bridge::{Secret, UnixTime};
use tokenbridge_config::issuer::{
    ClientAuthentication, IssuerSettings, OtherIssuer, RefreshRetry, SubjectToken,
};
use tokenbridge_config::preset::Preset;
use tokenbridge_devkit::IdpConfiguration;
use tokenbridge_identity::{
    EndReason, Endpoint, HttpTimeouts, Identity, IdentityParts, IdentitySettings, MintStatus,
    StartProblem, Telemetry,
};
use tokenbridge_session_store::{Clock, Keyring, SessionStore};
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
    fn breaker(&self, _: &str, endpoint: Endpoint, open: bool) {
        self.add(format!("breaker {} {open}", endpoint.as_str()));
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
    pub(crate) issuers: Vec<OtherIssuer>,
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
            issuers: Vec::new(),
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
        issuer: None,
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

pub(crate) fn identity(
    issuer: &str,
    options: Options,
    store: &Arc<dyn SessionStore>,
    clock: &Arc<TestClock>,
    counts: &Arc<Counts>,
) -> Arc<Identity> {
    start(settings(issuer, options), store, clock, counts).unwrap()
}

pub(crate) fn settings(issuer: &str, options: Options) -> IdentitySettings {
    IdentitySettings {
        // The provider's own origin takes the browser back, as there is no proxy to do it.
        public_origin: issuer.to_owned(),
        cookie: CookieName::new("bff_session", false),
        issuers: options.issuers,
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
        session_idle: tokenbridge_bridge::session::IdleTimeout(Duration::from_secs(1_800)),
        token_refresh_threshold: Duration::from_secs(60),
        timeouts: HttpTimeouts {
            connect: Duration::from_secs(3),
            total: Duration::from_secs(20),
        },
    }
}

pub(crate) fn start(
    settings: IdentitySettings,
    store: &Arc<dyn SessionStore>,
    clock: &Arc<TestClock>,
    counts: &Arc<Counts>,
) -> Result<Arc<Identity>, StartProblem> {
    Identity::start(IdentityParts {
        settings,
        store: Arc::clone(store),
        keyring: Arc::new(keyring(store)),
        clock: clock.clone(),
        runtime: tokio::runtime::Handle::current(),
        telemetry: counts.clone(),
    })
}

/// Replicas that share a store share a key.
fn keyring(store: &Arc<dyn SessionStore>) -> Keyring {
    let place = Arc::as_ptr(store).cast::<()>() as usize;
    let mut key = [7; 32];
    key[..8].copy_from_slice(&place.to_be_bytes());
    let key = Secret::new(format!("test:{}", STANDARD.encode(key)));
    Keyring::parse(&[key]).unwrap()
}
