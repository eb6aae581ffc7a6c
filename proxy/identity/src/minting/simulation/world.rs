//! Everything that is not a replica: the store, the provider, the ways there, chance and time.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokenbridge_bridge::service::{ServiceName, Strategy};
use tokenbridge_session_store::{MemoryLimits, MemoryStore};

use super::chance::Chance;
use super::ledger::{GrantOf, Ledger};
use super::provider::Provider;
use super::scenario::{SERVICES, Scenario};
use super::timeline::{Host, Timeline};

/// What stands in a session's grant.
#[derive(Clone, Copy, Default)]
pub(super) struct Held {
    pub(super) refresh_token: Option<usize>,
    /// The number of the answer that brought it.
    pub(super) answer: usize,
}

/// How the provider is away.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outage {
    /// It refuses connections.
    Down,
    /// It says nothing.
    Silent,
}

/// See the module.
pub(super) struct World {
    pub(super) scenario: Scenario,
    pub(super) timeline: Arc<Timeline>,
    pub(super) memory: Arc<MemoryStore>,
    pub(super) provider: Mutex<Provider>,
    pub(super) ledger: Mutex<Ledger>,
    pub(super) chance: Mutex<Chance>,
    /// Refresh tokens that an answer brought to whoever had asked.
    pub(super) came: Mutex<HashSet<usize>>,
    pub(super) owners: Mutex<HashMap<usize, GrantOf>>,
    pub(super) held: Mutex<HashMap<GrantOf, Held>>,
    pub(super) provider_outage: Mutex<Option<Outage>>,
    pub(super) store_outage: Mutex<Vec<bool>>,
    /// Nothing goes wrong any more.
    pub(super) calm: AtomicBool,
    traced: bool,
}

impl World {
    pub(super) fn new(seed: u64, traced: bool) -> Self {
        let mut chance = Chance::new(seed);
        let scenario = Scenario::draw(&mut chance);
        let timeline = Arc::new(Timeline::new());
        let clock = timeline.clock.clone();
        let world = Self {
            memory: Arc::new(MemoryStore::new(MemoryLimits::default(), clock)),
            provider: Mutex::new(Provider::new(&scenario)),
            ledger: Mutex::new(Ledger::new(scenario.replicas)),
            chance: Mutex::new(chance),
            came: Mutex::default(),
            owners: Mutex::default(),
            held: Mutex::default(),
            provider_outage: Mutex::default(),
            store_outage: Mutex::new(vec![false; scenario.replicas]),
            calm: AtomicBool::new(false),
            traced,
            timeline,
            scenario,
        };
        world.trace(|| format!("{:#?}", world.scenario));
        world
    }

    /// The host of what is on its way.
    pub(super) fn network(&self) -> Host {
        self.scenario.replicas
    }

    pub(super) fn happens(&self, in_ten_thousand: u64) -> bool {
        !self.calm.load(Ordering::SeqCst) && self.chance.lock().unwrap().happens(in_ten_thousand)
    }

    /// So many milliseconds.
    pub(super) fn between(&self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.chance.lock().unwrap().between(least, most))
    }

    pub(super) fn below(&self, bound: usize) -> usize {
        self.chance.lock().unwrap().index(bound)
    }

    pub(super) fn provider_is_down(&self) -> bool {
        *self.provider_outage.lock().unwrap() == Some(Outage::Down)
    }

    pub(super) fn provider_is_silent(&self) -> bool {
        *self.provider_outage.lock().unwrap() == Some(Outage::Silent)
    }

    pub(super) fn store_is_down(&self, host: Host) -> bool {
        self.store_outage.lock().unwrap()[host]
    }

    pub(super) fn owner_of(&self, token: usize) -> GrantOf {
        self.owners.lock().unwrap()[&token].clone()
    }

    pub(super) fn held(&self, grant: &GrantOf) -> Held {
        let held = self.held.lock().unwrap();
        held.get(grant).copied().unwrap_or_default()
    }

    pub(super) fn strategy(&self, service: &ServiceName) -> Strategy {
        let mut names = SERVICES.iter().zip(&self.scenario.strategies);
        let found = names.find(|(name, _)| **name == service.as_str());
        *found.unwrap().1
    }

    pub(super) fn exchanges(&self) -> bool {
        self.scenario.strategies.contains(&Strategy::Exchange)
    }

    pub(super) fn trace(&self, step: impl FnOnce() -> String) {
        if self.traced {
            println!(
                "{:>9.3} {}",
                self.timeline.now().as_secs_f64() - 10_000.0,
                step()
            );
        }
    }
}
