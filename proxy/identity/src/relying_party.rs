//! The relying party: one frontend's client at its provider, with all that it works with.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_bridge::renewal::RenewalTiming;
use tokenbridge_bridge::service::{Audience, Strategy, TokenFormat, TokenPlan};
use tokenbridge_config::issuer::SubjectToken;
use tokenbridge_session_store::{Clock, Keyring, SessionStore, StoreError};
use tokio_util::task::TaskTracker;

use crate::login::flow::FlowCookies;
use crate::machine::TokioMachine;
use crate::minting::ports::Revoker;
use crate::minting::rules::Rules;
use crate::minting::{Minting, Ports, back_off};
use crate::provider::Provider;
use crate::provider::issuers::Issuers;
use crate::revocation::Revocations;
use crate::settings::{IdentityParts, IdentitySettings, StartProblem};
use crate::telemetry::Telemetry;

/// How often the provider's metadata and keys are fetched anew.
const REFETCHED_EVERY: Duration = Duration::from_secs(3_600);

/// One frontend's client at its provider.
pub(crate) struct RelyingParty {
    pub(crate) settings: IdentitySettings,
    pub(crate) store: Arc<dyn SessionStore>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) telemetry: Arc<dyn Telemetry>,
    pub(crate) provider: Arc<Provider>,
    pub(crate) issuers: Arc<Issuers>,
    pub(crate) revoker: Arc<dyn Revoker>,
    pub(crate) minting: Arc<Minting>,
    /// What a client that goes away must not cancel, and a stop should not.
    pub(crate) tasks: TaskTracker,
}

impl RelyingParty {
    /// Does no I/O.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub(crate) fn new(parts: IdentityParts) -> Result<Self, StartProblem> {
        let IdentityParts {
            settings,
            store,
            keyring,
            clock,
            runtime,
            telemetry,
        } = parts;
        check_plans(&settings)?;
        let issuers = Arc::new(Issuers::new(&settings, &clock, &telemetry)?);
        let provider = issuers.login();
        let tasks = TaskTracker::new();
        let revoker: Arc<dyn Revoker> = Arc::new(Revocations::new(
            Arc::clone(&provider),
            runtime.clone(),
            tasks.clone(),
        ));
        let ports = Ports {
            store: Arc::clone(&store),
            issuer: issuers.clone(),
            revoker: Arc::clone(&revoker),
            machine: Arc::new(TokioMachine::new(runtime, tasks.clone())),
            clock: Arc::clone(&clock),
            telemetry: Arc::clone(&telemetry),
        };
        let minting = Minting::new(ports, rules(&settings), settings.plans.clone());
        Ok(Self {
            settings,
            store,
            keyring,
            clock,
            telemetry,
            provider,
            issuers,
            revoker,
            minting,
            tasks,
        })
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.clock.now()
    }

    /// A fixed string, never made from a request.
    pub(crate) fn redirect_uri(&self) -> String {
        format!("{}/auth/callback", self.settings.public_origin)
    }

    pub(crate) fn flow_cookies(&self) -> FlowCookies<'_> {
        FlowCookies {
            session_cookie: &self.settings.cookie,
            keyring: &self.keyring,
            now: self.now(),
        }
    }
}

/// What cannot be done is not taken in silence.
fn check_plans(settings: &IdentitySettings) -> Result<(), StartProblem> {
    let by_refresh_token = settings.issuer.subject_token == SubjectToken::RefreshToken;
    let by_login = |plan: &&TokenPlan| plan.strategy == Strategy::Login;
    let first = settings.plans.iter().find(by_login);
    for plan in &settings.plans {
        let other = first.filter(|_| by_login(&plan));
        let mixed = other.is_some_and(|other| other.format != plan.format).then_some(
            "services of strategy login share one token, so give all of them the same token_format and introspect",
        );
        let unread = plan.format == TokenFormat::Unintrospected;
        let wide = other.is_some_and(|other| unread && expected(other) != expected(plan));
        let wide = wide.then_some(
            "services of strategy login share one token, and with introspect: false nobody knows that it is for several audiences: give all of them the same one",
        );
        let subject = (plan.strategy == Strategy::Exchange && by_refresh_token).then_some(
            "subject_token refresh_token is not supported; use access_token or id_token",
        );
        if let Some(reason) = subject.or(mixed).or(wide) {
            let service = plan.service.clone();
            return Err(StartProblem::Unsupported { service, reason });
        }
    }
    Ok(())
}

fn expected(plan: &TokenPlan) -> Option<&Audience> {
    plan.audience.as_ref().map(|policy| &policy.expected)
}

fn rules(settings: &IdentitySettings) -> Rules {
    Rules {
        preset: settings.issuer.preset,
        refresh_retry: settings.issuer.refresh_retry,
        subject_token: settings.issuer.subject_token,
        timing: RenewalTiming {
            threshold: settings.token_refresh_threshold,
        },
        idle: settings.session_idle,
        answer_deadline: settings.timeouts.total,
    }
}

/// The refusal that a store's failure amounts to.
pub(crate) fn store_refusal(error: &StoreError) -> Refusal {
    let rejection = match error {
        StoreError::Unavailable(_) | StoreError::Corrupt(_) => Rejection::StoreUnavailable,
        StoreError::Full => Rejection::StoreFull,
    };
    Refusal::new(rejection, error.to_string())
}

/// The refusal when the operating system gives no random numbers.
pub(crate) fn no_randomness() -> Refusal {
    Refusal::new(
        Rejection::Internal,
        "the operating system's random source failed",
    )
}

async fn fetch(provider: &Provider) -> Result<(), String> {
    provider.refetch_metadata().await?;
    provider.refetch_keys().await.map(|_| ())
}

/// Fetches metadata and keys until they are there, then now and then, for as long as the relying
/// party lives. What is known stays while the provider is away.
pub(crate) async fn keep_documents(party: Weak<RelyingParty>) {
    let mut failures = 0;
    loop {
        let Some(alive) = party.upgrade() else { return };
        let issuers = Arc::clone(&alive.issuers);
        drop(alive);
        let mut fetched = fetch(&issuers.login()).await;
        for (name, other) in issuers.others() {
            let other = fetch(other).await;
            fetched = fetched.and(other.map_err(|why| format!("issuer {name}: {why}")));
        }
        let pause = match fetched {
            Ok(()) => {
                failures = 0;
                REFETCHED_EVERY
            }
            Err(why) => {
                if failures == 0 {
                    tracing::warn!(target: "tokenbridge", why, "the provider's metadata or keys are not to be had; trying on");
                }
                failures = u32::saturating_add(failures, 1);
                // Keys are asked for at most once a second (`KEYS_PAUSE`), so this never presses.
                back_off::delay(failures - 1, 0)
            }
        };
        drop(issuers);
        tokio::time::sleep(pause).await;
    }
}
