//! A world of its own for minting: one thread, a clock that jumps, a provider that remembers.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{BoxFuture, poll_fn};
use futures_util::task::noop_waker;
use tokenbridge_bridge::grant::{Generation, RefreshGrant};
use tokenbridge_bridge::renewal::RenewalTiming;
use tokenbridge_bridge::service::{
    Audience, AudienceCheck, AudiencePolicy, Mint, ServiceName, Strategy, TargetParameter,
    TokenFormat, TokenPlan,
};
use tokenbridge_bridge::session::{Profile, SessionFacts, SessionKey, Subject};
use tokenbridge_bridge::{Secret, UnixTime};
use tokenbridge_config::issuer::{RefreshRetry, SubjectToken};
use tokenbridge_config::preset::Preset;
use tokenbridge_session_store::{
    Clock, ManualClock, MemoryLimits, MemoryStore, NewSession, SessionStore,
};

use super::outage::SwitchedStore;
use super::provider::{Provider, SimulatedIssuer};
use crate::minting::ports::{Machine, Revoker};
use crate::minting::rules::Rules;
use crate::minting::{Minting, Ports};
use crate::telemetry::{EndReason, Endpoint, MintStatus, Telemetry};

pub(super) const SESSION: SessionKey = SessionKey::from_bytes([7; 32]);
/// How long the gateway waits for an answer.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

/// One replica's view: its own machine, the shared clock, store and provider.
pub(super) struct World {
    pub(super) clock: Arc<ManualClock>,
    pub(super) store: Arc<SwitchedStore>,
    pub(super) provider: Arc<Provider>,
    pub(super) revoked: Arc<Revoked>,
    replicas: Vec<Arc<Replica>>,
}

/// Tasks of one replica. A replica that is paused runs nothing; one that is killed never will.
#[derive(Default)]
pub(super) struct Replica {
    tasks: Mutex<Vec<BoxFuture<'static, ()>>>,
    paused: AtomicBool,
    chance: AtomicU64,
}

#[derive(Default)]
pub(super) struct Revoked(Mutex<Vec<String>>);

impl Revoked {
    pub(super) fn list(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Revoker for Revoked {
    fn revoke(&self, refresh_token: Secret) {
        self.0
            .lock()
            .unwrap()
            .push(refresh_token.expose().to_owned());
    }
}

/// Counts nothing.
pub(in crate::minting) struct Silent;

impl Telemetry for Silent {
    fn token_minted(&self, _: &ServiceName, _: Strategy, _: MintStatus) {}
    fn token_refreshed(&self, _: &ServiceName, _: MintStatus) {}
    fn provider_called(&self, _: Endpoint, _: &str) {}
    fn breaker(&self, _: &str, _: Endpoint, _: bool) {}
    fn session_created(&self) {}
    fn session_destroyed(&self, _: EndReason) {}
}

/// What a replica's code runs on.
struct SimulatedMachine {
    clock: Arc<ManualClock>,
    replica: Arc<Replica>,
}

#[async_trait]
impl Machine for SimulatedMachine {
    async fn sleep(&self, duration: Duration) {
        sleep(&self.clock, duration).await;
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.replica.tasks.lock().unwrap().push(task);
    }

    fn random(&self) -> Option<u128> {
        Some(u128::from(
            self.replica.chance.fetch_add(1, Ordering::SeqCst),
        ))
    }
}

pub(super) async fn sleep(clock: &ManualClock, duration: Duration) {
    let until = clock.monotonic() + duration;
    poll_fn(|_| match clock.monotonic() >= until {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}

impl World {
    /// A session with a refresh token and no service tokens.
    pub(super) fn new() -> Self {
        let clock = Arc::new(ManualClock::at(UnixTime::from_seconds(10_000)));
        let memory = Arc::new(MemoryStore::new(MemoryLimits::default(), clock.clone()));
        let world = Self {
            store: Arc::new(SwitchedStore::new(memory)),
            clock,
            provider: Arc::default(),
            revoked: Arc::default(),
            replicas: Vec::new(),
        };
        world.add_session(SESSION);
        world
    }

    /// A session with the provider's first refresh token.
    pub(super) fn add_session(&self, key: SessionKey) {
        let session = NewSession {
            key,
            facts: SessionFacts {
                subject: Subject {
                    issuer: "https://idp".into(),
                    subject: "alice".into(),
                },
                idp_session: None,
                created_at: self.clock.now(),
                expires_at: self.clock.now().plus(Duration::from_secs(86_400)),
                authenticated_at: None,
                acr: None,
            },
            profile: Profile::default(),
            grant: RefreshGrant {
                refresh_token: Some(self.provider.first()),
                generation: Generation::FIRST,
                scopes: None,
                access_token: None,
                id_token: None,
            },
        };
        let created = self.store.create(&session);
        now(created).unwrap();
    }

    /// One more replica of the gateway.
    pub(super) fn replica(&mut self, refresh_retry: RefreshRetry) -> (Arc<Minting>, Arc<Replica>) {
        let replica = Arc::new(Replica::default());
        let first = 1_000 * (self.replicas.len() as u64 + 1);
        replica.chance.store(first, Ordering::SeqCst);
        self.replicas.push(Arc::clone(&replica));
        let ports = Ports {
            store: self.store.clone(),
            issuer: Arc::new(SimulatedIssuer {
                clock: Arc::clone(&self.clock),
                provider: Arc::clone(&self.provider),
            }),
            revoker: self.revoked.clone(),
            machine: Arc::new(SimulatedMachine {
                clock: Arc::clone(&self.clock),
                replica: Arc::clone(&replica),
            }),
            clock: self.clock.clone(),
            telemetry: Arc::new(Silent),
        };
        let rules = Rules {
            preset: Preset::Generic,
            refresh_retry,
            subject_token: SubjectToken::AccessToken,
            idle: tokenbridge_bridge::session::IdleTimeout(Duration::from_secs(1_800)),
            timing: RenewalTiming {
                threshold: Duration::from_secs(60),
            },
            answer_deadline: DEADLINE,
        };
        (
            Minting::new(ports, rules, vec![plan("a"), plan("b")]),
            replica,
        )
    }

    /// Lets time pass in steps of 50 ms; every replica that is not paused runs.
    pub(super) fn run(&self, duration: Duration) {
        let step = Duration::from_millis(50);
        let mut passed = Duration::ZERO;
        while passed < duration {
            for replica in &self.replicas {
                replica.run();
            }
            self.clock.advance(step);
            passed += step;
        }
    }
}

impl Replica {
    pub(super) fn pause(&self, paused: bool) {
        self.paused.store(paused, Ordering::SeqCst);
    }

    /// Everything that it was doing is gone.
    pub(super) fn kill(&self) {
        self.tasks.lock().unwrap().clear();
        self.pause(true);
    }

    fn run(&self) {
        if self.paused.load(Ordering::SeqCst) {
            return;
        }
        let waker = noop_waker();
        let mut context = Context::from_waker(&waker);
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap());
        tasks.retain_mut(|task| Pin::new(task).poll(&mut context).is_pending());
        self.tasks.lock().unwrap().extend(tasks);
    }
}

/// The result of what needs no time.
pub(super) fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(&noop_waker()))
    {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it takes time"),
    }
}

fn plan(service: &str) -> TokenPlan {
    TokenPlan {
        issuer: None,
        service: ServiceName::new(service),
        strategy: Strategy::Refresh,
        target_parameter: TargetParameter::Resource,
        target_value: Some(format!("https://{service}")),
        scopes: Vec::new(),
        audience: Some(AudiencePolicy {
            expected: Audience::new(&format!("https://{service}")),
            check: AudienceCheck::Single,
            others: [].into(),
        }),
        format: TokenFormat::Jwt,
        mint: Mint::Login,
    }
}
