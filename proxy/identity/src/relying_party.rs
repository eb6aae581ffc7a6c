//! The relying party: one frontend's client at its provider, with all that it works with.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_bridge::renewal::RenewalTiming;
use tokenbridge_session_store::{Clock, Keyring, SessionStore};
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
